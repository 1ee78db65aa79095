//! A set of rows: what a field list names, hence what has to be read.

use super::ROWS;

/// Rows, by their place in [`ROWS`]. As small as a number, so that every question can carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowSet(u128);

const _: () = assert!(ROWS.len() <= u128::BITS as usize, "a set has a bit for every row");

impl RowSet {
    /// No row.
    pub const EMPTY: Self = Self(0);
    /// The rows that are printed where no list was given.
    pub const BUILT_IN: Self = built_in();

    /// With one more row.
    #[must_use]
    pub const fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }

    /// Whether the row at that place is in it.
    #[must_use]
    pub const fn contains(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    /// The rows of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that the other does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Places of the rows, in ascending order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..ROWS.len()).filter(move |place| self.contains(*place))
    }
}

const fn built_in() -> RowSet {
    let (mut rows, mut place) = (RowSet::EMPTY, 0);
    while place < ROWS.len() {
        if ROWS[place].built_in {
            rows = rows.with(place);
        }
        place += 1;
    }
    rows
}
