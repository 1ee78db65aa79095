//! XIDs that name a process: counted for its session, which they often end.

use model::Timestamp;

use super::Engine;

/// Most codes that are counted for a session.
const MAX_CODES: usize = 16;

impl Engine {
    /// The kernel reported an XID of a process on a GPU (or MIG device) by its UUID. Counted for the
    /// newest session of that PID there that had begun; without one it is nobody's.
    pub fn note_xid(&mut self, now: Timestamp, device_uuid: &str, pid: u32, code: u64) {
        let is_its = |session: &crate::session::Session| {
            let device = &session.facts.device;
            session.facts.pid == pid
                && session.facts.start <= now
                && (device.uuid() == device_uuid || device.gpu_uuid == device_uuid)
        };
        let newest = self
            .sessions
            .iter_mut()
            .map(|(_, session)| session)
            .filter(|session| is_its(session))
            .max_by_key(|session| (session.is_live(), session.facts.start));
        let Some(session) = newest else { return };
        if session.xids.len() < MAX_CODES || session.xids.contains_key(&code) {
            let count = session.xids.entry(code).or_default();
            *count = count.saturating_add(1);
        }
    }
}
