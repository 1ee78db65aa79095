//! One round of answers put together: which GPUs there are and how they are partitioned.
//!
//! Each form of the program may have failed; what another form says too is then taken from there,
//! and what none says stays unknown.

use std::collections::BTreeMap;

use model::Reading;

use super::list::ListedMig;
use super::log::{GpuLog, MigLog};
use super::round::Round;
use super::value;

/// What is known of one GPU, by whichever form.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Gpu<'a> {
    /// NVML index.
    pub(super) index: u32,
    /// `GPU-...`; empty if no form ever said it.
    pub(super) uuid: String,
    /// PCI bus id with a domain of eight digits, upper case; empty if unknown.
    pub(super) bus_id: String,
    /// Product name.
    pub(super) model: String,
    /// Whether MIG is on; `None` where the GPU has none.
    pub(super) mig: Option<bool>,
    /// Its row of the sheet.
    pub(super) row: Option<usize>,
    /// Its part of `-q`.
    pub(super) log: Option<&'a GpuLog>,
    /// The driver says that it is lost.
    pub(super) lost: bool,
}

/// One MIG device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instance {
    /// Number of the MIG device.
    pub(super) number: u32,
    /// GPU instance id.
    pub(super) gpu_instance: u32,
    /// Compute instance id.
    pub(super) compute_instance: u32,
    /// `MIG-...`.
    pub(super) uuid: String,
    /// As `-L` prints it: `3g.40gb`, `1c.3g.40gb`.
    pub(super) profile: String,
    /// Memory of its GPU instance, in bytes.
    pub(super) memory: FrameBuffer,
}

/// Memory of a GPU or of a GPU instance, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct FrameBuffer {
    pub(super) total: Reading<u64>,
    pub(super) used: Reading<u64>,
    pub(super) free: Reading<u64>,
    pub(super) reserved: Reading<u64>,
}

/// Domain, bus, device and function of a PCI bus id.
pub(super) fn bus_number(word: &str) -> Option<(u32, u8, u8, u8)> {
    let (rest, function) = word.rsplit_once('.')?;
    let mut parts = rest.split(':');
    let (domain, bus, device) = (parts.next()?, parts.next()?, parts.next()?);
    let shape = parts.next().is_none() && (4..=8).contains(&domain.len()) && bus.len() == 2;
    if !shape {
        return None;
    }
    let byte = |digits| u8::from_str_radix(digits, 16).ok();
    let domain = u32::from_str_radix(domain, 16).ok()?;
    Some((domain, byte(bus)?, byte(device)?, byte(function)?))
}

fn normal_bus_id(word: &str) -> Option<String> {
    let (domain, bus, device, function) = bus_number(word)?;
    Some(format!("{domain:08X}:{bus:02X}:{device:02X}.{function:X}"))
}

/// The GPUs of a round, by index. `known` are those of earlier rounds: a lost GPU no longer says
/// who it is. One that no form ever gave a UUID is left out, as nothing could be kept of it.
pub(super) fn gpus<'a>(round: &'a Round, known: &[Gpu<'_>]) -> Vec<Gpu<'a>> {
    let mut gpus: BTreeMap<u32, Gpu<'a>> = BTreeMap::new();
    add_sheet(&mut gpus, round);
    add_table_and_list(&mut gpus, round);
    add_log(&mut gpus, round);
    add_known(&mut gpus, round, known);
    let mut gpus: Vec<Gpu<'a>> = gpus.into_values().collect();
    for (order, gpu) in gpus.iter_mut().enumerate() {
        gpu.mig = mig_mode(round, gpu, order);
    }
    gpus.retain(|gpu| gpu.lost || !gpu.uuid.is_empty());
    gpus
}

fn entry<'m, 'a>(gpus: &'m mut BTreeMap<u32, Gpu<'a>>, index: u32) -> &'m mut Gpu<'a> {
    gpus.entry(index).or_insert_with(|| Gpu { index, ..Gpu::default() })
}

/// Take a text unless one is known already.
fn fill(place: &mut String, text: Option<&str>) {
    if let Some(text) = text.filter(|_| place.is_empty()) {
        text.clone_into(place);
    }
}

fn add_sheet(gpus: &mut BTreeMap<u32, Gpu<'_>>, round: &Round) {
    let Ok(sheet) = &round.sheet else { return };
    for row in 0..sheet.len() {
        let cell = |field| sheet.cell(row, field).map_or(Reading::NotSupported, value::text);
        let Some(index) = cell("index").value().and_then(|index| index.parse().ok()) else {
            continue;
        };
        let gpu = entry(gpus, index);
        gpu.row = Some(row);
        gpu.lost = sheet.is_lost(row);
        fill(&mut gpu.uuid, cell("uuid").value());
        fill(&mut gpu.bus_id, cell("pci.bus_id").value().and_then(normal_bus_id).as_deref());
        fill(&mut gpu.model, cell("name").value());
    }
}

fn add_table_and_list(gpus: &mut BTreeMap<u32, Gpu<'_>>, round: &Round) {
    for listed in round.list.iter().flatten() {
        let gpu = entry(gpus, listed.index);
        fill(&mut gpu.uuid, Some(&listed.uuid));
        fill(&mut gpu.model, Some(&listed.name));
    }
    for (index, bus_id) in round.table.iter().flat_map(|table| &table.gpus) {
        fill(&mut entry(gpus, *index).bus_id, normal_bus_id(bus_id).as_deref());
    }
}

/// `-q` names GPUs by bus id, in order of index.
fn add_log<'a>(gpus: &mut BTreeMap<u32, Gpu<'a>>, round: &'a Round) {
    for (order, log) in (0_u32..).zip(round.log.iter().flat_map(|log| &log.gpus)) {
        let bus_id = normal_bus_id(&log.bus_id).unwrap_or_default();
        let by_bus = gpus.values().find(|gpu| gpu.bus_id == bus_id).map(|gpu| gpu.index);
        let gpu = entry(gpus, by_bus.unwrap_or(order));
        if !gpu.bus_id.is_empty() && gpu.bus_id != bus_id {
            continue;
        }
        let text = |path| log.value(path).and_then(|raw| value::text(raw).value());
        fill(&mut gpu.bus_id, Some(&bus_id));
        fill(&mut gpu.uuid, text("GPU UUID"));
        fill(&mut gpu.model, text("Product Name"));
        gpu.log = Some(log);
    }
}

