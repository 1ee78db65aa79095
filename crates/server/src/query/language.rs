//! What is asked of the language without evaluating anything.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::evaluate::told;
use super::{EARLIEST, LATEST};
use crate::App;
use crate::answer::{ApiError, Kind, Notes, of_json, success};
use crate::compress::Wanted;
use crate::form::Form;
use crate::json;

pub(crate) async fn format(form: Form) -> Result<Response, ApiError> {
    let text = promql::syntax::format(form.get("query")).map_err(|problem| told(&problem))?;
    Ok(of_json(success(&Notes::default(), |out| json::string(out, &text))))
}

pub(crate) async fn parse(headers: HeaderMap, form: Form) -> Result<Response, ApiError> {
    let tree = promql::syntax::parse_tree(form.get("query")).map_err(|problem| told(&problem))?;
    let tree = serde_json::to_vec(&tree)
        .map_err(|cause| ApiError::new(Kind::Internal, cause.to_string()))?;
    let body = success(&Notes::default(), |out| out.extend_from_slice(&tree));
    Ok(Wanted::of(&headers).json(body))
}

pub(crate) async fn exemplars(State(_): State<App>, form: Form) -> Result<Response, ApiError> {
    let (start, end) = (form.time_or("start", EARLIEST)?, form.time_or("end", LATEST)?);
    if end < start {
        return Err(ApiError::bad("end timestamp must not be before start timestamp"));
    }
    promql::syntax::format(form.get("query"))
        .map_err(|problem| ApiError::bad(problem.to_string()))?;
    Ok(of_json(success(&Notes::default(), |out| out.extend_from_slice(b"[]"))))
}
