//! `nvidia-smi pmon -c N`: per-process use, N looks a second apart.
//!
//! Columns are found by the names in the header, as drivers add some (`jpg`, `ofa`, `fb`, `ccpm`).
//! A dash where a process is listed means that the driver has no use of it in that second.

/// One process in one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// NVML index of the GPU.
    pub(super) gpu: u32,
    /// Which look, from 0.
    pub(super) look: u32,
    /// Host PID; `None` in the row of a GPU without a process.
    pub(super) pid: Option<u32>,
    /// Per cent of the GPU; `None` for a dash.
    pub(super) sm: Option<u8>,
    /// Memory traffic, as above.
    pub(super) memory: Option<u8>,
    /// Encoder, as above.
    pub(super) encoder: Option<u8>,
    /// Decoder, as above.
    pub(super) decoder: Option<u8>,
}

/// Where the columns stand that are read.
#[derive(Debug, Clone, Copy)]
struct Columns {
    gpu: usize,
    pid: usize,
    sm: usize,
    memory: Option<usize>,
    encoder: Option<usize>,
    decoder: Option<usize>,
}

impl Columns {
    fn of(header: &str) -> Option<Self> {
        let names: Vec<&str> = header.split_whitespace().collect();
        let at = |name: &str| names.iter().position(|n| *n == name);
        Some(Self {
            gpu: at("gpu")?,
            pid: at("pid")?,
            sm: at("sm")?,
            memory: at("mem"),
            encoder: at("enc"),
            decoder: at("dec"),
        })
    }
}

/// The rows; `None` if there is no header or a line that does not fit it.
pub(super) fn parse(text: &str) -> Option<Vec<Row>> {
    let mut columns: Option<Columns> = None;
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            columns = Columns::of(comment).or(columns);
        } else if !super::table::is_notice(line) {
            let row = row(line, columns?)?;
            rows.push(Row { look: look_of(&rows, row), ..row });
        }
    }
    columns.map(|_| rows)
}

/// A look ends where a GPU's process comes again, or an earlier GPU follows a later one.
fn look_of(rows: &[Row], row: Row) -> u32 {
    let Some(last) = rows.last() else { return 0 };
    let again = rows
        .iter()
        .rev()
        .take_while(|earlier| earlier.look == last.look)
        .any(|earlier| (earlier.gpu, earlier.pid) == (row.gpu, row.pid));
    last.look + u32::from(again || row.gpu < last.gpu)
}

fn row(line: &str, columns: Columns) -> Option<Row> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let cell = |at: usize| cells.get(at).copied();
    let pid = match cell(columns.pid)? {
        "-" => None,
        digits => Some(digits.parse().ok()?),
    };
    let share = |at: Option<usize>| at.and_then(cell).and_then(per_cent);
    Some(Row {
        gpu: cell(columns.gpu)?.parse().ok()?,
        look: 0,
        pid,
        sm: share(Some(columns.sm)),
        memory: share(columns.memory),
        encoder: share(columns.encoder),
        decoder: share(columns.decoder),
    })
}

/// The driver sometimes gives nonsense above 100: that is no reading.
fn per_cent(cell: &str) -> Option<u8> {
    cell.parse().ok().filter(|share| *share <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_LOOKS: &str = "\
# gpu     pid   type     fb   ccpm     sm    mem    enc    dec    command
# Idx       #    C/G     MB     MB      %      %      %      %    name
    0      11     C    100      0      -      -      -      -    a b c
    0      12     C    100      0     99      7      -    200    d
    1       -     -      -      -      -      -      -      -    -
    0      11     C    100      0      3      1     49      -    a b c
    1       -     -      -      -      -      -      -      -    -
";

    #[test]
    fn columns_are_found_by_name_and_looks_by_repetition() {
        let rows = parse(TWO_LOOKS).unwrap();
        let looks: Vec<u32> = rows.iter().map(|row| row.look).collect();
        assert_eq!(looks, [0, 0, 0, 1, 1]);
        assert_eq!((rows[1].pid, rows[1].sm, rows[1].memory), (Some(12), Some(99), Some(7)));
        assert_eq!(rows[1].decoder, None, "200 per cent is no reading");
        assert_eq!((rows[2].gpu, rows[2].pid), (1, None));
        assert_eq!(rows[3].encoder, Some(49));
    }

    #[test]
    fn without_a_header_nothing_is_guessed() {
        assert_eq!(parse("0 11 C 5 5 - - x\n"), None);
        assert_eq!(parse("Segmentation fault\n"), None);
        assert_eq!(parse(""), None);
    }
}
