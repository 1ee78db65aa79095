//! `--query-compute-apps`: the first seed's two queries, `<gpu>,pid,process_name,used_gpu_memory`.
//!
//! A process name may hold commas, quotes and line ends, and nothing is quoted. So the columns are
//! taken from both ends, and a line that does not start as a record goes on with the one before.

use super::value;

/// One compute process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct App {
    /// PCI bus id, or UUID, of its GPU: whatever the query asked for first. With MIG on, the UUID
    /// is the parent's.
    pub(super) gpu: String,
    /// Host PID.
    pub(super) pid: u32,
    /// Memory in bytes, if it can be read.
    pub(super) memory_bytes: Option<u64>,
}

/// The processes; `None` if the text holds anything else.
pub(super) fn parse(text: &str) -> Option<Vec<App>> {
    let mut records: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if head(line).is_some() {
            records.push(line.to_owned());
        } else if let Some(record) = records.last_mut() {
            record.push('\n');
            record.push_str(line);
        } else if !is_header(line) && !super::table::is_notice(line) {
            return None;
        }
    }
    records.iter().map(|record| app(record)).collect()
}

fn app(record: &str) -> Option<App> {
    let (gpu, pid, rest) = head(record)?;
    let memory = rest.rsplit_once(',').map_or("", |(_, memory)| memory);
    Some(App { gpu: gpu.to_owned(), pid, memory_bytes: value::mebibytes(memory).value() })
}

/// GPU, PID and the rest of a line that starts a record.
fn head(line: &str) -> Option<(&str, u32, &str)> {
    let (gpu, rest) = line.split_once(',')?;
    let (pid, rest) = rest.split_once(',')?;
    let gpu = gpu.trim();
    let names_a_gpu = gpu.starts_with("GPU-") || gpu.starts_with("MIG-") || is_bus_id(gpu);
    names_a_gpu.then_some((gpu, pid.trim().parse().ok()?, rest))
}

fn is_header(line: &str) -> bool {
    line.contains("pid") && line.contains("process_name")
}

/// `00000000:0C:00.0`, also with a domain of four digits.
fn is_bus_id(word: &str) -> bool {
    super::facts::bus_number(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_quotes_and_line_ends_stay_one_process() {
        let apps = parse(
            "00000000:0C:00.0, 17, /opt/a, \"b\", 5, c, 230\n\
             00000000:0C:00.0, 18, two\nlines, 12 MiB, 370 MiB\r\n\
             0000:0D:00.0, 19, [Not Found], [N/A]\n",
        )
        .unwrap();
        let seen: Vec<_> = apps.iter().map(|a| (a.pid, a.memory_bytes.map(|b| b >> 20))).collect();
        assert_eq!(seen, [(17, Some(230)), (18, Some(370)), (19, None)]);
    }

    #[test]
    fn a_header_or_a_sentence_is_no_process_and_garbage_is_refused() {
        assert_eq!(parse("gpu_uuid, pid, process_name, used_gpu_memory [MiB]\n"), Some(vec![]));
        assert_eq!(parse("No running processes found\n"), Some(vec![]));
        assert_eq!(parse(""), Some(vec![]));
        assert_eq!(parse("%%% core dumped\n"), None);
    }
}
