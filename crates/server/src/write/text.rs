//! Prometheus text line by line, borrowing from the page: what is stored needs no families and no
//! copies of labels, and may carry times.
//!
//! `model::text` reads whole pages of ours strictly; this takes what others write: timestamps,
//! families in pieces, names in quotes.

use std::borrow::Cow;

/// Where and why a page is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}: {text:?}")]
pub struct LineError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
    /// The line's first 100 characters.
    pub text: String,
}

/// One line that says something.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    Help { name: &'a str, help: Cow<'a, str> },
    Type { name: &'a str, kind: &'a str },
    Sample(Sample<'a>),
}

/// A sample; its labels are in the list that was given to [`lines`].
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The line up to the value: what names the series in this page.
    pub(super) key: &'a str,
    pub(super) value: f64,
    /// Ms since the epoch.
    pub(super) time: Option<i64>,
}

/// A name and its value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Calls `each` for every line; the labels of a sample, the name among them, stand in the list.
pub(super) fn lines<'a>(
    page: &'a str,
    mut each: impl FnMut(Line<'a>, &mut Vec<Pair<'a>>),
) -> Result<(), LineError> {
    let mut labels = Vec::new();
    for (index, raw) in page.lines().enumerate() {
        labels.clear();
        let line = raw.trim_matches([' ', '\t']);
        let read = read(line, &mut labels).map_err(|reason| LineError {
            line: index + 1,
            reason,
            text: raw.chars().take(100).collect(),
        })?;
        if let Some(line) = read {
            each(line, &mut labels);
        }
    }
    Ok(())
}

fn read<'a>(line: &'a str, labels: &mut Vec<Pair<'a>>) -> Result<Option<Line<'a>>, &'static str> {
    if line.is_empty() {
        return Ok(None);
    }
    let Some(comment) = line.strip_prefix('#') else {
        return sample(line, labels).map(|sample| Some(Line::Sample(sample)));
    };
    let comment = comment.trim_start();
    if let Some(rest) = comment.strip_prefix("HELP ") {
        let (name, help) = rest.trim_start().split_once([' ', '\t']).unwrap_or((rest.trim(), ""));
        return Ok(Some(Line::Help { name, help: unescaped(help) }));
    }
    if let Some(rest) = comment.strip_prefix("TYPE ") {
        let (name, kind) =
            rest.trim_start().split_once([' ', '\t']).ok_or("TYPE without a type")?;
        return Ok(Some(Line::Type { name, kind: kind.trim() }));
    }
    Ok(None)
}

fn sample<'a>(line: &'a str, labels: &mut Vec<Pair<'a>>) -> Result<Sample<'a>, &'static str> {
    let end = line.bytes().position(|byte| matches!(byte, b'{' | b' ' | b'\t'));
    let (name, mut rest) = line.split_at(end.ok_or("a sample without a value")?);
    if !name.is_empty() {
        if !is_name(name, b":_") {
            return Err("not a metric name");
        }
        labels.push(("__name__".into(), name.into()));
    }
    if let Some(inside) = rest.trim_start_matches([' ', '\t']).strip_prefix('{') {
        rest = pairs(inside, labels)?;
    }
    if labels.iter().all(|(name, _)| name != "__name__") {
        return Err("a sample without a name");
    }
    let key = line[..line.len() - rest.len()].trim_end();
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next().ok_or("a sample without a value")?)?;
    let time = words.next().map(|word| word.parse().map_err(|_| "the time is not whole ms"));
    if words.next().is_some() {
        return Err("more than a value and a time");
    }
    Ok(Sample { key, value, time: time.transpose()? })
}

/// What stands between braces; what follows them is given back.
fn pairs<'a>(mut rest: &'a str, labels: &mut Vec<Pair<'a>>) -> Result<&'a str, &'static str> {
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        rest = pair(rest, labels)?.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err("labels without a comma between them"),
        }
    }
}

