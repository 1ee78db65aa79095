//! `gpulse who --watch` on a real terminal: a pseudo-terminal of 80 by 24.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::fs::File;
use std::io::Read as _;

use running::gpulse;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr as _;

#[test]
fn watching_redraws_in_place_and_gives_the_cursor_back() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();

    let home = tempfile::tempdir().unwrap();
    let mut command = gpulse(home.path());
    command.args(["who", "--sim", "h100x8-busy", "--watch=200ms"]).env("TERM", "xterm");
    let mut child = command.stdout(slave).spawn().unwrap();
    drop(command); // our copy of the terminal's other end: its close ends the reading

    let mut terminal = File::from(master);
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while seen.matches("\x1b[J").count() < 3 {
        let count = terminal.read(&mut buffer).unwrap();
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    running::interrupt(&child);
    // A closed terminal reads as an error on Linux.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(child.wait().unwrap().success());

    assert!(seen.starts_with("\x1b[?25l\x1b[2J\x1b[H"), "{seen:?}");
    assert!(seen.ends_with("\x1b[?25h"), "{seen:?}");
    assert!(seen.contains("\x1b[36mactive\x1b[0m"), "coloured: {seen:?}");
    let frame = seen.split("\x1b[H").nth(2).unwrap();
    assert!(frame.contains("GPU  WHO") && frame.contains("simulated machine"), "{frame:?}");
    assert!(frame.matches('\n').count() < 24, "{frame:?}");
    for line in frame.lines() {
        assert!(plain(line).width() <= 80, "{line:?}");
    }
}

/// The line without its colours and erasing.
fn plain(line: &str) -> String {
    let mut out = String::new();
    for (index, part) in line.split('\x1b').enumerate() {
        let end = if index == 0 { 0 } else { part.find(|c: char| c.is_alphabetic()).unwrap() + 1 };
        out.push_str(part[end..].trim_end_matches('\r'));
    }
    out
}
