//! `--query-gpu` and `--query-compute-apps`: one table of fields each.

use std::fmt::Write as _;

use gpu::nvml::{ClockType, Driver as _, FieldRequest, FieldValue, Handle, Result, Return};
use model::Clock as _;

use super::{Answer, Format, WRONG_ARGUMENT, csv_time, mebibytes};
use crate::driver::SimDriver;

/// One field of `--query-gpu`.
struct Field {
    /// Names by which it is asked for; the first is printed.
    names: &'static [&'static str],
    /// Unit, printed in the header and behind the value.
    unit: &'static str,
    value: fn(&SimDriver, Handle) -> Result<String>,
}

const fn field(
    names: &'static [&'static str],
    unit: &'static str,
    value: fn(&SimDriver, Handle) -> Result<String>,
) -> Field {
    Field { names, unit, value }
}

const FIELDS: &[Field] = &[
    field(&["timestamp"], "", |d, _| Ok(csv_time(d.sim_clock().now()))),
    field(&["driver_version"], "", |d, _| d.system_driver_version()),
    field(&["count"], "", |d, _| text(d.device_count())),
    field(&["name", "gpu_name"], "", |d, gpu| d.name(gpu)),
    field(&["serial", "gpu_serial"], "", |d, gpu| d.serial(gpu)),
    field(&["uuid", "gpu_uuid"], "", |d, gpu| d.uuid(gpu)),
    field(&["pci.bus_id", "gpu_bus_id"], "", |d, gpu| Ok(d.pci_info(gpu)?.bus_id)),
    field(&["pci.domain"], "", |d, gpu| Ok(format!("0x{:04X}", d.pci_info(gpu)?.domain))),
    field(&["pci.bus"], "", |d, gpu| Ok(format!("0x{:02X}", d.pci_info(gpu)?.bus))),
    field(&["pci.device"], "", |d, gpu| Ok(format!("0x{:02X}", d.pci_info(gpu)?.device))),
    field(&["pci.device_id"], "", |d, gpu| Ok(format!("0x{:08X}", d.pci_info(gpu)?.pci_device_id))),
    field(&["pci.sub_device_id"], "", |d, gpu| {
        Ok(format!("0x{:08X}", d.pci_info(gpu)?.pci_sub_system_id))
    }),
    field(&["pcie.link.gen.current", "pcie.link.gen.gpucurrent"], "", |d, gpu| {
        text(d.curr_pcie_link_generation(gpu))
    }),
    field(&["pcie.link.gen.max", "pcie.link.gen.gpumax"], "", |d, gpu| {
        text(d.max_pcie_link_generation(gpu))
    }),
    field(&["pcie.link.width.current"], "", |d, gpu| text(d.curr_pcie_link_width(gpu))),
    field(&["pcie.link.width.max"], "", |d, gpu| text(d.max_pcie_link_width(gpu))),
    field(&["index"], "", |d, gpu| text(d.index(gpu))),
    field(&["display_mode"], "", |d, gpu| text(d.display_mode(gpu))),
    field(&["display_active"], "", |d, gpu| Ok(enabled(d.display_active(gpu)?))),
    field(&["persistence_mode"], "", |d, gpu| Ok(enabled(d.persistence_mode(gpu)?))),
    field(&["accounting.mode"], "", |d, gpu| Ok(enabled(d.accounting_mode(gpu)?))),
    field(&["accounting.buffer_size"], "", |d, gpu| text(d.accounting_buffer_size(gpu))),
    field(&["vbios_version"], "", |d, gpu| d.vbios_version(gpu)),
    field(&["inforom.img", "inforom.image"], "", |d, gpu| d.inforom_image_version(gpu)),
    field(&["fan.speed"], "%", |d, gpu| text(d.fan_speed(gpu))),
    field(&["pstate"], "", |d, gpu| Ok(format!("P{}", d.performance_state(gpu)?))),
    field(
        &["clocks_event_reasons.supported", "clocks_throttle_reasons.supported"],
        "",
        |d, gpu| Ok(format!("0x{:016X}", d.supported_clocks_event_reasons(gpu)?)),
    ),
    field(&["clocks_event_reasons.active", "clocks_throttle_reasons.active"], "", |d, gpu| {
        Ok(format!("0x{:016X}", d.current_clocks_event_reasons(gpu)?))
    }),
    field(&["memory.total"], "MiB", |d, gpu| mib(d.memory_info_v2(gpu)?.total)),
    field(&["memory.reserved"], "MiB", |d, gpu| mib(d.memory_info_v2(gpu)?.reserved)),
    field(&["memory.used"], "MiB", |d, gpu| mib(d.memory_info_v2(gpu)?.used)),
    field(&["memory.free"], "MiB", |d, gpu| mib(d.memory_info_v2(gpu)?.free)),
    field(&["compute_mode"], "", compute_mode),
    field(&["compute_cap"], "", |d, gpu| {
        d.cuda_compute_capability(gpu).map(|(major, minor)| format!("{major}.{minor}"))
    }),
    field(&["utilization.gpu"], "%", |d, gpu| Ok(d.utilization_rates(gpu)?.gpu.to_string())),
    field(&["utilization.memory"], "%", |d, gpu| Ok(d.utilization_rates(gpu)?.memory.to_string())),
    field(&["utilization.encoder"], "%", |d, gpu| text(d.encoder_utilization(gpu))),
    field(&["utilization.decoder"], "%", |d, gpu| text(d.decoder_utilization(gpu))),
    field(&["utilization.jpeg"], "%", |d, gpu| text(d.jpg_utilization(gpu))),
    field(&["utilization.ofa"], "%", |d, gpu| text(d.ofa_utilization(gpu))),
    field(&["encoder.stats.sessionCount"], "", |d, gpu| {
        Ok(d.encoder_stats(gpu)?.session_count.to_string())
    }),
    field(&["ecc.mode.current"], "", |d, gpu| Ok(enabled(d.ecc_mode(gpu)?))),
    field(&["ecc.errors.corrected.volatile.total"], "", |d, gpu| ecc(d, gpu, false, false)),
    field(&["ecc.errors.corrected.aggregate.total"], "", |d, gpu| ecc(d, gpu, false, true)),
    field(&["ecc.errors.uncorrected.volatile.total"], "", |d, gpu| ecc(d, gpu, true, false)),
    field(&["ecc.errors.uncorrected.aggregate.total"], "", |d, gpu| ecc(d, gpu, true, true)),
    field(&["retired_pages.pending"], "", |d, gpu| text(d.retired_pages_pending_status(gpu))),
    field(&["remapped_rows.correctable"], "", |d, gpu| {
        text(d.remapped_rows(gpu).map(|r| r.correctable))
    }),
    field(&["remapped_rows.uncorrectable"], "", |d, gpu| {
        text(d.remapped_rows(gpu).map(|rows| rows.uncorrectable))
    }),
    field(&["remapped_rows.pending"], "", |d, gpu| Ok(yes(d.remapped_rows(gpu)?.pending))),
    field(&["remapped_rows.failure"], "", |d, gpu| Ok(yes(d.remapped_rows(gpu)?.failure))),
    field(&["temperature.gpu"], "", |d, gpu| text(d.temperature(gpu))),
    field(&["temperature.gpu.tlimit"], "", |d, gpu| text(d.margin_temperature(gpu))),
    field(&["temperature.memory"], "", memory_temperature),
    field(&["power.draw"], "W", |d, gpu| watts(d.power_usage(gpu)?)),
    field(&["power.draw.average"], "W", |d, gpu| field_watts(d, gpu, 185)),
    field(&["power.draw.instant"], "W", |d, gpu| field_watts(d, gpu, 186)),
    field(&["power.limit"], "W", |d, gpu| watts(d.power_management_limit(gpu)?)),
    field(&["enforced.power.limit"], "W", |d, gpu| watts(d.enforced_power_limit(gpu)?)),
    field(&["power.default_limit"], "W", |d, gpu| watts(d.power_management_default_limit(gpu)?)),
    field(&["power.min_limit"], "W", |d, gpu| watts(d.power_management_limit_constraints(gpu)?.0)),
    field(&["power.max_limit"], "W", |d, gpu| watts(d.power_management_limit_constraints(gpu)?.1)),
    field(&["clocks.current.graphics", "clocks.gr"], "MHz", |d, gpu| {
        clock(d, gpu, ClockType::Graphics)
    }),
    field(&["clocks.current.sm", "clocks.sm"], "MHz", |d, gpu| clock(d, gpu, ClockType::Sm)),
    field(&["clocks.current.memory", "clocks.mem"], "MHz", |d, gpu| {
        clock(d, gpu, ClockType::Memory)
    }),
    field(&["clocks.current.video", "clocks.video"], "MHz", |d, gpu| {
        clock(d, gpu, ClockType::Video)
    }),
    field(&["clocks.applications.graphics"], "MHz", |d, gpu| {
        text(d.applications_clock(gpu, ClockType::Graphics))
    }),
    field(&["clocks.max.graphics", "clocks.max.gr"], "MHz", |d, gpu| {
        text(d.max_clock_info(gpu, ClockType::Graphics))
    }),
    field(&["clocks.max.sm"], "MHz", |d, gpu| text(d.max_clock_info(gpu, ClockType::Sm))),
    field(&["clocks.max.memory", "clocks.max.mem"], "MHz", |d, gpu| {
        text(d.max_clock_info(gpu, ClockType::Memory))
    }),
    field(&["mig.mode.current"], "", |d, gpu| Ok(enabled(d.mig_mode(gpu)?.0))),
    field(&["mig.mode.pending"], "", |d, gpu| Ok(enabled(d.mig_mode(gpu)?.1))),
];

