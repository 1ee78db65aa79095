//! What runs on the fleet: training, serving, notebooks, batches, video, with the shapes of load
//! that each has.

use super::contents::Team;
use super::machine::{Machine, Pod, text};

/// GPUs as the seats of a scenario.
pub(super) fn seats(gpus: &[usize]) -> Vec<String> {
    gpus.iter().map(usize::to_string).collect()
}

/// One process per seat.
fn one_each(seats: &[String]) -> [(&'static str, String); 2] {
    [("rotate", "true".to_owned()), ("count", seats.len().to_string())]
}

/// Steady training: near full use, a checkpoint every quarter of an hour or so. `job` and `worker`
/// name the pod; all its ranks hold about the same memory.
pub(super) fn train(m: &mut Machine, gpus: &[usize], team: &Team, job: &str, worker: u32) {
    let pod = Pod {
        namespace: team.namespace,
        name: format!("{job}-worker-{worker}"),
        owner: format!("PyTorchJob/{job}"),
        container: "pytorch",
    };
    let seats = seats(gpus);
    m.pod(&pod, &seats);
    let (top, every) = (m.dice.between(91, 98), m.dice.between(780, 1200));
    let held = m.kind.gib() * m.dice.between(78, 94) / 100;
    let pause = every - m.dice.between(20, 50);
    let wave = |high: i64, low: i64, noise: i64| {
        format!(
            "{{ wave = \"steps\", points = [[\"0s\", {high}], [\"{pause}s\", {low}]], \
             every = \"{every}s\", noise = {noise} }}"
        )
    };
    let mut keys = vec![
        pod.key(),
        ("command", text(&format!("/usr/bin/python3 train.py --config configs/{job}.yaml"))),
        ("before", format!("\"{}h\"", m.dice.between(3, 90))),
        ("memory", format!("\"{held}GiB\"")),
        ("sm", wave(top, 3, 2)),
        ("tensor", wave(m.dice.between(38, 58), 0, 4)),
        ("memory_use", wave(m.dice.between(40, 58), 1, 4)),
        ("cpu", m.dice.between(90, 140).to_string()),
    ];
    keys.extend(one_each(&seats));
    m.process(&seats, &keys);
}

/// Inference: waves of load over half an hour or more, memory taken at the start.
pub(super) fn serve(m: &mut Machine, gpus: &[usize], team: &Team, model: &str) {
    let (hash, own) = (m.dice.suffix(9), m.dice.suffix(5));
    let pod = Pod {
        namespace: team.namespace,
        name: format!("{model}-{hash}-{own}"),
        owner: format!("ReplicaSet/{model}-{hash}"),
        container: "server",
    };
    let seats = seats(gpus);
    m.pod(&pod, &seats);
    let high = m.dice.between(52, 88);
    let period = m.dice.between(24, 80);
    let phase = m.dice.between(0, 3600);
    let held = m.kind.gib() * m.dice.between(82, 92) / 100;
    let wave = |low: i64, high: i64, noise: i64| {
        format!(
            "{{ wave = \"sine\", low = {low}, high = {high}, period = \"{period}m\", \
             phase = \"{phase}s\", noise = {noise} }}"
        )
    };
    let mut keys = vec![
        pod.key(),
        ("command", text(&format!("/usr/bin/python3 -m vllm.entrypoints --model /models/{model}"))),
        ("before", format!("\"{}h\"", m.dice.between(5, 200))),
        ("memory", format!("\"{held}GiB\"")),
        ("sm", wave(6, high, 6)),
        ("tensor", wave(2, high / 3, 3)),
        ("memory_use", wave(8, high * 4 / 5, 6)),
        ("cpu", m.dice.between(20, 90).to_string()),
    ];
    keys.extend(one_each(&seats));
    m.process(&seats, &keys);
}

/// How a notebook is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Now and then, again and again.
    Busy,
    /// Used until so many minutes before the first look.
    LeftFor(i64),
    /// Not once since the world began.
    Forgotten,
    /// A bare context that holds next to nothing.
    Bare,
}

