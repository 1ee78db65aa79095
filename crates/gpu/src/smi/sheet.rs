//! `--query-gpu=LIST --format=csv,nounits`: one line per GPU, one column per asked field.
//!
//! Columns are taken by position, as some fields come back under another name than they were asked
//! by. The asked list must begin with `index` and end with `name`, the only text that may hold a
//! comma.

use model::{ErrorKind, Reading};

use super::value;

/// The answer to one query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    fields: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Read an answer to a query for `fields`; `None` if it does not fit them.
    pub(super) fn parse(text: &str, fields: &[&str]) -> Option<Self> {
        let mut rows = Vec::new();
        if text.trim().is_empty() {
            return None;
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        for line in lines.filter(|line| !super::table::is_notice(line)) {
            let cells = cells(line, fields.len())?;
            match value::text(&cells[0]) {
                Reading::Value("index") | Reading::NotSupported | Reading::Failed(_) => {}
                Reading::Value(index) => {
                    index.parse::<u32>().ok()?;
                    rows.push(cells);
                }
            }
        }
        Some(Self { fields: fields.iter().map(|&field| field.to_owned()).collect(), rows })
    }

    /// How many GPUs answered.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether any cell of the `row`th GPU says that it is lost.
    pub(super) fn is_lost(&self, row: usize) -> bool {
        let lost = |cell: &String| value::text(cell) == Reading::Failed(ErrorKind::Lost);
        self.rows.get(row).is_some_and(|cells| cells.iter().any(lost))
    }

    /// What the `row`th GPU answered to `field`: `None` if that was not asked.
    pub(super) fn cell(&self, row: usize, field: &str) -> Option<&str> {
        let column = self.fields.iter().position(|asked| asked == field)?;
        self.rows.get(row)?.get(column).map(String::as_str)
    }
}

fn cells(line: &str, count: usize) -> Option<Vec<String>> {
    let cells: Vec<String> = line.splitn(count, ',').map(|cell| cell.trim().to_owned()).collect();
    (cells.len() == count).then_some(cells)
}

/// The field that the program says it does not know.
pub(super) fn unknown_field(said: &str) -> Option<&str> {
    let line = said.lines().find(|line| line.contains("is not a valid field to query"))?;
    let name = line.split(['"', '“', '”']).nth(1)?.trim();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_the_field_that_was_asked() {
        let text =
            "index, clocks.current.sm [MHz], name\r\n0, 1980, NVIDIA A, B\r\n1, [N/A], C\r\n";
        let sheet = Sheet::parse(text, &["index", "clocks.sm", "name"]).unwrap();
        assert_eq!(sheet.len(), 2);
        assert_eq!(sheet.cell(0, "clocks.sm"), Some("1980"));
        assert_eq!(sheet.cell(0, "name"), Some("NVIDIA A, B"));
        assert_eq!(sheet.cell(1, "clocks.sm"), Some("[N/A]"));
        assert_eq!(sheet.cell(1, "uuid"), None);
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        assert_eq!(Sheet::parse("garbage\n", &["index", "name"]), None);
        assert_eq!(Sheet::parse("x, y\n", &["index", "name"]), None);
        assert_eq!(Sheet::parse("0\n", &["index", "name"]), None);
        assert_eq!(Sheet::parse("\n", &["index", "name"]), None);
    }

    #[test]
    fn the_refused_field_is_read_from_the_message() {
        let said = "Field \"memory.reserved\" is not a valid field to query.\n\n";
        assert_eq!(unknown_field(said), Some("memory.reserved"));
        assert_eq!(unknown_field("No devices were found"), None);
    }
}
