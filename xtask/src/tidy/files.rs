//! What may stand in which source file: names, module docs, `unsafe`, programs run, tests marked.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Fault;

/// Names that say nothing about what is inside.
const FORBIDDEN_NAMES: &[&str] = &[
    "mod",
    "utils",
    "util",
    "common",
    "misc",
    "manager",
    "types",
    "const",
    "consts",
    "constants",
    "handlers",
    "helpers",
    "variables",
];

/// Folders and files that may contain `unsafe`.
const MAY_BE_UNSAFE: &[&str] =
    &["crates/gpu/src/nvml/library", "crates/sim-nvml/", "crates/cli/src/memory.rs"];

/// Folders and files that may run programs; tests besides.
const MAY_RUN_PROGRAMS: &[&str] =
    &["crates/gpu/src/smi", "crates/sim/src/bin/gpulse-sim", "xtask/", "tests/"];

/// Folders of what was built or fetched, not written.
const BUILT: &[&str] = &["target", "node_modules", "dist"];

const STYLE: &str = "docs/style.md";
const INVARIANTS: &str = "ARCHITECTURE.md, Invariants";

/// Faults of all Rust files.
pub(super) fn faults(root: &Path) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for folder in ["crates", "tests", "xtask", "benches", "fuzz"] {
        for file in with_extension(&root.join(folder), "rs")? {
            let place = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            faults.extend(of_file(&place, &std::fs::read_to_string(&file)?));
        }
    }
    Ok(faults)
}

/// All files below a folder with that extension, build output aside, in the order of their names.
pub(super) fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            let built = BUILT.iter().any(|name| entry.file_name() == *name);
            if !hidden && !built {
                found.extend(with_extension(&path, extension)?);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(found)
}

fn of_file(place: &str, text: &str) -> Vec<Fault> {
    let mut faults = name(place);
    let is_test = is_test(place);
    // What `foo/tests.rs` is, its place says.
    if !has_module_doc(text) && !place.ends_with("/tests.rs") {
        faults.push(Fault::new(place, "begins without a `//!` module doc", STYLE));
    }
    if place.contains("/tests/") && is_root_of_test(place) && !text.contains("#![cfg(test)]") {
        faults.push(Fault::new(place, "an integration test without `#![cfg(test)]`", STYLE));
    }
    for (index, line) in text.lines().enumerate() {
        let at = || format!("{place}:{}", index + 1);
        let code = code_of(line);
        if has_word(&code, "unsafe") && !starts(place, MAY_BE_UNSAFE) {
            faults.push(Fault::new(at(), "`unsafe` outside the places that may", INVARIANTS));
        }
        if code.contains("Command::new(") && !is_test && !starts(place, MAY_RUN_PROGRAMS) {
            faults.push(Fault::new(at(), "runs a program", INVARIANTS));
        }
        if code.trim_start().starts_with("#[ignore") {
            faults.push(Fault::new(at(), "an ignored test: say `skipped:` and why", STYLE));
        }
    }
    faults
}

fn name(place: &str) -> Vec<Fault> {
    let path = Path::new(place);
    path.components()
        .filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str())
        .filter(|part| FORBIDDEN_NAMES.contains(part))
        .map(|part| Fault::new(place, format!("`{part}` says nothing about what is inside"), STYLE))
        .collect()
}

fn starts(place: &str, allowed: &[&str]) -> bool {
    allowed.iter().any(|prefix| place.starts_with(prefix))
}

fn is_test(place: &str) -> bool {
    place.contains("/tests/") || place.ends_with("/tests.rs") || place.ends_with("_tests.rs")
}

/// `crates/x/tests/name.rs`, `tests/tests/name.rs`, not the modules below.
fn is_root_of_test(place: &str) -> bool {
    let folder = Path::new(place).parent().unwrap_or(Path::new(""));
    let package = folder.parent().and_then(Path::file_name);
    folder.file_name().is_some_and(|name| name == "tests")
        && package.is_some_and(|name| name != "src")
        && !folder.components().any(|part| part.as_os_str() == "src")
}

/// The first line that is neither blank nor an attribute of the file.
fn has_module_doc(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    first.is_some_and(|line| line.starts_with("//!"))
}

/// A line without its comment and without the contents of its strings.
fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut in_string = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => drop(characters.next()),
            '"' => in_string = !in_string,
            '/' if !in_string && characters.peek() == Some(&'/') => break,
            _ if in_string => {}
            other => code.push(other),
        }
    }
    code
}

fn has_word(code: &str, word: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(place: &str, text: &str) -> Vec<String> {
        of_file(place, text).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn unsafe_is_found_as_code_and_not_as_a_word_in_prose() {
        let text = "//! Doc.\n// unsafe\nlet a = \"unsafe {\";\n#![deny(unsafe_code)]\n";
        assert!(whats("crates/host/src/lib.rs", text).is_empty());
        assert_eq!(whats("crates/host/src/lib.rs", "//! D.\nunsafe { f() }\n").len(), 1);
        assert!(whats("crates/gpu/src/nvml/library.rs", "//! D.\nunsafe { f() }\n").is_empty());
    }

    #[test]
    fn only_sources_that_may_run_programs_do() {
        let text = "//! D.\nCommand::new(\"x\");\n";
        assert_eq!(whats("crates/host/src/lib.rs", text), ["runs a program"]);
        assert!(whats("crates/gpu/src/smi/run.rs", text).is_empty());
        assert!(whats("crates/cli/tests/who.rs", &format!("#![cfg(test)]\n{text}")).is_empty());
    }

    #[test]
    fn a_file_needs_a_doc_and_a_name_that_says_something() {
        assert_eq!(whats("crates/host/src/cgroup.rs", "use a::b;\n").len(), 1);
        assert_eq!(whats("crates/host/src/utils.rs", "//! D.\n").len(), 1);
        assert_eq!(whats("crates/host/src/helpers/a.rs", "//! D.\n").len(), 1);
    }

    #[test]
    fn an_integration_test_is_known_as_one() {
        assert_eq!(whats("crates/cli/tests/who.rs", "//! D.\n").len(), 1);
        assert!(whats("crates/cli/src/who/tests.rs", "//! D.\n").is_empty());
        assert_eq!(whats("crates/cli/src/a.rs", "//! D.\n#[ignore]\n").len(), 1);
    }
}
