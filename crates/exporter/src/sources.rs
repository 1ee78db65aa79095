//! Starts whatever is asked about holders besides the driver: the kubelet, the API server, the job
//! files of a batch system. Each runs on threads of its own and publishes; a node only reads.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cluster::api::{self, Access, Api, State};
use cluster::pod_resources;
use model::Stop;
use tokio::sync::oneshot;

use crate::Config;
use crate::config::Kubernetes;
use crate::holders::{Cluster, Sources, jobs};

/// How long a single look waits for the first answers: the kubelet's deadline.
const FIRST_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Sources that a single node started for itself; they end with it.
#[derive(Debug)]
pub(crate) struct Own {
    started: Started,
    stop: Arc<Stop>,
}

impl Own {
    /// Start what the settings name.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(config: &Config) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        Ok(Self { started: start(config, &stop)?, stop })
    }

    /// For the node.
    pub(crate) fn sources(&self) -> Sources {
        self.started.sources.clone()
    }

    /// Wait until each of them has answered or failed once, or for that long that it makes no
    /// difference to who waits for the answer.
    pub(crate) fn await_first_answers(&self, stop: &Stop) {
        let begun = Instant::now();
        while !self.have_answered() && begun.elapsed() < FIRST_ANSWERS_WITHIN {
            if stop.wait(Duration::from_millis(10)) {
                break;
            }
        }
    }

    fn have_answered(&self) -> bool {
        let kubelet = self.started.sources.pod_resources.as_ref().is_none_or(|kubelet| {
            let newest = kubelet.newest();
            newest.answer.is_some() || newest.fault.is_some()
        });
        let has_begun = |api: &Arc<Api>| *api.pods_state() != State::Starting;
        kubelet && self.started.api.as_ref().is_none_or(has_begun)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// What was started.
#[derive(Debug, Default)]
pub(crate) struct Started {
    /// For the node.
    pub(crate) sources: Sources,
    /// The API server, where it is asked.
    pub(crate) api: Option<Arc<Api>>,
    /// The tasks end when this is dropped.
    pub(crate) tasks: Option<oneshot::Sender<()>>,
}

/// Start what the settings name. Without Kubernetes and job files that is nothing.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(config: &Config, stop: &Arc<Stop>) -> io::Result<Started> {
    let mut started = Started::default();
    if let Some(folder) = &config.hpc_job_mapping_dir {
        let handle = jobs::Handle::default();
        jobs::watch(folder.clone(), handle.clone(), Arc::clone(stop))?;
        started.sources.jobs = Some(handle);
    }
    let config_map = config.configmap_data.as_deref().and_then(|name| name.parse().ok());
    if config.kubernetes.is_some() || config_map.is_some() {
        ask_kubernetes(config.kubernetes.as_ref(), config_map, &mut started)?;
    }
    Ok(started)
}

fn ask_kubernetes(
    config: Option<&Kubernetes>,
    config_map: Option<api::ConfigMapName>,
    started: &mut Started,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    {
        let _inside = runtime.enter();
        let api = Arc::new(Api::start(settings(config, config_map)));
        started.api = Some(Arc::clone(&api));
        if let Some(config) = config {
            let handle = pod_resources::Handle::default();
            let asked = pod_resources::Config {
                socket: config.socket.clone(),
                resource_names: config.resource_names.clone(),
            };
            tokio::spawn(pod_resources::run(asked, handle.clone()));
            started.sources.pod_resources = Some(handle);
            started.sources.cluster = Some(api as Arc<dyn Cluster>);
        }
    }
    let (tasks, ended) = oneshot::channel();
    started.tasks = Some(tasks);
    let run = move || {
        // An error is the other side's end, which is the sign.
        let _ = runtime.block_on(ended);
        runtime.shutdown_background();
    };
    thread::Builder::new().name("kubernetes".to_owned()).spawn(run).map(drop)
}

fn settings(config: Option<&Kubernetes>, config_map: Option<api::ConfigMapName>) -> api::Settings {
    let kubeconfig = config.and_then(|config| config.kubeconfig.clone());
    api::Settings {
        access: match kubeconfig {
            Some(path) => Access::Kubeconfig { path, context: None },
            None => Access::InCluster,
        },
        node: config.and_then(|config| config.node_name.clone()),
        kubelet: config.and_then(|config| config.node_ip).map(api::kubelet_url),
        config_map,
        ..api::Settings::default()
    }
}
