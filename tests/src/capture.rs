//! Captures of real GPUs: text files of sections, each the output of one `nvidia-smi` command.
//!
//! The format is that of `captures/README.md`. Bodies are kept as bytes, as process names may hold
//! any. What a section means is left to the reader; any section may be missing.

use std::io;
use std::path::{Path, PathBuf};

/// One file, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// In order of the file.
    pub sections: Vec<Section>,
}

/// The output of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// `idle`, `load`, or `capabilities` for what does not change with load.
    pub phase: String,
    /// The rest of the heading: `pmon (per-process monitor)`.
    pub title: String,
    /// What was run, without the program's name; `None` where the heading does not say.
    pub arguments: Option<String>,
    /// What it printed, lines ended by `\n`.
    pub body: Vec<u8>,
}

impl Capture {
    /// Read a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read(path)?))
    }

    /// Read the bytes of a file.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(without_return).collect();
        let mut sections: Vec<Section> = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            if let Some((section, length)) = heading(&lines[at..]) {
                sections.push(section);
                at += length;
            } else {
                if let Some(section) = sections.last_mut() {
                    section.body.extend_from_slice(lines[at]);
                    section.body.push(b'\n');
                }
                at += 1;
            }
        }
        for section in &mut sections {
            cut_blank_end(&mut section.body);
        }
        Self { sections }
    }

    /// The section of a phase whose arguments begin so; else one that does not change with load.
    /// Empty arguments stand for the default table.
    #[must_use]
    pub fn section(&self, phase: &str, arguments: &str) -> Option<&Section> {
        let runs = |section: &&Section| match &section.arguments {
            Some(run) if arguments.is_empty() => run.is_empty(),
            Some(run) => run.starts_with(arguments),
            None => false,
        };
        let of = |phase: &str| {
            self.sections.iter().filter(|section| section.phase == phase).find(|s| runs(s))
        };
        of(phase).or_else(|| of("capabilities"))
    }

    /// A section's text, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self, phase: &str, arguments: &str) -> Option<String> {
        self.section(phase, arguments).map(Section::text)
    }
}

impl Section {
    /// The body, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Every capture file of a folder, in order of name; empty where there is no such folder.
#[must_use]
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A line of nothing but `#`: no command prints one that long.
fn is_rule(line: &[u8]) -> bool {
    line.len() >= 40 && line.iter().all(|byte| *byte == b'#')
}

/// A heading at the start of `lines`, and how many lines it takes.
fn heading(lines: &[&[u8]]) -> Option<(Section, usize)> {
    let (first, rest) = lines.split_first()?;
    if !is_rule(first) {
        return None;
    }
    let end = rest.iter().position(|line| is_rule(line))?;
    let mut comments = rest[..end].iter().map(|line| String::from_utf8_lossy(line).into_owned());
    let title = comments.next()?;
    let (phase, title) = title.strip_prefix("# ")?.split_once(" :: ")?;
    let command = comments.find_map(|line| line.strip_prefix("# $ ").map(str::to_owned));
    let arguments = command.and_then(|command| {
        let after = command.trim().strip_prefix("nvidia-smi")?.to_owned();
        Some(after.trim().to_owned())
    });
    let section = Section {
        phase: phase.trim().to_owned(),
        title: title.trim().to_owned(),
        arguments,
        body: Vec::new(),
    };
    Some((section, end + 2))
}

/// Sections are parted by blank lines, which no command prints at its end as far as it matters.
fn cut_blank_end(body: &mut Vec<u8>) {
    while body.ends_with(b"\n\n") || body.as_slice() == b"\n" {
        body.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str =
        "################################################################################";

    #[test]
    fn sections_are_found_by_phase_and_command_and_line_ends_do_not_matter() {
        let text = format!(
            "{RULE}\n# a capture\n{RULE}\nmasked: yes\n\n{RULE}\n# capabilities :: list (-L)\n\
             # $ nvidia-smi -L\n{RULE}\nGPU 0: A\n\n\n{RULE}\n# load :: pmon\n# $ nvidia-smi pmon -c 5\n\
             {RULE}\n# gpu pid\n0 1\n\n{RULE}\n# load :: table\n# $ nvidia-smi \n{RULE}\nx\n"
        );
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let capture = Capture::parse(text.as_bytes());
            assert_eq!(capture.sections.len(), 3);
            assert_eq!(capture.text("load", "pmon").unwrap(), "# gpu pid\n0 1\n");
            assert_eq!(capture.text("load", "").unwrap(), "x\n");
            assert_eq!(capture.text("idle", "-L").unwrap(), "GPU 0: A\n");
            assert_eq!(capture.text("idle", "pmon"), None);
        }
    }
}
