//! The simulated world's clock: wall, scaled or manual, shared between processes by a small file.
//!
//! The file holds one fixed record (below). It is read whole at every look, so that all processes
//! that name it live in one world at one time without talking to each other. Nothing is mapped:
//! a write replaces the record, and a reader that met a half-written one looks again.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `GPLSCLK1` |
//! | 8 | 8 | sequence number of the write |
//! | 16 | 8 | moment at which the world is 0 seconds old, microseconds since the epoch |
//! | 24 | 8 | world time at the anchor, microseconds since the epoch |
//! | 32 | 8 | machine time at the anchor, microseconds since the epoch |
//! | 40 | 8 | how many world seconds pass per second, as a double; 0 is manual |
//! | 48 | 8 | the sequence number again |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::clock::SystemClock;
use model::{Clock, Stop, Timestamp};

const MAGIC: [u8; 8] = *b"GPLSCLK1";
const RECORD_BYTES: usize = 56;
/// How often a wait looks at a clock that others may move.
const POLL: Duration = Duration::from_millis(2);
/// A write is one call of 56 bytes; a reader that still finds it torn after this many looks is
/// looking at another kind of file.
const LOOKS: usize = 1000;
/// World age at which a wall clock starts, so that temperatures and counters are not at zero.
pub(crate) const STARTING_AGE: Duration = Duration::from_secs(600);
/// Where a manual clock's world begins unless told otherwise: 2026-07-14 09:00:00 UTC.
pub(crate) const MANUAL_ORIGIN: Timestamp = Timestamp::from_secs(1_784_019_600);

/// How the clock moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as the machine's clock.
    Wall,
    /// That many world seconds per second.
    Scaled(f64),
    /// Only when told.
    Manual,
}

impl Pace {
    fn factor(self) -> f64 {
        match self {
            Self::Wall => 1.0,
            Self::Scaled(factor) => factor,
            Self::Manual => 0.0,
        }
    }
}

/// Why a clock file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ClockError {
    #[error("cannot open the clock file {path}")]
    Open {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write the clock file {path}")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{path} is not a clock file; remove it, or name another")]
    NotAClock { path: PathBuf },
}

/// What the record holds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Record {
    sequence: u64,
    origin: Timestamp,
    world: Timestamp,
    machine: Timestamp,
    factor: f64,
}

/// The world's clock. See the module.
#[derive(Debug)]
pub struct SimClock {
    file: Option<(File, PathBuf)>,
    /// The newest record seen; the whole clock where there is no file.
    last: Mutex<Record>,
}

impl SimClock {
    /// A clock of this process alone. `age` is the world's age now.
    #[must_use]
    pub fn in_memory(pace: Pace, age: Duration) -> Self {
        Self { file: None, last: Mutex::new(Record::new(pace, age)) }
    }

    /// A clock of this process alone that shows `now` at this moment; the world is `age` old then.
    #[must_use]
    pub fn starting_at(now: Timestamp, pace: Pace, age: Duration) -> Self {
        let (machine, origin) = (SystemClock.now(), now.before(age));
        let record = Record { sequence: 1, origin, world: now, machine, factor: pace.factor() };
        Self { file: None, last: Mutex::new(record) }
    }

    /// A manual clock of this process alone, for tests: the world is `age` old and time stands.
    #[must_use]
    pub fn manual(age: Duration) -> Self {
        Self::in_memory(Pace::Manual, age)
    }

    /// The clock in that file; a missing or empty file is made, with the given pace and age.
    ///
    /// # Errors
    /// The file cannot be opened or written, or holds something else.
    pub fn open_or_create(path: &Path, pace: Pace, age: Duration) -> Result<Self, ClockError> {
        match std::fs::metadata(path) {
            Ok(facts) if facts.len() > 0 => Self::open(path),
            _ => Self::create(path, pace, age),
        }
    }

