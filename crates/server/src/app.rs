//! The server without a port: the store and everything that answers from it.

use std::sync::{Arc, PoisonError, RwLock};

use model::{Clock, Timestamp};
use promql::Engine;
use store::{AppendError, Appended, Batch, Store};
use tokio::sync::Semaphore;

use crate::Config;
use crate::assets::Assets;
use crate::live::{Live, Source};
use crate::own::Own;
use crate::security::Cookies;
use crate::write::{IngestError, Ingested, Metadata, Pages, Spare};

/// A server. Cheap to clone; all clones are the same server.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<Store>,
    config: Config,
    engine: Engine,
    queries: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    own: Own,
    cookies: Cookies,
    assets: Assets,
    metadata: Metadata,
    live: Live,
    pages: Pages,
    spare: Spare,
    not_ready: RwLock<Option<String>>,
    started: Timestamp,
}

impl App {
    /// A server over a store.
    pub fn new(store: Arc<Store>, config: Config) -> Self {
        Self(Arc::new(Inner {
            live: Live::new(Arc::clone(&store)),
            store,
            engine: Engine::new(config.engine.clone()),
            queries: Arc::new(Semaphore::new(config.limits.queries)),
            lists: Arc::new(Semaphore::new(config.limits.queries)),
            writes: Arc::new(Semaphore::new(config.limits.writes)),
            own: Own::default(),
            cookies: Cookies::default(),
            assets: Assets::embedded(&config.route_prefix),
            metadata: Metadata::new(config.limits.metadata),
            pages: Pages::default(),
            spare: Spare::default(),
            not_ready: RwLock::default(),
            started: config.clock.now(),
            config,
        }))
    }

    /// Stores samples.
    ///
    /// # Errors
    /// Nothing of the batch is stored then.
    pub fn append(&self, now_ms: i64, batch: &Batch<'_>) -> Result<Appended, AppendError> {
        self.0.store.append(now_ms, batch)
    }

    /// Stores a page of Prometheus text as if it had been scraped at `now_ms` from the target that
    /// `extra` names (`job`, `instance`; they win over labels of the page, which then are called
    /// `exported_…`). Series that the target's page before had and this one lacks end with a
    /// staleness marker. `up` is added. Who holds a GPU (`namespace`, `pod`, `container` of `gpu_*`
    /// and `DCGM_*`) is stored as `exported_…` too. Takes up to some ms: not for an async thread.
    ///
    /// # Errors
    /// The line that is not text of this format, or what the store says; nothing is stored then.
    pub fn ingest_text(
        &self,
        now_ms: i64,
        text: &str,
        extra: &[(&str, &str)],
    ) -> Result<Ingested, IngestError> {
        self.0.pages.ingest(self, now_ms, text, extra)
    }

    /// Ends the series of a target that is gone, as a failed scrape does: `up` is 0, everything else
    /// of its newest page gets a staleness marker.
    ///
    /// # Errors
    /// What the store says.
    pub fn target_gone(&self, now_ms: i64, extra: &[(&str, &str)]) -> Result<(), IngestError> {
        self.0.pages.gone(self, now_ms, extra)
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.0.store
    }

    /// How it was asked to be.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The clock of everything here.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.config.clock
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        self.now().0.div_euclid(1000)
    }

    /// Says what was looked for on this machine, for the live view.
    pub fn set_sources(&self, sources: Vec<Source>) {
        self.0.live.set_sources(sources);
    }

    /// Says how far back the history that is being filled in reaches, in ms since the epoch; `None`
    /// when none is being filled in.
    pub fn set_backfill(&self, until_ms: Option<i64>) {
        self.0.live.set_backfill(until_ms);
    }

    /// While a reason is set, `/readyz` answers 503 with it.
    pub fn set_not_ready(&self, reason: Option<String>) {
        *self.0.not_ready.write().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn not_ready(&self) -> Option<String> {
        self.0.not_ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.config.clock.now()
    }

    pub(crate) fn started(&self) -> Timestamp {
        self.0.started
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn queries(&self) -> &Arc<Semaphore> {
        &self.0.queries
    }

    pub(crate) fn lists(&self) -> &Arc<Semaphore> {
        &self.0.lists
    }

    pub(crate) fn writes(&self) -> &Arc<Semaphore> {
        &self.0.writes
    }

    pub(crate) fn own(&self) -> &Own {
        &self.0.own
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    pub(crate) fn assets(&self) -> &Assets {
        &self.0.assets
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    pub(crate) fn spare(&self) -> &Spare {
        &self.0.spare
    }
}
