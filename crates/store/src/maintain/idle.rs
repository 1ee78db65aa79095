//! Series without samples for two hours leave the head: their samples are in blocks by then.

use crate::lock::lock;
use crate::store::Store;
use crate::window::WINDOW_MS;

impl Store {
    pub(super) fn forget_idle(&self) {
        let mut writer = lock(&self.writer);
        let Some(newest) = writer.newest_ms else { return };
        let oldest = newest.saturating_sub(WINDOW_MS);
        let idle: Vec<u32> = {
            let index = self.head.index();
            let empty = |slot: &u32| self.head.with(*slot, |data| data.is_empty()) == Some(true);
            let slots = index.slots();
            slots.filter(|slot| writer.newest_of(*slot) < oldest && empty(slot)).collect()
        };
        if idle.is_empty() {
            return;
        }
        let pairs = self.head.remove(&idle);
        writer.encoder.forget(&idle, &pairs);
        for slot in idle {
            writer.clear(slot);
        }
    }
}
