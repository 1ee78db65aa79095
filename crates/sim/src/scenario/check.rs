//! Whether a scenario is possible: layouts that fit, memory that is there, GPUs that pods were
//! given, faults that name what they need.

use toml::Spanned;

use super::file::{FaultKind, FaultSpec, File, NodeSpec, PodSpec, ProcessSpec};
use crate::driver::symbols;
use crate::wave::STEP_US;
use crate::world::process::{Process, Seat};
use crate::world::{Node, build, pods};

/// What is wrong, and at which byte of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) at: usize,
    pub(crate) message: String,
}

type Checked<T = ()> = Result<T, Problem>;

fn problem<T>(at: usize, message: impl Into<String>) -> Checked<T> {
    Err(Problem { at, message: message.into() })
}

/// Check a whole scenario.
pub(crate) fn check(file: &File) -> Checked {
    if file.node.is_empty() {
        return problem(0, "a scenario needs a [[node]]");
    }
    if file.clock == super::file::ClockKind::Scaled && !file.factor.is_some_and(|f| f > 0.0) {
        return problem(0, "clock = \"scaled\" needs a factor above 0");
    }
    if file.grid.is_some_and(|grid| {
        let micros = grid.micros();
        micros < STEP_US || micros % STEP_US != 0 || 60_000_000 % micros != 0
    }) {
        return problem(0, "`grid` is a multiple of 100ms that a minute is a multiple of");
    }
    let mut names: Vec<String> = Vec::new();
    for node in &file.node {
        let at = node.span().start;
        for name in build::names(node.get_ref()) {
            if name.is_empty() || name.contains(['/', '\n', '\0']) {
                return problem(at, "a node needs a name that can be a host name");
            }
            if names.contains(&name) {
                return problem(at, format!("two nodes are named `{name}`"));
            }
            names.push(name);
        }
        check_node(file, node.get_ref(), at)?;
    }
    Ok(())
}

fn check_node(file: &File, spec: &NodeSpec, at: usize) -> Checked {
    for call in &spec.missing {
        known_call(call, at)?;
    }
    for gpu in &spec.gpu {
        let given = gpu.get_ref().uuid.is_some() || gpu.get_ref().bus_id.is_some();
        if given && gpu.get_ref().count.unwrap_or(1) > 1 {
            return problem(gpu.span().start, "a uuid or bus_id cannot be given to several GPUs");
        }
    }
    for gpu in &spec.gpu {
        let replicas = gpu.get_ref().replicas;
        if replicas.is_some_and(|count| !(1..=pods::MOST_REPLICAS).contains(&count)) {
            let most = pods::MOST_REPLICAS;
            return problem(gpu.span().start, format!("`replicas` is 1 to {most}"));
        }
    }
    let mut node = build::bare_node(file, spec, "check");
    node.gpus = build::gpus(file, &node, spec).map_err(|(at, message)| Problem { at, message })?;
    for pod in &spec.pod {
        check_pod(&node, pod)?;
    }
    for process in &spec.process {
        check_process(&node, spec, process)?;
    }
    for fault in &spec.fault {
        check_fault(&node, spec, fault)?;
    }
    node.processes = build::processes(&node, spec);
    build::settle(&mut node);
    check_pids(&node, spec)?;
    check_memory(&node, spec)
}

fn check_pod(node: &Node, pod: &Spanned<PodSpec>) -> Checked {
    let at = pod.span().start;
    if pod.get_ref().name.is_empty() || pod.get_ref().namespace.is_empty() {
        return problem(at, "a pod needs a name and a namespace");
    }
    let written = pod.get_ref();
    if written.before.is_some() && written.start.is_some() {
        return problem(at, "a pod has either `start` or `before`");
    }
    if written.stop.is_some_and(|stop| stop <= written.start.unwrap_or_default()) {
        return problem(at, "a pod stops after it starts");
    }
    for id in written.resources.values().flatten().chain(&written.claims) {
        let (seats, _) = pods::device_id(id).map_err(|message| Problem { at, message })?;
        for seat in seats {
            check_seat(node, seat, written.start.unwrap_or_default().micros(), at)?;
        }
    }
    Ok(())
}

fn check_process(node: &Node, spec: &NodeSpec, written: &Spanned<ProcessSpec>) -> Checked {
    let at = written.span().start;
    let process = written.get_ref();
    if process.command.trim().is_empty() == process.arguments.is_empty() {
        return problem(at, "a process needs either a command or arguments");
    }
    check_times(process, at)?;
    let start = process.start.unwrap_or_default().micros();
    let mut seats = Vec::new();
    for gpu in &process.gpu {
        for seat in build::seats(gpu).map_err(|message| Problem { at, message })? {
            check_seat(node, seat, start, at)?;
            seats.push(seat);
        }
    }
    if seats.is_empty() {
        return problem(at, "a process needs a GPU");
    }
    for (name, wave) in [("sm", &process.sm), ("memory_use", &process.memory_use)] {
        if let Some(wave) = wave
            && wave.ceiling() > 110.0
        {
            return problem(at, format!("`{name}` is per cent and cannot pass 100"));
        }
    }
    check_owner(spec, process, &seats, at)
}

