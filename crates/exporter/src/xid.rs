//! What is remembered of XIDs: the last one of each entity, counts and times of each code.
//!
//! The driver reports an XID once; a metric must show it until the next. The kernel's log tells of
//! the same events, so that what one of them misses is known by the other; what both tell is booked
//! once. Codes are NVIDIA's, the short texts are our own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gpu::XidEvent;
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// Codes whose counters exist at 0 from the start, so that `increase()` sees the first event:
/// memory faults (48, 63, 64, 92, 94, 95), processors that stopped (62, 119, 120), a link (74) and a
/// GPU off the bus (79).
pub const WATCHED: [u32; 11] = [48, 62, 63, 64, 74, 79, 92, 94, 95, 119, 120];

/// Most different codes kept per entity; more are a broken driver's, and only count as the last one.
const MOST_CODES: usize = 64;
/// Most entities kept; those of GPUs and MIG layouts long gone make room.
const MOST_ENTITIES: usize = 256;

/// Newest events kept per entity, for the counts within a window.
const MOST_RECENT: usize = 256;
/// Two words of one event come within that time of each other: a pass and its answer.
const SAME_WITHIN: Duration = Duration::from_secs(2);

/// Short texts of the codes that occur, in ascending order.
const TEXTS: &[(u32, &str)] = &[
    (8, "GPU stopped processing"),
    (11, "invalid or corrupted push buffer stream"),
    (13, "graphics engine exception"),
    (31, "GPU memory page fault"),
    (32, "invalid or corrupted push buffer stream"),
    (38, "driver firmware error"),
    (43, "GPU stopped processing"),
    (44, "graphics engine fault during context switch"),
    (45, "preemptive cleanup, due to previous errors"),
    (46, "GPU stopped processing"),
    (48, "double bit ECC error"),
    (54, "auxiliary power is not connected to the GPU"),
    (56, "display engine error"),
    (57, "error programming video memory interface"),
    (58, "unstable video memory interface"),
    (59, "internal micro-controller error"),
    (61, "internal micro-controller breakpoint or warning"),
    (62, "internal micro-controller halt"),
    (63, "ECC page retirement or row remapping recorded"),
    (64, "ECC page retirement or row remapping failed"),
    (65, "video processor exception"),
    (66, "illegal access by driver"),
    (68, "NVDEC exception"),
    (69, "graphics engine class error"),
    (74, "NVLink error"),
    (79, "GPU has fallen off the bus"),
    (80, "corrupted data sent to GPU"),
    (92, "high single bit ECC error rate"),
    (93, "non-fatal violation of provisioned InfoROM wear limit"),
    (94, "contained memory error"),
    (95, "uncontained memory error"),
    (109, "context switch timeout"),
    (110, "security fault"),
    (119, "GSP remote call timeout"),
    (120, "GSP error"),
    (121, "C2C link corrected error"),
    (122, "SPI PMU remote call read failure"),
    (123, "SPI PMU remote call write failure"),
    (124, "SPI PMU remote call erase failure"),
    (125, "InfoROM filesystem error"),
    (137, "NVLink fault, peer access error"),
    (140, "unrecovered ECC error"),
    (143, "GPU initialisation failure"),
    (145, "NVLink error, receiver detected"),
    (149, "NVLink error, network layer"),
    (154, "GPU recovery action changed"),
];

/// What a code means, in a few words.
#[must_use]
pub fn text_of(xid: u32) -> &'static str {
    TEXTS.binary_search_by_key(&xid, |(code, _)| *code).map_or("unknown XID", |at| TEXTS[at].1)
}

/// All XIDs seen, by entity. Bounded in entities and codes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct XidBook {
    records: Vec<XidRecord>,
}

/// XIDs of one entity: a GPU, or one of its MIG instances where the event named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XidRecord {
    /// UUID of the physical GPU.
    pub gpu_uuid: String,
    /// GPU instance id, if the event named one.
    pub gpu_instance: Option<u32>,
    /// The newest code.
    pub last: u32,
    /// When it came.
    pub last_at: Timestamp,
    /// Count and newest time by code.
    pub codes: BTreeMap<u32, XidCount>,
    /// The newest events, oldest first.
    #[serde(default)]
    recent: VecDeque<Recent>,
}

/// One event, and who told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    at: Timestamp,
    code: u32,
    by_driver: bool,
    by_kernel: bool,
}

/// Who tells of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The driver, when it happens.
    Driver,
    /// The kernel's log, also of what was before.
    Kernel,
}

/// One code of one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct XidCount {
    /// How many events.
    pub events: u64,
    /// When the newest one came.
    pub last: Timestamp,
}

