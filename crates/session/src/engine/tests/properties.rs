//! Properties over random worlds: time adds up, counters never fall.

use std::collections::HashMap;
use std::sync::Arc;

use model::Timestamp;
use model::observation::DeviceObservation;
use proptest::prelude::*;

use super::world::*;
use crate::{Config, DeviceState, View};

/// One pass: milliseconds since the one before, what each device shows, what happens after it.
#[derive(Debug, Clone)]
struct Step {
    millis: u16,
    devices: Vec<Seen>,
    then: Then,
}

#[derive(Debug, Clone)]
struct Seen {
    kind: u8,
    /// PIDs 1 to 6 by bit.
    there: u8,
    sm: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Crash,
    CleanStop,
    ClockBack,
    Kill(u32),
    Reuse(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let seen = (0_u8..10, any::<u8>(), 0_u8..=100).prop_map(|(kind, there, sm)| Seen {
        kind,
        there: there & 0b111_111,
        sm,
    });
    let then = prop_oneof![
        12 => Just(Then::Nothing),
        1 => Just(Then::Crash),
        1 => Just(Then::CleanStop),
        1 => Just(Then::ClockBack),
        2 => (1_u32..=6).prop_map(Then::Kill),
        2 => (1_u32..=6).prop_map(Then::Reuse),
    ];
    let millis = prop_oneof![6 => 1_u16..2500, 1 => 2500_u16..40_000];
    (millis, prop::collection::vec(seen, 2), then).prop_map(|(millis, devices, then)| Step {
        millis,
        devices,
        then,
    })
}

fn observation(seen: &Seen, index: usize, now: Timestamp) -> DeviceObservation {
    let device = if index == 0 { gpu(0) } else { instance(1) };
    let pids = (1_u32..=6).filter(|pid| seen.there & (1 << (pid - 1)) != 0);
    let there: Vec<_> = pids.map(process).collect();
    match seen.kind {
        0 => down(&device),
        1 | 2 => list(&device, &there),
        3..=6 => {
            let samples: Vec<_> = there
                .iter()
                .map(|p| sample(p.pid, now, seen.sm / u8::try_from(p.pid).unwrap()))
                .collect();
            used(&device, &there, &samples)
        }
        _ => busy(&device, &there, f64::from(seen.sm) / 100.0),
    }
}

/// Observed time by device, as a plain model reckons it.
#[derive(Default)]
struct Plain {
    at: HashMap<usize, Timestamp>,
    micros: HashMap<usize, u64>,
}

impl Plain {
    fn see(&mut self, device: usize, now: Timestamp) {
        if let Some(before) = self.at.insert(device, now) {
            let gap = now.since(before);
            if gap <= Config::default().longest_gap {
                *self.micros.entry(device).or_default() += u64::try_from(gap.as_micros()).unwrap();
            }
        }
    }
}

/// Every counter of a view by its name in the run.
fn counters(view: &View) -> HashMap<(String, String), u64> {
    let mut all = HashMap::new();
    let mut put = |name: String, value: u64| {
        assert!(all.insert((view.run.clone(), name), value).is_none(), "the same series twice");
    };
    for device in &view.devices {
        for (state, micros) in DeviceState::ALL.iter().zip(device.counters.micros) {
            put(format!("{} {}", device.device.label, state.as_str()), micros);
        }
        put(format!("{} effective", device.device.label), device.counters.effective_micros);
    }
    let sessions = view.sessions.iter().filter(|s| !s.folded);
    let own = sessions.map(|s| (s.facts.id.clone(), &s.counters));
    let rest = view.rest.iter().map(|r| (format!("rest {} {}", r.gpu, r.owner), &r.counters));
    for (name, counters) in own.chain(rest) {
        for (state, micros) in DeviceState::ALL.iter().zip(counters.micros) {
            put(format!("{name} {}", state.as_str()), micros);
        }
        put(format!("{name} sm"), counters.sm_micros.iter().sum());
        put(format!("{name} memory"), counters.memory_byte_seconds);
        put(format!("{name} effective"), counters.effective_measured_micros);
        put(format!("{name} inferred"), counters.effective_inferred_micros);
        put(format!("{name} cpu"), counters.cpu_micros);
    }
    all
}

/// Parts of sessions and rest on a device; every session was seen, as none is dropped that soon.
fn parts_of_sessions(view: &View, label: &str) -> u64 {
    let own = view.sessions.iter().filter(|s| s.facts.device.label == label && !s.folded);
    let rest = view.rest.iter().filter(|rest| rest.gpu == label);
    own.map(|s| s.counters.total_micros()).sum::<u64>()
        + rest.map(|r| r.counters.total_micros()).sum::<u64>()
}

fn add_up(view: &View) -> Result<(), TestCaseError> {
    for device in &view.devices {
        let of = |state: DeviceState| device.counters.micros[state as usize];
        let nobodys = of(DeviceState::Free) + of(DeviceState::Down);
        let sessions = parts_of_sessions(view, &device.device.label);
        prop_assert_eq!(sessions + nobodys, device.counters.total_micros());
    }
    Ok(())
}

fn config() -> Config {
    // Few rows, so that folding is met; no session is let go, so that all parts stay in view.
    let long = std::time::Duration::from_secs(1_000_000);
    Config { max_live: 4, max_ended: 9999, ended_keep_min: long, ..Config::default() }
}

fn restarted(world: World, clean: bool, generation: usize, now: Timestamp) -> World {
    let saved = if clean { world.engine.stop() } else { world.engine.save() };
    let saved = serde_json::from_str(&serde_json::to_string(&saved).unwrap()).unwrap();
    let seconds = now.second() - T0;
    let run = format!("run{generation:03}");
    World { proc: world.proc, ..World::with(config(), Some(saved), &run, seconds) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn observed_time_adds_up_on_every_device(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::with(config(), None, "run000", 0);
        (1..=6).for_each(|pid| world.start(pid, -10));
        let mut plain = Plain::default();
        let mut now = at(0);
        for (index, step) in steps.iter().enumerate() {
            now = now.after(std::time::Duration::from_millis(step.millis.into()));
            let seen: Vec<_> = step.devices.iter().enumerate()
                .map(|(index, seen)| observation(seen, index, now)).collect();
            world.see_at(now, &seen);
            (0..2).for_each(|device| plain.see(device, now));
            add_up(&world.view())?;
            if let Then::Reuse(pid) = step.then {
                world.start(pid, now.second() - T0 + i64::try_from(index).unwrap());
            }
        }
        let saved = world.engine.stop();
        for (index, device) in saved.devices.iter().enumerate() {
            let expected = plain.micros.get(&index).copied().unwrap_or(0);
            prop_assert_eq!(device.counters.total_micros(), expected);
        }
    }

    #[test]
    fn no_counter_falls_within_a_run(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::with(config(), None, "run000", 0);
        (1..=6).for_each(|pid| world.start(pid, -10));
        let mut shown: HashMap<(String, String), u64> = HashMap::new();
        let mut now = at(0);
        for (index, step) in steps.iter().enumerate() {
            now = now.after(std::time::Duration::from_millis(step.millis.into()));
            let seen: Vec<_> = step.devices.iter().enumerate()
                .map(|(index, seen)| observation(seen, index, now)).collect();
            world.see_at(now, &seen);
            let view = world.view();
            add_up(&view)?;
            for (name, value) in counters(&view) {
                let before = shown.insert(name.clone(), value).unwrap_or(0);
                prop_assert!(before <= value, "{:?} fell from {} to {}", name, before, value);
            }
            match step.then {
                Then::Nothing => {}
                Then::Kill(pid) => world.kill(pid),
                Then::Reuse(pid) => world.start(pid, now.second() - T0),
                Then::ClockBack => now = now.before(std::time::Duration::from_secs(7)),
                Then::Crash => world = restarted(world, false, index + 1, now),
                Then::CleanStop => world = restarted(world, true, index + 1, now),
            }
        }
    }
}

#[test]
fn a_device_is_one_and_the_same_by_its_uuid() {
    let mut world = World::new();
    let mut moved = (*gpu(0)).clone();
    moved.label = "3".to_owned();
    world.see_for(0, 20, &[list(&gpu(0), &[])]);
    world.see_for(21, 40, &[list(&Arc::new(moved), &[])]);
    assert_eq!(world.view().devices.len(), 1);
    assert_eq!(world.view().devices[0].device.label, "3");
    assert_eq!(world.view().devices[0].counters.total_micros(), 30_000_000);
}
