//! Who works on the fleet, and what fills a machine that has no story of its own.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::machine::{GPUS, Kind, Machine};
use super::work::{self, Habit};

/// A namespace and its people.
#[derive(Debug)]
pub(super) struct Team {
    pub(super) namespace: &'static str,
    pub(super) people: &'static [&'static str],
}

pub(super) const LLM: Team =
    Team { namespace: "llm-research", people: &["kim", "han", "jeon", "novak"] };
pub(super) const SEARCH: Team =
    Team { namespace: "search-ranking", people: &["lee", "oh", "bauer"] };
pub(super) const VISION: Team = Team { namespace: "vision", people: &["park", "seo", "lim"] };
pub(super) const SPEECH: Team = Team { namespace: "speech", people: &["choi", "ryu"] };
pub(super) const SCIENCE: Team =
    Team { namespace: "data-science", people: &["jung", "shin", "moon", "costa", "yoon"] };
pub(super) const ROBOTICS: Team = Team { namespace: "robotics", people: &["kwon", "tanaka"] };

const TEAMS: [&Team; 6] = [&LLM, &SEARCH, &VISION, &SPEECH, &SCIENCE, &ROBOTICS];

/// Models that are served.
const SERVED: [&str; 8] = [
    "chat-70b",
    "chat-8b",
    "code-assist",
    "embed-large",
    "rerank-v3",
    "asr-streaming",
    "image-tagger",
    "translate-ko-en",
];

/// Things that are trained on one machine.
const TRAINED: [&str; 7] = [
    "vit-large",
    "sparse-ranker",
    "asr-conformer",
    "policy-net",
    "diffusion-base",
    "ocr-doc",
    "tts-multi",
];

/// Everybody, with the namespace.
pub(super) fn people() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEAMS.iter().flat_map(|team| team.people.iter().map(|name| (*name, team.namespace)))
}

/// Counts the machines of each kind, for their names.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<Kind, u32>);

impl Numbers {
    pub(super) fn next(&mut self, kind: Kind) -> u32 {
        let number = self.0.entry(kind).or_default();
        *number += 1;
        *number
    }
}

/// What kind the next machine is, in the proportions of a fleet.
pub(super) fn draw_kind(dice: &mut Dice) -> Kind {
    match dice.between(0, 99) {
        0..=49 => Kind::H100,
        50..=61 => Kind::H200,
        62..=81 => Kind::A100,
        82..=93 => Kind::L4,
        _ => Kind::Rtx,
    }
}

/// Fill a machine.
pub(super) fn fill(m: &mut Machine) {
    match m.kind {
        Kind::H100 | Kind::H200 if m.dice.chance(45) => pretrain(m),
        Kind::H100 | Kind::A100 if m.dice.chance(22) => cut_up(m),
        Kind::L4 => small(m),
        Kind::Rtx => desks(m),
        _ => mixed(m, 0),
    }
    trouble(m);
}

/// One rank group of a job over several machines of a kind.
fn pretrain(m: &mut Machine) {
    let group = m.number / 6;
    let job = format!("pretrain-{}-{group}", m.kind.stem());
    let all: Vec<usize> = (0..GPUS).collect();
    work::train(m, &all, &LLM, &job, m.number % 6);
}

/// One thing after the other, from a GPU on.
pub(super) fn mixed(m: &mut Machine, from: usize) {
    let mut gpu = from;
    while gpu < GPUS {
        let team = *m.dice.pick(&TEAMS);
        let left = GPUS - gpu;
        let take = |wanted: usize| wanted.min(left);
        let several = |count: usize| (gpu..gpu + take(count)).collect::<Vec<_>>();
        gpu += match m.dice.between(0, 99) {
            0..=19 => {
                let job = format!("{}-{}", m.dice.pick(&TRAINED), m.dice.suffix(4));
                let count = *m.dice.pick(&[1, 2, 4]);
                work::train(m, &several(count), team, &job, 0);
                take(count)
            }
            20..=51 => {
                let model = *m.dice.pick(&SERVED);
                let count = *m.dice.pick(&[1, 1, 2, 4]);
                work::serve(m, &several(count), team, model);
                take(count)
            }
            52..=63 => {
                let (turn, into) = (m.dice.between(14, 45), m.dice.between(0, 1800));
                let count = *m.dice.pick(&[1, 1, 2]);
                work::take_turns(m, &several(count), team, turn, into);
                take(count)
            }
            64..=70 => {
                work::evaluate(m, gpu, team);
                1
            }
            71..=87 => {
                notebook(m, &gpu.to_string(), m.kind.gib());
                1
            }
            88..=91 => {
                let user = *m.dice.pick(team.people);
                work::unused(m, gpu, team, user);
                1
            }
            _ => 1,
        };
    }
}

