//! How large a query may be: its text, and how deep it nests. Each level of nesting takes stack.

use std::thread;

use super::tokens;
use crate::error::{QueryError, failed};

/// Bytes of a query. Grafana writes chosen values into matchers: tens of KiB do occur.
const MOST_BYTES: usize = 1 << 20;
/// Operators and opening parentheses, of which each may be a level: a chain of operators nests as
/// deep as it is long.
const MOST_LEVELS: usize = 2000;
/// Levels that fit any thread's stack.
const ANYWHERE: usize = 60;
/// Stack for a level: an unoptimised build takes some 8 KiB.
const PER_LEVEL: usize = 16 << 10;

/// Does `work` on a stack that is large enough for the query, another thread's if need be.
pub(super) fn with_stack<T: Send>(
    query: &str,
    work: impl FnOnce() -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    let levels = levels(query)?;
    if levels <= ANYWHERE {
        return work();
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("promql".to_owned());
        let builder = builder.stack_size(stack(levels));
        let Ok(running) = builder.spawn_scoped(scope, work) else {
            return failed("no thread can be started for a query of this depth");
        };
        running.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    })
}

/// The stack that work on a query of so many levels takes.
pub(super) fn stack(levels: usize) -> usize {
    (2 << 20) + levels * PER_LEVEL
}

/// How deep a query may nest at most.
pub(super) fn levels(query: &str) -> Result<usize, QueryError> {
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
    Ok(levels)
}

fn is_word_operator(text: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|word| word.eq_ignore_ascii_case(text))
}
