//! What the parser complains of, as Prometheus words it and with the place: `1:5: parse error: …`.
//! The parser gives no places. Where a token is out of place, it is found by parsing what stands
//! before it; other errors are placed at what they name, or at the end that came too early.

use std::ops::Range;

use super::tokens;
use crate::error::QueryError;

/// Queries with more tokens than this are not searched for the place.
const MOST_TOKENS: usize = 2000;

/// The error that says so.
pub(super) fn of(query: &str, error: &str) -> QueryError {
    let tokens = tokens::of(query);
    let (at, message) = if error == "invalid promql query" {
        misplaced(query, &tokens)
    } else {
        (place(query, &tokens, error), worded(error))
    };
    let before = &query[..query.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().len() + 1;
    QueryError::Parse(format!("{line}:{column}: parse error: {message}"))
}

/// The first token after which no query can go on.
fn misplaced(query: &str, tokens: &[Range<usize>]) -> (usize, String) {
    let Some(first) = tokens.first().filter(|_| tokens.len() <= MOST_TOKENS) else {
        return (0, "not a query".to_owned());
    };
    let goes_on = |count: &usize| {
        count.checked_sub(1).is_none_or(|last| begins_a_query(&query[..tokens[last].end]))
    };
    let counts: Vec<usize> = (0..=tokens.len()).collect();
    let good = counts.partition_point(goes_on).saturating_sub(1);
    match tokens.get(good) {
        Some(token) => (token.start, format!("unexpected {:?}", &query[token.clone()])),
        None => (tokens.last().unwrap_or(first).end, "unexpected end of input".to_owned()),
    }
}

/// Does some query begin so? Tried with what most often goes on.
fn begins_a_query(text: &str) -> bool {
    let mut closing = String::new();
    for token in tokens::of(text) {
        match &text[token] {
            "(" => closing.insert(0, ')'),
            "{" => closing.insert(0, '}'),
            "[" => closing.insert(0, ']'),
            ")" | "}" | "]" if !closing.is_empty() => {
                closing.remove(0);
            }
            _ => {}
        }
    }
    let going_on = [
        "",
        " a",
        " 1",
        " 5m",
        " (a)",
        " (a) b",
        " = \"a\"",
        " \"a\"",
        " a = \"a\"",
        "5m:",
        " 1, a",
    ];
    going_on.iter().any(|more| {
        let result = super::ast(&format!("{text}{more}{closing}"));
        // Types and numbers of arguments are not in question here.
        result.map_or_else(|error| is_of_meaning(&error), |_| true)
    })
}

/// Is this an error of a query that parses?
fn is_of_meaning(error: &str) -> bool {
    !["invalid promql", "unexpected", "unclosed", "unterminated", "bad number", "no expression"]
        .iter()
        .any(|start| error.starts_with(start))
}

/// Where an error is that is not of syntax.
fn place(query: &str, tokens: &[Range<usize>], error: &str) -> usize {
    if ["unexpected end", "unclosed", "no expression"].iter().any(|start| error.starts_with(start))
    {
        return query.len();
    }
    // What it names in quotes stands in the query.
    let named = error.split('\'').nth(1).filter(|name| !name.is_empty());
    let whole = named.and_then(|name| tokens.iter().find(|token| query[(*token).clone()] == *name));
    let part = || named.and_then(|name| query.find(name));
    let function = error.contains("function") || error.contains("call to");
    match whole {
        Some(token) if function && error.contains("expected type") => {
            // The first argument is at fault, or one of those that follow.
            query[token.end..].find('(').map_or(token.start, |open| token.end + open + 1)
        }
        Some(token) => token.start,
        None => part().unwrap_or(0),
    }
}

/// As Prometheus words it.
fn worded(error: &str) -> String {
    let quoted = error.replace('\'', "\"");
    if !quoted.contains("expected type") && !quoted.contains("only allowed") {
        return quoted;
    }
    let words = quoted.split(' ').map(|word| match word.trim_end_matches(',') {
        "matrix" => word.replace("matrix", "range vector"),
        "vector" => word.replace("vector", "instant vector"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
