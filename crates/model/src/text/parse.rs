//! Reading: strict enough to catch a broken page, with the line of the first fault.

use std::collections::HashSet;

/// One family of a page, in the order of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Name as in HELP and TYPE.
    pub name: String,
    /// The TYPE, `untyped` if none was given.
    pub kind: String,
    /// The HELP text, unescaped.
    pub help: String,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// One sample line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name as printed, with `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Labels in printed order, unescaped.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// Value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Where and why a page is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}: {text:?}")]
pub struct ParseError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
    /// The line's first 200 bytes or so.
    pub text: String,
}

/// Read a page. Timestamps are refused, as no page of ours may carry one; so are a second HELP or
/// TYPE for a name, samples of one family that do not stand together, and repeated series.
///
/// # Errors
/// The first line that breaks the format or one of these rules.
pub fn parse(page: &str) -> Result<Vec<Family>, ParseError> {
    if !page.is_empty() && !page.ends_with('\n') {
        return Err(fault(page.lines().count(), "the page does not end with a newline", ""));
    }
    let mut reader = Reader::default();
    for (index, line) in page.lines().enumerate() {
        reader.line(line).map_err(|reason| fault(index + 1, reason, line))?;
    }
    Ok(reader.families)
}

fn fault(line: usize, reason: &'static str, text: &str) -> ParseError {
    ParseError { line, reason, text: text.chars().take(200).collect() }
}

#[derive(Default)]
struct Reader {
    families: Vec<Family>,
    names: HashSet<String>,
    series: HashSet<String>,
    helped: bool,
    typed: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            self.enter(name)?;
            if std::mem::replace(&mut self.helped, true) {
                return Err("second HELP for one name");
            }
            self.last().help = unescape(help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("TYPE without a type")?;
            self.enter(name)?;
            if std::mem::replace(&mut self.typed, true) {
                return Err("second TYPE for one name");
            }
            if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                return Err("unknown type");
            }
            kind.clone_into(&mut self.last().kind);
        } else if !line.is_empty() && !line.starts_with('#') {
            let sample = sample(line)?;
            let key = line.rsplit_once(' ').map_or(line, |(series, _)| series);
            if !self.series.insert(key.to_owned()) {
                return Err("the same series twice");
            }
            let family = self.family_of(&sample.name).to_owned();
            self.enter(&family)?;
            self.last().samples.push(sample);
        }
        Ok(())
    }

    /// Make `name` the open family. A family that was left cannot be entered again.
    fn enter(&mut self, name: &str) -> Result<(), &'static str> {
        if self.families.last().is_some_and(|family| family.name == name) {
            return Ok(());
        }
        if !is_metric_name(name) {
            return Err("not a metric name");
        }
        if !self.names.insert(name.to_owned()) {
            return Err("the lines of one family do not stand together");
        }
        (self.helped, self.typed) = (false, false);
        self.families.push(Family {
            name: name.to_owned(),
            kind: "untyped".to_owned(),
            help: String::new(),
            samples: Vec::new(),
        });
        Ok(())
    }

    fn last(&mut self) -> &mut Family {
        let last = self.families.len() - 1;
        &mut self.families[last]
    }

    fn family_of<'a>(&'a self, sample: &'a str) -> &'a str {
        let Some(open) = self.families.last() else { return sample };
        let is_part = matches!(open.kind.as_str(), "histogram" | "summary")
            && sample
                .strip_prefix(open.name.as_str())
                .is_some_and(|rest| ["_bucket", "_sum", "_count", ""].contains(&rest));
        if is_part { &open.name } else { sample }
    }
}

fn sample(line: &str) -> Result<Sample, &'static str> {
    let name_end = line.find(['{', ' ']).ok_or("a sample without a value")?;
    let (name, mut rest) = line.split_at(name_end);
    if !is_metric_name(name) {
        return Err("not a metric name");
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels)?;
    }
    let value = number(rest.trim_start_matches(' '))?;
    Ok(Sample { name: name.to_owned(), labels, value })
}

fn read_labels<'a>(
    mut rest: &'a str,
    labels: &mut Vec<(String, String)>,
) -> Result<&'a str, &'static str> {
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, after) = rest.split_once("=\"").ok_or("a label without a quoted value")?;
        if !is_label_name(name) {
            return Err("not a label name");
        }
        if labels.iter().any(|(known, _)| known == name) {
            return Err("the same label twice");
        }
        let end = closing_quote(after).ok_or("a label value without closing quote")?;
        labels.push((name.to_owned(), unescape(&after[..end])));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

fn number(text: &str) -> Result<f64, &'static str> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ if text.contains(' ') => Err("a timestamp or a second value"),
        _ => text.parse().map_err(|_| "not a number"),
    }
}

fn is_metric_name(name: &str) -> bool {
    is_name(name, |byte| byte == b'_' || byte == b':')
}

fn is_label_name(name: &str) -> bool {
    is_name(name, |byte| byte == b'_')
}

fn is_name(name: &str, also: impl Fn(u8) -> bool) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || also(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Writer;
    use super::*;

    #[test]
    fn faults_are_named_with_their_line() {
        let reason = |page: &str| parse(page).map_err(|e| (e.line, e.reason));
        assert_eq!(reason("a 1\nb{x=\"1\" 2\n"), Err((2, "a label without a quoted value")));
        assert_eq!(reason("a 1 1700000000\n"), Err((1, "a timestamp or a second value")));
        assert_eq!(reason("a 1\na 2\n"), Err((2, "the same series twice")));
        assert_eq!(
            reason("a 1\nb 1\na{x=\"2\"} 1\n"),
            Err((3, "the lines of one family do not stand together"))
        );
        assert_eq!(
            reason("# TYPE a gauge\n# TYPE a gauge\n"),
            Err((2, "second TYPE for one name"))
        );
    }

    #[test]
    fn the_parts_of_a_histogram_belong_to_it() {
        let page = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
        let families = parse(page).unwrap();
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].samples.len(), 3);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in any::<f64>(), label in any::<String>(), help in any::<String>()) {
            let mut page = Writer::default();
            page.family("m", "gauge", &help);
            page.sample("m").label("l", &label).shortest(value);
            let page = page.finish();
            // `\r` inside a line is data; `str::lines` would eat it at the end of one.
            prop_assume!(!help.ends_with('\r'));
            let families = parse(&page).unwrap();
            prop_assert_eq!(&families[0].help, &help);
            let sample = &families[0].samples[0];
            prop_assert_eq!(sample.label("l").unwrap(), label.as_str());
            prop_assert!(sample.value == value || value.is_nan());
        }
    }
}