    /// The clock in an existing file.
    ///
    /// # Errors
    /// As [`Self::open_or_create`].
    pub fn open(path: &Path) -> Result<Self, ClockError> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .or_else(|_| File::open(path))
            .map_err(|cause| ClockError::Open { path: path.to_path_buf(), cause })?;
        let record =
            read_record(&file).ok_or_else(|| ClockError::NotAClock { path: path.to_path_buf() })?;
        Ok(Self { file: Some((file, path.to_path_buf())), last: Mutex::new(record) })
    }

    /// Make the file anew, replacing what was there.
    fn create(path: &Path, pace: Pace, age: Duration) -> Result<Self, ClockError> {
        let record = Record::new(pace, age);
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&temporary, record.bytes())
            .and_then(|()| std::fs::rename(&temporary, path))
            .map_err(|cause| ClockError::Write { path: path.to_path_buf(), cause })?;
        Self::open(path)
    }

    /// The moment at which the world was 0 seconds old.
    #[must_use]
    pub fn origin(&self) -> Timestamp {
        self.record().origin
    }

    /// The moment and the world's age in one look, in microseconds.
    #[must_use]
    pub fn look(&self) -> (Timestamp, i64) {
        let record = self.record();
        let now = if record.factor > 0.0 { record.now(SystemClock.now()) } else { record.world };
        (now, now.0.saturating_sub(record.origin.0))
    }

    /// World seconds per second; 0 for a manual clock.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.record().factor
    }

    /// Move the clock forward by that much.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn advance(&self, span: Duration) -> Result<(), ClockError> {
        self.change(|record, machine| record.anchored(record.now(machine).after(span), machine))
    }

    /// Set the world's time.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set(&self, to: Timestamp) -> Result<(), ClockError> {
        self.change(|record, machine| record.anchored(to, machine))
    }

    /// Go on at another pace from here.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_pace(&self, pace: Pace) -> Result<(), ClockError> {
        let factor = pace.factor();
        self.change(|record, machine| Record {
            factor,
            ..record.anchored(record.now(machine), machine)
        })
    }

    /// Set the world's age.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_age(&self, age: Duration) -> Result<(), ClockError> {
        self.change(|record, machine| record.anchored(record.origin.after(age), machine))
    }

    fn change(&self, step: impl FnOnce(Record, Timestamp) -> Record) -> Result<(), ClockError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = self.file.as_ref().and_then(|(file, _)| read_record(file)) {
            *last = read;
        }
        let mut next = step(*last, SystemClock.now());
        next.sequence = last.sequence.wrapping_add(1);
        if let Some((file, path)) = &self.file {
            file.write_all_at(&next.bytes(), 0)
                .map_err(|cause| ClockError::Write { path: path.clone(), cause })?;
        }
        *last = next;
        Ok(())
    }

    fn record(&self) -> Record {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((file, _)) = &self.file {
            // A file that vanished or was cut keeps the last good record: time goes on.
            if let Some(read) = read_record(file) {
                *last = read;
            }
        }
        *last
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.look().0
    }

    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return !stop.is_stopped();
            }
            if stop.wait(real_wait(left, self.factor())) {
                return false;
            }
        }
    }
}

/// How long to wait on the machine's clock before looking again: never past the moment, and never
/// so long that a clock moved by another process is noticed late.
fn real_wait(left: Duration, factor: f64) -> Duration {
    if factor <= 0.0 {
        return POLL;
    }
    let whole = Duration::try_from_secs_f64(left.as_secs_f64() / factor).unwrap_or(POLL);
    whole.clamp(Duration::from_micros(50), Duration::from_millis(100))
}

impl Record {
    fn new(pace: Pace, age: Duration) -> Self {
        let machine = SystemClock.now();
        let origin = if pace == Pace::Manual { MANUAL_ORIGIN } else { machine.before(age) };
        let factor = pace.factor();
        Self { sequence: 1, origin, world: origin.after(age), machine, factor }
    }

