//! Stories in which nothing is wrong, although it looks a little as if.

use model::process::{Lookup, ProcessFacts};

use crate::dice::noise;
use crate::world::{GIB, Moment, Stage, Story, in_pod, listed};
use crate::wrong::work;

pub(crate) const STORIES: &[fn(Stage) -> Story] = &[
    a_busy_loop_that_draws_little,
    training_with_short_pauses,
    a_low_power_phase_that_ends,
    a_low_power_service,
    steady_training,
    much_memory_that_is_reserved,
    memory_that_is_in_use_for_a_moment,
    a_process_that_waits_for_a_disk,
    processes_that_end_slowly,
    pods_that_restart,
    pods_that_follow_each_other,
    a_pod_whose_name_comes_late,
    instances_that_are_being_made,
];

fn story(at: impl Fn(i64) -> Moment + 'static) -> Story {
    Story { labels: Vec::new(), at: Box::new(at) }
}

/// A pod that holds the GPU all the time, with its process.
fn held(stage: &Stage, now: i64, sm: u8) -> Moment {
    let mut moment = stage.quiet();
    let pod = stage.pod("work");
    moment.processes.push(listed(in_pod(stage.pid(1), 0, now, &pod), 30 * GIB, sm));
    moment.holders.push(pod);
    moment
}

/// Full and steady use that never draws much: its own usual power is that.
fn a_busy_loop_that_draws_little(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * stage.dice.real(1.6, 2.5);
    // Some begin after the idle power was seen, some are there from the start.
    let begin = if stage.dice.chance(0.5) { 0 } else { stage.dice.between(400, 900) };
    let (pid, pod) = (stage.pid(1), stage.pod("loop"));
    story(move |now| {
        let mut moment = stage.quiet();
        if now >= begin {
            moment.holders.push(pod.clone());
            moment.processes.push(listed(in_pod(pid, begin, now, &pod), 2 * GIB, 99));
            (moment.activity, moment.watts) = (1.0, watts);
        }
        moment
    })
}

fn training_with_short_pauses(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * stage.dice.real(4.0, 8.0);
    let period = stage.dice.between(200, 900);
    let pause = stage.dice.between(20, 240).min(period / 2);
    story(move |now| {
        let rests = now % period < pause;
        let mut moment = held(&stage, now, if rests { 0 } else { 95 });
        if !rests {
            work(&mut moment, 3, watts, now);
        }
        moment
    })
}

/// A checkpoint or an evaluation: steady and low, but not for ten minutes.
fn a_low_power_phase_that_ends(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * stage.dice.real(4.0, 8.0);
    let (begin, length) = (stage.dice.between(400, 2500), stage.dice.between(60, 480));
    let low = watts * stage.dice.real(0.25, 0.45);
    story(move |now| {
        let mut moment = held(&stage, now, 99);
        work(&mut moment, 5, watts, now);
        if (begin..begin + length).contains(&now) {
            (moment.activity, moment.watts) = (1.0, low);
            moment.pipes = moment.pipes.map(|_| [0.0; 3]);
        }
        moment
    })
}

/// A model that served at high power and now serves a few at a time: something always moves.
fn a_low_power_service(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * stage.dice.real(4.0, 7.0);
    let low = watts * stage.dice.real(0.3, 0.45);
    let begin = stage.dice.between(400, 1500);
    let kind = stage.dice.between(0, 2);
    story(move |now| {
        let mut moment = held(&stage, now, 97);
        work(&mut moment, 7, watts, now);
        if now >= begin {
            let noise = noise(11, now).abs();
            moment.watts = low;
            moment.activity = 1.0;
            match (kind, &mut moment.pipes) {
                (0, Some(pipes)) => *pipes = [0.05 + 0.05 * noise, 0.2, 1e8],
                (1, _) => {
                    let cache = u64::try_from(now / 60 % 7).unwrap() * (200 << 20);
                    let process = moment.processes.first_mut().unwrap();
                    process.bytes = process.bytes.map(|bytes| bytes + cache);
                }
                _ => moment.activity = 0.9 + 0.1 * noise,
            }
        }
        moment
    })
}

fn steady_training(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * stage.dice.real(3.0, 8.0);
    story(move |now| {
        let mut moment = held(&stage, now, 99);
        work(&mut moment, 13, watts, now);
        moment.activity = 1.0;
        moment
    })
}

/// What the driver reserves is no use, and where it cannot be read nothing is said.
fn much_memory_that_is_reserved(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * 5.0;
    let unreadable = stage.dice.between(0, 2);
    story(move |now| {
        let mut moment = held(&stage, now, 80);
        work(&mut moment, 17, watts, now);
        match unreadable {
            0 => moment.unowned = None,
            1 => {
                // WDDM tells no memory by process.
                moment.unowned = Some(30 * GIB);
                moment.processes[0].bytes = None;
            }
            _ => moment.unowned = Some(500 << 20),
        }
        moment
    })
}

