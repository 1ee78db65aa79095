//! From a scenario's text to its world: counts expanded, names looked up, ids hashed.
//!
//! The same steps serve the check of a scenario, which asks for their reasons, and the building of
//! a checked one, which has none to give.

use std::sync::{Arc, Mutex};

use toml::Spanned;

use crate::mig::Layout;
use crate::noise;
use crate::product::Product;
use crate::scenario::embedded;
use crate::scenario::file::{FaultKind, FaultSpec, File, GpuSpec, NodeSpec, ProcessSpec};
use crate::world::faults::{Fault, Life, Standing};
use crate::world::pods;
use crate::world::process::{Owner, Process, Seat};
use crate::world::work::Work;
use crate::world::{Gpu, Node};

/// Version of drivers that are not named.
const DRIVER: &str = "590.48.01";
/// CUDA 13.1, which comes with it.
const CUDA: i32 = 13010;
/// PIDs of a process that repeats, before they start over.
const PIDS: u32 = 4096;
/// Where the first GPUs of a large machine sit on PCI.
const BUSES: [u32; 8] = [0x18, 0x2a, 0x3a, 0x5d, 0x9a, 0xab, 0xba, 0xdb];
const DAY_US: i64 = 86_400_000_000;

/// All machines of a scenario.
pub(crate) fn nodes(file: &File) -> Vec<Node> {
    let mut nodes = Vec::new();
    for spec in &file.node {
        let spec = spec.get_ref();
        for name in names(spec) {
            let mut node = bare_node(file, spec, &name);
            node.gpus = gpus(file, &node, spec).unwrap_or_default();
            node.processes = processes(&node, spec);
            node.pods = pods::pods(&node, spec);
            settle(&mut node);
            name_instances(&mut node);
            nodes.push(node);
        }
    }
    nodes
}

/// Names of the machines that one entry stands for.
pub(crate) fn names(spec: &NodeSpec) -> Vec<String> {
    match spec.count {
        Some(count) if count != 1 => (0..count).map(|i| format!("{}-{i}", spec.name)).collect(),
        _ => vec![spec.name.clone()],
    }
}

/// A machine with its faults, still without GPUs.
pub(crate) fn bare_node(file: &File, spec: &NodeSpec, name: &str) -> Node {
    let key = noise::with_text(file.seed, name);
    let faults: Vec<Fault> = spec.fault.iter().map(|spec| fault(spec.get_ref())).collect();
    Node {
        name: name.to_owned(),
        cuda: spec.cuda.unwrap_or(CUDA),
        uptime_us: spec.uptime.map_or(3 * DAY_US, crate::scenario::quantity::Span::micros),
        missing: spec.missing.clone(),
        kubernetes: spec.kubernetes,
        cgroup: spec.kubernetes.map_or(spec.cgroup.unwrap_or_default(), |kube| kube.cgroup),
        users: users(file, spec),
        gpus: Vec::new(),
        processes: Vec::new(),
        pods: Vec::new(),
        lives: lives(spec, &faults),
        faults,
        down: spec.down.iter().map(|down| (down.at.micros(), down.until.micros())).collect(),
        key,
    }
}

fn users(file: &File, spec: &NodeSpec) -> Vec<(String, u32)> {
    let mut users = vec![("root".to_owned(), 0)];
    users.extend(file.users.iter().map(|(name, uid)| (name.clone(), *uid)));
    for process in &spec.process {
        if let Some(user) = &process.get_ref().user
            && !users.iter().any(|(name, _)| name == user)
        {
            let next = users.iter().map(|(_, uid)| uid + 1).max().unwrap_or(0).max(1000);
            users.push((user.clone(), next));
        }
    }
    users
}

fn fault(spec: &FaultSpec) -> Fault {
    let seat = spec.gpu.as_deref().and_then(|gpu| seats(gpu).ok()?.first().copied());
    Fault {
        kind: spec.kind,
        at_us: spec.at.unwrap_or_default().micros(),
        until_us: spec.until.map_or(i64::MAX, crate::scenario::quantity::Span::micros),
        gpu: seat.map(|seat| seat.gpu),
        mig: seat.and_then(|seat| seat.mig),
        instance: None,
        xid: spec.xid,
        pid: spec.pid,
        memory: spec.memory.map_or(0, |size| size.0),
        calls: spec.calls.clone(),
        delay_us: spec.delay.unwrap_or_default().micros(),
    }
}