/// One `name="value"`, or the metric's name alone in quotes.
fn pair<'a>(rest: &'a str, labels: &mut Vec<Pair<'a>>) -> Result<&'a str, &'static str> {
    let (name, after) = match rest.strip_prefix('"') {
        Some(inside) => quoted(inside)?,
        None => {
            let end =
                rest.find(['=', ' ', '\t', ',', '}']).ok_or("a label without a quoted value")?;
            let name = &rest[..end];
            if !is_name(name, b"_") {
                return Err("not a label name");
            }
            (Cow::Borrowed(name), &rest[end..])
        }
    };
    let after = after.trim_start_matches([' ', '\t']);
    let Some(value) = after.strip_prefix('=') else {
        if !rest.starts_with('"') || labels.iter().any(|(name, _)| name == "__name__") {
            return Err("a label without a quoted value");
        }
        labels.push(("__name__".into(), name));
        return Ok(after);
    };
    let inside = value.trim_start_matches([' ', '\t']).strip_prefix('"');
    let (value, after) = quoted(inside.ok_or("a label without a quoted value")?)?;
    labels.push((name, value));
    Ok(after)
}

/// A text up to its closing quote, and what follows that.
fn quoted(inside: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let bytes = inside.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at) {
            None => return Err("a quote that is not closed"),
            Some(b'"') => return Ok((unescaped(&inside[..at]), &inside[at + 1..])),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let char = if char == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            out.push(char);
            continue;
        };
        out.push(if char == 'n' { '\n' } else { char });
    }
    out.into()
}

/// Go's spellings of a float, in any case.
fn number(text: &str) -> Result<f64, &'static str> {
    text.parse().map_err(|_| "not a number")
}

fn is_name(name: &str, also: &[u8]) -> bool {
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Labels, value and time.
    type Read = (String, f64, Option<i64>);

    fn samples(page: &str) -> Result<Vec<Read>, (usize, &'static str)> {
        let mut all = Vec::new();
        lines(page, |line, labels| {
            if let Line::Sample(sample) = line {
                let labels = model::labels::Labels::new(labels.iter().map(|(n, v)| (n, v)));
                all.push((labels.to_string(), sample.value, sample.time));
            }
        })
        .map_err(|problem| (problem.line, problem.reason))?;
        Ok(all)
    }

    #[test]
    fn samples_come_with_and_without_time_labels_and_quotes() {
        let page = "# HELP a some \\n help\n# TYPE a gauge\n\na 1\na{} 2 1700000000000\n\
                    a{ x = \"1\" , y=\"q\\\"\\\\\\n\", } -Inf\n{\"my.metric\",z=\"ä\"} 0x 7\n";
        assert_eq!(samples(page), Err((7, "not a number")));
        let read = samples(&page.replace("0x 7", "NaN 7")).unwrap();
        assert_eq!(read[0], ("a".to_owned(), 1.0, None));
        assert_eq!(read[1], ("a".to_owned(), 2.0, Some(1_700_000_000_000)));
        assert_eq!(read[2].0, r#"a{x="1", y="q\"\\\n"}"#);
        assert_eq!(read[3].0, r#"my.metric{z="ä"}"#);
        assert!(read[3].1.is_nan() && read[3].2 == Some(7));
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let faults = [
            ("a", "a sample without a value"),
            ("1a 1", "not a metric name"),
            ("a{x} 1", "a label without a quoted value"),
            ("a{x=\"1} 1", "a quote that is not closed"),
            ("a{x=\"1\" y=\"2\"} 1", "labels without a comma between them"),
            ("a{1=\"1\"} 1", "not a label name"),
            ("{x=\"1\"} 1", "a sample without a name"),
            ("a 1 1.5", "the time is not whole ms"),
            ("a 1 2 3", "more than a value and a time"),
            ("# TYPE a", "TYPE without a type"),
            ("a{\"b\"} 1", "a label without a quoted value"),
        ];
        for (line, reason) in faults {
            assert_eq!(samples(&format!("ok 1\n{line}\n")), Err((2, reason)), "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_in_breaks_it(page in "([a-c{}\"=,\\\\ 1\n#]|ä){0,60}") {
            let _ = samples(&page);
        }

        #[test]
        fn what_the_writer_writes_is_read(value in any::<f64>(), label in any::<String>()) {
            let mut page = model::text::Writer::default();
            page.family("m", "gauge", "help");
            page.sample("m").label("l", &label).shortest(value);
            let read = samples(&page.finish()).unwrap();
            let expected = model::labels::Labels::new([("__name__", "m"), ("l", &label)]);
            prop_assert_eq!(&read[0].0, &expected.to_string());
            prop_assert!(read[0].1 == value || value.is_nan());
        }
    }
}