fn check_times(process: &ProcessSpec, at: usize) -> Checked {
    if process.stop.is_some() && process.lives.is_some() {
        return problem(at, "a process has either `stop` or `lives`");
    }
    if process.before.is_some() && process.start.is_some() {
        return problem(at, "a process has either `start` or `before`");
    }
    if process.stop.is_some_and(|stop| stop <= process.start.unwrap_or_default()) {
        return problem(at, "a process stops after it starts");
    }
    if process.every.is_some_and(|every| every.micros() < 1000) {
        return problem(at, "`every` is at least 1ms");
    }
    let endless = process.stop.is_none() && process.lives.is_none();
    if process.every.is_some() && endless && process.count.is_none() {
        return problem(at, "a process that starts again and again needs `stop` or `lives`");
    }
    if process.count == Some(0) {
        return problem(at, "`count` is at least 1");
    }
    Ok(())
}

/// Whether a seat exists at that age.
fn check_seat(node: &Node, seat: Seat, age_us: i64, at: usize) -> Checked {
    let Some(gpu) = node.gpus.get(seat.gpu) else {
        return problem(
            at,
            format!("there is no GPU {}; the node has {}", seat.gpu, node.gpus.len()),
        );
    };
    match (gpu.layout_at(age_us), seat.mig) {
        (None, None) => Ok(()),
        (None, Some(_)) => problem(at, format!("GPU {} is not cut by MIG", seat.gpu)),
        (Some(_), None) => problem(
            at,
            format!("GPU {0} has MIG on; name a device of it, such as \"{0}/0\"", seat.gpu),
        ),
        (Some(layout), Some(mig)) if (mig as usize) < layout.devices.len() => Ok(()),
        (Some(layout), Some(mig)) => problem(
            at,
            format!("GPU {} has no MIG device {mig}; it has {}", seat.gpu, layout.devices.len()),
        ),
    }
}

fn check_owner(spec: &NodeSpec, process: &ProcessSpec, seats: &[Seat], at: usize) -> Checked {
    let Some(name) = &process.pod else { return Ok(()) };
    let pod = pods::position(spec, name).map(|pod| spec.pod[pod].get_ref());
    let Some(pod) = pod else {
        return problem(at, format!("there is no pod `{name}`; pods are named namespace/name"));
    };
    if let Some(container) = &process.container
        && !pod.containers.is_empty()
        && !pod.containers.contains(container)
    {
        return problem(at, format!("pod `{name}` has no container `{container}`"));
    }
    let ids = pod.resources.values().flatten().chain(&pod.claims);
    let given: Vec<Seat> =
        ids.filter_map(|id| pods::device_id(id).ok()).flat_map(|(seats, _)| seats).collect();
    let stray = seats.iter().find(|seat| !given.contains(seat));
    match stray.filter(|_| !process.outside) {
        None => Ok(()),
        Some(seat) => problem(
            at,
            format!(
                "pod `{name}` was not given GPU {}; give it, or say outside = true",
                seat.mig.map_or(seat.gpu.to_string(), |mig| format!("{}/{mig}", seat.gpu))
            ),
        ),
    }
}

fn check_fault(node: &Node, spec: &NodeSpec, written: &Spanned<FaultSpec>) -> Checked {
    let at = written.span().start;
    let fault = written.get_ref();
    let start = fault.at.unwrap_or_default();
    if fault.until.is_some_and(|until| until <= start) {
        return problem(at, "a fault ends after it begins");
    }
    for call in &fault.calls {
        known_call(call, at)?;
    }
    if let Some(gpu) = &fault.gpu {
        let seats = build::seats(gpu).map_err(|message| Problem { at, message })?;
        if seats.len() != 1 {
            return problem(at, "a fault is about one GPU, or without `gpu` about all");
        }
        for seat in
            seats.into_iter().filter(|seat| seat.gpu >= node.gpus.len() || seat.mig.is_some())
        {
            check_seat(node, seat, start.micros(), at)?;
        }
    }
    let has_pid = |pid: u32| spec.process.iter().any(|process| process.get_ref().pid == Some(pid));
    match fault.kind {
        FaultKind::Xid if fault.xid.is_none() => problem(at, "an xid fault needs `xid`"),
        FaultKind::Xid | FaultKind::MigSet if fault.gpu.is_none() => {
            problem(at, "this fault needs `gpu`")
        }
        FaultKind::Leak if fault.memory.is_none() => problem(at, "a leak needs `memory`"),
        FaultKind::Slow if fault.delay.is_none() => problem(at, "a slow fault needs `delay`"),
        FaultKind::Zombie if !fault.pid.is_some_and(has_pid) => {
            problem(at, "a zombie needs the `pid` of a process that has its pid given")
        }
        FaultKind::MigSet if fault.mig.is_some() && !can_do_mig(node, fault) => {
            problem(at, "that GPU cannot do MIG")
        }
        _ => Ok(()),
    }
}

