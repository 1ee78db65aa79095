//! One life of the driver, from loading to unloading, on a thread of its own or, for drivers that
//! never block, on the thread of whoever asks.
//!
//! The thread opens and initialises it, waits for its events, and shuts it down again once every
//! GPU's thread has let go. None of that happens on the thread that asks for readings, so a driver
//! that hangs while it starts or ends costs nothing but this thread.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::Stop;

use super::facts::Versions;
use super::metered::Metered;
use super::{
    Driver, EVENT_MIG_CONFIG_CHANGE, EVENT_XID_CRITICAL_ERROR, Event, EventSet, Handle, Return,
};
use crate::{CallStats, OpenDriver, OpenError};

/// How long one wait for an event takes: the longest that letting go waits for this thread.
const EVENT_WAIT: Duration = Duration::from_millis(500);
/// Notices that are kept for the reader. Events beyond that are dropped: a storm of XIDs tells no
/// more than its first few hundred.
const NOTICES: usize = 256;

/// The opener, shared by one life after another.
pub(crate) type SharedOpener = Arc<Mutex<OpenDriver>>;

/// What the thread tells the reader.
pub(crate) enum Notice {
    Opened(Opened),
    Refused(OpenError),
    Xid { index: u32, gpu_instance: Option<u32>, compute_instance: Option<u32>, xid: u64 },
    MigChanged { index: u32 },
}

/// A driver that is ready to be asked.
pub(crate) struct Opened {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) versions: Versions,
    pub(crate) count: u32,
    /// Held by everyone who uses the driver: it is shut down when all are dropped.
    pub(crate) hold: Hold,
}

/// A share in the driver's life.
pub(crate) type Hold = Sender<()>;

/// The reader's end of the thread.
pub(crate) struct Life {
    stop: Arc<Stop>,
    notices: Receiver<Notice>,
    thread: Option<JoinHandle<()>>,
    /// Set where there is no thread.
    here: Option<Here>,
}

impl Life {
    /// Begin one. `None` where the system has no thread left to give.
    pub(crate) fn begin(
        opener: SharedOpener,
        stats: Arc<CallStats>,
        deadline: Duration,
    ) -> Option<Self> {
        let stop = Arc::new(Stop::default());
        let (send, notices) = mpsc::sync_channel(NOTICES);
        let keeper = Keeper { stats, stop: Arc::clone(&stop), notices: send, deadline };
        let thread = std::thread::Builder::new()
            .name("driver".to_owned())
            .spawn(move || keeper.run(&opener))
            .ok()?;
        Some(Self { stop, notices, thread: Some(thread), here: None })
    }

    /// Begin one without a thread: it is opened when this returns, and its events are asked for
    /// with each notice.
    pub(crate) fn begin_here(
        opener: &SharedOpener,
        stats: Arc<CallStats>,
        deadline: Duration,
    ) -> Self {
        let stop = Arc::new(Stop::default());
        let (send, notices) = mpsc::sync_channel(NOTICES);
        let keeper = Keeper { stats, stop: Arc::clone(&stop), notices: send, deadline };
        let here = keeper.open(opener).map(|(calls, count, released)| {
            let set = calls.event_set_create().ok();
            let handles = set.map(|set| register(&calls, set, count)).unwrap_or_default();
            Here { keeper, calls, set, handles, released }
        });
        Self { stop, notices, thread: None, here }
    }

    /// The next notice that is there now.
    pub(crate) fn notice(&self) -> Option<Notice> {
        if let Some(here) = &self.here {
            here.look();
        }
        self.notices.try_recv().ok()
    }

    /// The next notice, waited for.
    pub(crate) fn notice_within(&self, wait: Duration) -> Option<Notice> {
        self.notices.recv_timeout(wait).ok()
    }

