//! The times of an evaluation.

/// Times that ascend evenly. A step of 0 is one time over and over, as `@` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Milliseconds since the epoch.
    pub(crate) start: i64,
    pub(crate) step: i64,
    /// At least one.
    pub(crate) count: usize,
}

impl Steps {
    pub(crate) fn at(self, index: usize) -> i64 {
        self.start + index as i64 * self.step
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.at(index))
    }

    /// These times, or as often a fixed one, moved back by so many ms.
    pub(crate) fn moved(self, fixed: Option<i64>, back: i64) -> Self {
        let step = if fixed.is_some() { 0 } else { self.step };
        Self { start: fixed.unwrap_or(self.start).saturating_sub(back), step, ..self }
    }

    pub(crate) fn end(self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }
}