/// `--query-gpu=LIST`.
pub(super) fn gpus(driver: &SimDriver, list: &str, format: Format) -> Answer {
    let mut asked = Vec::new();
    for name in list.split(',').map(str::trim) {
        let Some(field) = FIELDS.iter().find(|field| field.names.contains(&name)) else {
            return unknown(name);
        };
        asked.push((name, field));
    }
    let header = asked.iter().map(|(name, field)| titled(name, field.unit));
    let mut answer = head(&header.collect::<Vec<_>>(), format);
    for index in 0..driver.device_count().unwrap_or(0) {
        match driver.device_handle_by_index(index) {
            Err(cause) => answer.lose(driver, index, cause),
            Ok(gpu) => {
                let cells = asked.iter().map(|(_, field)| cell(field, driver, gpu, format));
                let _ = writeln!(answer.text, "{}", cells.collect::<Vec<_>>().join(", "));
            }
        }
    }
    answer
}

fn unknown(name: &str) -> Answer {
    let text = format!("Field \"{name}\" is not a valid field to query.\n\n");
    Answer { text, code: WRONG_ARGUMENT }
}

fn titled(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_owned() } else { format!("{name} [{unit}]") }
}

fn head(titles: &[String], format: Format) -> Answer {
    let text = if format.header { titles.join(", ") + "\n" } else { String::new() };
    Answer { text, code: 0 }
}

