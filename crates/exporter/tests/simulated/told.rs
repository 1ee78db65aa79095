//! A machine that is told of and asked in line shows the same as one with threads and files, and
//! what a node knows goes over to another.

use std::sync::Arc;
use std::time::Duration;

use exporter::page::{self, Style};
use exporter::{Config, Machine, Node, Parts, Snapshot, StateUse, Told};
use host::Host;
use sim::{Pace, Scenario, SimClock, World};

use crate::watched::{Watched, patient};

const AGE: Duration = Duration::from_secs(600);

fn told(scenario: &str) -> (Machine, Arc<SimClock>) {
    let world = Arc::new(World::new(&Scenario::load(scenario).unwrap()));
    let now = sim::scenario::manual_origin().after(AGE);
    let clock = Arc::new(SimClock::starting_at(now, Pace::Manual, AGE));
    let simulated = sim::Machine::new(world, 0, Arc::clone(&clock));
    let told = Told {
        boot_id: simulated.node().boot_id(),
        run: simulated.run(),
        gpus: u32::try_from(simulated.node().gpus.len()).unwrap(),
        process: {
            let simulated = simulated.clone();
            Box::new(move |pid| simulated.process(pid))
        },
        in_line: simulated.node().never_blocks(),
    };
    assert!(told.in_line);
    let machine = Machine {
        open_driver: simulated.driver_opener(),
        smi: None,
        host: Host::new("/nonexistent".into(), "/nonexistent".into()),
        clock: simulated.clock(),
        hostname: Some(simulated.node().name.clone()),
        before_tick: None,
        simulated: true,
        told: Some(told),
    };
    (machine, clock)
}

/// The page of devices and sessions without what a told machine knows more: names and run.
fn plain(snapshot: &Snapshot) -> Vec<String> {
    let parts = Parts { gpu: true, sessions: true, own: false };
    let text = page::render(snapshot, parts, &Style::default());
    let mut lines = Vec::new();
    for family in model::text::parse(&text).unwrap() {
        for mut sample in family.samples {
            sample.labels.retain(|(name, _)| {
                !["run", "namespace", "pod", "container"].contains(&name.as_str())
            });
            lines.push(format!("{} {:?} {}", sample.name, sample.labels, sample.value));
        }
    }
    lines
}

#[test]
fn in_line_and_with_threads_a_machine_shows_the_same() {
    for scenario in ["h100-mixed", "fault-lost", "fault-zombie"] {
        let (machine, clock) = told(scenario);
        let mut in_line = Watched::over(machine, clock, &patient(), &StateUse::None);
        let mut threads = Watched::new(scenario, AGE);
        let span = Duration::from_secs(40);
        assert_eq!(plain(&in_line.run(span)), plain(&threads.run(span)), "{scenario}");
    }
}

#[test]
fn another_node_goes_on_from_what_one_knows() {
    let (machine, clock) = told("h100-mixed");
    let mut first = Node::new(&patient(), machine, &StateUse::None);
    for _ in 0..30 {
        clock.advance(Duration::from_secs(1)).unwrap();
        first.follow(model::Clock::now(&*clock));
    }
    let memory = first.memory();
    let now = model::Clock::now(&*clock);
    let seen = first.tick(now);

    let (machine, clock) = told("h100-mixed");
    clock.set(now).unwrap();
    let mut second = Node::new(&Config::default(), machine, &StateUse::GoOn(Box::new(memory)));
    let gone_on = second.tick(now);
    let facts = |snapshot: &Snapshot| -> Vec<(String, &'static str, u64)> {
        let sessions = snapshot.view.sessions.iter();
        sessions
            .map(|s| (s.facts.id.clone(), s.state.as_str(), s.counters.micros.iter().sum()))
            .collect()
    };
    let (seen, gone_on) = (facts(&seen), facts(&gone_on));
    assert_eq!(seen.len(), gone_on.len());
    for (one, other) in seen.iter().zip(&gone_on) {
        assert_eq!((&one.0, one.1), (&other.0, other.1));
        // A clean handover books what was pending: counters go on and never fall.
        assert!(other.2 >= one.2, "{one:?} {other:?}");
    }
    assert_eq!(seen.len(), 5);
}
