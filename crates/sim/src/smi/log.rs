//! `-q`: the long listing, as far as anybody reads it.

use gpu::nvml::{ClockType, Driver as _, Handle, Result, Return};
use model::Clock as _;

use super::query::{compute_mode, enabled, memory_temperature, yes};
use super::{Answer, cuda_version, listed_processes, long_time, mebibytes, mig_devices};
use crate::driver::SimDriver;

/// Column of the colon, and of the one among processes.
const WIDTH: usize = 55;
const PROCESS_WIDTH: usize = 42;

/// The whole listing.
pub(super) fn print(driver: &SimDriver) -> Answer {
    let mut answer = Answer { text: String::new(), code: 0 };
    let count = driver.device_count().unwrap_or(0);
    let mut sheet = Sheet::default();
    sheet.text.push_str("\n==============NVSMI LOG==============\n\n");
    sheet.row(0, "Timestamp", Ok(long_time(driver.sim_clock().now())));
    sheet.row(0, "Driver Version", driver.system_driver_version());
    sheet.row(0, "CUDA Version", Ok(cuda_version(driver)));
    sheet.text.push('\n');
    sheet.row(0, "Attached GPUs", Ok(count.to_string()));
    answer.text = sheet.text;
    for index in 0..count {
        let part = driver.device_handle_by_index(index).and_then(|gpu| gpu_part(driver, gpu));
        match part {
            Ok(part) => answer.text.push_str(&part),
            Err(cause) => answer.lose(driver, index, cause),
        }
    }
    answer
}

/// Lines of heading and value.
#[derive(Default)]
struct Sheet {
    text: String,
}

impl Sheet {
    fn heading(&mut self, depth: usize, name: &str) {
        self.text.push_str(&format!("{}{name}\n", "    ".repeat(depth)));
    }

    fn row(&mut self, depth: usize, name: &str, value: Result<String>) {
        self.line(depth, name, value, WIDTH);
    }

    fn line(&mut self, depth: usize, name: &str, value: Result<String>, width: usize) {
        let value = value.unwrap_or_else(|cause| match cause {
            Return::DEPRECATED => "Requested functionality has been deprecated".to_owned(),
            Return::NO_PERMISSION => "Insufficient Permissions".to_owned(),
            _ => "N/A".to_owned(),
        });
        let name = format!("{}{name}", "    ".repeat(depth));
        self.text.push_str(&format!("{name:<width$}: {value}\n"));
    }

    fn memory(&mut self, depth: usize, parts: &[(&str, u64)]) {
        for (name, bytes) in parts {
            self.row(depth, name, Ok(format!("{} MiB", mebibytes(*bytes))));
        }
    }
}

fn gpu_part(driver: &SimDriver, gpu: Handle) -> Result<String> {
    let mut sheet = Sheet::default();
    let pci = driver.pci_info(gpu)?;
    sheet.heading(0, &format!("GPU {}", pci.bus_id));
    identity(&mut sheet, driver, gpu)?;
    sheet.heading(1, "PCI");
    sheet.row(2, "Bus", Ok(format!("0x{:02X}", pci.bus)));
    sheet.row(2, "Device", Ok(format!("0x{:02X}", pci.device)));
    sheet.row(2, "Domain", Ok(format!("0x{:04X}", pci.domain)));
    sheet.row(2, "Device Id", Ok(format!("0x{:08X}", pci.pci_device_id)));
    sheet.row(2, "Bus Id", Ok(pci.bus_id));
    sheet.row(2, "Sub System Id", Ok(format!("0x{:08X}", pci.pci_sub_system_id)));
    sheet.row(2, "Replays Since Reset", text(driver.pcie_replay_counter(gpu)));
    sheet.row(2, "Tx Throughput", unit(driver.pcie_throughput(gpu, false), "KB/s"));
    sheet.row(2, "Rx Throughput", unit(driver.pcie_throughput(gpu, true), "KB/s"));
    figures(&mut sheet, driver, gpu)?;
    processes(&mut sheet, driver, gpu);
    sheet.text.push('\n');
    Ok(sheet.text)
}

