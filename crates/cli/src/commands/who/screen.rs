//! Redrawing a table in place on a terminal, with the few sequences that every terminal knows.

use crate::output;
use crate::who::Who;
use crate::wrap::wrapped;

/// Hide the cursor and clear.
pub(super) const BEGIN: &str = "\x1b[?25l\x1b[2J";
/// Show the cursor again.
pub(super) const END: &str = "\x1b[?25h";
const HOME: &str = "\x1b[H";
const ERASE_LINE: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";

/// A frame: node and time, the table, the notes. The rest of each old line, and what is below, is
/// erased, so that nothing flickers; what does not fit the screen is counted, not scrolled.
pub(super) fn frame(who: &Who, table: &str, notes: &[String]) -> String {
    let width = output::terminal_width();
    let mut lines = vec![format!("{}  {}", who.node.as_deref().unwrap_or("GPUs"), who.at)];
    lines.extend(table.lines().map(str::to_owned));
    for note in notes.iter().flat_map(|note| note.lines()) {
        lines.extend(wrapped(note, width, 2).lines().map(str::to_owned));
    }
    draw(lines, output::terminal_rows())
}

fn draw(mut lines: Vec<String>, rows: Option<usize>) -> String {
    // The last row stays empty: the newline after a full screen would scroll it.
    if let Some(room) = rows.map(|rows| rows - 1).filter(|&room| lines.len() > room) {
        let hidden = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("… {hidden} more"));
    }
    let text: String = lines.iter().flat_map(|line| [line, ERASE_LINE, "\n"]).collect();
    format!("{HOME}{text}{ERASE_BELOW}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_never_scrolls_the_screen() {
        let lines = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(draw(lines(2), Some(3)), "\x1b[H0\x1b[K\n1\x1b[K\n\x1b[J");
        assert_eq!(draw(lines(5), Some(4)), "\x1b[H0\x1b[K\n1\x1b[K\n… 3 more\x1b[K\n\x1b[J");
        assert_eq!(draw(lines(50), None).matches('\n').count(), 50);
    }
}