impl XidBook {
    /// Book one event. False: it is booked already, by the other teller.
    pub fn add(&mut self, event: &XidEvent, teller: Teller) -> bool {
        let Ok(code) = u32::try_from(event.xid) else { return false };
        if self.is_told(event, code, teller) {
            return false;
        }
        let record = self.record_for(&event.gpu_uuid, event.gpu_instance);
        if event.at >= record.last_at {
            (record.last, record.last_at) = (code, event.at);
        }
        if record.recent.len() >= MOST_RECENT {
            record.recent.pop_front();
        }
        let (by_driver, by_kernel) = (teller == Teller::Driver, teller == Teller::Kernel);
        record.recent.push_back(Recent { at: event.at, code, by_driver, by_kernel });
        if record.codes.len() >= MOST_CODES && !record.codes.contains_key(&code) {
            return true;
        }
        let count = record.codes.entry(code).or_insert(XidCount { events: 0, last: event.at });
        count.events += 1;
        count.last = count.last.max(event.at);
        true
    }

    /// Whether the other teller has told of it, and marks that both have. The kernel's log is read
    /// from its beginning at every start: what is not newer than the last event of its code was
    /// booked by an earlier run.
    fn is_told(&mut self, event: &XidEvent, code: u32, teller: Teller) -> bool {
        let mut records = self.records.iter_mut().filter(|r| r.gpu_uuid == event.gpu_uuid);
        records.any(|record| {
            let pair = record.recent.iter_mut().rev().find(|recent| {
                let told =
                    if teller == Teller::Driver { recent.by_driver } else { recent.by_kernel };
                let apart = recent.at.since(event.at).max(event.at.since(recent.at));
                recent.code == code && !told && apart <= SAME_WITHIN
            });
            if let Some(pair) = pair {
                (pair.by_driver, pair.by_kernel) = (true, true);
                return true;
            }
            let newest = record.codes.get(&code).map(|count| count.last);
            teller == Teller::Kernel && newest.is_some_and(|newest| event.at <= newest)
        })
    }

    fn record_for(&mut self, gpu_uuid: &str, gpu_instance: Option<u32>) -> &mut XidRecord {
        let known = self
            .records
            .iter()
            .position(|r| r.gpu_uuid == gpu_uuid && r.gpu_instance == gpu_instance);
        let at = known.unwrap_or_else(|| {
            if self.records.len() >= MOST_ENTITIES {
                self.drop_oldest();
            }
            self.records.push(XidRecord {
                gpu_uuid: gpu_uuid.to_owned(),
                gpu_instance,
                last: 0,
                last_at: Timestamp(i64::MIN),
                codes: BTreeMap::new(),
                recent: VecDeque::new(),
            });
            self.records.len() - 1
        });
        &mut self.records[at]
    }

    fn drop_oldest(&mut self) {
        let oldest = (0..self.records.len()).min_by_key(|&at| self.records[at].last_at);
        if let Some(at) = oldest {
            self.records.remove(at);
        }
    }

    /// The XID an entity shows: its own newest, or for a MIG instance the GPU's if that is newer,
    /// as what hits the whole GPU hits every instance.
    #[must_use]
    pub fn last(&self, gpu_uuid: &str, gpu_instance: Option<u32>) -> Option<u32> {
        self.of_entity(gpu_uuid, gpu_instance)
            .max_by_key(|r| (r.last_at, r.gpu_instance))
            .map(|r| r.last)
    }