    /// Tell it to end; the handle says when it has.
    pub(crate) fn end(mut self) -> Option<JoinHandle<()>> {
        self.stop.stop();
        if let Some(here) = self.here.take() {
            here.close();
        }
        self.thread.take()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// A life without a thread.
struct Here {
    keeper: Keeper,
    calls: Metered,
    set: Option<EventSet>,
    handles: Vec<Option<Handle>>,
    released: Receiver<()>,
}

impl Here {
    /// Pass on an event that is there now.
    fn look(&self) {
        if let Some(Ok(event)) = self.set.map(|set| self.calls.event_set_wait(set, 0)) {
            self.keeper.pass_on(&event, &self.handles);
        }
    }

    fn close(self) {
        if let Some(set) = self.set {
            let _ = self.calls.event_set_free(set);
        }
        self.keeper.close(&self.calls, &self.released);
    }
}

struct Keeper {
    stats: Arc<CallStats>,
    stop: Arc<Stop>,
    notices: SyncSender<Notice>,
    deadline: Duration,
}

impl Keeper {
    fn run(self, opener: &SharedOpener) {
        if let Some((calls, count, released)) = self.open(opener) {
            self.watch(&calls, count);
            self.close(&calls, &released);
        }
    }

    /// Open and initialise it, and tell what came of that.
    fn open(&self, opener: &SharedOpener) -> Option<(Metered, u32, Receiver<()>)> {
        let opened = (opener.lock().unwrap_or_else(PoisonError::into_inner))();
        let refused = |why: OpenError| {
            self.tell(Notice::Refused(why));
            None
        };
        let driver = match opened {
            Ok(driver) => driver,
            Err(why) => return refused(why),
        };
        let calls = Metered::new(Arc::clone(&driver), Arc::clone(&self.stats));
        if let Err(code) = calls.init() {
            return refused(OpenError::Init(code));
        }
        let count = match calls.device_count() {
            Ok(count) => count,
            Err(code) => {
                let _ = calls.shutdown();
                return refused(OpenError::Init(code));
            }
        };
        let (hold, released) = mpsc::channel();
        self.tell(Notice::Opened(Opened { driver, versions: versions(&calls), count, hold }));
        Some((calls, count, released))
    }

    fn tell(&self, notice: Notice) {
        // A full or forgotten channel drops the notice, see NOTICES.
        let _ = self.notices.try_send(notice);
    }

    /// Wait for events until told to end.
    fn watch(&self, calls: &Metered, count: u32) {
        match calls.event_set_create() {
            Ok(set) => {
                let handles = register(calls, set, count);
                while !self.stop.is_stopped() {
                    self.wait_once(calls, set, &handles);
                }
                let _ = calls.event_set_free(set);
            }
            Err(code) => {
                tracing::debug!(%code, "the driver gives no events");
                while !self.stop.wait(Duration::from_secs(3600)) {}
            }
        }
    }

    /// One wait. An answer that comes at once without an event (an error, a driver that does not
    /// wait) is waited out here, so that this is no busy loop.
    fn wait_once(&self, calls: &Metered, set: EventSet, handles: &[Option<Handle>]) {
        let began = Instant::now();
        let timeout_ms = u32::try_from(EVENT_WAIT.as_millis()).unwrap_or(500);
        match calls.event_set_wait(set, timeout_ms) {
            Ok(event) => self.pass_on(&event, handles),
            Err(_) => {
                self.stop.wait(EVENT_WAIT.saturating_sub(began.elapsed()));
            }
        }
    }

    fn pass_on(&self, event: &Event, handles: &[Option<Handle>]) {
        let place = handles.iter().position(|handle| *handle == Some(event.device));
        let Some(index) = place.and_then(|place| u32::try_from(place).ok()) else { return };
        if event.event_type == EVENT_XID_CRITICAL_ERROR {
            let (gpu_instance, compute_instance) =
                (event.gpu_instance_id, event.compute_instance_id);
            self.tell(Notice::Xid { index, gpu_instance, compute_instance, xid: event.data });
        } else if event.event_type == EVENT_MIG_CONFIG_CHANGE {
            self.tell(Notice::MigChanged { index });
        }
    }

    /// Shut down once nobody uses it. A GPU whose call hangs keeps its share: then the driver is
    /// left as it is, as shutting it down under a running call is not safe.
    fn close(&self, calls: &Metered, released: &Receiver<()>) {
        match released.recv_timeout(self.deadline) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if let Err(code) = calls.shutdown() {
                    tracing::debug!(%code, "the driver did not shut down cleanly");
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a call of the driver still hangs, it is not shut down");
            }
        }
    }
}

fn versions(calls: &Metered) -> Versions {
    let cuda = calls.system_cuda_driver_version().ok();
    Versions {
        driver: calls.system_driver_version().ok().map(Arc::from),
        nvml: calls.system_nvml_version().ok().map(Arc::from),
        cuda: cuda.map(|word| format!("{}.{}", word / 1000, word % 1000 / 10).into()),
    }
}

/// Handles by index, registered for the events that they know.
fn register(calls: &Metered, set: EventSet, count: u32) -> Vec<Option<Handle>> {
    let one = |index| {
        let handle = calls.device_handle_by_index(index).ok()?;
        let wanted = EVENT_XID_CRITICAL_ERROR | EVENT_MIG_CONFIG_CHANGE;
        let types = calls.supported_event_types(handle).map(|types| types & wanted);
        let registered = types.and_then(|types| match types {
            0 => Err(Return::NOT_SUPPORTED),
            types => calls.register_events(handle, types, set),
        });
        if let Err(code) = registered {
            tracing::debug!(gpu = index, %code, "no events of this GPU");
        }
        Some(handle)
    };
    (0..count).map(one).collect()
}