/// The driver's lives: loaded, gone, loaded again.
fn lives(spec: &NodeSpec, faults: &[Fault]) -> Vec<Life> {
    let version = spec.driver.as_deref().unwrap_or(DRIVER);
    let standing = if version == "none" { Standing::Unloaded } else { Standing::Loaded };
    let mut lives = vec![Life { from_us: 0, standing, version: version.to_owned() }];
    let mut version = version.to_owned();
    for (fault, written) in faults.iter().zip(&spec.fault) {
        let standing = match fault.kind {
            FaultKind::DriverUnload => Standing::Unloaded,
            FaultKind::DriverUpgrade => Standing::Mismatched,
            _ => continue,
        };
        lives.push(Life { from_us: fault.at_us, standing, version: version.clone() });
        if let Some(next) = &written.get_ref().driver {
            version.clone_from(next);
        }
        if fault.until_us < i64::MAX {
            let standing = Standing::Loaded;
            lives.push(Life { from_us: fault.until_us, standing, version: version.clone() });
        }
    }
    lives.sort_by_key(|life| life.from_us);
    lives
}

/// The GPUs of a machine.
///
/// # Errors
/// The byte of the scenario at fault, and why.
pub(crate) fn gpus(file: &File, node: &Node, spec: &NodeSpec) -> Result<Vec<Gpu>, (usize, String)> {
    let mut gpus: Vec<Gpu> = Vec::new();
    for written in &spec.gpu {
        for _ in 0..written.get_ref().count.unwrap_or(1) {
            let product = product(file, &written.get_ref().model);
            let gpu =
                product.and_then(|product| gpu(node, spec, written.get_ref(), product, gpus.len()));
            let gpu = gpu.map_err(|(at, why)| (at.unwrap_or(written.span().start), why))?;
            gpus.push(gpu.with_stride(file.stride()));
        }
    }
    Ok(gpus)
}

type Place<T> = Result<T, (Option<usize>, String)>;

/// A model of the scenario, or one that ships.
fn product(file: &File, name: &str) -> Place<Arc<Product>> {
    let own = file.model.iter().map(Spanned::get_ref).find(|model| model.id == name);
    let own = own.map(|model| Arc::new(model.product.clone()));
    own.or_else(|| embedded::product(name)).ok_or_else(|| {
        let mut known: Vec<String> =
            file.model.iter().map(|model| model.get_ref().id.clone()).collect();
        known.extend(embedded::model_names().map(str::to_owned));
        (None, format!("no GPU model `{name}`; there are {}", known.join(", ")))
    })
}

fn gpu(
    node: &Node,
    spec: &NodeSpec,
    written: &GpuSpec,
    product: Arc<Product>,
    index: usize,
) -> Place<Gpu> {
    let key = noise::with(noise::with_text(node.key, "gpu"), index as u64);
    let first = match &written.mig {
        Some(asked) => Some(Layout::place(&product, asked, noise::with(key, 0)).map_err(here)?),
        None => None,
    };
    let uuid = written.uuid.clone().unwrap_or_else(|| format!("GPU-{}", noise::uuid(key)));
    let serial = product.serial.then(|| serial(written, key));
    let pci = match &written.bus_id {
        Some(text) => bus_id(text).ok_or_else(|| here(format!("`{text}` is no PCI bus id")))?,
        None => (0, bus(index), 0),
    };
    let limit = written.power_limit.unwrap_or(product.power.limit);
    if !(product.power.limit_min..=product.power.limit_max).contains(&limit) {
        return Err(here(format!("{} cannot be limited to {limit} W", product.name)));
    }
    let mut gpu = Gpu {
        index,
        uuid,
        serial,
        pci,
        layouts: vec![(0, first)],
        power_limit: limit,
        compute_mode: written.compute_mode.unwrap_or(0),
        accounting: written.accounting,
        replicas: written.replicas,
        figures: written.figures.clone(),
        key,
        members: Vec::new(),
        active: Vec::new(),
        cuts: Vec::new(),
        reloads: Vec::new(),
        leaks: Vec::new(),
        unattributed: written.unattributed.clone(),
        instance_unattributed: written.instance_unattributed.iter().map(|size| size.0).collect(),
        stride: 1,
        warming: 0.0,
        history: Mutex::default(),
        product,
    };
    apply_faults(&mut gpu, node, &spec.fault)?;
    Ok(gpu)
}

