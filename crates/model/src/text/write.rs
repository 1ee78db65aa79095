//! Writing: one HELP and one TYPE per family, printed only once a sample follows.

use std::fmt::Write as _;

use crate::metric::Metric;

/// Builds one page. Families must be opened in the order in which they shall appear.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    header: String,
}

impl Writer {
    /// An empty page, with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), header: String::new() }
    }

    /// Open a family. Its header is printed with its first sample, so a family without one is
    /// absent.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.header.clear();
        self.header.push_str("# HELP ");
        self.header.push_str(name);
        self.header.push(' ');
        push_escaped_help(&mut self.header, help);
        self.header.push_str("\n# TYPE ");
        self.header.push_str(name);
        self.header.push(' ');
        self.header.push_str(kind);
        self.header.push('\n');
    }

    /// Open the family of a descriptor.
    pub fn metric(&mut self, metric: &Metric) {
        self.family(metric.name, metric.kind.as_str(), metric.help);
    }

    /// Begin a sample line of the open family: the name, then labels, then one value.
    pub fn sample(&mut self, name: &str) -> Line<'_> {
        self.out.push_str(&self.header);
        self.header.clear();
        self.out.push_str(name);
        Line { out: &mut self.out, open: false }
    }

    /// The page as far as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.out
    }

    /// The finished page.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }
}

/// One sample line in the making. It must be ended by one of the value methods.
#[derive(Debug)]
#[must_use = "a line without a value breaks the page"]
pub struct Line<'a> {
    out: &'a mut String,
    open: bool,
}

impl Line<'_> {
    /// Add a label; the value is escaped.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.separate();
        self.out.push_str(name);
        self.out.push_str("=\"");
        push_escaped_label(self.out, value);
        self.out.push('"');
        self
    }

    /// Add labels that were written and escaped before: `a="1",b="2"`. Empty is nothing.
    pub fn labels_written(mut self, labels: &str) -> Self {
        if !labels.is_empty() {
            self.separate();
            self.out.push_str(labels);
        }
        self
    }

    /// End with a whole number.
    pub fn integer(self, value: i128) {
        self.end(|out| match u64::try_from(value) {
            Ok(value) => push_digits(out, value),
            Err(_) => {
                let _ = write!(out, "{value}");
            }
        });
    }

    /// End with microseconds written as seconds, without trailing zeros.
    pub fn seconds_of_micros(self, micros: u64) {
        self.end(|out| push_parts::<1_000_000>(out, micros));
    }

    /// End with millijoules written as joules, and the like, without trailing zeros.
    pub fn thousandths(self, thousandths: u64) {
        self.end(|out| push_parts::<1000>(out, thousandths));
    }

    /// End with exactly six decimals, as dcgm-exporter prints its double fields.
    pub fn six_decimals(self, value: f64) {
        self.end(|out| {
            let _ = write!(out, "{value:.6}");
        });
    }

    /// End with the shortest decimal that reads back as the same number.
    pub fn shortest(self, value: f64) {
        self.end(|out| push_float(out, value));
    }

    fn separate(&mut self) {
        self.out.push(if self.open { ',' } else { '{' });
        self.open = true;
    }

    fn end(self, value: impl FnOnce(&mut String)) {
        if self.open {
            self.out.push('}');
        }
        self.out.push(' ');
        value(self.out);
        self.out.push('\n');
    }
}

/// A whole number of parts of one, of which `ONE` is a power of ten, without trailing zeros.
fn push_parts<const ONE: u64>(out: &mut String, parts: u64) {
    push_digits(out, parts / ONE);
    let mut rest = parts % ONE;
    if rest > 0 {
        out.push('.');
    }
    // Digit by digit from the front, until nothing is left.
    while rest > 0 {
        rest *= 10;
        push_digits(out, rest / ONE);
        rest %= ONE;
    }
}

