//! A query that makes no sense: its text with a mark under the place.

use unicode_width::UnicodeWidthStr as _;

/// The server's words, and below them the line of the query with a caret where its words say the
/// trouble is (`1:5: ...`, counted in characters from 1).
pub(crate) fn caret(words: &str, query: &str) -> String {
    match place(words) {
        Some((line, column)) => match query.lines().nth(line - 1) {
            Some(text) => format!("{words}\n{}", marked(text, column)),
            None => words.to_owned(),
        },
        None => words.to_owned(),
    }
}

fn marked(line: &str, column: usize) -> String {
    let before: String = line.chars().take(column - 1).collect();
    let shown = crate::table::visible(line);
    let indent = crate::table::visible(&before).width();
    format!("  {shown}\n  {:indent$}^", "")
}

/// The first `LINE:COLUMN:` in the words.
fn place(words: &str) -> Option<(usize, usize)> {
    words.split_whitespace().find_map(|word| {
        let mut parts = word.strip_suffix(':')?.split(':');
        let line: usize = parts.next()?.parse().ok()?;
        let column: usize = parts.next()?.parse().ok()?;
        (parts.next().is_none() && line > 0 && column > 0).then_some((line, column))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::caret;

    #[test]
    fn the_mark_stands_under_the_place_also_behind_wide_characters() {
        let words = r#"invalid parameter "query": 1:9: parse error: unexpected identifier "b""#;
        expect![[r#"
            invalid parameter "query": 1:9: parse error: unexpected identifier "b"
              sum(up) b
                      ^"#]]
        .assert_eq(&caret(words, "sum(up) b"));
        let words = "2:9: no such function";
        expect![[r#"
            2:9: no such function
              {a="가나"} x
                        ^"#]]
        .assert_eq(&caret(words, "up +\n{a=\"가나\"} x"));
        assert_eq!(caret("query timed out", "up"), "query timed out");
        assert_eq!(caret("7:1: beyond", "up"), "7:1: beyond");
    }
}