const fn here(why: String) -> (Option<usize>, String) {
    (None, why)
}

fn serial(written: &GpuSpec, key: u64) -> String {
    let hashed = || format!("16{:011}", noise::with_text(key, "serial") % 100_000_000_000);
    written.serial.clone().unwrap_or_else(hashed)
}

fn bus(index: usize) -> u32 {
    let further = u32::try_from(index).unwrap_or(0) % 0xff;
    BUSES.get(index).copied().unwrap_or(further + 1)
}

fn bus_id(text: &str) -> Option<(u32, u32, u32)> {
    let (front, function) = text.rsplit_once('.')?;
    let mut parts = front.split(':').map(|part| u32::from_str_radix(part, 16).ok());
    let id = (parts.next()??, parts.next()??, parts.next()??);
    (parts.next().is_none() && function == "0" && id.1 < 256 && id.2 < 32).then_some(id)
}

/// Layouts, cuts, reloads and leaks that faults bring to a GPU.
fn apply_faults(gpu: &mut Gpu, node: &Node, written: &[Spanned<FaultSpec>]) -> Place<()> {
    for (number, (fault, spec)) in node.faults.iter().zip(written).enumerate() {
        if !fault.is_about(Some(gpu.index)) {
            continue;
        }
        match fault.kind {
            FaultKind::MigSet => {
                let key = noise::with(gpu.key, number as u64 + 1);
                let asked = spec.get_ref().mig.as_deref();
                let layout = asked.map(|asked| Layout::place(&gpu.product, asked, key)).transpose();
                let layout = layout.map_err(|why| (Some(spec.span().start), why))?;
                gpu.layouts.push((fault.at_us, layout));
                gpu.cuts.push(fault.at_us);
            }
            FaultKind::Leak => gpu.leaks.push((fault.at_us, fault.until_us, fault.memory)),
            FaultKind::DriverUnload | FaultKind::DriverUpgrade => {
                gpu.cuts.push(fault.at_us);
                gpu.reloads.push(fault.until_us);
            }
            _ => {}
        }
    }
    gpu.layouts.sort_by_key(|(from, _)| *from);
    Ok(())
}

/// The seats that a text means: `0`, `7/0`, `0-7`.
///
/// # Errors
/// Why it means none.
pub(crate) fn seats(text: &str) -> Result<Vec<Seat>, String> {
    let wrong =
        || format!("`{text}` is no GPU; write \"0\", \"0-7\" or, for a MIG device, \"7/0\"");
    let number = |part: &str| part.trim().parse::<usize>().map_err(|_| wrong());
    if let Some((gpu, mig)) = text.split_once('/') {
        let mig = u32::try_from(number(mig)?).map_err(|_| wrong())?;
        return Ok(vec![Seat { gpu: number(gpu)?, mig: Some(mig) }]);
    }
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last || last > 1023 {
        return Err(wrong());
    }
    Ok((first..=last).map(|gpu| Seat { gpu, mig: None }).collect())
}

/// The processes of a machine that has its GPUs.
pub(crate) fn processes(node: &Node, spec: &NodeSpec) -> Vec<Process> {
    let mut next_pid = 2000 + u32::try_from(node.key % 500).unwrap_or(0);
    let taken: Vec<u32> = spec.process.iter().filter_map(|p| p.get_ref().pid).collect();
    let mut processes = Vec::new();
    for (index, written) in (0_u32..).zip(&spec.process) {
        let mut process = process(node, spec, written.get_ref(), index);
        if written.get_ref().pid.is_none() {
            next_pid = free_pids(next_pid, process.pids, &taken);
            process.first_pid = next_pid;
            // A gap, as a living machine has between two PIDs.
            next_pid += process.pids + u32::try_from(process.key % 37).unwrap_or(0);
        }
        processes.push(process);
    }
    processes
}

/// From `next` on, a run of PIDs in which none is taken.
fn free_pids(mut next: u32, run: u32, taken: &[u32]) -> u32 {
    while let Some(pid) = taken.iter().find(|pid| (next..next.saturating_add(run)).contains(*pid)) {
        next = pid + 1;
    }
    next
}

