//! How large a query may be: its text, and how deep it nests. Each level of nesting takes stack.

use super::tokens;
use crate::error::QueryError;

/// Bytes of a query. Grafana writes chosen values into matchers: tens of KiB do occur.
const MOST_BYTES: usize = 1 << 20;
/// Operators and opening parentheses, of which each may be a level: a chain of operators nests as
/// deep as it is long.
const MOST_LEVELS: usize = 500;

pub(super) fn check(query: &str) -> Result<(), QueryError> {
    if query.len() > MOST_BYTES {
        return Err(QueryError::Parse(format!("the query is longer than {MOST_BYTES} bytes")));
    }
    let (mut levels, mut braces) = (0, 0_usize);
    for token in tokens::of(query) {
        match &query[token] {
            "{" => braces += 1,
            "}" => braces = braces.saturating_sub(1),
            _ if braces > 0 => {}
            "(" | "[" | "+" | "-" | "*" | "/" | "%" | "^" | "==" | "!=" | "<" | "<=" | ">"
            | ">=" => {
                levels += 1;
            }
            text if is_word_operator(text) => levels += 1,
            _ => {}
        }
    }
    if levels > MOST_LEVELS {
        return Err(QueryError::Parse(format!(
            "the query has more than {MOST_LEVELS} operators and parentheses: split it, by recording \
             rules for instance, or match several values by one regular expression"
        )));
    }
    Ok(())
}

fn is_word_operator(text: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|word| word.eq_ignore_ascii_case(text))
}
