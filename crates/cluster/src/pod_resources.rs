//! Client of the kubelet's pod-resources API: who was given which device id on this node.
//!
//! One task asks over one kept connection, every 10 s and soon after a wake, and publishes each
//! answer whole. What an id stands for, and what a pod is called besides, is not said here.

mod client;
mod grants;
mod message;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use model::allocation::Grant;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use client::{CallError, Client, within};

/// What to ask, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// The kubelet's socket.
    pub socket: PathBuf,
    /// Names of resources besides `nvidia.com/*`.
    pub resource_names: Vec<String>,
}

/// An id that the kubelet can give to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocatable {
    /// Resource name, `nvidia.com/gpu`.
    pub resource: Arc<str>,
    /// The id as the device plugin made it.
    pub device_id: String,
}

/// What the kubelet said last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Who was given what. Of a claim the device id is empty: its ResourceSlice knows it.
    pub grants: Vec<Grant>,
    /// All ids that can be given; `None` where the kubelet does not tell.
    pub allocatable: Option<Vec<Allocatable>>,
    /// How many ids were left out, as no node has so many or names so long.
    pub left_out: usize,
}

/// Why the kubelet cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What happened, with the place.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    /// The last good answer; `None` before the first, and once it has become too old.
    pub answer: Option<Arc<Answer>>,
    /// When that answer came.
    pub answered: Option<Instant>,
    /// Why the last call failed, if it did.
    pub fault: Option<Arc<Fault>>,
}

impl Newest {
    /// Time since the last good answer.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.answered.map(|at| at.elapsed())
    }
}

/// Where the newest answer is found, and how the next one is asked for sooner.
#[derive(Debug, Clone, Default)]
pub struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    newest: ArcSwap<Newest>,
    wake: Notify,
}

impl Handle {
    /// The newest, without waiting.
    #[must_use]
    pub fn newest(&self) -> Arc<Newest> {
        self.0.newest.load_full()
    }

    /// Publish, in the place of the asking task.
    pub fn publish(&self, newest: Newest) {
        self.0.newest.store(Arc::new(newest));
    }

    /// A process came onto a GPU: ask within a second.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }
}

/// The kubelet is asked that often.
const EVERY: Duration = Duration::from_secs(10);
/// Least time between two calls: a wake is answered within a second, and a machine whose processes
/// come and go all the time does not ask all the time.
const BETWEEN: Duration = Duration::from_millis(500);
/// An answer is kept that long while calls fail.
const KEPT: Duration = Duration::from_secs(60);

/// Ask the kubelet until the task is dropped, and publish what it says.
pub async fn run(config: Config, handle: Handle) {
    let mut asking = Asking { config, handle, client: None, allocatable: None };
    loop {
        let asked = Instant::now();
        asking.ask(asked).await;
        asking.wait(asked).await;
    }
}

/// Ask once, as a check does.
///
/// # Errors
/// Why there is no answer.
pub async fn ask_once(config: &Config) -> Result<Answer, Fault> {
    let ask = async {
        let mut client = Client::connect(&config.socket).await?;
        client.list().await
    };
    let list = within(ask).await.map_err(|cause| cause.fault(&config.socket))?;
    Ok(grants::answer(config, list, None))
}

/// The task's state between two calls.
struct Asking {
    config: Config,
    handle: Handle,
    client: Option<Client>,
    /// The last answer about what can be given, and when it came.
    allocatable: Option<(Option<message::AllocatableResponse>, Instant)>,
}

impl Asking {
    async fn ask(&mut self, now: Instant) {
        match self.call(now).await {
            Ok(answer) => self.succeed(answer),
            Err(cause) => self.fail(&cause),
        }
    }

    /// List, over the kept connection; what can be given is asked for with it, but not on a wake.
    async fn call(&mut self, now: Instant) -> Result<Answer, CallError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => within(Client::connect(&self.config.socket)).await?,
        };
        let list = within(client.list()).await?;
        let is_old = |asked: &Instant| now.duration_since(*asked) >= EVERY;
        if self.allocatable.as_ref().is_none_or(|(_, asked)| is_old(asked)) {
            match within(client.allocatable()).await {
                Ok(allocatable) => self.allocatable = Some((allocatable, now)),
                // Who holds what is known all the same; the connection is begun anew.
                Err(cause) => {
                    tracing::debug!(%cause, "the kubelet does not say what can be given");
                    return Ok(self.answer(list));
                }
            }
        }
        // Not kept where a call failed: whatever hangs or broke is begun anew.
        self.client = Some(client);
        Ok(self.answer(list))
    }

    fn answer(&self, list: message::ListResponse) -> Answer {
        let allocatable = self.allocatable.as_ref().and_then(|(answer, _)| answer.clone());
        grants::answer(&self.config, list, allocatable)
    }

    fn succeed(&self, answer: Answer) {
        let before = self.handle.newest();
        if before.fault.is_some() {
            tracing::info!(socket = %self.config.socket.display(), "the kubelet answers again");
        }
        if answer.left_out > 0 && before.answer.as_ref().is_none_or(|a| a.left_out == 0) {
            let (most, left_out) = (grants::MOST_IDS, answer.left_out);
            tracing::warn!(left_out, most, "the kubelet names more device ids than are read");
        }
        // The same answer stays the same one, so that nobody works it out again.
        let answer = match &before.answer {
            Some(known) if **known == answer => Arc::clone(known),
            _ => Arc::new(answer),
        };
        let answered = Some(Instant::now());
        self.handle.publish(Newest { answer: Some(answer), answered, fault: None });
    }

    fn fail(&self, cause: &CallError) {
        let fault = cause.fault(&self.config.socket);
        let before = self.handle.newest();
        if before.fault.as_deref() != Some(&fault) {
            tracing::warn!(reason = fault.reason, remedy = fault.remedy, "no pod labels");
        }
        let mut newest = Newest { fault: Some(Arc::new(fault)), ..Newest::clone(&before) };
        newest.drop_old();
        self.handle.publish(newest);
    }

    /// Until the next call is due, by the clock or a wake. An answer that grows too old meanwhile is
    /// dropped then.
    async fn wait(&self, asked: Instant) {
        let due = asked + EVERY;
        sleep_until((asked + BETWEEN).min(due)).await;
        let newest = self.handle.newest();
        let too_old = newest.age().map(|age| Instant::now() + KEPT.saturating_sub(age));
        let woken = self.handle.0.wake.notified();
        tokio::pin!(woken);
        if let Some(too_old) = too_old.filter(|at| *at < due && newest.answer.is_some()) {
            if timeout_at(too_old, woken.as_mut()).await.is_ok() {
                return;
            }
            let mut newest = Newest::clone(&newest);
            newest.drop_old();
            self.handle.publish(newest);
        }
        let _ = timeout_at(due, woken).await;
    }
}

impl Newest {
    fn drop_old(&mut self) {
        if self.age().is_some_and(|age| age >= KEPT) && self.answer.take().is_some() {
            tracing::warn!("the kubelet's last answer is too old: no pod labels until it answers");
        }
    }
}
