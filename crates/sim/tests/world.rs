//! The world is a function of (scenario, seed, time), and stays possible at all times.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use gpu::nvml::{Driver as _, FieldRequest, Handle};
use proptest::prelude::*;
use sim::{Scenario, SimClock, SimDriver, World};

fn world(name: &str) -> Arc<World> {
    Arc::new(World::new(&Scenario::load(name).unwrap()))
}

fn driver(world: &Arc<World>) -> SimDriver {
    let clock = Arc::new(SimClock::manual(Duration::from_secs(600)));
    let driver = SimDriver::new(Arc::clone(world), 0, clock);
    driver.init().unwrap();
    driver
}

/// Everything that can be read at that age, as text.
fn reading(driver: &SimDriver, age_ms: u64) -> String {
    driver.sim_clock().set_age(Duration::from_millis(age_ms)).unwrap();
    let mut text = String::new();
    for index in 0..driver.device_count().unwrap() {
        let gpu = driver.device_handle_by_index(index).unwrap();
        let fields = [82, 138, 139, 186].map(|field| FieldRequest { field, scope: u32::MAX });
        text.push_str(&format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}\n",
            driver.memory_info_v2(gpu),
            driver.power_usage(gpu),
            driver.total_energy_consumption(gpu),
            driver.temperature(gpu),
            driver.utilization_rates(gpu),
            driver.compute_processes(gpu),
            driver.process_utilization(gpu, 0),
            driver.field_values(gpu, &fields),
            driver.current_clocks_event_reasons(gpu),
        ));
    }
    text
}

#[test]
fn a_thousand_seconds_read_by_eight_threads_in_another_order_are_the_same() {
    for name in ["h100x8-busy", "h100-mixed", "fault-mig-set"] {
        let first = world(name);
        let one = driver(&first);
        let ages: Vec<u64> = (0..31).map(|look| 130_000 + look * 33_007).collect();
        let expected: Vec<String> = ages.iter().map(|age| reading(&one, *age)).collect();
        let second = world(name);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (second, ages, expected) = (&second, &ages, &expected);
                scope.spawn(move || {
                    let driver = driver(second);
                    for look in 0..ages.len() {
                        // Each thread walks its own way: 31 has no factor in common with the strides.
                        let place =
                            (look * [7, 11, 13, 17, 19, 23, 29, 30][thread] + thread) % ages.len();
                        assert_eq!(reading(&driver, ages[place]), expected[place], "{name}");
                    }
                });
            }
        });
    }
}

#[test]
fn another_seed_is_another_world_and_the_same_seed_the_same() {
    let scenario = Scenario::load("h100x8-busy").unwrap();
    let read = |scenario: &Scenario| reading(&driver(&Arc::new(World::new(scenario))), 700_000);
    assert_eq!(read(&scenario), read(&scenario.clone()));
    assert_ne!(read(&scenario), read(&scenario.with_seed(8)));
}

#[test]
fn energy_is_the_integral_of_power() {
    let world = world("h100x8-busy");
    let node = &world.nodes()[0];
    for gpu in &node.gpus {
        let step = |step: i64| {
            gpu.at(node, step * 100_000, |state| (state.energy_joules, state.power_watts))
        };
        let start = step(600).0;
        let sum: f64 = (600..1600).map(|n| step(n).1 * 0.1).sum();
        let end = step(1600).0;
        assert!((end - start - sum).abs() < 1e-6 * sum, "{} {sum}", end - start);
    }
}

#[test]
fn counters_do_not_depend_on_how_often_they_are_read() {
    let (often, once) = (driver(&world("h100x8-busy")), driver(&world("h100x8-busy")));
    let energy = |driver: &SimDriver, age_ms: u64| {
        driver.sim_clock().set_age(Duration::from_millis(age_ms)).unwrap();
        driver.total_energy_consumption(driver.device_handle_by_index(0).unwrap()).unwrap()
    };
    let mut last = 0;
    for age_ms in (600_000..700_000).step_by(33) {
        let now = energy(&often, age_ms);
        assert!(now >= last);
        last = now;
    }
    assert_eq!(energy(&often, 700_050), energy(&once, 700_050));
}

/// A scenario of one GPU, whole or cut, with processes of random waves.
fn scenarios() -> impl Strategy<Value = String> {
    let process = (0_u32..100, 0_u32..100, 1_u32..40, 0_u32..20, 0_u32..120, 1_u32..200, 0_u32..3);
    (prop::bool::ANY, prop::collection::vec(process, 1..8), 0_u64..1000).prop_map(
        |(cut, processes, seed)| {
            let mut text = format!(
                "seed = {seed}\n[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\n"
            );
            if cut {
                text.push_str("mig = [\"3g.40gb\", \"2g.20gb\", \"1g.10gb\"]\n");
            }
            for (low, high, period, noise, start, lives, seat) in processes {
                let gpu = if cut { format!("0/{seat}") } else { "0".to_owned() };
                text.push_str(&format!(
                    "[[node.process]]\ngpu = [\"{gpu}\"]\ncommand = \"x\"\nstart = \"{start}s\"\n\
                     lives = \"{lives}s\"\nmemory = \"{}MiB\"\nencoder = {low}\n\
                     sm = {{ wave = \"sine\", low = {}, high = {}, period = \"{period}s\", noise = {} }}\n",
                    high * 11,
                    low * 9 / 10,
                    high * 9 / 10,
                    noise / 2
                ));
            }
            text
        },
    )
}

fn whole(driver: &SimDriver) -> Handle {
    driver.device_handle_by_index(0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_world_stays_possible_at_random_times(
        text in scenarios(),
        ages in prop::collection::vec(0_u64..300_000, 1..12),
    ) {
        let scenario = Scenario::from_text("random.toml", &text).unwrap();
        let driver = driver(&Arc::new(World::new(&scenario)));
        let gpu = whole(&driver);
        for age_ms in ages {
            driver.sim_clock().set_age(Duration::from_millis(age_ms)).unwrap();
            let memory = driver.memory_info_v2(gpu).unwrap();
            prop_assert_eq!(memory.total, memory.used + memory.free + memory.reserved);
            let held: u64 = driver
                .compute_processes(gpu)
                .unwrap()
                .iter()
                .filter_map(|process| process.used_gpu_memory)
                .sum();
            prop_assert!(held <= memory.used);
            let mut windows: std::collections::BTreeMap<u64, (u32, u32)> = Default::default();
            for sample in driver.process_utilization(gpu, 0).unwrap_or_default() {
                let window = windows.entry(sample.timestamp_us).or_default();
                window.0 += sample.sm;
                window.1 += 1;
                prop_assert!(sample.timestamp_us.cast_signed() <= driver.sim_clock().look().0.0);
            }
            for (sm, _) in windows.values() {
                prop_assert!(*sm <= 100, "{sm}");
            }
            let limit = driver.enforced_power_limit(gpu).unwrap();
            prop_assert!(driver.power_usage(gpu).unwrap() <= limit);
            for number in 0..driver.max_mig_device_count(gpu).unwrap() {
                let Ok(device) = driver.mig_device_by_index(gpu, number) else { continue };
                let part = driver.memory_info_v2(device).unwrap();
                prop_assert_eq!(part.total, part.used + part.free + part.reserved);
                prop_assert!(part.used <= memory.used);
            }
        }
    }
}