/// Append a whole number. A page has thousands of them, and the general way costs several times
/// as much.
fn push_digits(out: &mut String, mut value: u64) {
    // The largest one has 20 digits.
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Append a number as the text format spells it: shortest decimal, `NaN`, `+Inf`, `-Inf`; an
/// exponent from 1e21 on, as Prometheus's own client prints.
pub fn push_float(out: &mut String, value: f64) {
    let result = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if value != 0.0 && (value.abs() >= 1e21 || value.abs() < 1e-6) {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    };
    debug_assert!(result.is_ok(), "writing to a String cannot fail");
}

/// Append a label value with `\`, `"` and newline escaped.
pub fn push_escaped_label(out: &mut String, value: &str) {
    for part in value.split_inclusive(['\\', '"', '\n']) {
        match part.as_bytes().last() {
            Some(b'\\') => escape_last(out, part, "\\\\"),
            Some(b'"') => escape_last(out, part, "\\\""),
            Some(b'\n') => escape_last(out, part, "\\n"),
            _ => out.push_str(part),
        }
    }
}

fn push_escaped_help(out: &mut String, help: &str) {
    for part in help.split_inclusive(['\\', '\n']) {
        match part.as_bytes().last() {
            Some(b'\\') => escape_last(out, part, "\\\\"),
            Some(b'\n') => escape_last(out, part, "\\n"),
            _ => out.push_str(part),
        }
    }
}

fn escape_last(out: &mut String, part: &str, escaped: &str) {
    out.push_str(&part[..part.len() - 1]);
    out.push_str(escaped);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_page_has_one_header_per_family_and_none_without_samples() {
        let mut page = Writer::default();
        page.family("power", "gauge", "Power\\draw\n(W).");
        page.sample("power").label("gpu", "0").label("name", "a\"b\\c\nd").six_decimals(629.45);
        page.sample("power").labels_written("gpu=\"1\"").label("x", "").six_decimals(1.0);
        page.family("absent", "gauge", "Never printed.");
        page.family("total", "counter", "No labels.");
        page.sample("total").integer(18_446_744_073_709_551_615);
        page.sample("total").shortest(0.1);
        expect![[r#"
            # HELP power Power\\draw\n(W).
            # TYPE power gauge
            power{gpu="0",name="a\"b\\c\nd"} 629.450000
            power{gpu="1",x=""} 1.000000
            # HELP total No labels.
            # TYPE total counter
            total 18446744073709551615
            total 0.1
        "#]]
        .assert_eq(&page.finish());
    }

    #[test]
    fn floats_are_spelled_as_the_format_wants() {
        let spelled = |value: f64| {
            let mut out = String::new();
            push_float(&mut out, value);
            out
        };
        assert_eq!(spelled(f64::NAN), "NaN");
        assert_eq!(spelled(f64::NEG_INFINITY), "-Inf");
        assert_eq!(spelled(1.0), "1");
        assert_eq!(spelled(1e22), "1e22");
        assert_eq!(spelled(2.5e-7), "2.5e-7");
    }

    #[test]
    fn whole_numbers_and_seconds_are_spelled_in_full() {
        let whole = |value: i128| line(|line| line.integer(value));
        assert_eq!(whole(0), "a 0\n");
        assert_eq!(whole(-7), "a -7\n");
        assert_eq!(whole(1_234_567_890), "a 1234567890\n");
        assert_eq!(whole(u64::MAX.into()), "a 18446744073709551615\n");
        assert_eq!(whole(i128::from(u64::MAX) + 1), "a 18446744073709551616\n");
        let seconds = |micros| line(|line| line.seconds_of_micros(micros));
        assert_eq!(seconds(0), "a 0\n");
        assert_eq!(seconds(10_000_000), "a 10\n");
        assert_eq!(seconds(333_333), "a 0.333333\n");
        assert_eq!(seconds(1_000_050), "a 1.00005\n");
        let thousandths = |parts| line(|line| line.thousandths(parts));
        assert_eq!(thousandths(0), "a 0\n");
        assert_eq!(thousandths(700_000), "a 700\n");
        assert_eq!(thousandths(69_050), "a 69.05\n");
    }

    fn line(end: impl FnOnce(Line<'_>)) -> String {
        let mut page = Writer::default();
        end(page.sample("a"));
        page.finish()
    }
}
