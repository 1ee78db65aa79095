//! Checking a folder: every byte of its blocks and its log.

use std::path::Path;
use std::sync::Arc;

use journal::Disk;

use crate::block::Opener;
use crate::cache::Cache;
use crate::error::OpenError;
use crate::hash::Key;
use crate::maintain::read_committed;
use crate::open::{BLOCKS, LOG, open_blocks};
use crate::outcome::Report;

/// Reads every byte of the blocks and the log of a folder that no process has open, and checks it.
/// Changes nothing.
///
/// # Errors
/// The folder cannot be read at all, or a newer version wrote it.
pub fn verify(disk: Arc<dyn Disk>, dir: &Path) -> Result<Report, OpenError> {
    let mut report = Report::default();
    let cache = Arc::new(Cache::new(8 << 20));
    let opener =
        Opener { disk: Arc::clone(&disk), cache, damage: Arc::default(), key: Key::random() };
    let blocks = open_blocks(&opener, &dir.join(BLOCKS), None, &mut report.damage)?;
    for block in &blocks {
        let (samples, damage) = block.verify();
        report.blocks += 1;
        report.samples += samples;
        report.damage.extend(damage);
        opener.cache.forget(block.id);
    }
    report.damage.extend(read_committed(&*disk, &dir.join(BLOCKS)).err());
    let found = journal::verify(disk, &dir.join(LOG))
        .map_err(|cause| OpenError::Log { dir: dir.to_owned(), cause: Box::new(cause) })?;
    report.damage.extend(found.damage.named.iter().map(|place| format!("log: {place}")));
    let unnamed = found.damage.places - found.damage.named.len() as u64;
    if unnamed > 0 {
        report.damage.push(format!("log: {unnamed} more damaged places"));
    }
    Ok(report)
}
