//! The first eight machines: each has its story, and together they show every state and everything
//! that can go wrong.

use super::contents::{self, LLM, ROBOTICS, SCIENCE, SEARCH, SPEECH, VISION};
use super::machine::{GPUS, Kind, Machine, text};
use super::work::{self, Habit};

/// The kind of a machine that has a story.
pub(super) const fn kind(place: u32) -> Option<Kind> {
    Some(match place {
        0 | 1 | 2 | 5 => Kind::H100,
        3 => Kind::H200,
        4 => Kind::A100,
        6 => Kind::L4,
        7 => Kind::Rtx,
        _ => return None,
    })
}

/// Tell the story of a machine; false if it has none.
pub(super) fn tell(place: u32, m: &mut Machine) -> bool {
    match place {
        0 => hot_and_capped(m),
        1 => hung(m),
        2 => lost(m),
        3 => serving(m),
        4 => left_behind(m),
        5 => shared(m),
        6 => video(m),
        7 => goes_down(m),
        _ => return false,
    }
    true
}

const MINUTE: i64 = 60;

fn all() -> Vec<usize> {
    (0..GPUS).collect()
}

/// Half of a large training; one GPU is capped below its demand, one runs hot.
fn hot_and_capped(m: &mut Machine) {
    work::train(m, &all(), &LLM, "pretrain-70b", 0);
    m.gpu(3, "power_limit = 450");
    // Bit 0x20: heat holds the clocks down.
    m.gpu(
        6,
        "figures = { temperature = { wave = \"sine\", low = 87, high = 92, period = \"9m\", \
         noise = 0.6 }, clocks_event_reasons = 0x20, sm_clock = 1410 }",
    );
}

/// The other half; one rank spins: full use, no power, no progress.
fn hung(m: &mut Machine) {
    let others: Vec<usize> = all().into_iter().filter(|gpu| *gpu != 5).collect();
    work::train(m, &others, &LLM, "pretrain-70b", 1);
    m.gpu(
        5,
        "figures = { power_watts = { wave = \"constant\", value = 129, noise = 1.5 }, \
         power_instant_watts = { wave = \"constant\", value = 129, noise = 3 } }",
    );
    let seats = work::seats(&[5]);
    let pod = super::machine::Pod {
        namespace: LLM.namespace,
        name: "pretrain-70b-worker-2".to_owned(),
        owner: "PyTorchJob/pretrain-70b".to_owned(),
        container: "pytorch",
    };
    m.pod(&pod, &seats);
    let nothing = "{ wave = \"constant\", value = 0 }";
    let keys = [
        pod.key(),
        ("command", text("/usr/bin/python3 train.py --config configs/pretrain-70b.yaml")),
        ("before", "\"26h\"".to_owned()),
        ("memory", "\"66GiB\"".to_owned()),
        ("sm", "100".to_owned()),
        ("tensor", nothing.to_owned()),
        ("memory_use", nothing.to_owned()),
        ("dram", nothing.to_owned()),
        ("cpu", "100".to_owned()),
    ];
    m.process(&seats, &keys);
}

/// A GPU fell off the bus in the middle of a fine-tuning; notebooks held and stale; a job that is
/// just starting.
fn lost(m: &mut Machine) {
    work::train(m, &[0, 1, 2, 3], &SPEECH, "asr-conformer-x2", 0);
    work::serve(m, &[4], &SEARCH, "rerank-v3");
    m.fault("lost", m.age - 24 * MINUTE, "gpu = \"4\"\nxid = 79");
    work::notebook(m, "5", &SCIENCE, "jung", 31, Habit::LeftFor(27));
    work::notebook(m, "6", &SCIENCE, "costa", 46, Habit::Forgotten);
    work::take_turns(m, &[7], &LLM, 26, 100);
}

/// Inference on several GPUs, evaluations that come and go, XIDs of a faulty kernel, and a pod that
/// holds a GPU and does not use it.
fn serving(m: &mut Machine) {
    work::serve(m, &[0, 1, 2, 3], &LLM, "chat-70b");
    work::serve(m, &[4, 5], &LLM, "code-assist");
    work::evaluate(m, 6, &LLM);
    work::unused(m, 7, &LLM, "novak");
    for minutes in [88, 41, 11] {
        m.fault("xid", m.age - minutes * MINUTE, "gpu = \"6\"\nxid = 31");
    }
    m.fault("xid", m.age + 7 * MINUTE, "gpu = \"6\"\nxid = 43");
}

/// What processes leave behind: a zombie, leaked memory; MIG devices beside whole GPUs, whose use
/// this generation does not tell.
fn left_behind(m: &mut Machine) {
    work::take_turns(m, &[0, 1], &VISION, 19, 700);
    let user = "seo";
    let keys = [
        ("user", text(user)),
        ("command", text("/home/seo/venv/bin/python infer.py --resume")),
        ("pid", "31337".to_owned()),
        ("before", "\"5h\"".to_owned()),
        ("memory", "\"11GiB\"".to_owned()),
        ("sm", "{ wave = \"constant\", value = 40, noise = 5 }".to_owned()),
    ];
    m.process(&work::seats(&[2]), &keys);
    m.fault("zombie", m.age - 17 * MINUTE, "pid = 31337");
    m.fault("leak", m.age - 50 * MINUTE, "gpu = \"3\"\nmemory = \"9GiB\"");
    work::notebook(m, "4", &SCIENCE, "shin", 1, Habit::Bare);
    for gpu in 5..GPUS {
        contents::cut(m, gpu);
    }
}

/// One machine for many: cut GPUs with notebooks, two people on one instance, a whole one between.
fn shared(m: &mut Machine) {
    work::serve(m, &[0], &SEARCH, "embed-large");
    work::evaluate(m, 1, &VISION);
    m.cut(2, &["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]);
    work::notebook(m, "2/0", &SCIENCE, "moon", 22, Habit::Busy);
    for (seat, user) in [("2/1::0", "yoon"), ("2/1::1", "costa")] {
        work::notebook(m, seat, &SCIENCE, user, 6, Habit::Busy);
    }
    work::notebook(m, "2/2", &SCIENCE, "shin", 5, Habit::LeftFor(14));
    for gpu in 3..6 {
        contents::cut(m, gpu);
    }
    m.cut(6, &["4g.40gb", "3g.40gb"]);
    work::notebook(m, "6/0", &ROBOTICS, "kwon", 30, Habit::Busy);
    work::take_turns(m, &[7], &ROBOTICS, 14, 400);
}

/// Small GPUs: video, small models, one GPU shared by three of them, one free.
fn video(m: &mut Machine) {
    for gpu in 0..3 {
        work::video(m, gpu, &VISION);
    }
    work::serve(m, &[3], &SEARCH, "embed-large");
    work::serve(m, &[4], &SPEECH, "asr-streaming");
    work::slices(m, 5, &VISION, &["image-tagger", "ocr-doc", "face-blur"]);
    work::evaluate(m, 6, &SPEECH);
}

/// Slurm jobs and logins on a machine that nothing was heard of for three minutes; it comes back,
/// and goes again after a while.
fn goes_down(m: &mut Machine) {
    for (gpu, (user, job)) in
        [("tanaka", Some(48_211)), ("kwon", Some(48_212)), ("novak", None), ("bauer", Some(48_207))]
            .into_iter()
            .enumerate()
    {
        work::personal(m, &[gpu], user, job);
    }
    work::personal(m, &[4, 5], "kim", Some(48_190));
    for minutes in [-78, -3, 42, 95] {
        m.down(m.age + minutes * MINUTE, m.age + (minutes + 8) * MINUTE);
    }
}