fn cell(field: &Field, driver: &SimDriver, gpu: Handle, format: Format) -> String {
    match (field.value)(driver, gpu) {
        Ok(value) if format.units && !field.unit.is_empty() => format!("{value} {}", field.unit),
        Ok(value) => value,
        // This one field has no brackets.
        Err(Return::NOT_SUPPORTED) if field.names[0] == "temperature.memory" => "N/A".to_owned(),
        Err(cause) => refusal(cause).to_owned(),
    }
}

/// What stands in the place of a value.
fn refusal(cause: Return) -> &'static str {
    match cause {
        Return::NOT_SUPPORTED | Return::FUNCTION_NOT_FOUND => "[N/A]",
        Return::DEPRECATED => "[Requested functionality has been deprecated]",
        Return::NO_PERMISSION => "[Insufficient Permissions]",
        Return::GPU_IS_LOST => "[GPU is lost]",
        _ => "[Unknown Error]",
    }
}

/// `--query-compute-apps=LIST`.
pub(super) fn compute_apps(driver: &SimDriver, list: &str, format: Format) -> Answer {
    const KNOWN: &[(&str, &str)] = &[
        ("timestamp", ""),
        ("gpu_name", ""),
        ("gpu_bus_id", ""),
        ("gpu_serial", ""),
        ("gpu_uuid", ""),
        ("pid", ""),
        ("process_name", ""),
        ("name", ""),
        ("used_gpu_memory", "MiB"),
        ("used_memory", "MiB"),
    ];
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let unit = |name: &str| KNOWN.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit);
    if let Some(name) = names.iter().find(|name| unit(name).is_none()) {
        return unknown(name);
    }
    let titles = names.iter().map(|name| titled(name, unit(name).unwrap_or_default()));
    let mut answer = head(&titles.collect::<Vec<_>>(), format);
    for index in 0..driver.device_count().unwrap_or(0) {
        let Ok(gpu) = driver.device_handle_by_index(index) else { continue };
        for listed in super::listed_processes(driver, gpu).iter().filter(|l| l.kind != "G") {
            let cells = names.iter().map(|name| match *name {
                "pid" => listed.process.pid.to_string(),
                "process_name" | "name" => listed.name.clone(),
                "used_gpu_memory" | "used_memory" => match listed.process.used_gpu_memory {
                    Some(bytes) if format.units => format!("{} MiB", mebibytes(bytes)),
                    Some(bytes) => mebibytes(bytes).to_string(),
                    None => "[N/A]".to_owned(),
                },
                other => {
                    let field = FIELDS.iter().find(|field| field.names.contains(&other));
                    field.map_or_else(String::new, |field| cell(field, driver, gpu, format))
                }
            });
            let _ = writeln!(answer.text, "{}", cells.collect::<Vec<_>>().join(", "));
        }
    }
    answer
}

