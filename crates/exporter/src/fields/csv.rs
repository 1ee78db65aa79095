//! The dialect of CSV that Go reads: commas, double quotes, `#` at the beginning of a comment.
//!
//! Kinder than Go's reader in two points: blanks may stand before a comment or a quote, and a fault
//! costs its own line, not the file.

/// A quote that is not closed within so many bytes is never closed.
const LONGEST_FIELD: usize = 16 << 10;

/// A row of the file: its fields without the blanks around them, or what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Line it begins on, from 1.
    pub(super) line: usize,
    pub(super) row: Result<Vec<String>, &'static str>,
}

/// All rows; comments and blank lines are none.
pub(super) fn records(text: &str) -> impl Iterator<Item = Record> + '_ {
    // Editors of one system still put a mark there, which belongs to no name.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (first, after) = split_line(rest);
            line += 1;
            let begins = line;
            let content = first.trim();
            if content.is_empty() || content.starts_with('#') {
                rest = after;
                continue;
            }
            let row = match fields(rest) {
                Ok((fields, left)) => {
                    let used = &rest[..rest.len() - left.len()];
                    line += used.trim_end_matches('\n').matches('\n').count();
                    rest = left;
                    Ok(fields)
                }
                Err(fault) => {
                    rest = after;
                    Err(fault)
                }
            };
            return Some(Record { line: begins, row });
        }
        None
    })
}

fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// The fields of one row, and what stands behind it.
fn fields(mut rest: &str) -> Result<(Vec<String>, &str), &'static str> {
    let mut fields = Vec::new();
    loop {
        let (field, end, after) = match rest.trim_start_matches([' ', '\t']).strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => bare_field(rest)?,
        };
        fields.push(field.trim().to_owned());
        match end {
            End::Comma => rest = after,
            End::Row => return Ok((fields, after)),
        }
    }
}

enum End {
    Comma,
    Row,
}

fn bare_field(text: &str) -> Result<(String, End, &str), &'static str> {
    let stop = text.find([',', '\n']).unwrap_or(text.len());
    let (field, after) = text.split_at(stop);
    if field.contains('"') {
        return Err("a quote in the middle of a field; put the whole field in quotes");
    }
    Ok((field.to_owned(), end_of(after), after.get(1..).unwrap_or("")))
}

fn end_of(after: &str) -> End {
    if after.starts_with(',') { End::Comma } else { End::Row }
}

/// The field behind an opening quote; `""` stands for one quote, lines may end in it.
fn quoted_field(mut text: &str) -> Result<(String, End, &str), &'static str> {
    let mut field = String::new();
    loop {
        let near = &text[..text.floor_char_boundary(LONGEST_FIELD)];
        let Some(at) = near.find('"') else {
            return Err("a quoted field does not end");
        };
        let (inside, after) = (&text[..at], &text[at + 1..]);
        field.push_str(inside);
        if let Some(more) = after.strip_prefix('"') {
            field.push('"');
            text = more;
            continue;
        }
        let after = after.trim_start_matches([' ', '\t', '\r']);
        if !(after.is_empty() || after.starts_with([',', '\n'])) {
            return Err("text behind a quoted field");
        }
        return Ok((field, end_of(after), after.get(1..).unwrap_or("")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(usize, Result<Vec<String>, &'static str>)> {
        records(text).map(|record| (record.line, record.row)).collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Result<Vec<String>, &'static str>) {
        (line, Ok(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    #[test]
    fn comments_and_blank_lines_are_no_rows() {
        let text = "# Format\n\n  # indented\r\n\t\na, gauge, b\r\n# x\n\u{20}\n c ,counter,d";
        assert_eq!(rows(text), [row(5, &["a", "gauge", "b"]), row(8, &["c", "counter", "d"])]);
        assert!(rows("").is_empty() && rows("\u{feff}# x").is_empty());
    }

    #[test]
    fn a_quoted_field_holds_commas_quotes_and_lines() {
        let text = "a,gauge,\"b, \"\"c\"\"\"\nd, gauge, \"e\nf\"\ng,gauge,h";
        assert_eq!(
            rows(text),
            [
                row(1, &["a", "gauge", "b, \"c\""]),
                row(2, &["d", "gauge", "e\nf"]),
                row(4, &["g", "gauge", "h"]),
            ]
        );
    }

    #[test]
    fn a_fault_costs_its_own_line() {
        let text = "a,b\"c,d\nx,gauge,\"never closed\ny,gauge,z\nq,gauge,\"r\" s\n";
        let read = rows(text);
        assert_eq!(read.len(), 4);
        assert!(read[0].1.is_err() && read[1].1.is_err() && read[3].1.is_err());
        assert_eq!(read[2], row(3, &["y", "gauge", "z"]));
        assert_eq!(read[3].0, 4);
    }

    #[test]
    fn a_row_has_as_many_fields_as_commas_say() {
        assert_eq!(rows("a,b,c,d\n,\n"), [row(1, &["a", "b", "c", "d"]), row(2, &["", ""])]);
    }
}