    /// Events of an entity within the time before `now`, by code: its own, and those that hit the
    /// whole GPU.
    #[must_use]
    pub fn within(
        &self,
        gpu_uuid: &str,
        gpu_instance: Option<u32>,
        now: Timestamp,
        window: Duration,
    ) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for record in self.of_entity(gpu_uuid, gpu_instance) {
            for recent in record.recent.iter().filter(|recent| now.since(recent.at) < window) {
                *counts.entry(recent.code).or_default() += 1;
            }
        }
        counts
    }

    /// All events of an entity by code.
    #[must_use]
    pub fn totals(&self, gpu_uuid: &str, gpu_instance: Option<u32>) -> BTreeMap<u32, u64> {
        let mut totals = BTreeMap::new();
        for record in self.of_entity(gpu_uuid, gpu_instance) {
            for (code, count) in &record.codes {
                *totals.entry(*code).or_default() += count.events;
            }
        }
        totals
    }

    fn of_entity<'a>(
        &'a self,
        gpu_uuid: &'a str,
        gpu_instance: Option<u32>,
    ) -> impl Iterator<Item = &'a XidRecord> {
        let mine = move |r: &&XidRecord| r.gpu_instance.is_none() || r.gpu_instance == gpu_instance;
        self.of_gpu(gpu_uuid).filter(mine)
    }

    /// Everything booked on one GPU and its instances.
    pub fn of_gpu<'a>(&'a self, gpu_uuid: &'a str) -> impl Iterator<Item = &'a XidRecord> {
        self.records.iter().filter(move |r| r.gpu_uuid == gpu_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(xid: u64, second: i64, gpu_instance: Option<u32>) -> XidEvent {
        XidEvent {
            at: Timestamp::from_secs(second),
            gpu_uuid: "GPU-a".to_owned(),
            gpu_index: 0,
            gpu_instance,
            compute_instance: None,
            xid,
        }
    }

    #[test]
    fn texts_are_in_the_order_that_the_search_needs() {
        assert!(TEXTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(WATCHED.iter().all(|code| text_of(*code) != "unknown XID"));
        assert_eq!(text_of(79), "GPU has fallen off the bus");
        assert_eq!(text_of(9999), "unknown XID");
    }

    #[test]
    fn the_last_xid_stays_and_each_code_is_counted() {
        let mut book = XidBook::default();
        for (xid, second) in [(48, 10), (31, 20), (48, 15)] {
            assert!(book.add(&event(xid, second, None), Teller::Driver));
        }
        assert_eq!(book.last("GPU-a", None), Some(31));
        assert_eq!(book.last("GPU-b", None), None);
        let record = book.of_gpu("GPU-a").next().unwrap();
        let expected = XidCount { events: 2, last: Timestamp::from_secs(15) };
        assert_eq!(record.codes[&48], expected);
    }

    #[test]
    fn an_instance_shows_its_own_xid_or_a_newer_one_of_its_gpu() {
        let mut book = XidBook::default();
        book.add(&event(31, 10, Some(9)), Teller::Driver);
        assert_eq!(book.last("GPU-a", Some(9)), Some(31));
        assert_eq!(book.last("GPU-a", Some(10)), None);
        book.add(&event(79, 20, None), Teller::Driver);
        assert_eq!(book.last("GPU-a", Some(9)), Some(79));
        assert_eq!(book.last("GPU-a", Some(10)), Some(79));
    }

    #[test]
    fn a_broken_driver_cannot_fill_the_memory() {
        let mut book = XidBook::default();
        for code in 0..10_000 {
            book.add(&event(code, 1, u32::try_from(code % 1000).ok()), Teller::Driver);
        }
        assert!(book.records.len() <= MOST_ENTITIES);
        assert!(book.records.iter().all(|r| r.codes.len() <= MOST_CODES));
    }

    #[test]
    fn what_both_tell_within_two_seconds_is_one_event() {
        let mut book = XidBook::default();
        assert!(book.add(&event(79, 100, None), Teller::Kernel));
        assert!(!book.add(&event(79, 102, None), Teller::Driver));
        assert!(book.add(&event(79, 101, None), Teller::Driver), "the pair is complete");
        assert!(!book.add(&event(79, 101, None), Teller::Kernel));
        assert!(book.add(&event(79, 105, None), Teller::Kernel), "another one");
        assert!(book.add(&event(48, 105, None), Teller::Driver), "another code");
        assert_eq!(book.totals("GPU-a", None), BTreeMap::from([(48, 1), (79, 3)]));
    }

    #[test]
    fn the_log_read_again_after_a_restart_books_nothing_twice() {
        let mut book = XidBook::default();
        for second in [100, 200, 300] {
            assert!(book.add(&event(31, second, None), Teller::Kernel));
        }
        let saved = serde_json::to_string(&book).unwrap();
        let mut again: XidBook = serde_json::from_str(&saved).unwrap();
        let new =
            [100, 200, 300, 400].map(|second| again.add(&event(31, second, None), Teller::Kernel));
        assert_eq!(new, [false, false, false, true]);
    }

    #[test]
    fn a_window_counts_what_is_within_it() {
        let mut book = XidBook::default();
        for second in [10, 350, 360] {
            book.add(&event(31, second, None), Teller::Driver);
        }
        book.add(&event(43, 350, Some(9)), Teller::Driver);
        let at = |second| Timestamp::from_secs(second);
        let window = Duration::from_secs(300);
        assert_eq!(book.within("GPU-a", None, at(400), window), BTreeMap::from([(31, 2)]));
        assert_eq!(
            book.within("GPU-a", Some(9), at(400), window),
            BTreeMap::from([(31, 2), (43, 1)])
        );
        assert!(book.within("GPU-a", None, at(900), window).is_empty());
    }
}