fn text(value: Result<impl ToString>) -> Result<String> {
    value.map(|value| value.to_string())
}

pub(super) fn enabled(value: u32) -> String {
    if value == 0 { "Disabled" } else { "Enabled" }.to_owned()
}

pub(super) fn yes(value: bool) -> String {
    if value { "Yes" } else { "No" }.to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "fits the table's column")]
fn mib(bytes: u64) -> Result<String> {
    Ok(mebibytes(bytes).to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "fits the table's column")]
fn watts(milliwatts: u32) -> Result<String> {
    Ok(format!("{:.2}", f64::from(milliwatts) / 1000.0))
}

fn field_watts(driver: &SimDriver, gpu: Handle, field: u32) -> Result<String> {
    match unsigned(driver, gpu, field)? {
        FieldValue::UnsignedInt(milliwatts) => watts(milliwatts),
        _ => Err(Return::UNKNOWN),
    }
}

fn unsigned(driver: &SimDriver, gpu: Handle, field: u32) -> Result<FieldValue> {
    let answers = driver.field_values(gpu, &[FieldRequest { field, scope: 0 }])?;
    answers.first().map_or(Err(Return::UNKNOWN), |answer| answer.value)
}

/// `NVML_FI_DEV_MEMORY_TEMP`.
pub(super) fn memory_temperature(driver: &SimDriver, gpu: Handle) -> Result<String> {
    match unsigned(driver, gpu, 82)? {
        FieldValue::UnsignedInt(degrees) => Ok(degrees.to_string()),
        _ => Err(Return::UNKNOWN),
    }
}

fn clock(driver: &SimDriver, gpu: Handle, clock: ClockType) -> Result<String> {
    text(driver.clock_info(gpu, clock))
}

fn ecc(driver: &SimDriver, gpu: Handle, uncorrected: bool, aggregate: bool) -> Result<String> {
    use gpu::nvml::{EccCounterType, EccErrorType};
    let error = if uncorrected { EccErrorType::Uncorrected } else { EccErrorType::Corrected };
    let counter = if aggregate { EccCounterType::Aggregate } else { EccCounterType::Volatile };
    text(driver.total_ecc_errors(gpu, error, counter))
}

/// Names of `nvmlComputeMode_t`.
pub(super) fn compute_mode(driver: &SimDriver, gpu: Handle) -> Result<String> {
    Ok(match driver.compute_mode(gpu)? {
        0 => "Default",
        2 => "Prohibited",
        3 => "Exclusive_Process",
        _ => "Unknown",
    }
    .to_owned())
}
