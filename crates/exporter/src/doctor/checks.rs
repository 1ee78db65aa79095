//! The checks themselves, in the order in which a person would ask.

use std::fs;
use std::path::Path;

use gpu::metrics::ROWS;
use gpu::{GpuView, Health, SourceState};
use model::process::Lookup;
use model::{ErrorKind, Reading};

use super::{Check, Evidence, Finding, found, kubelet};

/// All checks.
pub const CHECKS: &[Check] = &[
    Check {
        id: "simulated",
        question: "Are these real GPUs?",
        remedy: "leave out --sim to look at this machine's own GPUs",
        probe: |evidence| {
            if evidence.snapshot.simulated {
                Finding::warn("these GPUs are simulated")
            } else {
                Finding::ok("nothing is simulated")
            }
        },
    },
    Check {
        id: "nvml-library",
        question: "Does the NVIDIA driver library answer?",
        remedy: "install the NVIDIA driver, or give the container the NVIDIA runtime",
        probe: library,
    },
    Check {
        id: "driver",
        question: "Which driver is it?",
        remedy: "run nvidia-smi: it should say the same, and dmesg why",
        probe: driver,
    },
    Check {
        id: "nvidia-smi",
        question: "Is nvidia-smi needed as the source?",
        remedy: "install libnvidia-ml.so.1 beside it: nvidia-smi is slower and tells less",
        probe: |evidence| match evidence.snapshot.pass.source {
            SourceState::NvidiaSmi => Finding::warn("GPUs are read by running nvidia-smi"),
            SourceState::Nvml => Finding::none("not needed: the driver library answers"),
            SourceState::Absent { .. } => Finding::none("it does not answer either"),
        },
    },
    Check {
        id: "gpus-visible",
        question: "Does the driver show GPUs?",
        remedy: "check NVIDIA_VISIBLE_DEVICES in a container, and dmesg on the host",
        probe: visible,
    },
    Check {
        id: "gpus-expected",
        question: "Does the driver show every GPU that is on the PCI bus?",
        remedy: "look at dmesg for the missing one; in a container, give it all GPUs",
        probe: expected,
    },
    Check {
        id: "gpus-healthy",
        question: "Does every GPU answer?",
        remedy: "reset the GPU (nvidia-smi --gpu-reset) or reboot; a stuck call ends with its cause",
        probe: healthy,
    },
    Check {
        id: "processes-readable",
        question: "Can the processes on every GPU be listed?",
        remedy: RIGHTS,
        probe: processes,
    },
    Check {
        id: "process-utilization",
        question: "Can the use of each process be read?",
        remedy: "nothing: the driver has no use by process while MIG is on; with one session on an \
                 instance its activity stands in",
        probe: process_use,
    },
    Check {
        id: "gpm",
        question: "Can profiling values be read?",
        remedy: "nothing on GPUs older than Hopper, which need a DCGM host engine; else allow \
                 profiling to all users in the driver's options",
        probe: gpm,
    },
    Check {
        id: "mig-instances-without-compute",
        question: "Can every MIG instance be used?",
        remedy: "make compute instances (nvidia-smi mig -cci), or create with -C",
        probe: idle_instances,
    },
    Check {
        id: "pid-namespace",
        question: "Are the PIDs seen here those of the host?",
        remedy: "run with hostPID: true, or mount the host's /proc and name it with --path.procfs",
        probe: |evidence| match evidence.host.own_pid_namespace_is_hosts() {
            Some(true) => Finding::ok("this is the host's PID namespace"),
            Some(false) => Finding::fail("this is a PID namespace of its own"),
            None => Finding::warn("it cannot be told"),
        },
    },
    Check {
        id: "procfs",
        question: "Can the processes on the GPUs be looked up?",
        remedy: "mount the host's /proc and name it with --path.procfs; hidepid hides other users'",
        probe: procfs,
    },
    Check {
        id: "pod-resources",
        question: "Does the kubelet tell which pod has which GPU?",
        remedy: "mount the kubelet's folder pod-resources (hostPath), or name its socket with \
                 --pod-resources-kubelet-socket; without it device metrics name no pods",
        probe: kubelet::probe,
    },
    Check {
        id: "findings",
        question: "Is all well with sessions, allocations and devices?",
        remedy: "run gpulse exporter with the same --state: findings need minutes of watching",
        probe: found::probe,
    },
    Check {
        id: "textfile-folder",
        question: "Can the textfile for node_exporter be written?",
        remedy: "make the folder writable for this user, or name another with --output",
        probe: |evidence| {
            evidence.textfile.parent().map_or_else(
                || Finding::fail("the path has no folder"),
                |dir| match folder(dir) {
                    Folder::Missing => Finding::none(format!("{} does not exist", dir.display())),
                    Folder::ReadOnly => Finding::fail(format!("{} is read-only", dir.display())),
                    Folder::Writable => Finding::ok(format!("{} can be written", dir.display())),
                },
            )
        },
    },
    Check {
        id: "state-folder",
        question: "Can sessions be remembered over a restart?",
        remedy: "name a folder that can be written with --state, or set STATE_DIRECTORY",
        probe: state_folder,
    },
];