/// A GPU that only earlier rounds know is shown while this one says why it is missing.
fn add_known(gpus: &mut BTreeMap<u32, Gpu<'_>>, round: &Round, known: &[Gpu<'_>]) {
    let nobody_answered = gpus.is_empty();
    for earlier in known {
        let lost = round.says_lost(&earlier.bus_id);
        if !gpus.contains_key(&earlier.index) && !lost && !nobody_answered {
            continue;
        }
        let gpu = entry(gpus, earlier.index);
        gpu.lost |= lost;
        if gpu.uuid.is_empty() || gpu.uuid == earlier.uuid {
            fill(&mut gpu.uuid, Some(&earlier.uuid));
            fill(&mut gpu.bus_id, Some(&earlier.bus_id));
            fill(&mut gpu.model, Some(&earlier.model));
        }
        if nobody_answered || lost {
            gpu.mig = earlier.mig;
        }
    }
}

fn mig_mode(round: &Round, gpu: &Gpu<'_>, order: usize) -> Option<bool> {
    let on = |raw: &str| match raw.trim() {
        "Enabled" => Some(true),
        "Disabled" => Some(false),
        _ => None,
    };
    let sheet = round.sheet.as_ref().ok();
    if let Some(raw) = gpu.row.and_then(|row| sheet?.cell(row, "mig.mode.current")) {
        return on(raw);
    }
    if let Some(raw) = gpu.log.and_then(|log| log.value("MIG Mode/Current")) {
        return on(raw);
    }
    if let Some(raw) = round.mig_modes.as_ref().and_then(|modes| modes.get(order)) {
        return on(raw);
    }
    let rows = round.table.iter().flat_map(|table| &table.mig);
    rows.map(|row| row.gpu).any(|index| index == gpu.index).then_some(true).or(gpu.mig)
}

/// The MIG devices of a GPU whose ids and names are both known. Names of an earlier list hold only
/// while the numbers are the same.
pub(super) fn instances(round: &Round, gpu: &Gpu<'_>) -> Vec<Instance> {
    let listed = round.names.iter().find(|listed| listed.index == gpu.index);
    let placed = placements(round, gpu);
    let same = |mig: &[ListedMig]| {
        mig.iter().map(|mig| mig.number).eq(placed.iter().map(|placed| placed.0))
    };
    let listed = listed.filter(|listed| round.list.is_ok() || same(&listed.mig));
    let named = |number| listed?.mig.iter().find(|mig| mig.number == number);
    placed
        .into_iter()
        .filter_map(|(number, gpu_instance, compute_instance, memory)| {
            let name = named(number)?;
            Some(Instance {
                number,
                gpu_instance,
                compute_instance,
                uuid: name.uuid.clone(),
                profile: name.profile.clone(),
                memory,
            })
        })
        .collect()
}

/// Number, GPU instance, compute instance and memory of each MIG device.
fn placements(round: &Round, gpu: &Gpu<'_>) -> Vec<(u32, u32, u32, FrameBuffer)> {
    let logged = gpu.log.map(GpuLog::mig).unwrap_or_default();
    if !logged.is_empty() {
        let placed =
            |mig: &MigLog| (mig.number, mig.gpu_instance, mig.compute_instance, logged_memory(mig));
        return logged.iter().map(placed).collect();
    }
    let rows = round.table.iter().flat_map(|table| &table.mig);
    rows.filter(|row| row.gpu == gpu.index)
        .map(|row| {
            let part = |read: fn((u64, u64)) -> u64| match row.memory {
                Some(memory) => Reading::Value(read(memory)),
                None => Reading::NotSupported,
            };
            let memory =
                FrameBuffer { used: part(|m| m.0), total: part(|m| m.1), ..FrameBuffer::default() };
            (row.number, row.gpu_instance, row.compute_instance, memory)
        })
        .collect()
}

fn logged_memory(mig: &MigLog) -> FrameBuffer {
    let part = |name: &str| {
        let shared = mig.value(&format!("Shared FB Memory Usage/{name}"));
        let own = || mig.value(&format!("FB Memory Usage/{name}"));
        shared.or_else(own).map_or(Reading::NotSupported, value::mebibytes)
    };
    FrameBuffer {
        total: part("Total"),
        used: part("Used"),
        free: part("Free"),
        reserved: part("Reserved"),
    }
}

#[cfg(test)]
pub(super) mod tests;
