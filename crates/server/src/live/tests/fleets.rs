//! Made-up fleets: pages as the exporter prints them, for machines of any number.

use std::fmt::Write as _;

use crate::App;
use crate::live::state;

/// A small generator: the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Below a bound.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

struct Gpu {
    node: usize,
    index: usize,
    booked: [f64; state::BOOKED],
    util: usize,
    temp: Option<f64>,
    hot: f64,
    xid: Option<(u32, i64)>,
    ecc: f64,
    removed: bool,
}

struct Session {
    id: usize,
    gpu: usize,
    state: &'static str,
    ended: bool,
}

pub(super) struct Fleet {
    nodes: usize,
    silent: Vec<usize>,
    gpus: Vec<Gpu>,
    sessions: Vec<Session>,
    next: usize,
}

impl Fleet {
    pub(super) fn of(nodes: usize, gpus: usize) -> Self {
        let gpu = |at: usize| Gpu {
            node: at / gpus,
            index: at % gpus,
            booked: [0.0; state::BOOKED],
            util: at % 100,
            temp: Some(40.0),
            hot: 0.0,
            xid: None,
            ecc: 0.0,
            removed: false,
        };
        Self {
            nodes,
            silent: Vec::new(),
            gpus: (0..nodes * gpus).map(gpu).collect(),
            sessions: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn book(&mut self, gpu: usize, state: &str, seconds: f64) {
        let state = state::number(state).unwrap() as usize;
        self.gpus[gpu].booked[state] += seconds;
    }

    /// Time of all GPUs.
    pub(super) fn spend(&mut self, state: &str, seconds: f64) {
        for gpu in 0..self.gpus.len() {
            self.book(gpu, state, seconds);
            self.gpus[gpu].util = (self.gpus[gpu].util + 7) % 100;
        }
    }

    pub(super) fn session(&mut self, gpu: usize, state: &'static str) -> usize {
        self.next += 1;
        self.sessions.push(Session { id: self.next - 1, gpu, state, ended: false });
        self.next - 1
    }

    fn at(&mut self, id: usize) -> &mut Session {
        self.sessions.iter_mut().find(|of| of.id == id).unwrap()
    }

    pub(super) fn set_state(&mut self, id: usize, state: &'static str) {
        self.at(id).state = state;
    }

    pub(super) fn end(&mut self, id: usize) {
        self.at(id).ended = true;
    }

    pub(super) fn silence(&mut self, node: usize) {
        self.silent.push(node);
    }

    pub(super) fn remove(&mut self, node: usize, index: usize) {
        let gpu = self.gpus.iter_mut().find(|of| of.node == node && of.index == index);
        gpu.unwrap().removed = true;
    }

    pub(super) fn hot(&mut self, gpu: usize, temp: f64) {
        self.gpus[gpu].temp = Some(temp);
    }

    pub(super) fn xid(&mut self, gpu: usize, code: u32, at_ms: i64) {
        self.gpus[gpu].xid = Some((code, at_ms / 1000));
    }

    pub(super) fn ecc(&mut self, gpu: usize, errors: f64) {
        self.gpus[gpu].ecc = errors;
    }

    /// Anything that may happen in five seconds.
    pub(super) fn change(&mut self, random: &mut Random) {
        const STATES: [&str; 5] = ["active", "idle", "held", "stale", "unknown"];
        self.spend(STATES[random.below(5)], 5.0);
        let gpu = random.below(self.gpus.len());
        match random.below(12) {
            0 => self.gpus[gpu].removed ^= true,
            1 => self.gpus[gpu].temp = None,
            2 => self.gpus[gpu].temp = Some(60.0),
            3 => self.silent.push(random.below(self.nodes)),
            4 => self.silent.clear(),
            5..=7 => drop(self.session(gpu, STATES[random.below(5)])),
            8 | 9 if !self.sessions.is_empty() => {
                let at = random.below(self.sessions.len());
                self.sessions[at].ended = true;
            }
            10 if !self.sessions.is_empty() => {
                let at = random.below(self.sessions.len());
                self.sessions[at].state = STATES[random.below(5)];
            }
            _ => self.gpus[gpu].xid = Some((13, 1_768_467_600)),
        }
    }

    /// Puts the page of every node that reports into the store.
    pub(super) fn ingest(&mut self, app: &App, now: i64) {
        for node in (0..self.nodes).filter(|node| !self.silent.contains(node)) {
            let page = self.page(node, now);
            let instance = format!("10.0.0.{node}:9400");
            let target = [("job", "gpulse"), ("instance", instance.as_str())];
            let done = app.ingest_text(now, &page, &target).unwrap();
            assert_eq!(done.appended.refused_samples, 0, "{:?}", done.appended.refused);
        }
        self.sessions.retain(|session| !session.ended);
    }

    pub(super) fn page(&self, node: usize, now: i64) -> String {
        let mut page = String::new();
        let of_node = self.gpus.iter().filter(|gpu| gpu.node == node && !gpu.removed);
        let present = of_node.clone().count();
        let _ = writeln!(page, "gpulse_gpus{{kind=\"present\"}} {present}");
        for gpu in of_node {
            write_gpu(&mut page, gpu);
        }
        for session in &self.sessions {
            let gpu = &self.gpus[session.gpu];
            if gpu.node == node && !gpu.removed {
                write_session(&mut page, session, gpu, now);
            }
        }
        page
    }
}

fn write_gpu(page: &mut String, gpu: &Gpu) {
    let Gpu { node, index, .. } = gpu;
    let id = format!("gpu=\"{index}\",UUID=\"GPU-{node}-{index}\"");
    let named = format!("{id},Hostname=\"node-{node}\",modelName=\"NVIDIA H100 80GB HBM3\"");
    let dcgm = format!(
        "{named},pci_bus_id=\"00000000:{index:02X}:00.0\",device=\"nvidia{index}\",\
         DCGM_FI_DRIVER_VERSION=\"590.48.01\""
    );
    let mut dcgm_row = |name: &str, value: f64| {
        let _ = writeln!(page, "DCGM_FI_{name}{{{dcgm}}} {value}");
    };
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let util = gpu.util as f64;
    for (name, value) in [
        ("DEV_GPU_UTIL", util),
        ("DEV_MEM_COPY_UTIL", util / 2.0),
        ("DEV_FB_USED", 60_000.0 + util),
        ("DEV_FB_FREE", 20_000.0 - util),
        ("DEV_FB_TOTAL", 81_559.0),
        ("DEV_MEMORY_TEMP", 50.0),
        ("DEV_POWER_USAGE", 300.0 + util + gpu.hot),
        ("DEV_SM_CLOCK", 1980.0),
        ("DEV_MEM_CLOCK", 2619.0),
        ("DEV_NVLINK_BANDWIDTH_TOTAL", util * 10.0),
        ("PROF_GR_ENGINE_ACTIVE", util / 100.0),
        ("PROF_SM_ACTIVE", util / 110.0),
        ("PROF_PIPE_TENSOR_ACTIVE", util / 200.0),
        ("PROF_DRAM_ACTIVE", util / 150.0),
        ("PROF_PCIE_TX_BYTES", util * 1e7),
        ("PROF_PCIE_RX_BYTES", util * 2e7),
        ("DEV_ECC_SBE_AGG_TOTAL", 0.0),
        ("DEV_ECC_DBE_AGG_TOTAL", gpu.ecc),
        ("DEV_ROW_REMAP_FAILURE", 0.0),
    ] {
        dcgm_row(name, value);
    }
    if let Some(temp) = gpu.temp {
        dcgm_row("DEV_GPU_TEMP", temp);
    } else {
        let lack = "field=\"DCGM_FI_DEV_GPU_TEMP\",reason=\"timeout\"";
        let _ = writeln!(page, "gpulse_field_supported{{gpu=\"{index}\",{lack}}} 0");
    }
    let _ = writeln!(page, "gpu_device_info{{{named}}} 1");
    let _ = writeln!(page, "gpu_device_share_ratio{{{id}}} 1");
    let _ = writeln!(page, "gpulse_device_up{{{id}}} 1");
    for (state, seconds) in state::NAMES.iter().zip(gpu.booked) {
        let _ = writeln!(
            page,
            "gpu_device_seconds_total{{{id},run=\"r\",state=\"{state}\"}} {seconds}"
        );
    }
    let effective = gpu.booked[state::ACTIVE] * 0.8;
    let _ = writeln!(page, "gpu_device_effective_seconds_total{{{id},run=\"r\"}} {effective}");
    if let Some((code, at)) = gpu.xid {
        let _ = writeln!(page, "gpu_xid_last_time_seconds{{{id},xid=\"{code}\"}} {at}");
    }
}

fn write_session(page: &mut String, session: &Session, gpu: &Gpu, now: i64) {
    let Gpu { node, index, .. } = gpu;
    let Session { id, state, ended, .. } = session;
    let key = format!("gpu=\"{index}\",session=\"{id:016x}\"");
    let who = format!("namespace=\"ml\",pod=\"train-{id}\",container=\"main\"");
    let _ = writeln!(
        page,
        "gpu_session_info{{{key},UUID=\"GPU-{node}-{index}\",Hostname=\"node-{node}\",\
         pid=\"{}\",type=\"C\",kind=\"pod\",command=\"python3\",user=\"kim\",{who},start=\"exact\"}} 1",
        1000 + id
    );
    let start = now / 1000 - 90_000;
    let _ = writeln!(page, "gpu_session_start_time_seconds{{{key}}} {start}");
    if *ended {
        let _ = writeln!(page, "gpu_session_end_time_seconds{{{key}}} {}", now / 1000);
        let _ = writeln!(page, "gpu_session_state{{{key},state=\"ended\"}} 1");
        return;
    }
    let _ = writeln!(page, "gpu_session_state{{{key},state=\"{state}\"}} 1");
    let _ = writeln!(page, "gpu_session_last_use_time_seconds{{{key}}} {}", now / 1000 - 4000);
    let _ = writeln!(page, "gpu_session_memory_bytes{{{key}}} {}", (60_u64 + *id as u64 % 7) << 30);
    let _ = writeln!(
        page,
        "gpu_session_utilization_ratio{{{key},engine=\"sm\",quality=\"measured\"}} 0.{}",
        gpu.util
    );
}
