//! A stand-in for `nvidia-smi` that answers from a capture: for tests, put on PATH under that name.
//!
//! `REPLAY_CAPTURE` names the file, `REPLAY_PHASE` is `idle` or `load` (default). It follows the
//! sections of the file, whatever model, driver and number of GPUs they are of. A field that the
//! capture does not have is refused as the real program refuses one, on standard output with code
//! 2. Only the forms that gpulse runs are answered.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use tests::capture::Capture;

/// What the program prints, and its exit code.
struct Answer {
    output: Vec<u8>,
    code: u8,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let phase = std::env::var("REPLAY_PHASE").unwrap_or_else(|_| "load".to_owned());
    let file = std::env::var_os("REPLAY_CAPTURE").unwrap_or_default();
    let answer = match Capture::read(Path::new(&file)) {
        Ok(capture) => answer(&capture, &phase, &arguments),
        Err(error) => refusal(&format!("REPLAY_CAPTURE {}: {error}", file.display()), 9),
    };
    // Who does not read the answer does not need it.
    let _closed = std::io::stdout().write_all(&answer.output);
    ExitCode::from(answer.code)
}

fn answer(capture: &Capture, phase: &str, arguments: &[String]) -> Answer {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => section(capture, phase, ""),
        ["-L" | "--list-gpus"] => section(capture, phase, "-L"),
        ["-q" | "--query"] => section(capture, phase, "-q"),
        ["pmon", options @ ..] => pmon(capture, phase, options),
        _ => query(capture, phase, &words),
    }
}

/// The real program's way: a sentence on standard output and a code.
fn refusal(sentence: &str, code: u8) -> Answer {
    Answer { output: format!("{sentence}\n").into_bytes(), code }
}

fn missing(what: &str) -> Answer {
    refusal(&format!("This capture has no section of nvidia-smi {what}"), 3)
}

fn section(capture: &Capture, phase: &str, arguments: &str) -> Answer {
    match capture.section(phase, arguments) {
        Some(section) => Answer { output: section.body.clone(), code: 0 },
        None => missing(arguments),
    }
}

/// `pmon -c N`: that many looks, from the first one again when the capture has fewer.
fn pmon(capture: &Capture, phase: &str, options: &[&str]) -> Answer {
    let Some(section) = capture.section(phase, "pmon") else { return missing("pmon") };
    let count = match options {
        [] => usize::MAX,
        ["-c", count] => count.parse().unwrap_or(1),
        _ => return refusal("Invalid combination of input arguments.", 2),
    };
    let (head, rows): (Vec<&[u8]>, Vec<&[u8]>) =
        lines(&section.body).partition(|line| line.starts_with(b"#"));
    let looks = looks(&rows);
    let count = if count == usize::MAX { looks.len() } else { count };
    let repeated = looks.iter().cycle().take(count).flatten();
    let mut output = head.join(&b'\n');
    output.push(b'\n');
    for row in repeated {
        output.extend_from_slice(row);
        output.push(b'\n');
    }
    Answer { output, code: 0 }
}

/// Rows grouped by look: one begins where a GPU and PID of the present one come again.
fn looks<'a>(rows: &[&'a [u8]]) -> Vec<Vec<&'a [u8]>> {
    let mut looks: Vec<Vec<&[u8]>> = Vec::new();
    for &row in rows {
        let seen = looks.last().is_some_and(|look| look.iter().any(|r| who(r) == who(row)));
        match looks.last_mut().filter(|_| !seen) {
            Some(look) => look.push(row),
            None => looks.push(vec![row]),
        }
    }
    looks
}

/// The first two cells of a row: GPU and PID.
fn who(row: &[u8]) -> Vec<&[u8]> {
    row.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty()).take(2).collect()
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// `--query-gpu=LIST` or `--query-compute-apps=LIST`, with `--format=...`.
fn query(capture: &Capture, phase: &str, words: &[&str]) -> Answer {
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let kind = ["--query-gpu=", "--query-compute-apps="].into_iter().find(|k| value(k).is_some());
    let Some((kind, list)) = kind.and_then(|kind| Some((kind, value(kind)?))) else {
        return refusal("Invalid combination of input arguments.", 2);
    };
    let options: Vec<&str> = value("--format=").unwrap_or("").split(',').map(str::trim).collect();
    if words.len() != 2 || !options.contains(&"csv") {
        return refusal("\"--format=\" switch is missing or does not say csv.", 2);
    }
    let Some(section) = capture.section(phase, kind) else { return missing(kind) };
    let help = kind.trim_end_matches('=').replace("--query", "--help-query");
    let aliases = aliases(&capture.text(phase, &help).unwrap_or_default());
    let asked = section.arguments.as_deref().unwrap_or("");
    let asked = asked.split(' ').find_map(|word| word.strip_prefix(kind)).unwrap_or("");
    match Csv::parse(&section.body, asked) {
        Some(csv) => csv.select(list, &aliases, &options),
        None => missing(kind),
    }
}