fn memory_that_is_in_use_for_a_moment(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * 5.0;
    let (period, length) = (stage.dice.between(150, 600), stage.dice.between(10, 90));
    story(move |now| {
        let mut moment = held(&stage, now, 80);
        work(&mut moment, 19, watts, now);
        if now % period < length {
            moment.unowned = Some(4 * GIB);
        }
        moment
    })
}

/// In state D for a minute, or at every look but working in between.
fn a_process_that_waits_for_a_disk(mut stage: Stage) -> Story {
    let watts = stage.idle_watts * 5.0;
    let always = stage.dice.chance(0.5);
    let (begin, length) = (stage.dice.between(100, 3000), stage.dice.between(30, 100));
    let (pid, pod) = (stage.pid(1), stage.pod("work"));
    story(move |now| {
        let mut moment = held(&stage, now, 60);
        work(&mut moment, 23, watts, now);
        let waits = always || (begin..begin + length).contains(&now);
        if waits {
            let worked_until = if always { now } else { begin };
            let facts = in_pod(pid, 0, worked_until, &pod);
            moment.processes[0].found = Lookup::Facts(ProcessFacts { state: 'D', ..facts });
        }
        moment
    })
}

/// Short jobs, each of which stays listed for a while after it ended.
fn processes_that_end_slowly(mut stage: Stage) -> Story {
    let (life, dying) = (stage.dice.between(150, 500), stage.dice.between(5, 90));
    let pod = stage.pod("jobs");
    let watts = stage.idle_watts * 4.0;
    story(move |now| {
        let (number, age) = (now / life, now % life);
        let pid = stage.pid(u32::try_from(number).unwrap() + 1);
        let facts = in_pod(pid, number * life, now, &pod);
        let mut moment = stage.quiet();
        moment.holders.push(pod.clone());
        let mut process = listed(facts.clone(), 9 * GIB, 70);
        if age >= life - dying {
            process.sm = 0;
            process.found = Lookup::Facts(ProcessFacts { state: 'Z', ..facts });
        } else {
            work(&mut moment, 29, watts, now);
        }
        moment.processes.push(process);
        moment
    })
}

/// The pod stays, its process comes back after some minutes.
fn pods_that_restart(mut stage: Stage) -> Story {
    let (period, pause) = (stage.dice.between(400, 1200), stage.dice.between(10, 240));
    let pod = stage.pod("restarts");
    let watts = stage.idle_watts * 4.0;
    story(move |now| {
        let (number, age) = (now / period, now % period);
        let pid = stage.pid(u32::try_from(number).unwrap() + 1);
        let mut moment = stage.quiet();
        moment.holders.push(pod.clone());
        if age >= pause {
            let facts = in_pod(pid, number * period + pause, now, &pod);
            moment.processes.push(listed(facts, 9 * GIB, 70));
            work(&mut moment, 31, watts, now);
        }
        moment
    })
}

/// One pod after the other; the kubelet tells of each a little late, as of its end.
fn pods_that_follow_each_other(mut stage: Stage) -> Story {
    let (life, late) = (stage.dice.between(200, 900), stage.dice.between(5, 35));
    let start = stage.dice.between(5, 200);
    let watts = stage.idle_watts * 4.0;
    story(move |now| {
        let (number, age) = (now / life, now % life);
        let pod = stage.pod(&format!("job{number}"));
        let before = stage.pod(&format!("job{}", number - 1));
        let mut moment = stage.quiet();
        moment.holders.push(if age < late { before } else { pod.clone() });
        if age >= start.min(life / 3) {
            let pid = stage.pid(u32::try_from(number).unwrap() + 1);
            let facts = in_pod(pid, number * life, now, &pod);
            moment.processes.push(listed(facts, 9 * GIB, 70));
            work(&mut moment, 37, watts, now);
        }
        moment
    })
}

/// The API server answers late: until then only the ids in the control group are known.
fn a_pod_whose_name_comes_late(mut stage: Stage) -> Story {
    let named = stage.dice.between(20, 1500);
    let (pid, pod) = (stage.pid(1), stage.pod("work"));
    let watts = stage.idle_watts * 4.0;
    story(move |now| {
        let mut moment = held(&stage, now, 80);
        work(&mut moment, 41, watts, now);
        if now < named {
            let facts = in_pod(pid, 0, now, &pod);
            moment.processes[0].found = Lookup::Facts(ProcessFacts { names: None, ..facts });
        }
        moment
    })
}

/// A GPU instance gets its compute instance a moment after it is made.
fn instances_that_are_being_made(mut stage: Stage) -> Story {
    let (period, length) = (stage.dice.between(300, 900), stage.dice.between(5, 40));
    story(move |now| Moment { idle_instance: now % period < length, ..stage.quiet() })
}
