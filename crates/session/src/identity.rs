//! Keys and ids: what makes two sightings the same session, across restarts too.
//!
//! The id is the 64-bit FNV-1a hash of the key's parts with a zero byte between them, mixed once
//! more by the finaliser of SplitMix64 (FNV alone spreads short differences badly), as 16 hex
//! digits. It is stored and shown, so the function must never change.

use serde::{Deserialize, Serialize};

/// Who watches: facts of this start of gpulse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Boot id of the kernel: another boot, other processes.
    pub boot_id: String,
    /// Name of the node.
    pub hostname: String,
    /// Six random characters for a new counting period; not used when the old one goes on.
    pub run: String,
}

/// What tells one process of a PID from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Start {
    /// Its start in clock ticks since boot.
    Ticks(u64),
    /// It could not be read: the second of the first sighting.
    Seen(i64),
}

impl Start {
    /// The number that goes into the id.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Ticks(ticks) => ticks,
            Self::Seen(second) => second.unsigned_abs(),
        }
    }
}

/// The id of a session: 16 hex digits of its key.
#[must_use]
pub fn session_id(boot_id: &str, device_uuid: &str, pid: u32, start_ticks: u64) -> String {
    let (pid, ticks) = (pid.to_le_bytes(), start_ticks.to_le_bytes());
    hash_of(&[boot_id.as_bytes(), &[0], device_uuid.as_bytes(), &[0], &pid, &ticks])
}

/// The id of an allocation: the same hash over the boot, the device and the parts of its holder.
pub(crate) fn allocation_id(boot_id: &str, device_uuid: &str, holder: &[&str]) -> String {
    let mut parts: Vec<&[u8]> = vec![boot_id.as_bytes(), &[0], device_uuid.as_bytes()];
    parts.extend(holder.iter().flat_map(|part| [&[0][..], part.as_bytes()]));
    hash_of(&parts)
}

fn hash_of(parts: &[&[u8]]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().copied().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:016x}", mix(hash))
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_across_versions() {
        assert_eq!(session_id("boot", "GPU-1", 4242, 99), "90b5646c4ee3c972");
    }

    #[test]
    fn each_part_of_the_key_makes_another_id() {
        let base = session_id("b", "GPU-1", 1, 2);
        let others = [
            session_id("c", "GPU-1", 1, 2),
            session_id("b", "GPU-2", 1, 2),
            session_id("b", "GPU-1", 2, 2),
            session_id("b", "GPU-1", 1, 3),
            session_id("bGPU", "-1", 1, 2),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}