/// A notebook on a GPU or a MIG device, or on a replica of one (`"2/1::0"`).
pub(super) fn notebook(
    m: &mut Machine,
    seat: &str,
    team: &Team,
    user: &str,
    gib: i64,
    habit: Habit,
) {
    let pod = Pod {
        namespace: team.namespace,
        name: format!("jupyter-{user}-{}", m.dice.suffix(3)),
        owner: format!("StatefulSet/jupyter-{user}"),
        container: "notebook",
    };
    m.pod(&pod, &[seat.to_owned()]);
    let device = seat.split("::").next().unwrap_or(seat);
    let seats = [device.to_owned()];
    let before = m.dice.between(2, 30);
    let mut keys = vec![
        pod.key(),
        ("user", text(user)),
        ("command", text("/opt/conda/bin/python3.11 -m ipykernel_launcher -f kernel.json")),
        ("before", format!("\"{before}h\"")),
        ("cpu", m.dice.between(1, 4).to_string()),
    ];
    let busy = m.dice.between(25, 60);
    let memory =
        if habit == Habit::Bare { "\"214MiB\"".to_owned() } else { format!("\"{gib}GiB\"") };
    keys.push(("memory", memory));
    match habit {
        Habit::Busy => {
            let (period, phase) = (m.dice.between(8, 19), m.dice.between(0, 900));
            keys.push((
                "sm",
                format!(
                    "{{ wave = \"square\", low = 0, high = {busy}, period = \"{period}m\", \
                     duty = 0.3, phase = \"{phase}s\", noise = 9 }}"
                ),
            ));
        }
        Habit::LeftFor(minutes) => {
            let until = before * 3600 + m.age - minutes * 60;
            keys.push((
                "sm",
                format!(
                    "{{ wave = \"steps\", points = [[\"0s\", {busy}], [\"{until}s\", 0]], \
                     noise = 9 }}"
                ),
            ));
        }
        Habit::Forgotten | Habit::Bare => {}
    }
    m.process(&seats, &keys);
}

/// A notebook's pod that holds a GPU, while nothing was started in it that uses one.
pub(super) fn unused(m: &mut Machine, gpu: usize, team: &Team, user: &str) {
    let pod = Pod {
        namespace: team.namespace,
        name: format!("jupyter-{user}-{}", m.dice.suffix(3)),
        owner: format!("StatefulSet/jupyter-{user}"),
        container: "notebook",
    };
    let before = format!("before = \"{}h\"", m.dice.between(5, 70));
    m.pod_with(&pod, &seats(&[gpu]), &before);
}

/// Small models that share a GPU by time-slicing, each on a replica of its own; one replica more is
/// not given to anyone.
pub(super) fn slices(m: &mut Machine, gpu: usize, team: &Team, models: &[&str]) {
    m.gpu(gpu, &format!("replicas = {}", models.len() + 1));
    for (replica, model) in models.iter().enumerate() {
        let (hash, own) = (m.dice.suffix(9), m.dice.suffix(5));
        let pod = Pod {
            namespace: team.namespace,
            name: format!("{model}-{hash}-{own}"),
            owner: format!("ReplicaSet/{model}-{hash}"),
            container: "server",
        };
        m.pod(&pod, &[format!("{gpu}::{replica}")]);
        let (low, high) = (m.dice.between(2, 6), m.dice.between(14, 24));
        let (period, phase) = (m.dice.between(24, 80), m.dice.between(0, 3600));
        let keys = [
            pod.key(),
            ("command", text(&format!("/usr/bin/tritonserver --model-repository=/models/{model}"))),
            ("before", format!("\"{}h\"", m.dice.between(5, 200))),
            ("memory", format!("\"{}GiB\"", m.dice.between(2, 4))),
            (
                "sm",
                format!(
                    "{{ wave = \"sine\", low = {low}, high = {high}, period = \"{period}m\", \
                     phase = \"{phase}s\", noise = 2 }}"
                ),
            ),
            ("cpu", m.dice.between(10, 40).to_string()),
        ];
        m.process(&seats(&[gpu]), &keys);
    }
}

/// Jobs that take turns on the same GPUs: one ends, a few minutes later the next begins. Each
/// loads its data for four minutes first.
pub(super) fn take_turns(m: &mut Machine, gpus: &[usize], team: &Team, minutes: i64, into: i64) {
    let names = ["sft-dialog", "reward-model", "dpo-round", "distill-small", "lora-grid"];
    let seats = seats(gpus);
    let (turn, lives) = (minutes * 60, minutes * 60 - 150);
    let first = usize::try_from(m.dice.between(0, 4)).unwrap_or(0);
    for (place, later) in [(first, 0), (first + 1, turn)] {
        let job = format!("{}-{}", names[place % names.len()], m.dice.suffix(5));
        let pod = Pod {
            namespace: team.namespace,
            name: format!("{job}-{}", m.dice.suffix(5)),
            owner: format!("Job/{job}"),
            container: "trainer",
        };
        m.pod_with(&pod, &seats, "per_run = true");
        // One of them is `into` seconds old at the first look.
        let start = (m.age - into - later).rem_euclid(2 * turn);
        let held = m.kind.gib() * m.dice.between(60, 90) / 100;
        let top = m.dice.between(78, 96);
        let loaded = |high: i64, noise: i64| {
            format!(
                "{{ wave = \"steps\", points = [[\"0s\", 0], [\"4m\", {high}]], noise = {noise} }}"
            )
        };
        let mut keys = vec![
            pod.key(),
            ("user", text(m.dice.pick::<&str>(team.people))),
            ("command", text(&format!("/usr/bin/python3 finetune.py --run {job}"))),
            ("start", format!("\"{start}s\"")),
            ("every", format!("\"{}s\"", 2 * turn)),
            ("lives", format!("\"{lives}s\"")),
            ("pids", "64".to_owned()),
            (
                "memory",
                format!(
                    "{{ wave = \"ramp\", from = \"2GiB\", to = \"{held}GiB\", over = \"3m30s\" }}"
                ),
            ),
            ("sm", loaded(top, 4)),
            ("tensor", loaded(top / 2, 5)),
            ("cpu", m.dice.between(60, 120).to_string()),
        ];
        if gpus.len() > 1 {
            // One process over all its GPUs: a session on each.
            keys.push(("nvlink", "{ wave = \"constant\", value = 20000000000 }".to_owned()));
        }
        m.process(&seats, &keys);
    }
}

