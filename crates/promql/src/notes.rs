//! What there is to say about a query besides its result, and where in its text.

use std::cell::RefCell;

use crate::query::Query;

/// Warnings and infos, each once.
#[derive(Default)]
pub(crate) struct Notes {
    warnings: RefCell<Vec<String>>,
    infos: RefCell<Vec<String>>,
}

impl Notes {
    pub(crate) fn take(&self) -> (Vec<String>, Vec<String>) {
        (self.warnings.take(), self.infos.take())
    }
}

impl Query<'_> {
    /// Notes a likely mistake.
    pub(crate) fn warn(&self, message: &str) {
        note(&self.notes.warnings, format!("PromQL warning: {message}"));
    }

    /// Notes something to know.
    pub(crate) fn info(&self, message: &str) {
        note(&self.notes.infos, format!("PromQL info: {message}"));
    }

    /// Where an argument of a function begins, as `(line:column)`: that of its first call in the text.
    pub(crate) fn argument(&self, function: &str, index: usize) -> String {
        let (_, open) = first_call(self.text, function);
        place(self.text, argument_start(self.text, open, index))
    }

    /// Where a call begins, as `(line:column)`.
    pub(crate) fn call(&self, function: &str) -> String {
        place(self.text, first_call(self.text, function).0)
    }
}

/// Notes beyond this many say nothing new.
const MOST: usize = 100;

fn note(notes: &RefCell<Vec<String>>, message: String) {
    let mut notes = notes.borrow_mut();
    if notes.len() < MOST && !notes.contains(&message) {
        notes.push(message);
    }
}

/// A place of a text as `(line:column)`.
fn place(text: &str, at: usize) -> String {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    format!("({line}:{})", before.rsplit('\n').next().unwrap_or_default().len() + 1)
}

/// Where a function's first call begins, and the offset behind its opening parenthesis. Between the
/// two an aggregation may have its `by (…)`.
fn first_call(query: &str, function: &str) -> (usize, usize) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    for (at, _) in query.match_indices(function) {
        let rest = &query[at + function.len()..];
        if query[..at].ends_with(word) || rest.starts_with(word) {
            continue;
        }
        let mut tail = rest.trim_start();
        for modifier in ["by", "without"] {
            let labels = tail.strip_prefix(modifier).filter(|tail| !tail.starts_with(word));
            tail = labels.and_then(|tail| tail.split_once(')')).map_or(tail, |split| split.1);
        }
        let tail = tail.trim_start();
        if let Some(inner) = tail.strip_prefix('(') {
            return (at, query.len() - inner.len());
        }
    }
    (0, 0)
}

/// The offset of an argument, from the offset behind the opening parenthesis.
fn argument_start(query: &str, open: usize, index: usize) -> usize {
    let (mut depth, mut seen) = (0_usize, 0);
    let mut start = open;
    for (at, byte) in query.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 && seen < index => {
                seen += 1;
                start = at + 1;
            }
            _ => {}
        }
    }
    let blank = query.as_bytes().iter().skip(start).take_while(|byte| byte.is_ascii_whitespace());
    start + blank.count()
}
