//! What the HTTP API asks of the language without evaluating it: queries printed and as a tree,
//! selectors as matchers, times and durations as parameters have them.

mod tree;

use model::series::Matcher;
use promql_parser::parser::Expr;

use crate::error::QueryError;
use crate::{select, text};

pub use tree::parse_tree;

/// A query as Prometheus's `format_query` prints it: in one line, or in several where it is long.
///
/// # Errors
/// It is not PromQL.
pub fn format(query: &str) -> Result<String, QueryError> {
    text::parsed(query, |expr| Ok(expr.prettify()))
}

/// The matchers of a selector, as `match[]` has them.
///
/// # Errors
/// It is not an instant selector by itself.
pub fn matchers(selector: &str) -> Result<Vec<Matcher>, QueryError> {
    let bad = |message: &str| Err(QueryError::Parse(message.to_owned()));
    text::parsed(selector, |expr| match expr {
        Expr::VectorSelector(selector) if selector.at.is_some() || selector.offset.is_some() => {
            bad("1:1: parse error: a series selector has no @ and no offset")
        }
        Expr::VectorSelector(selector) => Ok(select::matchers(selector)),
        _ => bad("1:1: parse error: expected a series selector, like up{job=\"a\"}"),
    })
}

#[cfg(test)]
mod tests;
