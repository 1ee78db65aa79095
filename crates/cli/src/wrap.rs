//! Breaking text for people at a width, between words.

use unicode_width::UnicodeWidthStr as _;

/// The text in lines of at most `width` cells, those after the first indented; a longer word has a
/// line of its own.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut filled = 0;
    for word in text.split(' ') {
        let wide = word.width();
        if filled > 0 && filled + 1 + wide > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            filled = indent;
        } else if filled > 0 {
            out.push(' ');
            filled += 1;
        }
        out.push_str(word);
        filled += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_indent() {
        assert_eq!(wrapped("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrapped("가나 다라 마", 9, 0), "가나 다라\n마");
        assert_eq!(wrapped("averyverylongword x", 5, 1), "averyverylongword\n x");
        assert_eq!(wrapped("", 5, 1), "");
    }
}