fn process(node: &Node, spec: &NodeSpec, written: &ProcessSpec, index: u32) -> Process {
    let key = noise::with(noise::with_text(node.key, "process"), index.into());
    let start_us = match written.before {
        Some(before) => -before.micros(),
        None => written.start.unwrap_or_default().micros(),
    };
    let lives = written.lives.map(|lives| start_us.saturating_add(lives.micros()));
    let every_us = written.every.unwrap_or_default().micros();
    let once = if every_us == 0 { 1 } else { u64::MAX };
    let count = written.count.map_or(once, u64::from);
    let pids = if every_us == 0 {
        u32::try_from(count).unwrap_or(1)
    } else {
        written.pids.unwrap_or(PIDS)
    };
    let zombie = |fault: &&Fault| fault.kind == FaultKind::Zombie && fault.pid == written.pid;
    let vanished = node.faults.iter().find(zombie).filter(|_| written.pid.is_some());
    let seats: Vec<Seat> = written.gpu.iter().filter_map(|gpu| seats(gpu).ok()).flatten().collect();
    let on_several = !written.rotate && seats.len() > 1;
    Process {
        index,
        seats,
        rotate: written.rotate,
        start_us,
        stop_us: vanished.map_or_else(
            || lives.or(written.stop.map(|stop| stop.micros())).unwrap_or(i64::MAX),
            |fault| fault.until_us,
        ),
        every_us,
        count,
        first_pid: written.pid.unwrap_or(0),
        pids: pids.max(1),
        key,
        vanished_us: vanished.map(|fault| fault.at_us),
        kind: written.kind,
        arguments: arguments(written),
        environment: written.environment.clone(),
        uid: uid(node, written),
        owner: owner(node, spec, written),
        memory: written.memory.clone(),
        memory_readable: !written.memory_unreadable,
        work: Work::of(written, on_several),
        cpu: written.cpu.clone(),
    }
}

fn uid(node: &Node, written: &ProcessSpec) -> u32 {
    let user = written.user.as_deref().unwrap_or("root");
    node.users.iter().find(|(name, _)| name == user).map_or(0, |(_, uid)| *uid)
}

/// The arguments, with `\xNN` and `\n` turned into bytes.
fn arguments(written: &ProcessSpec) -> Vec<Vec<u8>> {
    if written.arguments.is_empty() {
        return written.command.split_whitespace().map(unescaped).collect();
    }
    written.arguments.iter().map(|argument| unescaped(argument)).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        let digits = rest.get(at + 2..at + 4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = digits else { break };
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(byte);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn owner(node: &Node, spec: &NodeSpec, written: &ProcessSpec) -> Owner {
    if let Some(name) = &written.pod {
        let pod = pods::position(spec, name);
        return pod.map_or(Owner::Nobody, |pod| pods::owner(spec, written, pod));
    }
    if let Some(slurm) = &written.slurm {
        let (job, step) = slurm.split_once('.').unwrap_or((slurm, "0"));
        return Owner::Slurm { job: job.to_owned(), step: step.to_owned() };
    }
    if let Some(container) = &written.container {
        let container = noise::hex64(noise::with_text(node.key, container));
        return Owner::Container { container };
    }
    match (&written.service, &written.user) {
        (Some(service), _) => Owner::Service(service.clone()),
        (None, Some(_)) => Owner::Login,
        (None, None) => Owner::Nobody,
    }
}

/// Look up the instance ids of MIG devices that faults name.
fn name_instances(node: &mut Node) {
    for fault in &mut node.faults {
        let gpu = fault.gpu.and_then(|gpu| node.gpus.get(gpu));
        let layout = gpu.and_then(|gpu| gpu.layout_at(fault.at_us));
        fault.instance = layout.zip(fault.mig).and_then(|(layout, mig)| {
            let device = layout.devices.get(mig as usize)?;
            Some((layout.instances[device.instance].id, device.compute_instance))
        });
    }
}

/// Tell each GPU who may sit on it.
pub(crate) fn settle(node: &mut Node) {
    for process in &node.processes {
        for gpu in &mut node.gpus {
            if process.seats.iter().any(|seat| seat.gpu == gpu.index) {
                gpu.members.push(process.index);
                if process.work.is_any() {
                    gpu.active.push(process.index);
                }
            }
        }
    }
}
