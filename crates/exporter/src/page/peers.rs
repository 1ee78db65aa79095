//! How GPUs reach each other over NVLink: one sample per GPU and peer.

use model::text::Writer;

use super::device::{Entity, begin};
use crate::fields::Listed;

/// DCGM_EXP_P2P_STATUS, by the number that dcgm-exporter uses inside.
pub(super) const STATUS: u16 = 9004;

/// `nvmlGpuP2PStatus_t` in words.
const WORDS: [&str; 7] = [
    "OK",
    "ChipsetNotSupported",
    "GPUNotSupported",
    "TopologyNotSupported",
    "DisabledByRegKey",
    "NotSupported",
    "Unknown",
];

/// A GPU that is lost has no peers that anyone could vouch for.
pub(super) fn write(row: &Listed, entities: &[Entity<'_>], out: &mut Writer) {
    begin(row, out);
    for entity in entities.iter().filter(|entity| entity.gpu.health.down().is_none()) {
        for peer in &entity.gpu.peers {
            let place = usize::try_from(peer.status).unwrap_or(usize::MAX).min(WORDS.len() - 1);
            let other = peer.gpu.to_string();
            let made = [("link_status", WORDS[place]), ("peer_gpu", other.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(peer.status.into()));
        }
    }
}
