//! Stories in which something is wrong, and what.

use model::process::{Lookup, ProcessFacts};
use session::Finding;

use crate::dice::noise;
use crate::score::Label;
use crate::world::{END, GIB, Listed, Moment, Stage, Story, facts, in_pod, listed};

pub(crate) const STORIES: &[fn(Stage) -> Story] = &[
    a_pod_that_never_starts,
    a_pod_whose_process_ends,
    a_program_beside_the_allocator,
    a_pod_on_the_gpu_of_another,
    memory_that_leaks,
    memory_that_leaks_after_a_crash,
    a_dead_process_that_stays_listed,
    a_process_that_hangs_in_the_kernel,
    a_pod_that_the_kubelet_forgot,
    an_instance_without_compute_instance,
    an_instance_without_compute_instance,
    a_rank_that_waits_for_ever,
    a_rank_that_waits_for_ever,
    a_rank_that_hangs_from_its_start,
    a_gpu_lost_while_it_is_held,
];

fn label(finding: Finding, entity: String, from: i64, to: i64) -> Label {
    Label { finding, entity, from, to }
}

/// Work of a training process at a moment: full use with noise, at its own power.
pub(crate) fn work(moment: &mut Moment, seed: u64, watts: f64, now: i64) {
    moment.activity = 0.96 + 0.04 * noise(seed, now).abs();
    moment.watts = watts * (1.0 + 0.06 * noise(seed ^ 1, now));
    if let Some(pipes) = &mut moment.pipes {
        *pipes = [0.4, 0.5, 2e9];
    }
}

/// A kernel that spins.
fn spin(moment: &mut Moment, watts: f64) {
    moment.activity = 1.0;
    moment.watts = watts;
    if let Some(pipes) = &mut moment.pipes {
        *pipes = [0.0, 0.001, 5e6];
    }
}

fn a_pod_that_never_starts(mut stage: Stage) -> Story {
    let from = stage.dice.between(20, 1500);
    let to = from + stage.dice.between(400, 2500);
    let stays = stage.dice.chance(0.5);
    let pod = stage.pod("idle");
    let labels = vec![label(Finding::NoProcess, format!("pod {pod}"), from, to)];
    let pid = stage.pid(1);
    let watts = stage.idle_watts * 5.0;
    Story {
        labels,
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if now >= from && (now < to || stays) {
                moment.holders.push(pod.clone());
            }
            if now >= to && stays {
                moment.processes.push(listed(in_pod(pid, to, now, &pod), 20 * GIB, 90));
                work(&mut moment, u64::from(pid), watts, now);
            }
            moment
        }),
    }
}

fn a_pod_whose_process_ends(mut stage: Stage) -> Story {
    let begin = stage.dice.between(0, 300);
    let from = begin + stage.dice.between(30, 1500);
    let to = (from + stage.dice.between(400, 3000)).min(END);
    let pod = stage.pod("done");
    let pid = stage.pid(1);
    let watts = stage.idle_watts * 6.0;
    Story {
        labels: vec![label(Finding::NoProcess, format!("pod {pod}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if (begin..to).contains(&now) {
                moment.holders.push(pod.clone());
            }
            if (begin..from).contains(&now) {
                moment.processes.push(listed(in_pod(pid, begin, now, &pod), 30 * GIB, 95));
                work(&mut moment, u64::from(pid), watts, now);
            }
            moment
        }),
    }
}

fn a_program_beside_the_allocator(mut stage: Stage) -> Story {
    let from = stage.dice.between(10, 2500);
    let to = from + stage.dice.between(150, 1800);
    let pid = stage.pid(1);
    Story {
        labels: vec![label(Finding::OutsideAllocation, format!("pid {pid}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if (from..to).contains(&now) {
                moment.processes.push(listed(facts(pid, from, now), 5 * GIB, 30));
                moment.activity = 0.3;
                moment.watts *= 2.0;
            }
            moment
        }),
    }
}

fn a_pod_on_the_gpu_of_another(mut stage: Stage) -> Story {
    let from = stage.dice.between(100, 2500);
    let to = from + stage.dice.between(150, 1800);
    let (own, other) = (stage.pid(1), stage.pid(2));
    let (holder, guest) = (stage.pod("owner"), stage.pod("guest"));
    let watts = stage.idle_watts * 6.0;
    Story {
        labels: vec![label(Finding::OutsideAllocation, format!("pid {other}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            moment.holders.push(holder.clone());
            moment.processes.push(listed(in_pod(own, 0, now, &holder), 30 * GIB, 60));
            work(&mut moment, u64::from(own), watts, now);
            if (from..to).contains(&now) {
                moment.processes.push(listed(in_pod(other, from, now, &guest), 8 * GIB, 35));
            }
            moment
        }),
    }
}

fn memory_that_leaks(mut stage: Stage) -> Story {
    let from = stage.dice.between(10, 2500);
    let to = from + stage.dice.between(210, 1800);
    let bytes = (600 << 20) + stage.dice.seed() % (20 * GIB);
    let pod = stage.pod("user");
    let pid = stage.pid(1);
    let watts = stage.idle_watts * 6.0;
    Story {
        labels: vec![label(Finding::Leaked, stage.uuid(), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            moment.holders.push(pod.clone());
            moment.processes.push(listed(in_pod(pid, 0, now, &pod), 20 * GIB, 60));
            work(&mut moment, u64::from(pid), watts, now);
            moment.unowned = Some(if (from..to).contains(&now) { bytes } else { 100 << 20 });
            moment
        }),
    }
}

fn memory_that_leaks_after_a_crash(mut stage: Stage) -> Story {
    let begin = stage.dice.between(0, 200);
    let from = begin + stage.dice.between(100, 2500);
    let pod = stage.pod("crashed");
    let pid = stage.pid(1);
    let watts = stage.idle_watts * 6.0;
    Story {
        labels: vec![label(Finding::Leaked, stage.uuid(), from, END)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if (begin..from).contains(&now) {
                moment.holders.push(pod.clone());
                moment.processes.push(listed(in_pod(pid, begin, now, &pod), 40 * GIB, 60));
                work(&mut moment, u64::from(pid), watts, now);
            }
            if now >= from {
                moment.unowned = Some(40 * GIB);
            }
            moment
        }),
    }
}

