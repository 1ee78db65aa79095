//! Where the words of a query begin and end. Only as much of the language as it takes to say where
//! an error is and how deep a query nests; the parser decides what is PromQL.

use std::ops::Range;

/// The places of words, numbers, strings and signs, without blanks and comments.
pub(super) fn of(query: &str) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = query[at..].chars().next() {
        let rest = &query[at..];
        let length = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => string(rest, c),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            '=' | '!' | '<' | '>' if rest[1..].starts_with(['=', '~']) => 2,
            c => c.len_utf8(),
        };
        tokens.push(at..at + length);
        at += length;
    }
    tokens
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '.')
}

/// The length of a string with its quotes.
fn string(text: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return at + 1;
        }
        // The opening quote ends nothing, and between backticks nothing is escaped.
        escaped = c == '\\' && !escaped && quote != '`';
    }
    text.len()
}