    fn now(&self, machine: Timestamp) -> Timestamp {
        let passed = machine.since(self.machine).as_secs_f64() * self.factor;
        self.world.after(Duration::try_from_secs_f64(passed).unwrap_or_default())
    }

    fn anchored(self, world: Timestamp, machine: Timestamp) -> Self {
        Self { world, machine, ..self }
    }

    fn bytes(&self) -> [u8; RECORD_BYTES] {
        let words = [
            self.sequence.to_le_bytes(),
            self.origin.0.to_le_bytes(),
            self.world.0.to_le_bytes(),
            self.machine.0.to_le_bytes(),
            self.factor.to_le_bytes(),
            self.sequence.to_le_bytes(),
        ];
        let mut bytes = [0; RECORD_BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip([MAGIC].iter().chain(&words)) {
            place.copy_from_slice(word);
        }
        bytes
    }

    /// `None` for anything that is not a whole record.
    fn parse(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let word = |at: usize| -> [u8; 8] {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at * 8..at * 8 + 8]);
            word
        };
        let record = Self {
            sequence: u64::from_le_bytes(word(1)),
            origin: Timestamp(i64::from_le_bytes(word(2))),
            world: Timestamp(i64::from_le_bytes(word(3))),
            machine: Timestamp(i64::from_le_bytes(word(4))),
            factor: f64::from_le_bytes(word(5)),
        };
        let whole = word(0) == MAGIC
            && u64::from_le_bytes(word(6)) == record.sequence
            && record.factor.is_finite()
            && record.factor >= 0.0;
        whole.then_some(record)
    }
}

fn read_record(file: &File) -> Option<Record> {
    let started = Instant::now();
    for _ in 0..LOOKS {
        let mut bytes = [0; RECORD_BYTES];
        file.read_exact_at(&mut bytes, 0).ok()?;
        if let Some(record) = Record::parse(&bytes) {
            return Some(record);
        }
        if started.elapsed() > Duration::from_millis(50) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = SimClock::manual(Duration::from_secs(60));
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(5)).unwrap();
        assert_eq!(clock.look(), (before.after(Duration::from_secs(5)), 65_000_000));
    }

    #[test]
    fn two_processes_that_name_one_file_see_one_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let first = SimClock::open_or_create(&path, Pace::Manual, STARTING_AGE).unwrap();
        let second = SimClock::open_or_create(&path, Pace::Wall, Duration::ZERO).unwrap();
        first.advance(Duration::from_secs(9)).unwrap();
        assert_eq!(second.look(), first.look());
        second.set(Timestamp::from_secs(2_000_000_000)).unwrap();
        assert_eq!(first.now(), Timestamp::from_secs(2_000_000_000));
    }

    #[test]
    fn a_reader_beside_a_busy_writer_never_sees_a_torn_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        let writer = SimClock::open_or_create(&path, Pace::Manual, Duration::ZERO).unwrap();
        let reader = SimClock::open(&path).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..2000).for_each(|_| writer.advance(Duration::from_secs(1)).unwrap()));
            let mut last = reader.now();
            for _ in 0..2000 {
                let now = reader.now();
                assert!(now >= last && (now.0 - MANUAL_ORIGIN.0) % 1_000_000 == 0, "{now}");
                last = now;
            }
        });
    }

    #[test]
    fn a_wall_clock_starts_at_its_age_and_a_scaled_one_runs() {
        let clock = SimClock::in_memory(Pace::Scaled(1000.0), STARTING_AGE);
        let stop = Stop::default();
        let (now, age) = clock.look();
        assert!(age >= 600_000_000);
        assert!(clock.sleep_until(now.after(Duration::from_secs(2)), &stop));
        assert!(clock.now() >= now.after(Duration::from_secs(2)));
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "this is not a clock file, whatever its name says, and it is long")
            .unwrap();
        let error = SimClock::open(&path).unwrap_err().to_string();
        assert!(error.contains("notes.txt is not a clock file"), "{error}");
    }
}
