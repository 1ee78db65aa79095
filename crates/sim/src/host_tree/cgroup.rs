//! `/proc/PID/cgroup`: the shapes in which owners show.

use crate::scenario::file::{CgroupShape, Runtime};
use crate::world::Node;
use crate::world::process::{Occurrence, Owner, Process};

/// Controllers of version 1 as a machine mounts them.
const V1: [&str; 4] = ["12:pids", "9:memory", "4:cpu,cpuacct", "1:name=systemd"];

/// The file's text.
pub(super) fn lines(node: &Node, process: &Process, occurrence: &Occurrence) -> String {
    let private = node.kubernetes.is_some_and(|kube| kube.private_cgroupns);
    let prefix = if private { "/../.." } else { "" };
    let path = format!("{prefix}{}", path(node, process, occurrence));
    match node.cgroup {
        CgroupShape::V2Systemd | CgroupShape::V2Cgroupfs => format!("0::{path}\n"),
        CgroupShape::V1 => V1.map(|controller| format!("{controller}:{path}\n")).concat(),
        CgroupShape::Hybrid => {
            format!("{}0::/\n", V1.map(|controller| format!("{controller}:{path}\n")).concat())
        }
    }
}

fn path(node: &Node, process: &Process, occurrence: &Occurrence) -> String {
    let systemd = node.cgroup == CgroupShape::V2Systemd;
    let runtime = node.kubernetes.map(|kube| kube.runtime).unwrap_or_default();
    match &process.owner {
        Owner::Nobody => "/".to_owned(),
        Owner::Pod { pod, container } => {
            let Some(pod) = node.pods.get(*pod) else { return "/".to_owned() };
            let number = pod.number_of(occurrence.number);
            let (uid, container) = (pod.uid(number), pod.container_id(number, container));
            if !systemd {
                return format!("/kubepods/burstable/pod{uid}/{container}");
            }
            let (uid, scope) = (uid.replace('-', "_"), scope(runtime, &container));
            format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/{scope}"
            )
        }
        Owner::Container { container } if systemd => {
            format!("/system.slice/{}", scope(Runtime::Docker, container))
        }
        Owner::Container { container } => format!("/docker/{container}"),
        Owner::Slurm { job, step } if node.cgroup == CgroupShape::V1 => {
            format!("/slurm/uid_{}/job_{job}/step_{step}", process.uid)
        }
        Owner::Slurm { job, step } => {
            format!("/system.slice/slurmstepd.scope/job_{job}/step_{step}/user/task_0")
        }
        Owner::Login => {
            let uid = process.uid;
            format!("/user.slice/user-{uid}.slice/session-{}.scope", process.index + 2)
        }
        Owner::Service(name) => format!("/system.slice/{name}.service"),
    }
}

fn scope(runtime: Runtime, container: &str) -> String {
    let prefix = match runtime {
        Runtime::Containerd => "cri-containerd-",
        Runtime::CriO => "crio-",
        Runtime::Docker => "docker-",
        Runtime::Podman => "libpod-",
    };
    format!("{prefix}{container}.scope")
}
