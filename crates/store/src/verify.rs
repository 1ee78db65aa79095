//! Checking a folder: every byte of its blocks and its log.

use std::path::Path;
use std::sync::Arc;

use journal::Disk;

use crate::error::OpenError;
use crate::open::LOG;
use crate::outcome::Report;

/// Reads every byte of the blocks and the log of a folder that no process has open, and checks it.
///
/// # Errors
/// The folder cannot be read at all.
pub fn verify(disk: Arc<dyn Disk>, dir: &Path) -> Result<Report, OpenError> {
    let found = journal::verify(disk, &dir.join(LOG))
        .map_err(|cause| OpenError::Log { dir: dir.to_owned(), cause: Box::new(cause) })?;
    let damage = found.damage.named.iter().map(|place| format!("log: {place}")).collect();
    Ok(Report { damage, ..Report::default() })
}
