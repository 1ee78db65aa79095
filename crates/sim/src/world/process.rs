//! Processes: when each of them lives, where it sits and whose it is.

use std::collections::BTreeMap;

use crate::noise;
use crate::scenario::file::ProcessKind;
use crate::wave::Wave;
use crate::world::work::Work;

/// A GPU, or a MIG device of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// NVML index of the GPU.
    pub gpu: usize,
    /// Number of the MIG device on it.
    pub mig: Option<u32>,
}

/// Whose process it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Owner {
    /// Nobody in particular: the root cgroup.
    #[default]
    Nobody,
    /// A pod's container.
    Pod {
        /// Which of the machine's pods.
        pod: usize,
        /// Name of the container.
        container: String,
    },
    /// A container of a runtime without Kubernetes.
    Container {
        /// Container id, 64 hex digits.
        container: String,
    },
    /// A Slurm job and step.
    Slurm {
        /// Job id.
        job: String,
        /// Step id.
        step: String,
    },
    /// A user's login.
    Login,
    /// A systemd service.
    Service(String),
}

/// One process of the scenario: once, or again and again.
#[derive(Debug, Clone)]
pub struct Process {
    pub(crate) index: u32,
    pub(crate) seats: Vec<Seat>,
    pub(crate) rotate: bool,
    pub(crate) start_us: i64,
    /// End of the first occurrence; `i64::MAX` without one.
    pub(crate) stop_us: i64,
    /// Distance of two occurrences; 0 for all at once.
    pub(crate) every_us: i64,
    pub(crate) count: u64,
    pub(crate) first_pid: u32,
    /// PIDs before they start over.
    pub(crate) pids: u32,
    pub(crate) key: u64,
    /// When it leaves `/proc` while the driver goes on listing it.
    pub(crate) vanished_us: Option<i64>,
    /// The kind of its context.
    pub kind: ProcessKind,
    /// Arguments, as bytes.
    pub arguments: Vec<Vec<u8>>,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// Name and uid of its user.
    pub uid: u32,
    /// Whose it is.
    pub owner: Owner,
    pub(crate) memory: Option<Wave>,
    pub(crate) memory_readable: bool,
    pub(crate) work: Work,
    pub(crate) cpu: Option<Wave>,
}

/// One life of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// Index of its [`Process`].
    pub process: u32,
    /// Which one, from 0.
    pub number: u64,
    /// Age of the world at its start; below 0 for what ran before.
    pub start_us: i64,
    /// Age of the world at its end; `i64::MAX` without one.
    pub stop_us: i64,
    /// Host PID.
    pub pid: u32,
    /// Key of its noise.
    pub(crate) key: u64,
}

impl Process {
    /// Visit its occurrences that live at that age.
    pub fn each_alive(&self, age_us: i64, mut visit: impl FnMut(&Occurrence)) {
        let Some((first, last)) = self.alive(age_us) else { return };
        for number in first..=last {
            visit(&self.occurrence(number));
        }
    }

    /// Visit its occurrences that sit on the GPU at that age.
    pub fn each_on(&self, gpu: usize, age_us: i64, mut visit: impl FnMut(&Occurrence, &Seat)) {
        let Some((first, last)) = self.alive(age_us) else { return };
        if !self.rotate {
            let seats = self.seats.iter().filter(|seat| seat.gpu == gpu);
            for seat in seats {
                for number in first..=last {
                    visit(&self.occurrence(number), seat);
                }
            }
            return;
        }
        let turns = self.seats.len() as u64;
        for (turn, seat) in (0_u64..).zip(&self.seats) {
            if seat.gpu != gpu {
                continue;
            }
            let mut number = first + (turn + turns - first % turns) % turns;
            while number <= last {
                visit(&self.occurrence(number), seat);
                number += turns;
            }
        }
    }

    /// The seats an occurrence holds.
    pub fn seats_of(&self, occurrence: &Occurrence) -> impl Iterator<Item = &Seat> {
        let turns = self.seats.len().max(1) as u64;
        let (skip, take) = if self.rotate {
            (usize::try_from(occurrence.number % turns).unwrap_or(0), 1)
        } else {
            (0, self.seats.len())
        };
        self.seats.iter().skip(skip).take(take)
    }

    /// Numbers of the first and last occurrence alive at that age.
    pub(crate) fn alive(&self, age_us: i64) -> Option<(u64, u64)> {
        if age_us < self.start_us || self.count == 0 {
            return None;
        }
        if self.every_us == 0 {
            return (age_us < self.stop_us).then_some((0, self.count - 1));
        }
        let started = (age_us - self.start_us).div_euclid(self.every_us);
        let ended = match age_us.checked_sub(self.stop_us) {
            Some(since) if since >= 0 => since.div_euclid(self.every_us) + 1,
            _ => 0,
        };
        let last = u64::try_from(started).ok()?.min(self.count - 1);
        let first = u64::try_from(ended).ok()?;
        (first <= last).then_some((first, last))
    }

