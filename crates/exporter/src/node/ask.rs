//! What each pass asks, by the clock's grid: every pass falls into a cell of an interval, and the
//! first pass in a new cell asks. So passes that come late, or a clock that steps, lose nothing and
//! repeat nothing.

use std::time::Duration;

use gpu::Ask;
use model::Timestamp;

/// Who is on the devices is asked that often.
const PROCESSES_EVERY: Duration = Duration::from_secs(1);
/// Use of each process is asked that often; the driver keeps its samples until then.
const USE_EVERY: Duration = Duration::from_secs(5);

/// Remembers the cells of the last pass.
#[derive(Debug)]
pub(super) struct Schedule {
    values: Grid,
    processes: Grid,
    process_use: Grid,
}

#[derive(Debug)]
struct Grid {
    every: Duration,
    last: Option<i64>,
}

impl Grid {
    const fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        let cell = now.0.div_euclid(self.micros());
        self.last.replace(cell) != Some(cell)
    }

    fn next(&self, now: Timestamp) -> Timestamp {
        let cell = now.0.div_euclid(self.micros());
        Timestamp(cell.saturating_add(1).saturating_mul(self.micros()))
    }
}

impl Schedule {
    pub(super) fn new(collect_interval: Duration) -> Self {
        Self {
            values: Grid::new(collect_interval),
            processes: Grid::new(PROCESSES_EVERY),
            process_use: Grid::new(USE_EVERY),
        }
    }

    /// What a pass at this moment asks.
    pub(super) fn ask(&mut self, now: Timestamp) -> Ask {
        let process_use = self.process_use.is_due(now);
        Ask {
            device_values: self.values.is_due(now),
            // Use without the list of processes could not be booked on anyone.
            processes: self.processes.is_due(now) || process_use,
            process_use,
        }
    }

    /// When the next pass is due.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        self.values.next(now).min(self.processes.next(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_asked_first_and_then_each_at_its_own_pace() {
        let mut schedule = Schedule::new(Duration::from_secs(30));
        let start = Timestamp::from_secs(1_784_019_600);
        assert_eq!(schedule.ask(start), Ask::ALL);
        let mut values = 0;
        let mut uses = 0;
        for second in 1..=60 {
            let ask = schedule.ask(start.after(Duration::from_secs(second)));
            assert!(ask.processes);
            values += u32::from(ask.device_values);
            uses += u32::from(ask.process_use);
        }
        assert_eq!((values, uses), (2, 12));
    }

    #[test]
    fn a_short_interval_makes_more_passes_and_a_step_back_asks_again() {
        let mut schedule = Schedule::new(Duration::from_millis(200));
        let start = Timestamp::from_secs(100);
        schedule.ask(start);
        assert_eq!(schedule.next(start), Timestamp(100_200_000));
        assert!(!schedule.ask(Timestamp(100_100_000)).device_values);
        let ask = schedule.ask(Timestamp(100_200_000));
        assert!(ask.device_values && !ask.processes);
        assert_eq!(schedule.ask(Timestamp::from_secs(50)), Ask::ALL);
    }
}
