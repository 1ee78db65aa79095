//! Identifiers replaced by placeholders of the same shape, so that a capture can be shared.
//!
//! Two different identifiers stay different: the first becomes 0, the second 1, and so on.

/// Replaces what it has seen before by the same placeholder again.
#[derive(Debug, Default)]
pub(super) struct Mask {
    seen: Vec<String>,
}

/// What UUIDs begin with.
const UUID_PREFIXES: [&str; 2] = ["GPU-", "MIG-"];

impl Mask {
    /// A text without UUIDs, the given serial numbers, host name and home folder.
    pub(super) fn text(&mut self, text: &str, serials: &[String]) -> String {
        let mut masked = String::new();
        for line in text.lines() {
            masked.push_str(&self.line(line, serials));
            masked.push('\n');
        }
        masked
    }

    fn line(&mut self, line: &str, serials: &[String]) -> String {
        let mut line = self.uuids(line);
        for serial in serials {
            if !line.contains(serial.as_str()) {
                continue;
            }
            let number = self.number(serial);
            let width = serial.chars().count();
            line = line.replace(serial.as_str(), &format!("{number:0width$}"));
        }
        if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
            line = whole_words(&line, host.trim(), "host");
        }
        match std::env::var("HOME") {
            Ok(home) if home.len() > 1 => line.replace(&home, "/home/user"),
            _ => line,
        }
    }

    fn uuids(&mut self, line: &str) -> String {
        let mut masked = String::new();
        let mut rest = line;
        while let Some(at) = UUID_PREFIXES.iter().filter_map(|prefix| rest.find(prefix)).min() {
            let (before, from) = rest.split_at(at);
            masked.push_str(before);
            let end =
                from.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(from.len());
            let (uuid, after) = from.split_at(end);
            masked.push_str(&self.placeholder(uuid));
            rest = after;
        }
        masked + rest
    }

    /// `GPU-00000000-0000-0000-0000-000000000001`; anything of another shape stays.
    fn placeholder(&mut self, uuid: &str) -> String {
        let (prefix, id) = uuid.split_at(4);
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        if groups != [8, 4, 4, 4, 12] {
            return uuid.to_owned();
        }
        let number = self.number(uuid);
        format!("{prefix}00000000-0000-0000-0000-{number:012}")
    }

    fn number(&mut self, identifier: &str) -> usize {
        self.seen.iter().position(|seen| seen == identifier).unwrap_or_else(|| {
            self.seen.push(identifier.to_owned());
            self.seen.len() - 1
        })
    }
}

/// A host name may be a short word: replaced only where it stands alone.
fn whole_words(line: &str, word: &str, by: &str) -> String {
    if word.len() < 3 {
        return line.to_owned();
    }
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut last = 0;
    for (at, _) in line.match_indices(word) {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        if !before.is_some_and(part) && !after.is_some_and(part) {
            out.push_str(line.get(last..at).unwrap_or_default());
            out.push_str(by);
            last = at + word.len();
        }
    }
    out + line.get(last..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_go_and_stay_different() {
        let text = "GPU 0: X (UUID: GPU-5b3c0000-1111-2222-3333-444455556666)\n\
                    GPU 1: X (UUID: GPU-5b3c0000-1111-2222-3333-444455557777), 1321021036987\n\
                    again GPU-5b3c0000-1111-2222-3333-444455556666, GPU-Z is a tool\n";
        let mut mask = Mask::default();
        let masked = mask.text(text, &["1321021036987".to_owned()]);
        assert_eq!(
            masked,
            "GPU 0: X (UUID: GPU-00000000-0000-0000-0000-000000000000)\n\
             GPU 1: X (UUID: GPU-00000000-0000-0000-0000-000000000001), 0000000000002\n\
             again GPU-00000000-0000-0000-0000-000000000000, GPU-Z is a tool\n"
        );
    }

    #[test]
    fn a_host_name_goes_only_where_it_stands_alone() {
        assert_eq!(
            whole_words("node, nodes, node-1 node", "node", "host"),
            "host, nodes, node-1 host"
        );
    }
}
