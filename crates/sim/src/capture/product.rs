//! The model of a captured GPU: one that ships, or one made from what the capture says.

use std::fmt::Write as _;

use super::sections::{Capture, GpuRow, MigRow, Phase};
use super::{CaptureError, quoted};
use crate::product::Product;
use crate::scenario::embedded;

/// The parts of memory in MiB, with the fractions that `nvidia-smi` rounded up.
pub(super) struct MemoryParts {
    pub(super) total: f64,
    pub(super) reserved: f64,
    pub(super) used: f64,
}

/// Read memory so that the three parts round up to what was printed and add up to the total.
pub(super) fn memory_parts(gpu: &GpuRow, index: usize) -> Result<MemoryParts, CaptureError> {
    let silent = |field| CaptureError::Silent { gpu: index, field };
    let total = gpu.number("memory.total").ok_or(silent("memory.total"))?;
    let used = gpu.number("memory.used").ok_or(silent("memory.used"))?;
    let free = gpu.number("memory.free").ok_or(silent("memory.free"))?;
    let reserved = gpu.number("memory.reserved").unwrap_or_else(|| (total - used - free).max(0.0));
    let excess = used + free + reserved - total;
    let (less_reserved, less_used) = match excess {
        excess if excess < 0.5 => (0.0, 0.0),
        excess if excess < 1.5 => (0.5, 0.0),
        _ => (0.75, 0.75),
    };
    let reserved = (reserved - less_reserved).max(0.0);
    Ok(MemoryParts { total, reserved, used: (used - less_used).max(0.0) })
}

/// Id of the model, and its table if it does not ship.
pub(super) fn of(
    index: usize,
    gpu: &GpuRow,
    capture: &Capture<'_>,
    phase: Phase,
) -> Result<(String, Option<String>), CaptureError> {
    let name = gpu.text("name").ok_or(CaptureError::Silent { gpu: index, field: "name" })?;
    let parts = memory_parts(gpu, index)?;
    let same = |product: &Product| {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        #[expect(clippy::cast_precision_loss, reason = "MiB")]
        let close = |bytes: u64, printed: f64| (mib(bytes) as f64 - printed.ceil()).abs() < 0.5;
        product.name == name
            && close(product.memory.0, parts.total)
            && close(product.reserved.0, parts.reserved)
    };
    if let Some((id, _)) = embedded::products().iter().find(|(_, product)| same(product)) {
        return Ok(((*id).to_owned(), None));
    }
    let id: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let table = table(&id, name, gpu, &parts, &capture.mig(phase, index));
    Ok((id, Some(table)))
}

/// Memory that an instance of a profile uses by itself, in MiB.
pub(super) fn overhead_mib(model: &str, profile: &str) -> f64 {
    let known = embedded::product(model);
    let found = known.as_ref().and_then(|p| p.mig.iter().find(|known| known.name == profile));
    #[expect(clippy::cast_precision_loss, reason = "a few MiB")]
    let bytes = found.map_or(0.0, |found| found.overhead.0 as f64);
    bytes / f64::from(1 << 20)
}

