//! What people ask of dcgm-exporter's metrics, asked of a real Prometheus that scrapes gpulse in its
//! place: panels of known dashboards, conditions of alerts, joins.

use std::time::Duration;

use anyhow::ensure;
use tests::environment::{self, GPULSE, PROMETHEUS, testdata};
use tests::pod_resources::message::PodResources;
use tests::pod_resources::{Server, Told};
use tests::prometheus::Prometheus;
use tests::{or_skip, wait};

use super::program::{exporter_with, label, page_until, power};

#[test]
fn the_queries_of_known_dashboards_and_alerts_have_data() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let prometheus = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    // As NVIDIA's default list has them, and the remapped rows and replays of its alerts.
    let list = folder.path().join("counters.csv");
    std::fs::write(&list, LIST).unwrap();
    // With an XID soon after the start: before the first one there is no sample of it.
    let shipped = environment::root().join("crates/sim/scenarios/h100-mixed.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let scenario = folder.path().join("machine.toml");
    std::fs::write(&scenario, shipped + XID).unwrap();
    let scenario = scenario.to_str().unwrap();
    let (_exporter, address) = exporter_with(&gpulse, folder.path(), scenario, |command| {
        command.arg("-f").arg(&list);
    });
    let page = page_until(address, "the first page", |page| power(page).len() == 6);
    let gpu = label(power(&page)[0], "UUID").unwrap();
    let mig = label(power(&page)[2], "DCGM_FI_DEV_UUID").unwrap_or_default().to_owned();
    let mig = if mig.is_empty() { mig_of(&page) } else { mig };
    let pods = vec![
        PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &[gpu]),
        PodResources::new("serving/embed", "serve", "nvidia.com/mig-3g.40gb", &[&mig]),
    ];
    let _server =
        Server::start(&folder.path().join("kubelet.sock"), Told::gpus(pods, &[gpu])).unwrap();
    page_until(address, "names", |page| page.contains("container=\"train\""));
    // The target's own labels are those of the exporter's pod, as in a cluster.
    let configuration = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  \
         - job_name: gpulse\n    static_configs:\n      - targets: ['{address}']\n        \
         labels: {{namespace: monitoring, pod: gpulse-x7k2p, container: exporter}}\n"
    );
    let prometheus = Prometheus::start_by(&prometheus, folder.path(), &configuration, &[]).unwrap();
    let text = std::fs::read_to_string(testdata().join("queries-dcgm.txt")).unwrap();
    let queries: Vec<(&str, String)> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('\t').expect("id, tab, expression"))
        .map(|(id, expression)| (id, expression.replace("$instance", &address.to_string())))
        .collect();
    assert!(queries.len() >= 30, "{}", queries.len());
    for (id, expression) in queries {
        let answered = wait::until(id, Duration::from_secs(30), || {
            let points = prometheus.query(&expression)?;
            ensure!(!points.is_empty(), "no series");
            ensure!(points.iter().all(|point| point.value.is_finite()), "{points:?}");
            Ok(points)
        });
        let points = answered.unwrap_or_else(|cause| panic!("{id}: {expression}: {cause:#}"));
        // The panels by holder must tell the holder, not the exporter's own pod.
        if expression.contains("exported_pod") && expression.contains("sum by") {
            let pods: Vec<&str> = points.iter().map(|point| point.label("exported_pod")).collect();
            assert!(pods.iter().all(|pod| ["bert-0", "embed"].contains(pod)), "{id}: {pods:?}");
        }
    }
}

/// UUID of the first MIG device, where the list does not print it on each sample.
fn mig_of(page: &str) -> String {
    let row = page
        .lines()
        .find(|line| line.starts_with("gpu_device_info{") && line.contains("mig_uuid=\"MIG-"));
    label(row.unwrap(), "mig_uuid").unwrap().to_owned()
}

/// The world is 10 min old when it comes up.
const XID: &str = "\n[[node.fault]]\nkind = \"xid\"\nat = \"10m15s\"\ngpu = \"1\"\nxid = 31\n";

const LIST: &str = "\
DCGM_FI_DEV_SM_CLOCK, gauge, SM clock frequency (in MHz).
DCGM_FI_DEV_MEM_CLOCK, gauge, Memory clock frequency (in MHz).
DCGM_FI_DEV_MEMORY_TEMP, gauge, Memory temperature (in C).
DCGM_FI_DEV_GPU_TEMP, gauge, GPU temperature (in C).
DCGM_FI_DEV_POWER_USAGE, gauge, Power draw (in W).
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION, counter, Total energy consumption since boot (in mJ).
DCGM_FI_DEV_PCIE_REPLAY_COUNTER, counter, Total number of PCIe retries.
DCGM_FI_DEV_GPU_UTIL, gauge, GPU utilization (in %).
DCGM_FI_DEV_MEM_COPY_UTIL, gauge, Memory utilization (in %).
DCGM_FI_DEV_XID_ERRORS, gauge, Value of the last XID error encountered.
DCGM_EXP_XID_ERRORS_COUNT, gauge, XID errors of the last minutes.
DCGM_FI_DEV_FB_FREE, gauge, Framebuffer memory free (in MiB).
DCGM_FI_DEV_FB_USED, gauge, Framebuffer memory used (in MiB).
DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS, counter, Number of remapped rows for uncorrectable errors.
DCGM_FI_DEV_ROW_REMAP_FAILURE, gauge, Whether remapping of rows has failed.
DCGM_FI_PROF_GR_ENGINE_ACTIVE, gauge, Ratio of time the graphics engine is active.
DCGM_FI_PROF_PIPE_TENSOR_ACTIVE, gauge, Ratio of cycles the tensor (HMMA) pipe is active.
DCGM_FI_PROF_DRAM_ACTIVE, gauge, Ratio of cycles the device memory interface is active.
";
