//! Whose a process is, by the path of its control group.
//!
//! A pure function over `/proc/PID/cgroup`. It gives ids, never names: those come from Kubernetes.
//! The path is read from its end, so that what other layers put in front (kind nodes, nested
//! runtimes) or behind (systemd in a container) does not matter.

use model::process::{Owner, OwnerKind, SlurmFacts};

/// Hierarchies of version 1 in the order in which they are asked.
const CONTROLLERS: &[&str] = &["pids", "memory", "cpu", "devices", "name=systemd"];

/// Longest name of a Slurm step; `interactive` is the longest that there is.
const MAX_STEP: usize = 32;

/// Whose the process is: the first hierarchy whose path tells. With version 1 or both versions
/// mounted these are asked in a fixed order and the unified one last.
#[must_use]
pub fn owner_of_cgroup(text: &str) -> Owner {
    let lines: Vec<(&str, &str)> = text.lines().filter_map(hierarchy).collect();
    let of_controller = |wanted: &str| {
        let found = lines.iter().find(|(names, _)| names.split(',').any(|name| name == wanted));
        found.map(|(_, path)| owner_of_path(path))
    };
    CONTROLLERS
        .iter()
        .chain(&[""])
        .filter_map(|controller| of_controller(controller))
        .find(|owner| owner.kind != OwnerKind::Unknown)
        .unwrap_or_default()
}

/// Controllers and path of a line `4:pids,memory:/path`.
fn hierarchy(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(':')?;
    rest.split_once(':')
}

fn owner_of_path(path: &str) -> Owner {
    // A group that was removed under a living process is marked so.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let parts: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
    let mut owner = Owner::default();
    for at in (0..parts.len()).rev() {
        take_part(&mut owner, &parts, at);
    }
    if owner.kind == OwnerKind::Unknown && owner.container_id.is_some() {
        owner.kind = OwnerKind::Container;
    }
    if owner.kind == OwnerKind::Unknown {
        take_login_or_service(&mut owner, &parts);
    }
    owner
}

/// Take what one part gives, unless a part further in has given it.
fn take_part(owner: &mut Owner, parts: &[&str], at: usize) {
    let part = parts[at];
    let inside_pod = owner.pod_uid.is_some();
    // What lies outside of a pod is the node it runs on, not its container.
    if !inside_pod && owner.container_id.is_none() && !in_kata(&parts[..at]) {
        owner.container_id = container_id(part).map(str::to_owned);
    }
    if !inside_pod && let Some(uid) = pod_uid(part) {
        owner.pod_uid = Some(uid);
        if owner.kind == OwnerKind::Unknown {
            owner.kind = OwnerKind::Pod;
        }
    }
    if owner.slurm_job.is_none()
        && let Some(job) = slurm_job(parts, at)
    {
        owner.slurm_job = Some(job.to_owned());
        let step = parts.get(at + 1).and_then(|part| part.strip_prefix("step_"));
        let step = step.filter(|step| (1..=MAX_STEP).contains(&step.len())).map(str::to_owned);
        owner.slurm = Some(Box::new(SlurmFacts { step, ..SlurmFacts::default() }));
        if owner.kind == OwnerKind::Unknown {
            owner.kind = OwnerKind::Slurm;
        }
    }
}

/// The id in `<64 hex>`, `docker-<64 hex>.scope` or `...slice:cri-containerd:<64 hex>`.
fn container_id(part: &str) -> Option<&str> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let split = part.len().checked_sub(64)?;
    if !part.is_char_boundary(split) {
        return None;
    }
    let (prefix, id) = part.split_at(split);
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    // `crio-conmon-` and `libpod-conmon-` hold the container's monitor.
    let fits = prefix.is_empty() || prefix.ends_with(['-', ':']) && !prefix.ends_with("conmon-");
    (fits && id.bytes().all(is_hex)).then_some(id)
}

/// A Kata sandbox's own groups carry ids of its sandbox, which are no container's.
fn in_kata(outer: &[&str]) -> bool {
    outer.iter().any(|part| part.starts_with("kata_"))
}

/// The UID in `pod<uid>` and `kubepods-burstable-pod<uid>.slice`, with any prefix; with dashes.
fn pod_uid(part: &str) -> Option<String> {
    // containerd's `kubepods-pod<uid>.slice:cri-containerd:<id>` holds both.
    let part = part.split(':').next().unwrap_or(part);
    let part = part.strip_suffix(".slice").unwrap_or(part);
    let at = part.rfind("pod").filter(|at| *at == 0 || part[..*at].ends_with('-'))?;
    let uid = part[at + 3..].replace('_', "-");
    is_uid(&uid).then_some(uid)
}

/// A UUID with dashes, or the 32 hex digits of a static pod's configuration hash.
fn is_uid(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    (lengths == [8, 4, 4, 4, 12] || lengths == [32]) && text.split('-').all(is_hex)
}

/// The number in `job_<j>` where it stands below Slurm's own groups or above a step.
fn slurm_job<'a>(parts: &[&'a str], at: usize) -> Option<&'a str> {
    let job = parts[at].strip_prefix("job_").filter(|job| is_number(job))?;
    let has_step = parts.get(at + 1).is_some_and(|part| part.starts_with("step_"));
    let is_slurms = parts[..at].iter().rev().take(2).any(|part| {
        part.ends_with("slurmstepd.scope") || *part == "slurm" || part.starts_with("slurm_")
    });
    (has_step || is_slurms).then_some(job)
}

/// `user-<uid>.slice`, or `<name>.service` of the system's slice.
fn take_login_or_service(owner: &mut Owner, parts: &[&str]) {
    let is_login = |part: &&str| {
        part.strip_prefix("user-")
            .and_then(|rest| rest.strip_suffix(".slice"))
            .is_some_and(is_number)
    };
    if parts.iter().any(is_login) {
        owner.kind = OwnerKind::User;
    } else if let Some(at) = parts.iter().position(|part| *part == "system.slice")
        && let Some(name) = parts[at..].iter().rev().find_map(|part| part.strip_suffix(".service"))
    {
        owner.kind = OwnerKind::Service;
        owner.service = Some(name.to_owned());
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