fn can_do_mig(node: &Node, fault: &FaultSpec) -> bool {
    let gpu = fault.gpu.as_deref().and_then(|gpu| gpu.parse::<usize>().ok());
    gpu.and_then(|gpu| node.gpus.get(gpu)).is_some_and(|gpu| !gpu.product.mig.is_empty())
}

fn known_call(call: &str, at: usize) -> Checked {
    if symbols::is_known(call) {
        return Ok(());
    }
    problem(at, format!("`{call}` is no NVML function of the simulated driver"))
}

fn check_pids(node: &Node, spec: &NodeSpec) -> Checked {
    let mut runs: Vec<(u32, u32, usize)> = node
        .processes
        .iter()
        .zip(&spec.process)
        .map(|(process, spec)| (process.first_pid, process.pids, spec.span().start))
        .collect();
    runs.sort_unstable();
    for pair in runs.windows(2) {
        if pair[0].0.saturating_add(pair[0].1) > pair[1].0 {
            let at = pair[0].2.max(pair[1].2);
            return problem(at, format!("PID {} is another process's already", pair[1].0));
        }
    }
    match runs.last() {
        // PID_MAX_LIMIT of Linux on 64 bits.
        Some((first, run, at)) if first.saturating_add(*run) > 4_194_304 || *first == 0 => {
            problem(*at, "PIDs lie between 1 and 4194304")
        }
        _ => Ok(()),
    }
}

/// At every start of a process, what all can hold at most fits their device.
fn check_memory(node: &Node, spec: &NodeSpec) -> Checked {
    for (process, written) in node.processes.iter().zip(&spec.process) {
        for age_us in full_at(process) {
            for seat in &process.seats {
                check_memory_of(node, *seat, age_us, written.span().start)?;
            }
        }
    }
    Ok(())
}

/// Ages at which a process's occurrences are as many as they get.
fn full_at(process: &Process) -> [i64; 2] {
    let start = process.start_us.max(0);
    let life = process.stop_us.saturating_sub(process.start_us);
    let turns = i64::try_from(process.count.saturating_sub(1)).unwrap_or(i64::MAX);
    let last = process.every_us.saturating_mul(turns);
    [start, start.saturating_add(last.min(life.saturating_sub(1)).max(0))]
}

fn check_memory_of(node: &Node, seat: Seat, age_us: i64, at: usize) -> Checked {
    let gpu = &node.gpus[seat.gpu];
    let Some((instance, total)) = capacity(node, seat, age_us) else { return Ok(()) };
    let layout = gpu.layout_at(age_us);
    let mut asked = 0.0;
    node.each_on(seat.gpu, age_us, &gpu.members, |occurrence, other| {
        let place = other.mig.and_then(|mig| Some(layout?.devices.get(mig as usize)?.instance));
        if place == instance {
            let wave = node.processes[occurrence.process as usize].memory.as_ref();
            asked += wave.map_or(0.0, crate::wave::Wave::ceiling);
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "memory sizes fit 53 bits")]
    let total = total as f64;
    if asked <= total {
        return Ok(());
    }
    let gib = |bytes: f64| bytes / f64::from(1 << 30);
    problem(
        at,
        format!(
            "processes on GPU {} can hold {:.1} GiB together, and it has {:.1} GiB for them",
            seat.mig.map_or(seat.gpu.to_string(), |mig| format!("{}/{mig}", seat.gpu)),
            gib(asked),
            gib(total)
        ),
    )
}

/// Place and size of what a seat's memory is taken from.
fn capacity(node: &Node, seat: Seat, age_us: i64) -> Option<(Option<usize>, u64)> {
    let gpu = node.gpus.get(seat.gpu)?;
    let product = &gpu.product;
    let Some(mig) = seat.mig else {
        return Some((None, product.memory.0 - product.reserved.0));
    };
    let layout = gpu.layout_at(age_us)?;
    let place = layout.devices.get(mig as usize)?.instance;
    let profile = &product.mig[layout.instances[place].profile];
    Some((Some(place), profile.memory.0 - profile.overhead.0))
}
