//! What a pass brings that is remembered: XIDs, by the driver and by the kernel's log, and why
//! clocks were held back.

use std::sync::Arc;

use gpu::{Pass, XidEvent};
use model::Timestamp;

use super::Node;
use crate::kernel_log::KernelXid;
use crate::xid::{Booking, KernelMark, Teller};

impl Node {
    /// Book XIDs. The driver comes first: it alone names the MIG instance, and what the log tells of
    /// the same event adds the process.
    pub(super) fn note_xids(&mut self, now: Timestamp, pass: &Pass) {
        for xid in &pass.xids {
            Arc::make_mut(&mut self.xids).add(xid, Teller::Driver);
        }
        if let Some(log) = &mut self.kernel_log {
            for told in log.read(now, pass.gpus.iter().map(AsRef::as_ref)) {
                self.note_told(&told);
            }
        }
    }

    fn note_told(&mut self, told: &KernelXid) {
        let event = XidEvent {
            at: told.at,
            gpu_uuid: told.gpu_uuid.clone(),
            gpu_index: told.gpu_index,
            gpu_instance: None,
            compute_instance: None,
            xid: told.xid,
        };
        let xids = Arc::make_mut(&mut self.xids);
        let booking = xids.add(&event, Teller::Kernel);
        let boot_id = self.boot_id.as_ref().to_owned();
        xids.set_kernel_mark(KernelMark { boot_id, number: told.record });
        if let (Some(pid), Booking::New | Booking::Paired) = (told.pid, booking) {
            self.engine.note_xid(told.at, &told.gpu_uuid, pid, told.xid);
        }
        if booking == Booking::New {
            let (process, pid) = (told.process.as_deref(), told.pid);
            tracing::warn!(
                gpu = told.gpu_index,
                xid = told.xid,
                pid,
                process,
                "XID in the kernel log"
            );
        }
    }

    /// Take a sample of the clocks' reasons, if anyone wants it counted.
    pub(super) fn note_clock_events(&mut self, pass: &Pass) {
        let wanted = gpu::metrics::position_of_field(super::REASONS)
            .is_some_and(|place| self.fields.rows().contains(place));
        if wanted && self.clock_events.is_due(pass.at, self.clock_events_every) {
            // What is published holds the samples: they are copied, once per sample.
            let events = Arc::make_mut(&mut self.clock_events);
            events.sample(pass, self.clock_events_every, self.windows.clock_events);
        }
    }
}
