//! Waiting for a condition with a deadline; never for a fixed time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a server may take to start or to answer on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Ask until `probe` has an answer.
///
/// # Errors
/// What was waited for, and the last reason why it had not come, once the deadline has passed.
pub fn until<T>(what: &str, patience: Duration, mut probe: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match probe() {
            Ok(answer) => return Ok(answer),
            Err(reason) if Instant::now() >= deadline => {
                bail!("waited {} s for {what}: {reason:#}", patience.as_secs())
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
