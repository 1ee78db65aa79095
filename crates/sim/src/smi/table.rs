//! The default table.

use std::fmt::Write as _;

use gpu::nvml::{Driver as _, Handle, Result, Return};
use model::Clock as _;

use super::query::{compute_mode, enabled};
use super::{Answer, Listed, cuda_version, long_time, mebibytes, mig_devices};
use crate::driver::SimDriver;

const RULE: &str =
    "+-----------------------------------------------------------------------------------------+\n";
const GPU_RULE: &str =
    "+-----------------------------------------+------------------------+----------------------+\n";
const MIG_RULE: &str =
    "+------------------+----------------------------------+-----------+-----------------------+\n";

const GPU_HEAD: &str = "\
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
";

const MIG_HEAD: &str = "\
| MIG devices:                                                                            |
+------------------+----------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |              Shared Memory-Usage |        Vol|        Shared         |
|      ID  ID  Dev |                Shared BAR1-Usage | SM     Unc| CE ENC  DEC  OFA  JPG |
|                  |                                  |        ECC|                       |
|==================+==================================+===========+=======================|
";

const PROCESS_HEAD: &str = "\
| Processes:                                                                              |
|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
";

/// The whole table.
pub(super) fn print(driver: &SimDriver) -> Answer {
    let mut answer = Answer { text: head(driver), code: 0 };
    let count = driver.device_count().unwrap_or(0);
    let (mut mig, mut processes) = (String::new(), String::new());
    for index in 0..count {
        let row = driver.device_handle_by_index(index).and_then(|gpu| {
            let row = gpu_rows(driver, index, gpu)?;
            mig.push_str(&mig_rows(driver, index, gpu)?);
            Ok((row, super::listed_processes(driver, gpu)))
        });
        match row {
            Ok((row, listed)) => {
                answer.text.push_str(&row);
                for listed in &listed {
                    processes.push_str(&process_row(index, listed));
                }
            }
            Err(cause) => answer.lose(driver, index, cause),
        }
    }
    if !mig.is_empty() {
        answer.text.push_str(&format!("\n{RULE}{MIG_HEAD}{mig}"));
    }
    if processes.is_empty() {
        processes = format!("|  {:<87}|\n", "No running processes found");
    }
    answer.text.push_str(&format!("\n{RULE}{PROCESS_HEAD}{processes}{RULE}"));
    answer
}

fn head(driver: &SimDriver) -> String {
    let version = driver.system_driver_version().unwrap_or_default();
    let mut text = format!("{}       \n{RULE}", long_time(driver.sim_clock().now()));
    let _ = writeln!(
        text,
        "| NVIDIA-SMI {version:<22} Driver Version: {version:<14} CUDA Version: {:<8} |",
        cuda_version(driver)
    );
    text + GPU_RULE + GPU_HEAD
}

fn or_na(value: Result<String>) -> Result<String> {
    match value {
        Err(Return::NOT_SUPPORTED | Return::FUNCTION_NOT_FOUND) => Ok("N/A".to_owned()),
        other => other,
    }
}

fn gpu_rows(driver: &SimDriver, index: u32, gpu: Handle) -> Result<String> {
    let cut = driver.mig_mode(gpu).is_ok_and(|mode| mode.0 == 1);
    let persistence = if driver.persistence_mode(gpu)? == 0 { "Off" } else { "On" };
    let ecc =
        if cut { "On".to_owned() } else { or_na(driver.ecc_mode(gpu).map(|_| "0".to_owned()))? };
    let fan = or_na(driver.fan_speed(gpu).map(|fan| format!("{fan}%")))?;
    let memory = driver.memory_info_v2(gpu)?;
    let used = or_na(driver.utilization_rates(gpu).map(|used| format!("{}%", used.gpu)))?;
    let mode = or_na(driver.mig_mode(gpu).map(|mode| enabled(mode.0)))?;
    let mut text = String::new();
    let name = cut_to(&driver.name(gpu)?, 27);
    let bus_id = driver.pci_info(gpu)?.bus_id;
    let _ = writeln!(
        text,
        "| {index:>3}  {name:<27}    {persistence:<4}|   {bus_id} Off | {ecc:>20} |"
    );
    let _ = writeln!(
        text,
        "| {fan:>3} {:>4}C    P{:<1} {:>14}W / {:>4}W |{:>8}MiB / {:>6}MiB |{used:>8}{:>13} |",
        driver.temperature(gpu)?,
        driver.performance_state(gpu)?,
        driver.power_usage(gpu)? / 1000,
        driver.enforced_power_limit(gpu)? / 1000,
        mebibytes(memory.used),
        mebibytes(memory.total),
        compute_mode(driver, gpu)?
    );
    let _ = writeln!(text, "|{:41}|{:24}|{mode:>21} |", "", "");
    Ok(text + GPU_RULE)
}

/// A name in its column: what is too long ends in dots.
fn cut_to(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_owned();
    }
    name.chars().take(width - 3).chain("...".chars()).collect()
}

fn mig_rows(driver: &SimDriver, index: u32, gpu: Handle) -> Result<String> {
    let mut text = String::new();
    for (number, device) in mig_devices(driver, gpu) {
        let has = driver.attributes(device)?;
        let memory = driver.memory_info_v2(device)?;
        let bar1 = driver.bar1_memory_info(device)?;
        let _ = writeln!(
            text,
            "|{index:>3}{:>5}{:>4}{number:>4}  |{:>16}MiB / {:>5}MiB    |{:>3}      0 |{:>3}{:>4}{:>5}{:>5}{:>5} |",
            driver.gpu_instance_id(device)?,
            driver.compute_instance_id(device)?,
            mebibytes(memory.used),
            mebibytes(memory.total),
            has.multiprocessor_count,
            has.shared_copy_engine_count,
            has.shared_encoder_count,
            has.shared_decoder_count,
            has.shared_ofa_count,
            has.shared_jpeg_count
        );
        let _ = writeln!(
            text,
            "|                  |{:>16}MiB / {:>5}MiB    |           |                       |",
            mebibytes(bar1.used),
            mebibytes(bar1.total)
        );
        text.push_str(MIG_RULE);
    }
    Ok(text)
}

fn process_row(index: u32, listed: &Listed) -> String {
    let process = &listed.process;
    let ids = match (process.gpu_instance_id, process.compute_instance_id) {
        (Some(instance), Some(compute)) => format!("{instance:>5}{compute:>5} "),
        _ => "   N/A  N/A".to_owned(),
    };
    let memory = process.used_gpu_memory;
    let memory = memory.map_or_else(|| "N/A".to_owned(), |b| format!("{}MiB", mebibytes(b)));
    format!(
        "|{index:>5}{ids}{:>16}{:>7}   {:<35}{memory:>11} |\n",
        process.pid,
        listed.kind,
        end_of(&listed.name, 35),
    )
}

/// The end of a path that is too long for its column, behind dots.
fn end_of(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    "...".chars().chain(name.chars().skip(length - width + 3)).collect()
}
