//! Series, values, numbers and durations in the notation of the test files.

use promql::{Labels, STALE_NAN};

/// A series in the notation of the test files, and the text behind it.
pub(crate) fn series(line: &str) -> (Labels, &str) {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = line;
    let end = rest.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(rest.len());
    if end > 0 {
        pairs.push(("__name__".to_owned(), rest[..end].to_owned()));
    }
    rest = &rest[end..];
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            inner = inner.trim_start_matches([' ', ',', '\t']);
            if let Some(after) = inner.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, after) = if inner.starts_with(['"', '\'', '`']) {
                quoted(inner)
            } else {
                let end = inner.find(['=', ' ']).unwrap();
                (inner[..end].to_owned(), &inner[end..])
            };
            match after.trim_start().strip_prefix('=') {
                Some(value) => {
                    let (value, after) = quoted(value.trim_start());
                    pairs.push((name, value));
                    inner = after;
                }
                None => {
                    pairs.push(("__name__".to_owned(), name));
                    inner = after;
                }
            }
        }
    }
    (Labels::new(pairs), rest.trim())
}

pub(crate) fn quoted(text: &str) -> (String, &str) {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next().unwrap();
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote != '`' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            c if c == quote => return (value, &text[at + c.len_utf8()..]),
            c => value.push(c),
        }
    }
    panic!("no end of {text}");
}

/// One step of a loaded series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loaded {
    Gap,
    Float(f64),
    Native,
}

pub(crate) fn values(text: &str) -> Vec<Loaded> {
    let mut all = Vec::new();
    for word in without_histograms(text).split_whitespace() {
        let (base, times) = match word.rsplit_once('x') {
            Some((base, times)) => (base, times.parse::<usize>().ok()),
            None => (word, None),
        };
        match base {
            "_" => all.extend(vec![Loaded::Gap; times.unwrap_or(1)]),
            "stale" => all.push(Loaded::Float(STALE_NAN)),
            _ if base.starts_with('H') => {
                all.extend(vec![Loaded::Native; times.map_or(1, |times| times + 1)]);
            }
            _ => {
                let sign = base[1..].rfind(['+', '-']).map(|at| at + 1);
                let split = sign.filter(|at| times.is_some() && !base[..*at].ends_with(['e', 'E']));
                let (first, by) =
                    split.map_or((base, 0.0), |at| (&base[..at], number(&base[at..])));
                let mut value = number(first);
                for _ in 0..=times.unwrap_or(0) {
                    all.push(Loaded::Float(value));
                    value += by;
                }
            }
        }
    }
    all
}

/// Each native histogram as the letter H.
fn without_histograms(text: &str) -> String {
    let mut parts = text.split("{{");
    let mut result = parts.next().unwrap().to_owned();
    for part in parts {
        result.push('H');
        result.push_str(part.split_once("}}").unwrap().1);
    }
    result
}

pub(crate) fn number(text: &str) -> f64 {
    let text = text.replace('_', "");
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).unwrap() as f64;
    }
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// Milliseconds.
pub(crate) fn duration(text: &str) -> i64 {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds * 1000.0) as i64;
    }
    let (mut total, mut digits, mut rest) = (0, 0, text);
    let negative = rest.starts_with('-');
    rest = rest.trim_start_matches('-');
    while let Some(c) = rest.chars().next() {
        if let Some(digit) = c.to_digit(10) {
            digits = digits * 10 + i64::from(digit);
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += digits
            * match &rest[..end] {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 604_800_000,
                "y" => 31_536_000_000,
                unit => panic!("unit {unit} in {text}"),
            };
        (digits, rest) = (0, &rest[end..]);
    }
    if negative { -total } else { total }
}