fn identity(sheet: &mut Sheet, driver: &SimDriver, gpu: Handle) -> Result<()> {
    sheet.row(1, "Product Name", driver.name(gpu));
    sheet.row(1, "Display Mode", text(driver.display_mode(gpu)));
    sheet.row(1, "Display Active", driver.display_active(gpu).map(enabled));
    sheet.row(1, "Persistence Mode", driver.persistence_mode(gpu).map(enabled));
    sheet.heading(1, "MIG Mode");
    sheet.row(2, "Current", driver.mig_mode(gpu).map(|mode| enabled(mode.0)));
    sheet.row(2, "Pending", driver.mig_mode(gpu).map(|mode| enabled(mode.1)));
    for (number, device) in mig_devices(driver, gpu) {
        mig_device(sheet, driver, number, device)?;
    }
    sheet.row(1, "Accounting Mode", driver.accounting_mode(gpu).map(enabled));
    sheet.row(1, "Accounting Mode Buffer Size", text(driver.accounting_buffer_size(gpu)));
    sheet.row(1, "Serial Number", driver.serial(gpu));
    sheet.row(1, "GPU UUID", driver.uuid(gpu));
    sheet.row(1, "Minor Number", text(driver.minor_number(gpu)));
    sheet.row(1, "VBIOS Version", driver.vbios_version(gpu));
    sheet.row(1, "MultiGPU Board", driver.multi_gpu_board(gpu).map(yes));
    sheet.row(1, "Board ID", driver.board_id(gpu).map(|id| format!("0x{id:x}")));
    sheet.row(1, "Board Part Number", driver.board_part_number(gpu));
    sheet.heading(1, "GPU Virtualization Mode");
    sheet.row(2, "Virtualization Mode", Ok("None".to_owned()));
    Ok(())
}

fn mig_device(sheet: &mut Sheet, driver: &SimDriver, number: u32, device: Handle) -> Result<()> {
    let has = driver.attributes(device)?;
    let memory = driver.memory_info_v2(device)?;
    let bar1 = driver.bar1_memory_info(device)?;
    sheet.heading(1, "MIG Device");
    sheet.row(2, "Index", Ok(number.to_string()));
    sheet.row(2, "GPU Instance ID", text(driver.gpu_instance_id(device)));
    sheet.row(2, "Compute Instance ID", text(driver.compute_instance_id(device)));
    sheet.heading(2, "Device Attributes");
    sheet.heading(3, "Shared");
    sheet.row(4, "Multiprocessor count", Ok(has.multiprocessor_count.to_string()));
    sheet.row(4, "Copy Engine count", Ok(has.shared_copy_engine_count.to_string()));
    sheet.row(4, "Encoder count", Ok(has.shared_encoder_count.to_string()));
    sheet.row(4, "Decoder count", Ok(has.shared_decoder_count.to_string()));
    sheet.row(4, "OFA count", Ok(has.shared_ofa_count.to_string()));
    sheet.row(4, "JPG count", Ok(has.shared_jpeg_count.to_string()));
    sheet.heading(2, "Shared FB Memory Usage");
    sheet.memory(3, &[("Total", memory.total), ("Reserved", memory.reserved)]);
    sheet.memory(3, &[("Used", memory.used), ("Free", memory.free)]);
    sheet.heading(2, "Shared BAR1 Memory");
    sheet.memory(3, &[("Total", bar1.total), ("Used", bar1.used), ("Free", bar1.free)]);
    Ok(())
}

