//! `series`, `labels`, `label/{name}/values` and `metadata`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use model::series::{Matcher, SourceError};
use store::Listing;

use super::run::run;
use super::{EARLIEST, LATEST};
use crate::App;
use crate::answer::{ApiError, Kind, Notes, of_json, success};
use crate::compress::Wanted;
use crate::form::{Form, whole};
use crate::json;

/// Items of a list where the client sets no limit.
const MOST: usize = 1_000_000;

/// Which series are asked about.
struct Asked {
    /// Any of these; none: all series.
    selectors: Vec<Vec<Matcher>>,
    start: i64,
    end: i64,
    limit: usize,
}

impl Asked {
    fn read(form: &Form, wrong: fn(String) -> ApiError) -> Result<Self, ApiError> {
        let limit = form.limit()?;
        let (start, end) = (form.time_or("start", EARLIEST)?, form.time_or("end", LATEST)?);
        let selectors = form.all("match[]").map(|text| selector(text).map_err(wrong));
        Ok(Self {
            selectors: selectors.collect::<Result<_, _>>()?,
            start,
            end,
            limit: if limit == 0 { MOST } else { limit.min(MOST) },
        })
    }

    /// What `one` lists for each selector, joined, sorted and cut.
    fn list<T: Ord>(
        &self,
        one: impl Fn(&[Matcher], usize) -> Result<Listing<T>, SourceError>,
    ) -> Result<Listing<T>, ApiError> {
        let told = |cause: SourceError| ApiError::new(Kind::Execution, cause.to_string());
        if let [] | [_] = self.selectors.as_slice() {
            let matchers = self.selectors.first().map_or(&[][..], |matchers| matchers);
            return one(matchers, self.limit).map_err(told);
        }
        let mut all = Listing { items: Vec::new(), more: false };
        for matchers in &self.selectors {
            let listing = one(matchers, self.limit).map_err(told)?;
            all.items.extend(listing.items);
            all.more |= listing.more;
        }
        all.items.sort_unstable();
        all.items.dedup();
        all.more |= all.items.len() > self.limit;
        all.items.truncate(self.limit);
        Ok(all)
    }
}

/// A selector that says something: one that matches the empty series matches all of them.
fn selector(text: &str) -> Result<Vec<Matcher>, String> {
    const NOTHING: &str = "must contain at least one non-empty matcher";
    let empty = || format!("match[] {NOTHING}");
    let matchers = promql::syntax::matchers(text).map_err(|problem| {
        let message = problem.to_string();
        if message.contains(NOTHING) { empty() } else { message }
    })?;
    if matchers.iter().all(|matcher| matcher.accepts("")) {
        return Err(empty());
    }
    Ok(matchers)
}

pub(crate) async fn series(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    if form.all("match[]").next().is_none() {
        return ApiError::bad("no match[] parameter provided").into_response();
    }
    let asked = Asked::read(&form, |problem| ApiError::parameter("match[]", problem));
    let own = app.clone();
    answer(&app, &headers, asked, move |asked| {
        let list = asked.list(|m, limit| own.store().series(m, asked.start, asked.end, limit))?;
        Ok(body(&list, json::labels))
    })
    .await
}

pub(crate) async fn label_names(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let asked = Asked::read(&form, ApiError::bad);
    let own = app.clone();
    answer(&app, &headers, asked, move |asked| {
        let names =
            |m: &[Matcher], limit| own.store().label_names(m, asked.start, asked.end, limit);
        Ok(body(&asked.list(names)?, |out, name| json::string(out, name)))
    })
    .await
}

pub(crate) async fn label_values(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let name = unescaped(&name);
    if name.is_empty() {
        return ApiError::bad(format!("invalid label name: {name:?}")).into_response();
    }
    let asked = Asked::read(&form, ApiError::bad);
    let own = app.clone();
    answer(&app, &headers, asked, move |asked| {
        let values = |m: &[Matcher], limit| {
            own.store().label_values(&name, m, asked.start, asked.end, limit)
        };
        Ok(body(&asked.list(values)?, |out, value| json::string(out, value)))
    })
    .await
}

async fn answer(
    app: &App,
    headers: &HeaderMap,
    asked: Result<Asked, ApiError>,
    work: impl FnOnce(&Asked) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Response {
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    let time = app.engine().options().timeout;
    run(app.lists(), Wanted::of(headers), time, move |_| work(&asked)).await
}

fn body<T>(list: &Listing<T>, one: impl Fn(&mut Vec<u8>, &T)) -> Vec<u8> {
    let mut notes = Notes::default();
    notes.cut(list.more);
    success(&notes, |out| json::list(out, &list.items, one))
}

/// A name that is not plain in Prometheus's escaped form: `U__my_2e_name` is `my.name`. What is not
/// in this form stays as it is.
fn unescaped(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let code = rest.split_once('_').filter(|(hex, _)| hex.len() <= 6);
        let char = code.and_then(|(hex, _)| char::from_u32(u32::from_str_radix(hex, 16).ok()?));
        let (Some((_, after)), Some(char)) = (code, char) else { return name.to_owned() };
        out.push(char);
        rest = after;
    }
    out + rest
}

pub(crate) async fn metadata(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let number = |name: &str| match form.get(name) {
        "" => Ok(-1),
        text => whole(text).map_err(|_| ApiError::bad(format!("{name} must be a number"))),
    };
    let (limit, per_metric) = (number("limit")?, number("limit_per_metric")?);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let known = app.metadata().list(form.get("metric"), limit);
    let body = success(&Notes::default(), |out| {
        out.push(b'{');
        for (at, (name, described)) in known.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json::string(out, name);
            out.extend_from_slice(b":[");
            // One word per metric is kept, so that only 0 would cut, which means no limit.
            let _ = per_metric;
            out.extend_from_slice(b"{\"type\":");
            json::string(out, described.kind);
            out.extend_from_slice(b",\"help\":");
            json::string(out, &described.help);
            out.extend_from_slice(b",\"unit\":");
            json::string(out, &described.unit);
            out.extend_from_slice(b"}]");
        }
        out.push(b'}');
    });
    Ok(if body.len() > 1 << 16 {
        let wanted = Wanted::of(&headers);
        let packed = tokio::task::spawn_blocking(move || wanted.json(body)).await;
        packed.map_err(|_| ApiError::new(Kind::Internal, "the answer broke off"))?
    } else {
        of_json(body)
    })
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escaped_names_are_read_and_broken_ones_stay() {
        let expected = [
            ("U__my_2e_name", "my.name"),
            ("U__a__b_20__4f60_", "a_b 你"),
            ("plain_name", "plain_name"),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__open_2e", "U__open_2e"),
            ("U__surrogate_d800_", "U__surrogate_d800_"),
        ];
        for (name, plain) in expected {
            assert_eq!(unescaped(name), plain);
        }
    }
}
