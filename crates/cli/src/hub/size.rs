//! `--retention-size`: a part of the disk, or bytes.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// How much samples may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Per cent of the disk that holds the folder.
    Part(u8),
    /// Bytes.
    Bytes(u64),
}

/// Units as Prometheus reads them: powers of 1024, whatever they are called.
const UNITS: [(&str, u32); 13] = [
    ("B", 0),
    ("KiB", 10),
    ("MiB", 20),
    ("GiB", 30),
    ("TiB", 40),
    ("KB", 10),
    ("MB", 20),
    ("GB", 30),
    ("TB", 40),
    ("K", 10),
    ("M", 20),
    ("G", 30),
    ("T", 40),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size: write 80% or 50GiB");
        if let Some(part) = text.strip_suffix('%') {
            let part: u8 = part.parse().map_err(|_| wrong())?;
            return if (1..=100).contains(&part) { Ok(Self::Part(part)) } else { Err(wrong()) };
        }
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let shift = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
        let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes > 0);
        Ok(Self::Bytes(bytes.ok_or_else(wrong)?))
    }
}

impl Size {
    /// In bytes for a folder; none where its disk does not say how large it is.
    pub(crate) fn on(self, folder: &Path) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Part(part) => {
                let disk = rustix::fs::statvfs(folder).ok()?;
                Some(disk.f_blocks.saturating_mul(disk.f_frsize) / 100 * u64::from(part))
            }
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => write!(f, "{part}%"),
            Self::Bytes(bytes) => {
                let whole = |(_, shift): &&(&str, u32)| bytes % (1 << shift) == 0;
                let (unit, shift) = UNITS[..5].iter().rfind(whole).unwrap_or(&UNITS[0]);
                write!(f, "{}{unit}", bytes >> shift)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_they_are_written() {
        for text in ["80%", "50GiB", "1025KiB", "7B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("2GB".parse(), Ok(Size::Bytes(2 << 30)));
        for wrong in ["", "0%", "101%", "50", "GiB", "0B", "5 GiB", "99999999999TiB", "-1GiB"] {
            assert!(wrong.parse::<Size>().unwrap_err().contains("80% or 50GiB"), "{wrong}");
        }
    }

    #[test]
    fn a_part_of_the_disk_is_below_the_whole() {
        let folder = std::env::temp_dir();
        let (part, whole) = (Size::Part(80).on(&folder).unwrap(), Size::Part(100).on(&folder));
        assert!(0 < part && part < whole.unwrap());
    }
}