fn figures(sheet: &mut Sheet, driver: &SimDriver, gpu: Handle) -> Result<()> {
    let memory = driver.memory_info_v2(gpu)?;
    let bar1 = driver.bar1_memory_info(gpu)?;
    sheet.row(1, "Fan Speed", unit(driver.fan_speed(gpu), "%"));
    sheet.row(1, "Performance State", driver.performance_state(gpu).map(|p| format!("P{p}")));
    sheet.heading(1, "FB Memory Usage");
    sheet.memory(2, &[("Total", memory.total), ("Reserved", memory.reserved)]);
    sheet.memory(2, &[("Used", memory.used), ("Free", memory.free)]);
    sheet.heading(1, "BAR1 Memory Usage");
    sheet.memory(2, &[("Total", bar1.total), ("Used", bar1.used), ("Free", bar1.free)]);
    sheet.row(1, "Compute Mode", compute_mode(driver, gpu));
    sheet.heading(1, "Utilization");
    let used = driver.utilization_rates(gpu);
    sheet.row(2, "GPU", unit(used.map(|used| used.gpu), "%"));
    sheet.row(2, "Memory", unit(used.map(|used| used.memory), "%"));
    sheet.row(2, "Encoder", unit(driver.encoder_utilization(gpu), "%"));
    sheet.row(2, "Decoder", unit(driver.decoder_utilization(gpu), "%"));
    sheet.row(2, "JPEG", unit(driver.jpg_utilization(gpu), "%"));
    sheet.row(2, "OFA", unit(driver.ofa_utilization(gpu), "%"));
    sheet.heading(1, "ECC Mode");
    sheet.row(2, "Current", driver.ecc_mode(gpu).map(enabled));
    sheet.row(2, "Pending", driver.ecc_mode(gpu).map(enabled));
    sheet.heading(1, "Remapped Rows");
    let rows = driver.remapped_rows(gpu);
    sheet.row(2, "Correctable Error", text(rows.map(|rows| rows.correctable)));
    sheet.row(2, "Uncorrectable Error", text(rows.map(|rows| rows.uncorrectable)));
    sheet.row(2, "Pending", rows.map(|rows| yes(rows.pending)));
    sheet.row(2, "Remapping Failure Occurred", rows.map(|rows| yes(rows.failure)));
    sheet.heading(1, "Temperature");
    sheet.row(2, "GPU Current Temp", unit(driver.temperature(gpu), "C"));
    sheet.row(2, "GPU T.Limit Temp", unit(driver.margin_temperature(gpu), "C"));
    let memory = memory_temperature(driver, gpu).map(|degrees| format!("{degrees} C"));
    sheet.row(2, "Memory Current Temp", memory);
    sheet.heading(1, "GPU Power Readings");
    sheet.row(2, "Average Power Draw", watts(driver.power_usage(gpu)));
    sheet.row(2, "Current Power Limit", watts(driver.enforced_power_limit(gpu)));
    sheet.row(2, "Default Power Limit", watts(driver.power_management_default_limit(gpu)));
    sheet.heading(1, "Clocks");
    for (name, clock) in CLOCKS {
        sheet.row(2, name, unit(driver.clock_info(gpu, clock), "MHz"));
    }
    sheet.heading(1, "Max Clocks");
    for (name, clock) in CLOCKS {
        sheet.row(2, name, unit(driver.max_clock_info(gpu, clock), "MHz"));
    }
    Ok(())
}

const CLOCKS: [(&str, ClockType); 4] = [
    ("Graphics", ClockType::Graphics),
    ("SM", ClockType::Sm),
    ("Memory", ClockType::Memory),
    ("Video", ClockType::Video),
];

fn processes(sheet: &mut Sheet, driver: &SimDriver, gpu: Handle) {
    let listed = listed_processes(driver, gpu);
    if listed.is_empty() {
        sheet.row(1, "Processes", Ok("None".to_owned()));
        return;
    }
    sheet.heading(1, "Processes");
    for listed in listed {
        let process = listed.process;
        let id = |id: Option<u32>| Ok(id.map_or_else(|| "N/A".to_owned(), |id| id.to_string()));
        let mut line = |depth, name, value| sheet.line(depth, name, value, PROCESS_WIDTH);
        line(2, "GPU instance ID", id(process.gpu_instance_id));
        line(2, "Compute instance ID", id(process.compute_instance_id));
        line(2, "Process ID", Ok(process.pid.to_string()));
        line(3, "Type", Ok(listed.kind.to_owned()));
        line(3, "Name", Ok(listed.name));
        let memory = process.used_gpu_memory.map(|bytes| format!("{} MiB", mebibytes(bytes)));
        line(3, "Used GPU Memory", memory.ok_or(Return::NOT_SUPPORTED));
    }
}

fn text(value: Result<impl ToString>) -> Result<String> {
    value.map(|value| value.to_string())
}

fn unit(value: Result<impl std::fmt::Display>, unit: &str) -> Result<String> {
    value.map(|value| format!("{value} {unit}"))
}

fn watts(milliwatts: Result<u32>) -> Result<String> {
    milliwatts.map(|milliwatts| format!("{:.2} W", f64::from(milliwatts) / 1000.0))
}