fn library(evidence: &Evidence<'_>) -> Finding {
    match &evidence.snapshot.pass.source {
        SourceState::Nvml => Finding::ok("it is loaded"),
        SourceState::NvidiaSmi => Finding::warn("it cannot be loaded; nvidia-smi stands in"),
        SourceState::Absent { reason, remedy } => {
            // Nothing is wrong on a machine that has no such GPU.
            let none_on_the_bus = evidence.snapshot.expected_gpus == Some(0);
            let finding = if none_on_the_bus {
                Finding::warn(format!("{reason}; and no NVIDIA GPU is on the PCI bus"))
            } else {
                Finding::fail(reason.as_str())
            };
            if remedy.is_empty() { finding } else { finding.with_remedy(remedy) }
        }
    }
}

fn driver(evidence: &Evidence<'_>) -> Finding {
    let pass = &evidence.snapshot.pass;
    let named = [
        ("driver", &pass.driver_version),
        ("NVML", &pass.nvml_version),
        ("CUDA", &pass.cuda_version),
    ];
    let known: Vec<String> = named
        .iter()
        .filter_map(|(name, version)| Some(format!("{name} {}", version.as_deref()?)))
        .collect();
    match (known.is_empty(), evidence.snapshot.absence()) {
        (_, Some(_)) => Finding::none("no driver answers"),
        (true, None) => Finding::warn("it does not tell its version"),
        (false, None) => Finding::ok(known.join(", ")),
    }
}

fn visible(evidence: &Evidence<'_>) -> Finding {
    if evidence.snapshot.absence().is_some() {
        return Finding::none("no driver answers");
    }
    let gpus = &evidence.snapshot.pass.gpus;
    if gpus.is_empty() {
        return Finding::fail("it shows none");
    }
    let alike = gpus.chunk_by(|one, next| one.model == next.model).map(|alike| {
        let (first, last) = (alike[0].index, alike[alike.len() - 1].index);
        let which = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let model = alike[0].model.as_str();
        format!("{which}: {}", if model.is_empty() { "not read yet" } else { model })
    });
    Finding::ok(alike.collect::<Vec<_>>().join("; "))
}

fn expected(evidence: &Evidence<'_>) -> Finding {
    let present = evidence.snapshot.pass.gpus.len();
    match evidence.snapshot.expected_gpus {
        None => Finding::none("the PCI bus cannot be read"),
        Some(expected) if usize::try_from(expected) == Ok(present) => {
            Finding::ok(format!("{present} of {expected}"))
        }
        // A container is shown some GPUs of the bus on purpose.
        Some(expected) if present > 0 => Finding::warn(format!("{present} of {expected}")),
        Some(expected) => Finding::fail(format!("{present} of {expected}")),
    }
}

fn healthy(evidence: &Evidence<'_>) -> Finding {
    let problems = gpus_where(evidence, |gpu| match gpu.health {
        Health::Up => None,
        Health::Lost => Some("lost".to_owned()),
        Health::Stuck => Some("stuck in a driver call".to_owned()),
        Health::NoPermission(what) => Some(format!("no permission to read {what}")),
    });
    let rights = |gpu: &GpuView| matches!(gpu.health, Health::NoPermission(_) | Health::Up);
    let finding = |problems| match evidence.snapshot.pass.gpus.iter().all(|gpu| rights(gpu)) {
        true => Finding::fail(problems).with_remedy(RIGHTS),
        false => Finding::fail(problems),
    };
    per_gpu(evidence, &problems, finding, "all of them")
}

fn processes(evidence: &Evidence<'_>) -> Finding {
    let mut unreadable = gpus_where(evidence, |gpu| {
        let unseen = gpu.devices.is_empty() && gpu.instances_without_ci.is_empty();
        gpu.health.problem().filter(|_| unseen).map(str::to_owned)
    });
    unreadable.extend(evidence.snapshot.pass.observations.iter().filter_map(|seen| {
        let why = match seen.processes {
            Reading::Value(_) => return None,
            Reading::NotSupported => "not supported",
            Reading::Failed(kind) => kind.as_str(),
        };
        Some(format!("GPU {}: {why}", seen.device.label))
    }));
    let answers = |gpu: &GpuView| gpu.health.down().is_none();
    let finding = |problems| match evidence.snapshot.pass.gpus.iter().all(|gpu| answers(gpu)) {
        true => Finding::fail(problems),
        false => Finding::fail(problems).with_remedy("bring the GPU back first: see gpus-healthy"),
    };
    per_gpu(evidence, &unreadable, finding, "on every device")
}

fn process_use(evidence: &Evidence<'_>) -> Finding {
    let observations = &evidence.snapshot.pass.observations;
    let lacking: Vec<String> = observations
        .iter()
        .filter_map(|seen| {
            let why = match &seen.process_use.as_ref()?.samples {
                Reading::Value(_) => return None,
                Reading::NotSupported => "not supported",
                Reading::Failed(kind) => kind.as_str(),
            };
            Some(format!("GPU {}: {why}", seen.device.label))
        })
        .collect();
    per_gpu(evidence, &lacking, Finding::warn, "on every device")
}