/// A notebook of somebody, on a GPU or MIG device of that many GiB.
pub(super) fn notebook(m: &mut Machine, seat: &str, gib: i64) {
    let team = if m.dice.chance(60) { &SCIENCE } else { *m.dice.pick(&TEAMS) };
    let user = *m.dice.pick(team.people);
    let habit = match m.dice.between(0, 9) {
        0..=4 => Habit::Busy,
        5 | 6 => Habit::LeftFor(m.dice.between(8, 50)),
        7 | 8 => Habit::Forgotten,
        _ => Habit::Bare,
    };
    let held = (gib * m.dice.between(15, 70) / 100).max(1);
    work::notebook(m, seat, team, user, held, habit);
}

/// Every second GPU cut by MIG.
fn cut_up(m: &mut Machine) {
    for gpu in 0..GPUS {
        if gpu % 2 == 0 {
            cut(m, gpu);
        } else if m.dice.chance(75) {
            let model = *m.dice.pick(&SERVED);
            let team = *m.dice.pick(&TEAMS);
            work::serve(m, &[gpu], team, model);
        }
    }
}

/// Cut a GPU and put notebooks on most of its parts.
pub(super) fn cut(m: &mut Machine, gpu: usize) {
    let (small, memory): (&[&str], _) = match m.kind {
        Kind::A100 => (&["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"], [19, 9, 4, 4, 4, 4, 4]),
        _ => (&["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"], [38, 19, 9, 9, 9, 9, 9]),
    };
    let even: &[&str] = if m.kind == Kind::A100 { &["1g.5gb"; 7] } else { &["1g.10gb"; 7] };
    let is_even = m.dice.chance(40);
    let layout = if is_even { even } else { small };
    m.cut(gpu, layout);
    for place in 0..layout.len() {
        if m.dice.chance(78) {
            let gib = if is_even { memory[6] } else { memory[place] };
            notebook(m, &format!("{gpu}/{place}"), gib);
        }
    }
}

/// Small GPUs: video and small models.
fn small(m: &mut Machine) {
    for gpu in 0..GPUS {
        match m.dice.between(0, 9) {
            0..=3 => work::video(m, gpu, &VISION),
            4..=6 => {
                let model = *m.dice.pick(&SERVED[3..]);
                work::serve(m, &[gpu], &SEARCH, model);
            }
            7 => work::evaluate(m, gpu, &SPEECH),
            _ => {}
        }
    }
}

/// Workstations: logins and Slurm jobs.
fn desks(m: &mut Machine) {
    let everyone: Vec<&str> = people().map(|(name, _)| name).collect();
    let job = m.dice.between(40_000, 48_000);
    for gpu in 0..GPUS {
        let user = *m.dice.pick(&everyone);
        match m.dice.between(0, 9) {
            0..=4 => work::personal(m, &[gpu], user, Some(job + gpu.cast_signed() as i64)),
            5 | 6 => work::personal(m, &[gpu], user, None),
            _ => {}
        }
    }
}

/// What goes wrong now and then somewhere.
fn trouble(m: &mut Machine) {
    let gpu = m.dice.between(0, 7);
    let at = m.age - m.dice.between(60, 5000);
    let xid = *m.dice.pick(&[13, 31, 43, 94]);
    match m.dice.between(0, 199) {
        0..=5 => m.fault("xid", at, &format!("gpu = \"{gpu}\"\nxid = {xid}")),
        6 | 7 => m.fault("lost", at, &format!("gpu = \"{gpu}\"\nxid = 79")),
        8 => m.fault("leak", at, &format!("gpu = \"{gpu}\"\nmemory = \"2GiB\"")),
        9 => m.down(at, m.age + 3600),
        _ => {}
    }
}
