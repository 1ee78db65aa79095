//! Random actions against a plain model, with a fault at every single call of the disk.
//!
//! What must hold after each: every acknowledged record is there (after a kill: all of them; after a
//! loss of power: those that a sync had confirmed), with its own bytes, in order; nothing is there
//! that was never pushed; cursors are where they were put; and the journal goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use super::{open, small_segments};
use crate::faulty::{Fault, FaultDisk};
use crate::{Journal, Options};

/// splitmix64, so that a failing case is named by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A payload that tells who it is: an identity, then bytes that follow from it.
fn payload(identity: u64) -> Vec<u8> {
    let mut random = Random(identity);
    let length = match random.below(30) {
        0 => 32_000 + random.below(40_000),
        1 => 0,
        2 => 480 + random.below(64),
        _ => random.below(300),
    };
    let mut bytes = identity.to_le_bytes().to_vec();
    let end = 8 + usize::try_from(length).unwrap();
    bytes.resize(end, identity.to_le_bytes()[0] ^ 0x5a);
    bytes
}

#[derive(Default)]
struct Model {
    identities: u64,
    /// Every identity that was ever pushed with a sequence.
    pushed: BTreeMap<u64, BTreeSet<u64>>,
    /// What appends acknowledged.
    written: BTreeMap<u64, u64>,
    unsynced: BTreeSet<u64>,
    durable: BTreeSet<u64>,
    /// What trimming has reported as gone.
    trimmed: u64,
    /// Cursors: the value last acknowledged, and every value that a crash may leave.
    cursors: BTreeMap<String, (u64, BTreeSet<u64>)>,
}

impl Model {
    fn act(&mut self, journal: &mut Journal, random: &mut Random) {
        match random.below(20) {
            0..=10 => self.append(journal, random),
            11..=13 => self.sync(journal),
            14..=16 => self.set_cursor(journal, random),
            17..=18 => self.trim(journal),
            _ => journal.roll(),
        }
    }

    fn append(&mut self, journal: &mut Journal, random: &mut Random) {
        let count = 1 + random.below(4);
        let mut batch = Vec::new();
        let appended = journal.append(0, |_, _, records| {
            for _ in 0..count {
                self.identities += 1;
                let sequence = records.push(3, &payload(self.identities));
                self.pushed.entry(sequence).or_default().insert(self.identities);
                batch.push((sequence, self.identities));
            }
        });
        if let Ok(range) = appended {
            assert!(range.clone().eq(batch.iter().map(|(sequence, _)| *sequence)));
            self.unsynced.extend(range);
            self.written.extend(batch);
        }
    }

    fn sync(&mut self, journal: &mut Journal) {
        // What a failed sync put in doubt stays so.
        let unsynced = std::mem::take(&mut self.unsynced);
        if journal.sync().is_ok() {
            self.durable.extend(unsynced);
            for (last, possible) in self.cursors.values_mut() {
                *possible = BTreeSet::from([*last]);
            }
        }
    }

    fn set_cursor(&mut self, journal: &mut Journal, random: &mut Random) {
        let name = format!("cursor-{}", random.below(3));
        let low = journal.cursor(&name).unwrap_or(0);
        let sequence = low + random.below(journal.stats().next - low);
        let (last, possible) = self.cursors.entry(name.clone()).or_insert((0, BTreeSet::from([0])));
        possible.insert(sequence);
        if journal.set_cursor(&name, sequence).is_ok() {
            *last = sequence;
        }
    }

    fn trim(&mut self, journal: &mut Journal) {
        // A trim that fails half way does not name what it dropped before.
        let lowest = journal.cursors().iter().map(|(_, at)| *at).min().unwrap_or(0);
        match journal.trim(0) {
            Ok(trimmed) => {
                self.trimmed = trimmed.last().map_or(self.trimmed, |dropped| dropped.last);
            }
            Err(_) => self.trimmed = self.trimmed.max(lowest),
        }
    }

    /// Compare with what is there. `must` are the sequences that may not be missing.
    fn check(&self, journal: &Journal, must: &BTreeSet<u64>, whole: bool, case: &str) {
        let mut reader = journal.read(0);
        let mut found = BTreeMap::new();
        let mut last = 0;
        while let Some(record) = reader.next_record().unwrap() {
            assert!(record.sequence > last, "{case}: order at {}", record.sequence);
            last = record.sequence;
            let identity = u64::from_le_bytes(record.payload[..8].try_into().unwrap());
            assert_eq!(record.kind, 3);
            assert!(record.payload == payload(identity), "{case}: bytes of {last}");
            let pushed = self.pushed.get(&last).is_some_and(|ids| ids.contains(&identity));
            assert!(pushed, "{case}: {last} holds {identity}, which was never pushed there");
            found.insert(last, identity);
        }
        for sequence in must.iter().filter(|sequence| **sequence > self.trimmed) {
            let (expected, got) = (self.written.get(sequence), found.get(sequence));
            assert_eq!(got, expected, "{case}: acknowledged {sequence}, {:?}", reader.damage());
        }
        if whole {
            assert!(reader.damage().is_empty(), "{case}: {:?}", reader.damage());
        }
        for (name, (_, possible)) in &self.cursors {
            let cursor = journal.cursor(name).unwrap_or(0);
            assert!(possible.contains(&cursor), "{case}: cursor {name} at {cursor}");
            assert!(journal.stats().next > cursor, "{case}: next after every cursor");
        }
    }