/// The table of a model that does not ship. What the capture does not say is a guess that only
/// shows where nothing is captured.
fn table(id: &str, name: &str, gpu: &GpuRow, memory: &MemoryParts, mig: &[MigRow]) -> String {
    let number = |field: &str, or: f64| gpu.number(field).unwrap_or(or);
    let hex = |field: &str| gpu.text(field).unwrap_or("0x0").to_owned();
    let has = |field: &str| gpu.text(field).is_some();
    let draw = number("power.draw", 50.0);
    let limit = number("power.default_limit", number("power.limit", draw + 100.0));
    let (min, max) = (number("power.min_limit", limit.min(10.0)), number("power.max_limit", limit));
    let heat = number("temperature.gpu", 40.0);
    let margin = gpu.number("temperature.gpu.tlimit").map(|margin| heat + margin);
    let sm = number("clocks.current.sm", 1000.0);
    let memory_clock = number("clocks.current.memory", 1000.0);
    let video = number("clocks.current.video", 1000.0);
    let state = gpu.text("pstate").and_then(|state| state.strip_prefix('P')).unwrap_or("0");
    let version = |field: &str| gpu.text(field).unwrap_or("unknown").to_owned();
    let capability = gpu.text("compute_cap").and_then(|cap| cap.split_once('.'));
    let (major, minor) = capability.unwrap_or(("8", "0"));
    let mut out = format!("[[model]]\nid = {}\n\n[model.product]\n", quoted(id));
    let mut row = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    row("name", quoted(name));
    row("brand", if name.contains("GeForce") { "5" } else { "14" }.to_owned());
    row("architecture", architecture(major, minor).to_string());
    row("compute_capability", format!("[{major}, {minor}]"));
    let multiprocessors: u32 = mig.iter().filter_map(|row| row.counts.first()).sum();
    row("multiprocessors", multiprocessors.max(80).to_string());
    row("memory", quoted(&format!("{}MiB", memory.total)));
    row("reserved", quoted(&format!("{}MiB", memory.reserved)));
    row("bar1", quoted(&format!("{}MiB", memory.total)));
    row("pci_device_id", hex("pci.device_id"));
    row("pci_sub_system_id", hex("pci.sub_device_id"));
    row("pci_sub_class", hex("pci.subClass"));
    row("serial", has("serial").to_string());
    row("vbios", quoted(&version("vbios_version")));
    let (image, oem) = (quoted(&version("inforom.img")), quoted(&version("inforom.oem")));
    row("inforom", format!("{{ image = {image}, oem = {oem} }}"));
    row("ecc", (gpu.text("ecc.mode.current") == Some("Enabled")).to_string());
    let remapped = has("remapped_rows.correctable") || has("remapped_rows.histogram.max");
    row("remapped_rows", remapped.to_string());
    row("row_banks", format!("{:.0}", number("remapped_rows.histogram.max", 0.0)));
    row("persistence", (gpu.text("persistence_mode") == Some("Enabled")).to_string());
    row("display_active", (gpu.text("display_active") == Some("Enabled")).to_string());
    if let Some(fan) = gpu.number("fan.speed") {
        row("fan_speed", format!("{fan:.0}"));
    }
    row("fabric", has("fabric.state").to_string());
    row("gpm", (major.parse::<u32>().is_ok_and(|major| major >= 9)).to_string());
    row("accounting_buffer", format!("{:.0}", number("accounting.buffer_size", 4000.0)));
    row("slices", if has("mig.mode.current") { "7" } else { "0" }.to_owned());
    let clock = |now: f64, field: &str| format!("{:.0}", number(field, now).max(now));
    let _ = write!(
        out,
        "clocks = {{ sm_idle = {sm:.0}, sm = {sm:.0}, sm_max = {}, memory_idle = {memory_clock:.0}, \
         memory = {memory_clock:.0}, memory_max = {}, video_idle = {video:.0}, video = {video:.0}, \
         video_max = {video:.0}, state_idle = {state}, state = {state}, reasons_idle = 1 }}\n\
         power = {{ idle = {draw:?}, active = 0.0, sm = 0.0, tensor = 0.0, dram = 0.0, media = 0.0, \
         limit = {limit:?}, limit_min = {min:?}, limit_max = {max:?}, averaged = {} }}\n",
        clock(sm, "clocks.max.sm"),
        clock(memory_clock, "clocks.max.memory"),
        has("power.draw.average")
    );
    let mut rest = format!("idle = {heat:?}, per_watt = 0.0, time_constant = \"20s\"");
    if let Some(degrees) = gpu.number("temperature.memory") {
        let _ = write!(rest, ", memory_idle = {degrees:?}");
    }
    if let Some(limit) = margin {
        let _ = write!(rest, ", limit = {limit:?}");
    }
    let _ = writeln!(
        out,
        "temperature = {{ {rest}, shutdown = 100, slowdown = 97, max_operating = 95 }}"
    );
    let generation = number("pcie.link.gen.current", 4.0);
    let _ = write!(
        out,
        "pcie = {{ generation_idle = {generation:.0}, generation = {}, width = {:.0} }}\n\
         nvlink = {{ links = 0, megabytes_per_second = 0 }}\n\
         samples = {{ period = \"1s\", delay = \"300ms\", kept = \"2m\" }}\n",
        clock(generation, "pcie.link.gen.max"),
        number("pcie.link.width.current", 16.0)
    );
    let mut seen: Vec<&str> = Vec::new();
    for row in mig {
        if !seen.contains(&row.profile.as_str()) {
            seen.push(&row.profile);
            out.push_str(&profile(row));
        }
    }
    out.push('\n');
    out
}

/// `nvmlDeviceGetArchitecture` by compute capability.
fn architecture(major: &str, minor: &str) -> u32 {
    match (major, minor) {
        ("5", _) => 3,
        ("6", _) => 4,
        ("7", "5") => 6,
        ("7", _) => 5,
        ("8", "9") => 8,
        ("8", _) => 7,
        ("9", _) => 9,
        _ => 10,
    }
}

/// A profile as captured, placed as all MIG GPUs place one of that many slices.
fn profile(row: &MigRow) -> String {
    let slices: u32 = row.profile.split('g').next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let (index, id, instances, size, starts, first) = match slices {
        1 => (0, 19, 7, 1, "[6, 4, 5, 0, 1, 2, 3]", 7),
        2 => (1, 14, 3, 2, "[4, 0, 2]", 3),
        3 => (2, 9, 2, 4, "[4, 0]", 1),
        4 => (3, 5, 1, 4, "[0]", 1),
        _ => (4, 0, 1, 8, "[0]", 0),
    };
    let count = |place: usize| row.counts.get(place).copied().unwrap_or(0);
    format!(
        "\n[[model.product.mig]]\nname = {}\nindex = {index}\nid = {id}\nslices = {slices}\n\
         instances = {instances}\nmemory = \"{}MiB\"\nbar1 = \"{}MiB\"\noverhead = 0\n\
         multiprocessors = {}\ncopy_engines = {}\nencoders = {}\ndecoders = {}\nofa = {}\n\
         jpeg = {}\nsize = {size}\nstarts = {starts}\nfirst_instance_id = {first}\n",
        quoted(&row.profile),
        row.total_mib,
        row.bar1_mib,
        count(0),
        count(1),
        count(2),
        count(3),
        count(4),
        count(5)
    )
}