/// What helps where the driver refuses this user.
const RIGHTS: &str = "run as a user that the driver allows this, with the utility capability in a \
                      container";

fn gpm(evidence: &Evidence<'_>) -> Finding {
    let mut answering =
        evidence.snapshot.pass.gpus.iter().filter(|gpu| gpu.health.down().is_none()).peekable();
    if answering.peek().is_none() {
        return Finding::none("no GPU answers");
    }
    let lacking = gpus_where(evidence, |gpu| {
        if gpu.health.down().is_some() {
            return None;
        }
        let mut readings = gpu.entities.iter().flat_map(|entity| {
            let rows = ROWS.iter().zip(&entity.values);
            rows.filter(|(row, _)| row.built_in && row.is_profiling()).map(|(_, cell)| cell.reading)
        });
        let why = readings.clone().find_map(|reading| match reading {
            Reading::Failed(kind) => Some(kind.as_str()),
            Reading::Value(_) | Reading::NotSupported => None,
        });
        // The first interval has no value yet.
        let works = readings.any(|reading| {
            matches!(reading, Reading::Value(_) | Reading::Failed(ErrorKind::NotYet))
        });
        (!works).then(|| why.unwrap_or("not supported").to_owned())
    });
    per_gpu(evidence, &lacking, Finding::warn, "on every GPU that answers")
}

fn idle_instances(evidence: &Evidence<'_>) -> Finding {
    let gpus = &evidence.snapshot.pass.gpus;
    if !gpus.iter().any(|gpu| gpu.mig_enabled == Some(true)) {
        return Finding::none("no GPU has MIG on");
    }
    let idle = gpus_where(evidence, |gpu| {
        let names: Vec<String> = gpu
            .instances_without_ci
            .iter()
            .map(|idle| format!("{} (id {})", idle.profile, idle.gpu_instance))
            .collect();
        (!names.is_empty()).then(|| format!("no compute instance in {}", names.join(", ")))
    });
    per_gpu(evidence, &idle, Finding::warn, "each has a compute instance")
}

fn procfs(evidence: &Evidence<'_>) -> Finding {
    if let Err(cause) = evidence.host.boot_id() {
        return Finding::fail(format!("the boot id cannot be read: {cause}"));
    }
    let live = evidence.snapshot.view.sessions.iter().filter(|session| session.end.is_none());
    let pids: Vec<u32> = live.map(|session| session.facts.pid).collect();
    let found = |pid: &&u32| matches!(evidence.host.process(**pid), Lookup::Facts(_));
    let readable = pids.iter().filter(found).count();
    let text = format!("{readable} of {} processes on GPUs", pids.len());
    match (readable, pids.len()) {
        (_, 0) => Finding::ok("it is readable; no process is on a GPU"),
        (readable, all) if readable == all => Finding::ok(text),
        (0, _) => Finding::fail(text),
        _ => Finding::warn(text),
    }
}

fn state_folder(evidence: &Evidence<'_>) -> Finding {
    let Some(dir) = evidence.state_dir else {
        return if evidence.snapshot.simulated {
            Finding::none("a simulated machine keeps nothing unless --state names a folder")
        } else {
            Finding::warn("there is no folder for it")
        };
    };
    match folder(dir) {
        Folder::Writable => Finding::ok(format!("{} can be written", dir.display())),
        Folder::ReadOnly => Finding::warn(format!("{} is read-only", dir.display())),
        Folder::Missing => Finding::none(format!("{} is made at the first start", dir.display())),
    }
}

enum Folder {
    Missing,
    ReadOnly,
    Writable,
}

/// Asks the kernel, which knows of read-only mounts and of rights; nothing is written.
fn folder(dir: &Path) -> Folder {
    if !fs::metadata(dir).is_ok_and(|facts| facts.is_dir()) {
        return Folder::Missing;
    }
    match rustix::fs::access(dir, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Folder::Writable,
        Err(_) => Folder::ReadOnly,
    }
}

fn gpus_where(
    evidence: &Evidence<'_>,
    problem: impl Fn(&GpuView) -> Option<String>,
) -> Vec<String> {
    let named = |gpu: &GpuView| Some(format!("GPU {}: {}", gpu.index, problem(gpu)?));
    evidence.snapshot.pass.gpus.iter().filter_map(|gpu| named(gpu)).collect()
}

/// Problems by GPU, or that there is none; nothing to ask where there is no GPU.
fn per_gpu(
    evidence: &Evidence<'_>,
    problems: &[String],
    finding: impl Fn(String) -> Finding,
    fine: &str,
) -> Finding {
    if evidence.snapshot.pass.gpus.is_empty() {
        return Finding::none("there is no GPU");
    }
    if problems.is_empty() { Finding::ok(fine) } else { finding(problems.join("; ")) }
}