/// Names of one field, from the help text: `"uuid" or "gpu_uuid"`.
fn aliases(help: &str) -> Vec<Vec<String>> {
    let quoted = |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let groups = help.lines().filter(|line| line.starts_with('"') && line.contains("\" or \""));
    let mut aliases: Vec<Vec<String>> = groups.map(quoted).collect();
    // What every driver knows, for captures without the help text.
    for group in [
        ["name", "gpu_name"],
        ["uuid", "gpu_uuid"],
        ["pci.bus_id", "gpu_bus_id"],
        ["clocks.current.sm", "clocks.sm"],
        ["clocks.current.memory", "clocks.mem"],
        ["clocks.current.graphics", "clocks.gr"],
        ["used_gpu_memory", "used_memory"],
    ] {
        aliases.push(group.map(str::to_owned).to_vec());
    }
    aliases
}

/// The captured answer to a query.
struct Csv<'a> {
    /// Header cells, as printed.
    header: Vec<String>,
    /// The fields by the names they were asked by, if the heading says.
    asked: Vec<String>,
    rows: Vec<Vec<&'a [u8]>>,
}

impl<'a> Csv<'a> {
    fn parse(body: &'a [u8], asked: &str) -> Option<Self> {
        let mut lines = lines(body);
        let header = String::from_utf8_lossy(lines.next()?).into_owned();
        let header: Vec<String> = header.split(", ").map(|cell| cell.trim().to_owned()).collect();
        let of_name = |cell: &String| cell == "process_name" || cell == "name";
        let name = header.iter().position(of_name);
        let rows = lines.map(|line| cells(line, header.len(), name)).collect();
        Some(Self { header, asked: asked.split(',').map(str::to_owned).collect(), rows })
    }

    fn column(&self, field: &str, aliases: &[Vec<String>]) -> Option<usize> {
        let with = |group: &&Vec<String>| group.iter().any(|name| name == field);
        let mut names: Vec<&str> = vec![field];
        names.extend(aliases.iter().filter(with).flatten().map(String::as_str));
        let is = |cell: &String| names.contains(&cell.split(" [").next().unwrap_or(cell));
        let by_header = self.header.iter().position(is);
        let complete = self.asked.len() == self.header.len();
        by_header.or_else(|| self.asked.iter().position(is).filter(|_| complete))
    }

    fn select(&self, list: &str, aliases: &[Vec<String>], options: &[&str]) -> Answer {
        let mut columns = Vec::new();
        for field in list.split(',').map(str::trim) {
            match self.column(field, aliases) {
                Some(column) => columns.push(column),
                None => {
                    let sentence = format!("Field \"{field}\" is not a valid field to query.\n");
                    return refusal(&sentence, 2);
                }
            }
        }
        let mut output = Vec::new();
        if !options.contains(&"noheader") {
            let header: Vec<&[u8]> = columns.iter().map(|&c| self.header[c].as_bytes()).collect();
            output.extend(header.join(&b", "[..]));
            output.push(b'\n');
        }
        for row in &self.rows {
            let units = !options.contains(&"nounits");
            let cell = |&c: &usize| if units { row[c] } else { self.without_unit(c, row[c]) };
            output.extend(columns.iter().map(cell).collect::<Vec<_>>().join(&b", "[..]));
            output.push(b'\n');
        }
        Answer { output, code: 0 }
    }

    /// The unit stands in the header: `memory.used [MiB]`.
    fn without_unit(&self, column: usize, cell: &'a [u8]) -> &'a [u8] {
        let unit = self.header[column].split(" [").nth(1).and_then(|rest| rest.strip_suffix(']'));
        let cut = unit.and_then(|unit| cell.strip_suffix(unit.as_bytes())?.strip_suffix(b" "));
        cut.unwrap_or(cell)
    }
}

/// The cells of a line; what is too much belongs to the name.
fn cells(line: &[u8], count: usize, name: Option<usize>) -> Vec<&[u8]> {
    let mut ends: Vec<usize> =
        line.windows(2).enumerate().filter(|(_, two)| *two == b", ").map(|(at, _)| at).collect();
    let surplus = (ends.len() + 1).saturating_sub(count);
    if let Some(name) = name {
        ends.drain(name..name + surplus);
    }
    let mut cells: Vec<&[u8]> = Vec::new();
    let mut start = 0;
    for end in ends {
        cells.push(&line[start..end]);
        start = end + 2;
    }
    cells.push(&line[start..]);
    cells.resize(count, b"");
    cells
}
