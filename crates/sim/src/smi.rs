//! What `nvidia-smi` prints, from the simulated world: the forms that gpulse runs, and no other.
//!
//! Every figure is asked of [`SimDriver`], so that faults, missing calls and the clock hold here
//! too; layouts are those of the captures. Numbers are rounded as `nvidia-smi` rounds them.

mod log;
mod pmon;
mod query;
mod table;

use std::fmt::Write as _;
use std::time::Duration;

use gpu::nvml::{Driver as _, Handle, Return, RunningProcess};
use model::{Clock as _, Stop, Timestamp};

use crate::driver::SimDriver;

/// What a run prints, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// On stdout.
    pub text: String,
    /// 0, or NVML's number of what went wrong.
    pub code: u8,
}

/// Exit code of a wrong command line.
const WRONG_ARGUMENT: u8 = 2;
/// Exit code where there is no GPU.
const NO_DEVICES: u8 = 6;

/// Answer a command line (without the program's name). `say` gets each part as it is ready.
pub fn run(driver: &SimDriver, arguments: &[String], say: &mut dyn FnMut(&str)) -> u8 {
    if let Err(cause) = driver.init() {
        say("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make \
             sure that the latest NVIDIA driver is installed and running.\n\n");
        return u8::try_from(cause.0).unwrap_or(9);
    }
    let code = dispatch(driver, arguments, say);
    let _ = driver.shutdown();
    code
}

/// As [`run`], gathered.
#[must_use]
pub fn answer(driver: &SimDriver, arguments: &[&str]) -> Answer {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let mut text = String::new();
    let code = run(driver, &arguments, &mut |part| text.push_str(part));
    Answer { text, code }
}

fn dispatch(driver: &SimDriver, arguments: &[String], say: &mut dyn FnMut(&str)) -> u8 {
    if driver.device_count().unwrap_or(0) == 0 {
        say("No devices were found\n");
        return NO_DEVICES;
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => gathered(say, &table::print(driver)),
        ["-L" | "--list-gpus"] => gathered(say, &list(driver)),
        ["-q" | "--query"] => gathered(say, &log::print(driver)),
        ["pmon", rest @ ..] => run_pmon(driver, rest, say),
        [first, rest @ ..] => match (first.split_once('='), Format::parse(rest)) {
            (Some(("--query-gpu", fields)), Some(format)) => {
                gathered(say, &query::gpus(driver, fields, format))
            }
            (Some(("--query-compute-apps", fields)), Some(format)) => {
                gathered(say, &query::compute_apps(driver, fields, format))
            }
            _ => {
                say(&format!("Invalid combination of input arguments: {}\n", words.join(" ")));
                WRONG_ARGUMENT
            }
        },
    }
}

fn gathered(say: &mut dyn FnMut(&str), answer: &Answer) -> u8 {
    say(&answer.text);
    answer.code
}

/// `pmon [-c N]`: looks a second of the world apart. By a manual clock they are all of one moment.
fn run_pmon(driver: &SimDriver, words: &[&str], say: &mut dyn FnMut(&str)) -> u8 {
    let count = match words {
        [] => u64::MAX,
        ["-c", count] => match count.parse() {
            Ok(count) => count,
            Err(_) => return WRONG_ARGUMENT,
        },
        _ => return WRONG_ARGUMENT,
    };
    say(pmon::HEADER);
    let clock = driver.sim_clock();
    for look in 0..count {
        if look > 0 && clock.factor() > 0.0 {
            clock.sleep_until(clock.now().after(Duration::from_secs(1)), &Stop::default());
        }
        say(&pmon::look(driver));
    }
    0
}

/// How lists are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    header: bool,
    units: bool,
}

impl Format {
    /// `--format=csv[,noheader][,nounits]`.
    fn parse(words: &[&str]) -> Option<Self> {
        let [word] = words else { return None };
        let mut parts = word.strip_prefix("--format=")?.split(',');
        let mut format = Self { header: true, units: true };
        (parts.next()? == "csv").then_some(())?;
        for part in parts {
            match part {
                "noheader" => format.header = false,
                "nounits" => format.units = false,
                _ => return None,
            }
        }
        Some(format)
    }
}

/// `-L`.
fn list(driver: &SimDriver) -> Answer {
    let mut answer = Answer { text: String::new(), code: 0 };
    for index in 0..driver.device_count().unwrap_or(0) {
        match driver.device_handle_by_index(index).and_then(|gpu| listed(driver, index, gpu)) {
            Ok(text) => answer.text.push_str(&text),
            Err(cause) => answer.lose(driver, index, cause),
        }
    }
    answer
}