/// Short evaluations, one after the other: sessions come and go every few minutes.
pub(super) fn evaluate(m: &mut Machine, gpu: usize, team: &Team) {
    let name = format!("nightly-eval-{}", m.dice.suffix(5));
    let pod =
        Pod { namespace: team.namespace, owner: format!("Job/{name}"), name, container: "eval" };
    let seats = seats(&[gpu]);
    m.pod(&pod, &seats);
    let every = m.dice.between(170, 330);
    let held = m.kind.gib() * m.dice.between(30, 60) / 100;
    let keys = [
        pod.key(),
        ("command", text("/usr/bin/python3 eval.py --suite regression")),
        ("start", format!("\"{}s\"", m.dice.between(0, every))),
        ("every", format!("\"{every}s\"")),
        ("lives", format!("\"{}s\"", every - m.dice.between(15, 60))),
        ("pids", "256".to_owned()),
        (
            "memory",
            format!("{{ wave = \"ramp\", from = \"1GiB\", to = \"{held}GiB\", over = \"20s\" }}"),
        ),
        (
            "sm",
            format!(
                "{{ wave = \"steps\", points = [[\"0s\", 0], [\"15s\", {}]], noise = 8 }}",
                m.dice.between(45, 75)
            ),
        ),
        ("cpu", "100".to_owned()),
    ];
    m.process(&seats, &keys);
}

/// Video: decode, infer, encode.
pub(super) fn video(m: &mut Machine, gpu: usize, team: &Team) {
    let (hash, own) = (m.dice.suffix(9), m.dice.suffix(5));
    let pod = Pod {
        namespace: team.namespace,
        name: format!("camera-ingest-{hash}-{own}"),
        owner: format!("ReplicaSet/camera-ingest-{hash}"),
        container: "ffmpeg",
    };
    let seats = seats(&[gpu]);
    m.pod(&pod, &seats);
    let streams = m.dice.between(2, 4);
    let phase = m.dice.between(0, 3600);
    let wave = |low: i64, high: i64| {
        format!(
            "{{ wave = \"sine\", low = {low}, high = {high}, period = \"45m\", \
             phase = \"{phase}s\", noise = 3 }}"
        )
    };
    let keys = [
        pod.key(),
        ("command", text("/usr/bin/ffmpeg -hwaccel cuda -i rtsp://cameras/all -c:v h264_nvenc")),
        ("before", format!("\"{}h\"", m.dice.between(30, 400))),
        ("count", streams.to_string()),
        ("memory", text("640MiB")),
        ("sm", wave(3, 60 / streams)),
        ("memory_use", wave(2, 30 / streams)),
        ("encoder", wave(4, 70 / streams)),
        ("decoder", wave(6, 90 / streams)),
        ("cpu", m.dice.between(10, 40).to_string()),
    ];
    m.process(&seats, &keys);
}

/// A person's process outside any pod: a login, or a Slurm job.
pub(super) fn personal(m: &mut Machine, gpus: &[usize], user: &str, slurm: Option<i64>) {
    let seats = seats(gpus);
    let held = m.kind.gib() * m.dice.between(35, 85) / 100;
    let mut keys = vec![
        ("user", text(user)),
        ("command", text(&format!("/home/{user}/venv/bin/python experiment.py --sweep 12"))),
        ("before", format!("\"{}m\"", m.dice.between(20, 900))),
        ("memory", format!("\"{held}GiB\"")),
        (
            "sm",
            format!(
                "{{ wave = \"square\", low = {}, high = {}, period = \"{}s\", duty = 0.8, \
                 noise = 6 }}",
                m.dice.between(5, 25),
                m.dice.between(60, 94),
                m.dice.between(40, 160)
            ),
        ),
        ("cpu", m.dice.between(60, 200).to_string()),
    ];
    if let Some(job) = slurm {
        keys.push(("slurm", format!("\"{job}.0\"")));
    }
    keys.extend(one_each(&seats));
    m.process(&seats, &keys);
}
