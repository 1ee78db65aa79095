//! What is remembered of XIDs: the last one of each entity, counts and times of each code.
//!
//! The driver reports an XID once; a metric must show it until the next. The kernel's log tells of
//! the same events, so that what one of them misses is known by the other; what both tell is booked
//! once. Codes are NVIDIA's, the short texts are our own.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use gpu::XidEvent;
use model::Timestamp;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct XidBook {
    records: Vec<XidRecord>,
    /// How far the kernel's log is booked.
    kernel: Option<KernelMark>,
}

/// A place in the kernel's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KernelMark {
    /// Which life of the machine.
    pub(crate) boot_id: String,
    /// Number of the record within it.
    pub(crate) number: u64,
}

/// The book as newer state files hold it; those of before the kernel's log was read have the list of
/// records alone.
#[derive(Deserialize)]
struct Written {
    records: Vec<XidRecord>,
    kernel: Option<KernelMark>,
}

impl<'de> Deserialize<'de> for XidBook {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = XidBook;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("records of XIDs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<XidBook, A::Error> {
                let records = Deserialize::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(XidBook { records, kernel: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<XidBook, A::Error> {
                let Written { records, kernel } =
                    Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(XidBook { records, kernel })
            }
        }
        from.deserialize_any(Forms)
    }
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

/// What came of booking an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// It is counted now.
    New,
    /// The other teller had told of it: counted before, and now known from both.
    Paired,
    /// It has no code.
    Nothing,
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
    /// Book one event, unless it is booked.
    pub fn add(&mut self, event: &XidEvent, teller: Teller) -> Booking {
        let Ok(code) = u32::try_from(event.xid) else { return Booking::Nothing };
        if self.is_told(event, code, teller) {
            return Booking::Paired;
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
            return Booking::New;
        }
        let count = record.codes.entry(code).or_insert(XidCount { events: 0, last: event.at });
        count.events += 1;
        count.last = count.last.max(event.at);
        Booking::New
    }

    /// Whether the other teller has told of it; then both have from now on.
    fn is_told(&mut self, event: &XidEvent, code: u32, teller: Teller) -> bool {
        let mut records = self.records.iter_mut().filter(|r| r.gpu_uuid == event.gpu_uuid);
        records.any(|record| {
            let pair = record.recent.iter_mut().rev().find(|recent| {
                let told = match teller {
                    Teller::Driver => recent.by_driver,
                    Teller::Kernel => recent.by_kernel,
                };
                let apart = recent.at.since(event.at).max(event.at.since(recent.at));
                recent.code == code && !told && apart <= SAME_WITHIN
            });
            pair.is_some_and(|pair| {
                (pair.by_driver, pair.by_kernel) = (true, true);
                true
            })
        })
    }

    /// How far the kernel's log of this life of the machine is booked.
    pub(crate) fn kernel_mark(&self, boot_id: &str) -> Option<u64> {
        self.kernel.as_ref().filter(|mark| mark.boot_id == boot_id).map(|mark| mark.number)
    }

    /// Book the kernel's log up to there.
    pub(crate) fn set_kernel_mark(&mut self, mark: KernelMark) {
        self.kernel = Some(mark);
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
            assert_eq!(book.add(&event(xid, second, None), Teller::Driver), Booking::New);
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
        assert_eq!(book.add(&event(79, 100, None), Teller::Kernel), Booking::New);
        assert_eq!(book.add(&event(79, 102, None), Teller::Driver), Booking::Paired);
        assert_eq!(
            book.add(&event(79, 101, None), Teller::Driver),
            Booking::New,
            "the pair is complete"
        );
        assert_eq!(book.add(&event(79, 101, None), Teller::Kernel), Booking::Paired);
        assert_eq!(book.add(&event(79, 105, None), Teller::Kernel), Booking::New, "another one");
        assert_eq!(book.add(&event(48, 105, None), Teller::Driver), Booking::New, "another code");
        assert_eq!(book.totals("GPU-a", None), BTreeMap::from([(48, 1), (79, 3)]));
    }

    #[test]
    fn a_book_of_an_older_state_file_is_read() {
        let mut book = XidBook::default();
        book.add(&event(31, 100, None), Teller::Driver);
        book.set_kernel_mark(KernelMark { boot_id: "b".to_owned(), number: 7 });
        let written = serde_json::to_string(&book).unwrap();
        let read: XidBook = serde_json::from_str(&written).unwrap();
        assert_eq!(read, book);
        assert_eq!((read.kernel_mark("b"), read.kernel_mark("other")), (Some(7), None));
        let old = r#"[{"gpu_uuid":"GPU-a","gpu_instance":null,"last":31,"last_at":0,"codes":{}}]"#;
        let read: XidBook = serde_json::from_str(old).unwrap();
        assert_eq!((read.last("GPU-a", None), read.kernel_mark("b")), (Some(31), None));
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
