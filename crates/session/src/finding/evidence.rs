//! What was seen of a finding, as fields and as a sentence: the one place where it is worded.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::hang::Confidence;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Evidence {
    /// Of an allocation without session.
    NoProcess {
        /// Who holds the device: `namespace/pod/container` or `job 4711`.
        holder: String,
        /// The id by which the device was given.
        device_id: String,
    },
    /// Of a session outside of every allocation.
    OutsideAllocation {
        /// Host PID.
        pid: u32,
        /// Its program.
        command: String,
        /// Whose process it is, as far as it is known.
        owner: String,
        /// Who holds the device by allocation.
        holders: Vec<String>,
        /// How it got the device, where that was looked for.
        access: Option<Access>,
    },
    /// Of memory that nobody holds.
    Leaked {
        /// How much, in bytes.
        bytes: u64,
        /// Unlisted processes that have `/dev/nvidia*` open, where that was looked for.
        open_by: Option<Vec<u32>>,
    },
    /// Of a process that the driver lists although it is dead, or that cannot be ended.
    Zombie {
        /// Host PID.
        pid: u32,
        /// PID of its parent, if it was ever read.
        parent: Option<u32>,
        /// What is wrong with it.
        cause: ZombieCause,
    },
    /// Of a GPU instance that no process can use.
    NoComputeInstance {
        /// GPU instance id.
        gpu_instance: u32,
        /// Profile.
        profile: String,
    },
    /// Of a session that seems to spin.
    HangSuspect {
        /// Host PID.
        pid: u32,
        /// Use of the device, 0..1.
        used_ratio: f64,
        /// Power of the GPU.
        watts: f64,
        /// The session's own median power while it is active, once known.
        usual_watts: Option<f64>,
        /// The least that the GPU draws without session, once known.
        idle_watts: Option<f64>,
        /// How sure it is.
        confidence: Confidence,
    },
}

/// How a process that holds no device came to use one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Access {
    /// `NVIDIA_VISIBLE_DEVICES` in its environment; `None`: not set, or not readable.
    pub visible_devices: Option<String>,
    /// Whether it may use every device of the host; `None`: not readable.
    pub privileged: Option<bool>,
}

/// Why a listed process counts as a zombie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZombieCause {
    /// It is not in `/proc`.
    Missing,
    /// It ended and its parent has not waited for it.
    Defunct,
    /// It waits in the kernel and cannot be ended.
    Stuck,
    /// Its pod is no longer on this node.
    PodGone,
}

impl ZombieCause {
    /// As printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Defunct => "defunct",
            Self::Stuck => "stuck",
            Self::PodGone => "pod_gone",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Missing => "it is not in /proc",
            Self::Defunct => "it ended and nobody waited for it",
            Self::Stuck => "it waits in the kernel and cannot be ended",
            Self::PodGone => "its pod is no longer on this node",
        }
    }
}

impl Evidence {
    /// What was seen in words for people: parts divided by `; `, each of which a catalogue of
    /// another language can know.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NoProcess { holder, device_id } => {
                format!("{holder} holds {device_id} and no process of it is there")
            }
            Self::OutsideAllocation { pid, command, owner, holders, access } => {
                let mut text =
                    format!("PID {pid} ({command}) of {owner} uses the device without holding it");
                add_holders(&mut text, holders);
                add_access(&mut text, access.as_ref());
                text
            }
            Self::Leaked { bytes, open_by } => leaked(*bytes, open_by.as_deref()),
            Self::Zombie { pid, parent, cause } => {
                let parent = parent.map(|parent| format!(" (parent {parent})")).unwrap_or_default();
                format!("the driver lists PID {pid}{parent}: {}", cause.in_words())
            }
            Self::NoComputeInstance { gpu_instance, profile } => {
                format!("GPU instance {gpu_instance} ({profile}) has no compute instance")
            }
            Self::HangSuspect { pid, used_ratio, watts, usual_watts, idle_watts, confidence } => {
                let percent = used_ratio * 100.0;
                let mut text =
                    format!("PID {pid} keeps the GPU at {percent:.0} % and it draws {watts:.0} W");
                if let Some(usual) = usual_watts {
                    let _ = write!(text, "; usually {usual:.0} W");
                }
                if let Some(idle) = idle_watts {
                    let _ = write!(text, "; idle {idle:.0} W");
                }
                let _ = write!(text, "; confidence {}", confidence.as_str());
                text
            }
        }
    }
}

fn add_holders(text: &mut String, holders: &[String]) {
    match holders {
        [] => text.push_str("; nobody holds it"),
        holders => {
            let _ = write!(text, "; held by {}", holders.join(", "));
        }
    }
}

fn add_access(text: &mut String, access: Option<&Access>) {
    let Some(access) = access else { return };
    if access.privileged == Some(true) {
        text.push_str("; it is privileged");
    }
    if let Some(devices) = &access.visible_devices {
        let _ = write!(text, "; NVIDIA_VISIBLE_DEVICES={devices}");
    }
}

fn leaked(bytes: u64, open_by: Option<&[u32]>) -> String {
    let mut text = format!("{} MiB are in use that no listed process holds", bytes >> 20);
    match open_by {
        None => {}
        Some([]) => text.push_str("; no other process has /dev/nvidia* open"),
        Some(pids) => {
            let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
            let _ = write!(text, "; /dev/nvidia* is open in PID {}", pids.join(", "));
        }
    }
    text
}
