//! From the text of a query to its expression.

mod complaint;
mod labels_of_info;
mod size;
mod tokens;

use std::ops::Range;

use promql_parser::parser::{self, Expr};

use crate::error::QueryError;
use crate::labels::NO_TEXT;
use crate::repeated::children;

/// What `work` makes of the expression of a query, on a stack that is large enough for it.
///
/// # Errors
/// It is not PromQL, or too large, or what `work` says.
pub(crate) fn parsed<T: Send>(
    query: &str,
    work: impl FnOnce(&Expr) -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    size::with_stack(query, || {
        let text = without_zero_offsets(with_bytes_as_text(query));
        let expr = ast(&text)
            .or_else(|error| labels_of_info::ast(&text).ok_or(error))
            .map_err(|error| complaint::of(&text, &error))?;
        if alternatives(&expr) {
            return Err(complaint::of(&text, "\"or\" between matchers is not PromQL"));
        }
        work(&expr)
    })
}

/// The parser's tree. It panics on a few texts, as on a duration of more seconds than fit: a query
/// that cannot be read, like any other.
pub(super) fn ast(text: &str) -> Result<Expr, String> {
    let read = std::panic::catch_unwind(|| parser::parse(text));
    read.unwrap_or_else(|_| Err("a number or duration in it is too large".to_owned()))
}

/// The stack of a thread that works on this query.
pub(crate) fn stack(query: &str) -> usize {
    size::stack(size::levels(query).unwrap_or_default())
}

/// Offsets of nothing, which the parser refuses, as blanks: places stay what they are.
fn without_zero_offsets(mut text: String) -> String {
    if !text.contains("offset") {
        return text;
    }
    let tokens = tokens::of(&text);
    let zero = |token: &str| {
        let digits = token.trim_end_matches(|c: char| c.is_ascii_lowercase());
        !digits.is_empty() && digits.bytes().all(|digit| digit == b'0')
    };
    let of_nothing = tokens.iter().enumerate().filter_map(|(at, token)| {
        let unsigned = |token: &&Range<usize>| !matches!(&text[(*token).clone()], "-" | "+");
        let by = tokens[at + 1..].iter().find(unsigned)?;
        let offset = text[token.clone()] == *"offset" && zero(&text[by.clone()]);
        offset.then_some(token.start..by.end)
    });
    for place in of_nothing.collect::<Vec<_>>() {
        text.replace_range(place.clone(), &" ".repeat(place.len()));
    }
    text
}

/// Does a selector have matchers of which one group is enough? The parser knows them, Prometheus not.
fn alternatives(expr: &Expr) -> bool {
    let or = match expr {
        Expr::VectorSelector(selector) => &selector.matchers.or_matchers,
        Expr::MatrixSelector(selector) => &selector.vs.matchers.or_matchers,
        _ => return children(expr).into_iter().any(alternatives),
    };
    !or.is_empty()
}

/// Decodes runs of `\xHH` from 80 up, which the parser takes for characters and Prometheus for
/// bytes of UTF-8. What is no UTF-8 is kept apart.
fn with_bytes_as_text(query: &str) -> String {
    let mut text = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.find(['\\', '`']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(raw) = rest.strip_prefix('`') {
            // Nothing is escaped between backticks.
            let end = raw.find('`').map_or(rest.len(), |end| end + 2);
            text.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(byte) = high_byte(rest) {
            bytes.push(byte);
            rest = &rest[4..];
        }
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            let kept = chunk.invalid().iter();
            text.extend(kept.filter_map(|byte| char::from_u32(NO_TEXT + u32::from(*byte))));
        }
        if bytes.is_empty() {
            // Another escape: its second character is none of ours.
            let escaped = rest.chars().take(2).map(char::len_utf8).sum();
            text.push_str(&rest[..escaped]);
            rest = &rest[escaped..];
        }
    }
    text + rest
}

fn high_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80)
}
