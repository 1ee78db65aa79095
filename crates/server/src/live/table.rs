//! A table of the snapshot: columns of equal length.
//!
//! Numbers are held as `f64`; two of its NaNs stand for "not supported" and "failed now", so that a
//! column is one array and two columns are compared bit by bit.

use std::sync::Arc;

/// Not supported, or does not apply.
pub(super) const NULL: f64 = f64::from_bits(0x7ff8_0000_0000_0001);
/// Failed now.
pub(super) const FAILED: f64 = f64::from_bits(0x7ff8_0000_0000_0002);

/// A number, or [`NULL`].
pub(super) fn optional(value: Option<f64>) -> f64 {
    value.unwrap_or(NULL)
}

/// Rounded to so many decimals: what no page shows need not be sent when it changes.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    if value.is_nan() {
        return value;
    }
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// The same of a product; why there is no value stays why.
pub(super) fn scaled(value: f64, factor: f64, decimals: i32) -> f64 {
    if value.is_nan() { value } else { rounded(value * factor, decimals) }
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cells {
    Numbers(Vec<f64>),
    Texts(Vec<Arc<str>>),
}

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) cells: Cells,
}

/// Columns by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
}

impl Table {
    pub(super) fn numbers(&mut self, name: &'static str, cells: Vec<f64>) {
        self.columns.push(Column { name, cells: Cells::Numbers(cells) });
    }

    pub(super) fn texts(&mut self, name: &'static str, cells: Vec<Arc<str>>) {
        self.columns.push(Column { name, cells: Cells::Texts(cells) });
    }
}

/// The rows of a column that failed now.
pub(super) fn failed(cells: &[f64]) -> impl Iterator<Item = usize> + '_ {
    let is_failed = |cell: &f64| cell.to_bits() == FAILED.to_bits();
    cells.iter().enumerate().filter(move |(_, cell)| is_failed(cell)).map(|(row, _)| row)
}