    /// What survives from here on is what was found: everything found is durable or not as before.
    fn go_on(&mut self, journal: &Journal) {
        let mut there = BTreeMap::new();
        let mut reader = journal.read(0);
        while let Some(record) = reader.next_record().unwrap() {
            let identity = u64::from_le_bytes(record.payload[..8].try_into().unwrap());
            there.insert(record.sequence, identity);
        }
        self.durable.retain(|sequence| there.contains_key(sequence));
        self.unsynced = there.keys().copied().collect();
        self.written = there;
        for (name, (last, possible)) in &mut self.cursors {
            *last = journal.cursor(name).unwrap_or(0);
            possible.insert(*last);
        }
    }
}

const ACTIONS: u64 = 25;

fn options(seed: u64) -> Options {
    small_segments([300, 2_000, 20_000, 200_000][usize::try_from(seed % 4).unwrap()])
}

/// Run actions until the process is gone; none if it already was at opening.
fn run(disk: &FaultDisk, seed: u64, model: &mut Model) -> Option<Journal> {
    let opened = Journal::open(
        std::sync::Arc::new(disk.clone()),
        std::path::Path::new(super::FOLDER),
        options(seed),
        0,
    );
    let (mut journal, _) = match opened {
        Ok(opened) => opened,
        Err(_) if disk.is_down() => return None,
        // A fault that is no crash: the next start is well.
        Err(_) => open(disk, &options(seed)),
    };
    let mut random = Random(seed);
    for _ in 0..ACTIONS {
        if disk.is_down() {
            break;
        }
        model.act(&mut journal, &mut random);
    }
    Some(journal)
}

#[derive(Clone, Copy, Debug)]
enum After {
    Kill,
    Power(u64),
}

/// One run with one fault, a restart, and a second life of the journal with another restart.
fn case(seed: u64, step: u64, fault: Option<Fault>, after: After) -> (u64, bool) {
    let name = format!("seed {seed} step {step} {fault:?} {after:?}");
    let disk = FaultDisk::new();
    if let Some(fault) = fault {
        disk.plan(step, fault);
    }
    let mut model = Model::default();
    let journal = run(&disk, seed, &mut model);
    let steps = disk.steps();
    if let Some(journal) = &journal
        && !disk.is_down()
    {
        let all = model.written.keys().copied().collect();
        model.check(journal, &all, true, &format!("{name}, before"));
    }
    drop(journal);
    restart(&disk, seed, &mut model, after, &name);
    restart(&disk, seed + 1, &mut model, after, &format!("{name}, second life"));
    (steps, model.durable.len() > 3)
}

fn restart(disk: &FaultDisk, seed: u64, model: &mut Model, after: After, name: &str) {
    let must: BTreeSet<u64> = match after {
        After::Kill => {
            disk.restart_killed();
            model.written.keys().copied().collect()
        }
        After::Power(power) => {
            disk.restart_powerless(power);
            model.durable.clone()
        }
    };
    let (mut journal, recovery) = open(disk, &options(seed));
    let whole = matches!(after, After::Kill);
    if whole {
        assert!(recovery.damage.is_empty(), "{name}: {recovery:?}");
    }
    model.check(&journal, &must, whole, name);
    model.go_on(&journal);
    let mut random = Random(seed ^ 0xabcd);
    for _ in 0..6 {
        model.act(&mut journal, &mut random);
    }
    let all = model.written.keys().copied().collect();
    model.check(&journal, &all, false, &format!("{name}, after"));
}

const SEEDS: u64 = 8;

#[test]
fn a_process_killed_at_any_write_loses_nothing_acknowledged() {
    let mut cases = 0;
    for seed in 0..SEEDS {
        let (steps, _) = case(seed, 0, None, After::Kill);
        for step in 1..=steps {
            for written in [0, 1, 15, 47, 100, 512, 32_768, 33_000, usize::MAX] {
                case(seed, step, Some(Fault::Crash { written }), After::Kill);
                cases += 1;
            }
        }
    }
    assert!(cases > 1_000, "{cases}");
}

#[test]
fn a_loss_of_power_at_any_write_loses_nothing_that_was_synced() {
    let mut meaningful = 0;
    for seed in 0..SEEDS {
        let (steps, _) = case(seed, 0, None, After::Power(0));
        for step in 1..=steps {
            for power in 0..8 {
                let written = [0, 512, usize::MAX][usize::try_from(power % 3).unwrap()];
                let crash = Some(Fault::Crash { written });
                let (_, durable) = case(seed, step, crash, After::Power(power + 100 * step));
                meaningful += u64::from(durable);
            }
        }
    }
    assert!(meaningful > 1_000, "{meaningful}");
}

#[test]
fn an_error_at_any_call_loses_nothing_acknowledged() {
    for seed in 0..SEEDS {
        let (steps, _) = case(seed, 0, None, After::Kill);
        for step in 1..=steps {
            let kind = ErrorKind::StorageFull;
            for fault in [
                Fault::Refuse(ErrorKind::Other),
                Fault::Tear { written: 40, kind },
                Fault::Tear { written: usize::MAX, kind },
            ] {
                case(seed, step, Some(fault), After::Kill);
                case(seed, step, Some(fault), After::Power(step));
            }
        }
    }
}
