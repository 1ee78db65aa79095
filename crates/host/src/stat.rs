//! `/proc/PID/stat`: the one small read that tells whether a process is still the same.
//!
//! The program name stands in parentheses and may hold anything: spaces, `)`, newlines, bytes that
//! are not UTF-8. So the fields are counted from the last `)`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::file;

/// What gpulse uses of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Program name as the kernel keeps it, at most 15 bytes.
    pub(crate) comm: Vec<u8>,
    pub(crate) state: char,
    pub(crate) parent: u32,
    /// User and system time in clock ticks.
    pub(crate) cpu_ticks: u64,
    pub(crate) start_ticks: u64,
}

impl Stat {
    #[expect(clippy::cast_precision_loss, reason = "ticks of centuries fit 53 bits")]
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.cpu_ticks as f64 / ticks_per_second() as f64
    }
}

/// Clock ticks per second, the unit of the file.
pub(crate) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// Read a process's line.
pub(crate) fn read(procfs: &Path, pid: u32) -> io::Result<Stat> {
    // The longest line has 52 numbers of at most 20 digits: 1,200 bytes.
    let mut buffer = [0_u8; 2048];
    let mut file = File::open(file::of_process(procfs, pid, "stat"))?;
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    parse(&buffer[..length])
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a line of /proc/PID/stat"))
}

/// Read the line from its bytes.
pub(crate) fn parse(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')').filter(|close| *close > open)?;
    let rest = std::str::from_utf8(&line[close + 1..]).ok()?;
    // Numbers in `man 5 proc` count from 1; the state, number 3, is the first one here.
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        comm: line[open + 1..close].to_vec(),
        state: fields.first()?.chars().next()?,
        parent: u32::try_from(number(4)?).ok()?,
        cpu_ticks: number(14)?.saturating_add(number(15)?),
        start_ticks: number(22)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &[u8] = b" S 17 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 98765 1000 5 18446744073709551615 1 1 0\n";

    fn line(comm: &[u8]) -> Vec<u8> {
        [b"4242 (", comm, b")", REST].concat()
    }

    #[test]
    fn a_name_may_hold_anything() {
        let names: [&[u8]; 6] =
            [b"python", b"a) R 1 (b", b"new\nline", b"\xff\xfe", b"", b"((sd-pam))"];
        for name in names {
            let stat = parse(&line(name)).unwrap();
            assert_eq!(stat.comm, name);
            assert_eq!((stat.state, stat.parent, stat.start_ticks), ('S', 17, 98765));
            assert_eq!(stat.cpu_ticks, 300);
        }
    }

    #[test]
    fn broken_lines_are_no_process() {
        for broken in [&b""[..], b"1", b"1 (", b")(", b"1 (x) S 1", b"1 (x)", b"1 (x) S a b c"] {
            assert_eq!(parse(broken), None);
        }
        let full = line(b"x");
        for cut in 0..80 {
            let _ = parse(&full[..cut]);
        }
    }
}