fn listed(driver: &SimDriver, index: u32, gpu: Handle) -> Result<String, Return> {
    let (name, uuid) = (driver.name(gpu)?, driver.uuid(gpu)?);
    let mut text = format!("GPU {index}: {name} (UUID: {uuid})\n");
    for (number, device) in mig_devices(driver, gpu) {
        let full = driver.name(device)?;
        let profile = full.rsplit_once("MIG ").map_or("", |(_, profile)| profile);
        let uuid = driver.uuid(device)?;
        let _ = writeln!(text, "  MIG {profile:<11} Device {number:>2}: (UUID: {uuid})");
    }
    Ok(text)
}

/// MIG devices of a GPU, by number.
fn mig_devices(driver: &SimDriver, gpu: Handle) -> Vec<(u32, Handle)> {
    let most = driver.max_mig_device_count(gpu).unwrap_or(0);
    (0..most).filter_map(|n| Some((n, driver.mig_device_by_index(gpu, n).ok()?))).collect()
}

impl Answer {
    /// Say that a GPU cannot be asked, and go on with the others.
    fn lose(&mut self, driver: &SimDriver, index: u32, cause: Return) {
        let bus_id = driver.node().gpus.get(index as usize).map(crate::world::Gpu::bus_id);
        let bus_id = bus_id.unwrap_or_default();
        let why = match cause {
            Return::GPU_IS_LOST => "GPU is lost.  Reboot the system to recover this GPU".to_owned(),
            other => other.as_str().replace('_', " "),
        };
        let _ = writeln!(
            self.text,
            "Unable to determine the device handle for GPU{index}: {bus_id}: {why}"
        );
        self.code = u8::try_from(cause.0).unwrap_or(u8::MAX);
    }
}

/// One process of a GPU, with the letters of its kind.
struct Listed {
    process: RunningProcess,
    kind: &'static str,
    name: String,
}

/// All processes of a GPU, by PID.
fn listed_processes(driver: &SimDriver, gpu: Handle) -> Vec<Listed> {
    let compute = driver.compute_processes(gpu).unwrap_or_default();
    let graphics = driver.graphics_processes(gpu).unwrap_or_default();
    let mps = driver.mps_processes(gpu).unwrap_or_default();
    let mut found: Vec<(RunningProcess, &'static str)> = Vec::new();
    for process in graphics {
        let both = compute.iter().any(|other| other.pid == process.pid);
        found.push((process, if both { "C+G" } else { "G" }));
    }
    for process in compute {
        if !found.iter().any(|(other, _)| other.pid == process.pid) {
            found.push((process, "C"));
        }
    }
    found.extend(mps.into_iter().map(|process| (process, "M+C")));
    found.sort_by_key(|(process, _)| process.pid);
    found
        .into_iter()
        .map(|(process, kind)| Listed { name: name_of(driver, process.pid), process, kind })
        .collect()
}

/// The program of a process; one that left `/proc` has no name any more.
fn name_of(driver: &SimDriver, pid: u32) -> String {
    let (_, age_us) = driver.sim_clock().look();
    let node = driver.node();
    let gone = |process: &crate::world::Process| process.vanished_us.is_some_and(|at| at <= age_us);
    match node.by_pid(pid, age_us) {
        Some(occurrence) if gone(node.process(&occurrence)) => "[Not Found]".to_owned(),
        _ => driver.process_name(pid).map_or_else(
            |_| "[Not Found]".to_owned(),
            |name| String::from_utf8_lossy(&name).into_owned(),
        ),
    }
}

/// MiB, rounded up: in captures the parts of memory add up to one or two more than the total.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// 13010 is 13.1.
fn cuda_version(driver: &SimDriver) -> String {
    let cuda = driver.system_cuda_driver_version().unwrap_or(0);
    format!("{}.{}", cuda / 1000, cuda % 1000 / 10)
}

/// A moment in UTC: year, month, day, hour, minute, second, millisecond, day of the week from
/// Sunday.
fn civil(at: Timestamp) -> [i64; 8] {
    let seconds = at.second();
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in 400-year eras of 146097 days: leap days then come last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let weekday = (days + 4).rem_euclid(7);
    let millis = at.0.rem_euclid(1_000_000) / 1000;
    [year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60, millis, weekday]
}

/// `2026/07/14 08:12:38.696`.
fn csv_time(at: Timestamp) -> String {
    let [year, month, day, hour, minute, second, millis, _] = civil(at);
    format!("{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// `Tue Jul 14 08:12:38 2026`.
fn long_time(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [year, month, day, hour, minute, second, _, weekday] = civil(at);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("")
    };
    let (weekday, month) = (name(&DAYS, weekday), name(&MONTHS, month - 1));
    format!("{weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year}")
}

#[cfg(test)]
mod tests;