    /// End of its last occurrence; `i64::MAX` without one.
    pub(crate) fn last_stop_us(&self) -> i64 {
        match self.every_us {
            0 => self.stop_us,
            _ => self.occurrence(self.count.saturating_sub(1)).stop_us,
        }
    }

    /// Number of the newest occurrence that started by that age.
    pub(crate) fn newest(&self, age_us: i64) -> Option<u64> {
        if age_us < self.start_us || self.count == 0 {
            return None;
        }
        if self.every_us == 0 {
            return Some(self.count - 1);
        }
        let started = u64::try_from((age_us - self.start_us).div_euclid(self.every_us)).ok()?;
        Some(started.min(self.count - 1))
    }

    pub(crate) fn occurrence(&self, number: u64) -> Occurrence {
        let shift = i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(self.every_us);
        let turn = u32::try_from(number % u64::from(self.pids.max(1))).unwrap_or(0);
        Occurrence {
            process: self.index,
            number,
            start_us: self.start_us.saturating_add(shift),
            stop_us: self.stop_us.saturating_add(shift),
            pid: self.first_pid + turn,
            key: noise::with(self.key, number),
        }
    }

    pub(crate) const fn may_have(&self, pid: u32) -> bool {
        pid >= self.first_pid && pid < self.first_pid + self.pids
    }

    /// Memory of an occurrence at that age: whole MiB, as drivers count pages.
    #[must_use]
    pub fn memory_bytes(&self, occurrence: &Occurrence, age_us: i64) -> u64 {
        let Some(wave) = &self.memory else { return 0 };
        let step = age_us.div_euclid(crate::wave::STEP_US);
        let since = step * crate::wave::STEP_US - occurrence.start_us;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "waves are not below 0; a memory size fits"
        )]
        let bytes = wave.at(since.max(0), occurrence.key ^ MEMORY_KEY, step) as u64;
        bytes >> 20 << 20
    }

    /// CPU time used since its start, in seconds: none where the scenario gives none. It moves
    /// once a second, so that the host tree has little to write.
    #[must_use]
    pub fn cpu_seconds(&self, occurrence: &Occurrence, age_us: i64) -> f64 {
        let Some(cpu) = &self.cpu else { return 0.0 };
        let lived = (age_us - occurrence.start_us).max(0).div_euclid(1_000_000);
        #[expect(clippy::cast_precision_loss, reason = "a life fits 53 bits in seconds")]
        let lived = lived as f64;
        lived * cpu.at(0, 0, 0) / 100.0
    }

    /// Base name of its program.
    #[must_use]
    pub fn base_name(&self) -> &[u8] {
        let program = self.arguments.first().map_or(&b""[..], Vec::as_slice);
        program.rsplit(|byte| *byte == b'/').next().unwrap_or(program)
    }
}

/// Keeps the noise of memory apart from that of activity.
const MEMORY_KEY: u64 = 0x6d65_6d6f_7279;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(every_us: i64, count: u64, stop_us: i64) -> Process {
        Process {
            index: 0,
            seats: vec![Seat { gpu: 0, mig: None }, Seat { gpu: 1, mig: None }],
            rotate: true,
            start_us: 1_000_000,
            stop_us,
            every_us,
            count,
            first_pid: 100,
            pids: 8,
            key: 1,
            vanished_us: None,
            kind: ProcessKind::Compute,
            arguments: vec![b"/usr/bin/python3".to_vec()],
            environment: BTreeMap::new(),
            uid: 0,
            owner: Owner::Nobody,
            memory: None,
            memory_readable: true,
            work: Work::default(),
            cpu: None,
        }
    }

    fn pids(process: &Process, gpu: usize, age_us: i64) -> Vec<u32> {
        let mut pids = Vec::new();
        process.each_on(gpu, age_us, |occurrence, _| pids.push(occurrence.pid));
        pids
    }

    #[test]
    fn repeated_processes_take_turns_on_their_gpus_and_use_pids_again() {
        let process = process(1_000_000, u64::MAX, 5_000_000);
        assert_eq!(pids(&process, 0, 999_999), [0_u32; 0]);
        assert_eq!(pids(&process, 0, 1_000_000), [100]);
        // Four live at any time; every second one on the other GPU.
        assert_eq!(pids(&process, 0, 20_000_000), [100, 102]);
        assert_eq!(pids(&process, 1, 20_000_000), [101, 103]);
        let mut starts = Vec::new();
        process.each_alive(20_000_000, |occurrence| starts.push(occurrence.start_us / 1_000_000));
        assert_eq!(starts, [17, 18, 19, 20]);
    }

    #[test]
    fn a_count_ends_the_row() {
        let process = process(1_000_000, 2, 3_000_000);
        assert_eq!(pids(&process, 0, 2_500_000), [100]);
        assert_eq!(pids(&process, 1, 2_500_000), [101]);
        assert!(pids(&process, 0, 4_000_000).is_empty());
    }

    #[test]
    fn without_every_all_live_at_once() {
        let process = process(0, 5, i64::MAX);
        assert_eq!(pids(&process, 0, 9_000_000), [100, 102, 104]);
        assert_eq!(process.base_name(), b"python3");
    }
}
