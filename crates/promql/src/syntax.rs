//! What the HTTP API asks of the language without evaluating it: queries printed, selectors as
//! matchers, times and durations as parameters have them.

use model::series::Matcher;
use promql_parser::parser::{Expr, Prettier};

use crate::error::QueryError;
use crate::{select, text};

/// A query as Prometheus's `format_query` prints it: one line, or several where it is long.
///
/// # Errors
/// It is not PromQL.
pub fn format(query: &str) -> Result<String, QueryError> {
    // Prometheus breaks lines longer than this.
    const LINE: usize = 100;
    Ok(text::parse(query)?.pretty(0, LINE))
}

/// The matchers of a selector, as `match[]` has them.
///
/// # Errors
/// It is not an instant selector.
pub fn matchers(selector: &str) -> Result<Vec<Matcher>, QueryError> {
    match text::parse(selector)? {
        Expr::VectorSelector(selector) => Ok(select::matchers(&selector)),
        _ => Err(QueryError::Parse("match[] must be an instant vector selector".to_owned())),
    }
}

/// A time as parameters have it, seconds since the epoch or RFC 3339, in ms.
///
/// # Errors
/// It is neither.
pub fn time(given: &str) -> Result<i64, QueryError> {
    let bad = || QueryError::Parse(format!("cannot parse {given:?} to a valid timestamp"));
    let seconds = given.parse::<f64>().map_err(|_| bad())?;
    let ms = (seconds * 1000.0).round();
    (ms.abs() < (1_u64 << 60) as f64).then_some(ms as i64).ok_or_else(bad)
}

/// A duration as parameters have it, seconds or PromQL's (`1h30m`), in ms.
///
/// # Errors
/// It is neither, or negative.
pub fn duration(given: &str) -> Result<i64, QueryError> {
    let bad = || QueryError::Parse(format!("cannot parse {given:?} to a valid duration"));
    if let Ok(seconds) = given.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms >= 0.0 && ms < (1_u64 << 60) as f64).then_some(ms as i64).ok_or_else(bad);
    }
    let duration = promql_parser::util::parse_duration(given).map_err(|_| bad())?;
    i64::try_from(duration.as_millis()).map_err(|_| bad())
}
