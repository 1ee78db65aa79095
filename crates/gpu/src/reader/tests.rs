//! The reader over a scripted driver, with a clock that is moved by hand.

use std::thread::JoinHandle;

use model::observation::{ContextKind, DeviceProcess, ProcessUse};

use super::*;
use crate::nvml::{EVENT_MIG_CONFIG_CHANGE, EVENT_XID_CRITICAL_ERROR, Event, FieldValue, Return};
use crate::{Call, Cell, EntityView, Health};
use fake::{Fake, FakeGpu, MIB, gpu, mig, process, used};

mod fake;

mod energy;
mod life;
mod partition;
mod people;
mod values;

/// A reader over a scripted driver, with a clock that is moved by hand.
struct Bench {
    fake: Arc<Fake>,
    reader: Reader,
    second: i64,
}

const BEGAN: i64 = 1_000_000;

impl Bench {
    fn new(gpus: Vec<FakeGpu>) -> Self {
        let fake = Fake::new(gpus);
        // Long enough for a busy machine; what waits it out on purpose shortens it.
        let options = Options { patience: Duration::from_secs(5), ..Options::default() };
        let reader = Reader::new(fake.opener(), None, options);
        Self { fake, reader, second: BEGAN }
    }

    /// Ask for everything now.
    fn pass(&mut self) -> Pass {
        self.reader.pass(Timestamp::from_secs(self.second), Ask::ALL)
    }

    /// Ask for everything that many seconds later.
    fn after(&mut self, seconds: i64) -> Pass {
        self.second += seconds;
        self.pass()
    }

    /// One pass each second.
    fn run(&mut self, seconds: i64) -> Pass {
        for _ in 1..seconds {
            self.after(1);
        }
        self.after(1)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.second).unwrap()
    }
}

fn entity(pass: &Pass, gpu: usize) -> &EntityView {
    &pass.gpus[gpu].entities[0]
}

fn value(entity: &EntityView, name: &str) -> Option<f64> {
    entity.cell(name).unwrap_or_else(|| panic!("no row {name}")).reading.value()
}

fn text<'a>(entity: &'a EntityView, name: &str) -> Option<&'a str> {
    let cell: &Cell = entity.cell(name).unwrap_or_else(|| panic!("no row {name}"));
    cell.text.as_deref()
}

fn pids(pass: &Pass, device: usize) -> Vec<u32> {
    let processes = pass.observations[device].processes.as_ref().value();
    processes.unwrap().iter().map(|process| process.pid).collect()
}