/// A pod's process that is somehow dead or stuck, from one time to another.
fn dead(
    mut stage: Stage,
    longest: i64,
    change: impl Fn(&mut Listed, &mut ProcessFacts) + 'static,
) -> Story {
    let from = stage.dice.between(60, 2500);
    let to = from + stage.dice.between(210, longest);
    let pid = stage.pid(1);
    let pod = stage.pod("dead");
    let watts = stage.idle_watts * 4.0;
    Story {
        labels: vec![label(Finding::Zombie, format!("pid {pid}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if now < to {
                moment.holders.push(pod.clone());
                let then = now.min(from);
                let mut facts = in_pod(pid, 0, then, &pod);
                let mut process = listed(facts.clone(), 10 * GIB, 0);
                if now < from {
                    process.sm = 80;
                    work(&mut moment, u64::from(pid), watts, now);
                } else {
                    change(&mut process, &mut facts);
                }
                moment.processes.push(process);
            }
            moment
        }),
    }
}

fn a_dead_process_that_stays_listed(mut stage: Stage) -> Story {
    let is_gone = stage.dice.chance(0.5);
    dead(stage, 1800, move |process, facts| {
        if is_gone {
            process.found = Lookup::Gone;
        } else {
            process.found = Lookup::Facts(ProcessFacts { state: 'Z', ..facts.clone() });
        }
    })
}

fn a_process_that_hangs_in_the_kernel(stage: Stage) -> Story {
    dead(stage, 1500, |process, facts| {
        process.found = Lookup::Facts(ProcessFacts { state: 'D', ..facts.clone() });
    })
}

fn a_pod_that_the_kubelet_forgot(stage: Stage) -> Story {
    dead(stage, 1500, |process, facts| {
        process.found = Lookup::Facts(ProcessFacts { pod_is_gone: true, ..facts.clone() });
    })
}

fn an_instance_without_compute_instance(mut stage: Stage) -> Story {
    let from = stage.dice.between(10, 3000);
    let to = from + stage.dice.between(150, 2000);
    let entity = format!("{}/7", stage.uuid());
    Story {
        labels: vec![label(Finding::NoComputeInstance, entity, from, to)],
        at: Box::new(move |now| {
            let idle_instance = (from..to).contains(&now);
            Moment { idle_instance, ..stage.quiet() }
        }),
    }
}

fn a_rank_that_waits_for_ever(mut stage: Stage) -> Story {
    let begin = stage.dice.between(0, 600);
    let from = begin + stage.dice.between(200, 1500);
    let to = (from + stage.dice.between(700, 2200)).min(END);
    let recovers = stage.dice.chance(0.4);
    let pid = stage.pid(1);
    let pod = stage.pod("rank");
    let usual = stage.idle_watts * stage.dice.real(4.0, 8.0);
    let spinning = (usual * stage.dice.real(0.2, 0.42)).max(stage.idle_watts * 1.05);
    Story {
        labels: vec![label(Finding::HangSuspect, format!("pid {pid}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if (begin..to).contains(&now) || now >= to && recovers {
                moment.holders.push(pod.clone());
                moment.processes.push(listed(in_pod(pid, begin, now, &pod), 60 * GIB, 99));
                if (from..to).contains(&now) {
                    spin(&mut moment, spinning);
                } else {
                    work(&mut moment, u64::from(pid), usual, now);
                }
            }
            moment
        }),
    }
}

fn a_rank_that_hangs_from_its_start(mut stage: Stage) -> Story {
    // The GPU was quiet before, so that its idle power is known.
    let from = stage.dice.between(420, 1500);
    let to = (from + stage.dice.between(700, 2500)).min(END);
    let pid = stage.pid(1);
    let pod = stage.pod("rank");
    let spinning = stage.idle_watts * stage.dice.real(1.05, 1.3);
    Story {
        labels: vec![label(Finding::HangSuspect, format!("pid {pid}"), from, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if (from..to).contains(&now) {
                moment.holders.push(pod.clone());
                moment.processes.push(listed(in_pod(pid, from, now, &pod), 60 * GIB, 99));
                spin(&mut moment, spinning);
            }
            moment
        }),
    }
}

/// While it is lost nothing can be told; what was wrong is so again afterwards.
fn a_gpu_lost_while_it_is_held(mut stage: Stage) -> Story {
    let lost = stage.dice.between(60, 240);
    let back = lost + stage.dice.between(200, 900);
    let to = back + stage.dice.between(400, 2000);
    let pod = stage.pod("held");
    Story {
        labels: vec![label(Finding::NoProcess, format!("pod {pod}"), back, to)],
        at: Box::new(move |now| {
            let mut moment = stage.quiet();
            if now < to {
                moment.holders.push(pod.clone());
            }
            moment.is_down = (lost..back).contains(&now);
            moment
        }),
    }
}
