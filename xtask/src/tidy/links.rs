//! Links between pages: the file exists, and the heading it points at.
//!
//! Addresses on the web are not asked.

use std::path::Path;

use anyhow::Result;

use super::{Fault, files};

const RULE: &str = "docs/style.md";

/// Faults of all Markdown pages.
pub(super) fn faults(root: &Path) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for page in files::with_extension(root, "md")? {
        let text = std::fs::read_to_string(&page)?;
        let place = page.strip_prefix(root).unwrap_or(&page).display().to_string();
        for (line, target) in targets(&text) {
            if let Some(what) = broken(&page, &text, &target) {
                faults.push(Fault::new(format!("{place}:{line}"), what, RULE));
            }
        }
    }
    Ok(faults)
}

/// Targets of inline links and pictures, with their line, code aside.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second part between backquotes is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("_");
        for (at, _) in prose.match_indices("](") {
            let rest = prose.get(at + 2..).unwrap_or_default();
            if let Some(target) = rest.split([')', ' ']).next() {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn broken(page: &Path, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.to_path_buf()
    } else {
        page.parent().unwrap_or(Path::new("")).join(file)
    };
    if !path.exists() {
        return Some(format!("link to {target}: no such file"));
    }
    if anchor.is_empty() || path.extension().is_none_or(|extension| extension != "md") {
        return None;
    }
    let other =
        if file.is_empty() { text.to_owned() } else { std::fs::read_to_string(&path).ok()? };
    let has = anchors(&other).iter().any(|heading| heading == anchor);
    (!has).then(|| format!("link to {target}: no such heading"))
}

/// Anchors as the usual renderers make them from headings.
fn anchors(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            words
                .chars()
                .filter_map(|character| match character {
                    ' ' => Some('-'),
                    '-' | '_' => Some(character),
                    other => other.is_alphanumeric().then_some(other),
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_links_are_found_and_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.md"), "# The `first` part\n").unwrap();
        let page = folder.path().join("a.md");
        let text = "[a](b.md) [b](b.md#the-first-part) [c](https://x.invalid/) `[d](gone.md)`\n\
                    ```\n[e](gone.md)\n```\n[f](gone.md) [g](b.md#second)\n";
        let faults: Vec<_> = targets(text)
            .into_iter()
            .filter_map(|(line, target)| Some((line, broken(&page, text, &target)?)))
            .collect();
        assert_eq!(
            faults,
            [
                (5, "link to gone.md: no such file".to_owned()),
                (5, "link to b.md#second: no such heading".to_owned())
            ]
        );
    }
}
