//! `gpulse exporter` in dcgm-exporter's place: its flags, its variables, its field lists.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use model::text::Family;
use running::{Server, program, run, start, start_program, wait_for};

const TEMPERATURE: &str = "DCGM_FI_DEV_GPU_TEMP, gauge, GPU temperature (in C).\n";

fn file(home: &Path, text: &str) -> String {
    let path = home.join("fields.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The binary under the name that it takes the place of.
fn dcgm_exporter(home: &Path) -> Command {
    let link = home.join("dcgm-exporter");
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gpulse"), &link);
    let mut command = program(&link, home);
    command.env("DCGM_EXPORTER_LISTEN", "127.0.0.1:0");
    command
}

fn page_with(server: &Server, text: &str) -> String {
    wait_for(text, || server.get("/metrics").filter(|page| page.contains(text)))
}

fn names(page: &str) -> Vec<String> {
    model::text::parse(page).unwrap().into_iter().map(|family| family.name).collect()
}

#[test]
fn a_custom_list_replaces_the_built_in_one() {
    let home = tempfile::tempdir().unwrap();
    let list = file(
        home.path(),
        &format!(
            "# Format\n{TEMPERATURE}dcgm_power_usage, gauge, \"Power, in W\"\n\
                  DCGM_FI_DEV_VBIOS_VERSION, label, VBIOS\n"
        ),
    );
    let server =
        start_program(&mut dcgm_exporter(home.path()), &["--sim", "h100-load", "-f", &list]);
    let page = page_with(&server, "dcgm_power_usage{");
    assert_eq!(names(&page), ["DCGM_FI_DEV_GPU_TEMP", "dcgm_power_usage", "gpu_xid_events_total"]);
    assert!(page.contains("# HELP dcgm_power_usage Power, in W\n"), "{page}");
    assert!(page.contains(",DCGM_FI_DEV_VBIOS_VERSION=\""), "{page}");
    assert!(!page.contains("DCGM_FI_DRIVER_VERSION"), "{page}");
    server.stop("TERM");
}

#[test]
fn an_empty_list_prints_no_device_metric_and_is_no_fault() {
    let home = tempfile::tempdir().unwrap();
    let list = file(home.path(), "# nothing\n");
    let server = start(home.path(), &["--sim", "h100-load", "--collectors", &list]);
    let page = page_with(&server, "gpulse_collector_rows{result=\"listed\"} 0\n");
    assert!(!page.contains("DCGM_"), "{page}");
    let log = server.stop("TERM");
    assert!(log.contains("names no field"), "{log}");
}

#[test]
fn a_bad_row_is_named_with_its_line_and_costs_itself() {
    let home = tempfile::tempdir().unwrap();
    let list = file(home.path(), &format!("{TEMPERATURE}no_such, gauge, x\nDCGM_FI_DEV_PSTATE\n"));
    let args = ["--sim", "h100-load", "--collectors", &list];
    let server = start(home.path(), &args);
    let page = page_with(&server, "DCGM_FI_DEV_GPU_TEMP{");
    assert!(page.contains("gpulse_collector_rows{result=\"unknown_field\"} 1\n"), "{page}");
    assert!(page.contains("gpulse_collector_rows{result=\"malformed\"} 1\n"), "{page}");
    let log = server.stop("TERM");
    assert!(log.contains("line 2: no field of DCGM is called `no_such`"), "{log}");
    let text = run(
        home.path(),
        &[&["exporter", "--strict-collectors", "-a", "127.0.0.1:0"], &args[..]].concat(),
    );
    assert!(text.starts_with("exit 2\n") && text.contains("line 2: no field"), "{text}");
}

#[test]
fn a_missing_file_ends_the_start() {
    let home = tempfile::tempdir().unwrap();
    let text =
        run(home.path(), &["exporter", "--sim", "no-gpu", "-a", "127.0.0.1:0", "-f", "none.csv"]);
    assert!(text.starts_with("exit 2\n"), "{text}");
    assert!(text.contains("cannot read the field list none.csv"), "{text}");
}

#[test]
fn flags_have_one_dash_or_two_and_values_as_go_writes_them() {
    let home = tempfile::tempdir().unwrap();
    let list = file(home.path(), TEMPERATURE);
    let collectors = format!("-collectors={list}");
    for args in [
        ["-no-hostname", "-rbmn", "-use-old-namespace=1", "-address=127.0.0.1:0", &collectors],
        [
            "-n",
            "--replace-blanks-in-model-name=true",
            "-o=true",
            "--address=127.0.0.1:0",
            &collectors,
        ],
    ] {
        let server = start_program(
            &mut program(Path::new(env!("CARGO_BIN_EXE_gpulse")), home.path()),
            &[&["exporter", "-sim", "h100-load"], &args[..]].concat(),
        );
        let page = page_with(&server, "DCGM_FI_DEV_GPU_TEMP{");
        assert!(page.contains("modelName=\"NVIDIA-H100-80GB-HBM3\"} "), "{page}");
        let device = page.lines().find(|line| line.starts_with("DCGM_FI_DEV_GPU_TEMP{")).unwrap();
        assert!(device.contains(",uuid=\"GPU-") && !device.contains("ostname"), "{device}");
        server.stop("TERM");
    }
}

#[test]
fn variables_of_dcgm_exporter_are_read_and_flags_win_over_them() {
    let home = tempfile::tempdir().unwrap();
    let list = file(home.path(), TEMPERATURE);
    let mut command = dcgm_exporter(home.path());
    command
        .env("DCGM_EXPORTER_COLLECTORS", &list)
        .env("DCGM_EXPORTER_NO_HOSTNAME", "true")
        .env("DCGM_EXPORTER_KUBERNETES", "")
        .env("DCGM_EXPORTER_INTERVAL", "30000")
        .env("DCGM_EXPORTER_USE_OLD_NAMESPACE", "true")
        .env("NODE_NAME", "node-7");
    let server = start_program(&mut command, &["--sim", "h100-load", "--no-hostname=false"]);
    let page = page_with(&server, "DCGM_FI_DEV_GPU_TEMP{");
    assert!(page.contains(",uuid=\"GPU-") && page.contains("Hostname=\"node-7\""), "{page}");
    server.stop("TERM");
}

#[test]
fn what_comes_later_or_never_is_accepted_with_one_line_of_log() {
    let home = tempfile::tempdir().unwrap();
    let args = [
        "--sim",
        "no-gpu",
        "-r",
        "localhost:5555",
        "-s",
        "s:0-3",
        "-p",
        "f",
        "--fake-gpus",
        "-enable-gpu-bind-unbind-watch=true",
        "-gpu-bind-unbind-poll-interval=1s",
        "-dump-enabled",
        "-kubernetes-virtual-gpus",
        "-disable-startup-validate",
    ];
    let server = start(home.path(), &args);
    wait_for("an answer", || server.get("/health"));
    let log = server.stop("TERM");
    for flag in [
        "remote-hostengine-info",
        "switch-devices",
        "cpu-devices",
        "fake-gpus",
        "enable-gpu-bind-unbind-watch",
        "dump-*",
        "disable-startup-validate",
    ] {
        assert_eq!(log.matches(&format!("flag=\"{flag}\"")).count(), 1, "{flag}: {log}");
    }
}

#[test]
fn a_wrong_flag_or_value_is_told_with_the_nearest_name_or_the_choice() {
    let home = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["-colectors", "x"][..], "'--collectors'"),
        (&["--kubernets"], "'--kubernetes'"),
        (&["-d", "f:1"], "write f, g, g:0,2-3, i or i:7-9"),
        (&["-no-hostname=maybe"], "neither true nor false"),
        (&["-c", "10"], "from 100 on"),
        (&["-s", "x"], "selects nothing"),
        (&["-kubernetes-gpu-id-type", "x"], "uid or device-name"),
        (&["-k", "-kubernetes-pod-label-allowlist-regex", "("], "expression"),
        (&["-log-format", "xml"], "text or json"),
        (&["-m", "no-colon"], "namespace:name"),
    ] {
        let text = run(
            home.path(),
            &[&["exporter", "--sim", "no-gpu", "-a", "127.0.0.1:0"], args].concat(),
        );
        assert!(text.starts_with("exit 2\n") && text.contains(said), "{args:?}: {text}");
    }
}

#[test]
fn a_device_that_is_named_must_be_there() {
    let home = tempfile::tempdir().unwrap();
    let with = ["exporter", "--sim", "h100x8-busy", "-a", "127.0.0.1:0", "-d", "g:0,9"];
    let text = run(home.path(), &with);
    assert!(text.starts_with("exit 2\n") && text.contains("names 9, which is not there"), "{text}");
    let server = start(home.path(), &["--sim", "h100x8-busy", "-d", "g:1-2"]);
    let page = page_with(&server, "DCGM_FI_DEV_GPU_TEMP{");
    let shown = page.lines().filter(|line| line.starts_with("DCGM_FI_DEV_GPU_TEMP{")).count();
    assert_eq!(shown, 2, "{page}");
    server.stop("TERM");
}

#[test]
fn a_list_is_read_again_on_sighup_and_when_the_file_changes() {
    let home = tempfile::tempdir().unwrap();
    let list = file(home.path(), TEMPERATURE);
    let server = start(home.path(), &["--sim", "h100-load", "-f", &list]);
    page_with(&server, "DCGM_FI_DEV_GPU_TEMP{");
    let more = format!("{TEMPERATURE}DCGM_FI_DEV_POWER_VIOLATION, counter, Throttling\n");
    file(home.path(), &more);
    let page = page_with(&server, "DCGM_FI_DEV_POWER_VIOLATION{");
    assert!(page.contains("DCGM_FI_DEV_GPU_TEMP{"), "{page}");
    page_with(&server, "gpulse_config_reloads_total{result=\"success\"} 1\n");
    server.signal("HUP");
    page_with(&server, "gpulse_config_reloads_total{result=\"success\"} 2\n");
    fs::remove_file(home.path().join("fields.csv")).unwrap();
    let page = page_with(&server, "gpulse_config_reloads_total{result=\"failure\"} 1\n");
    assert!(page.contains("DCGM_FI_DEV_POWER_VIOLATION{"), "the last good list serves: {page}");
    assert!(server.get("/readyz").unwrap().contains("field list: cannot read"));
    server.stop("TERM");
}

#[test]
fn xids_of_the_kernels_log_are_shown_with_what_was_before_the_start() {
    let home = tempfile::tempdir().unwrap();
    let list = file(
        home.path(),
        "DCGM_FI_DEV_XID_ERRORS, gauge, Last\nDCGM_EXP_XID_ERRORS_COUNT, gauge, Window\n\
         DCGM_EXP_XID_ERRORS_TOTAL, counter, All\n",
    );
    let server = start(home.path(), &["--sim", "h100-load", "-f", &list]);
    let page = page_with(&server, "DCGM_EXP_XID_ERRORS_COUNT{");
    assert!(page.contains("window_size_in_ms=\"300000\"} 0\n"), "{page}");
    let bus = page_with(&server, "pci_bus_id=\"").split("pci_bus_id=\"0000").nth(1).unwrap()[..10]
        .to_owned();
    server.stop("TERM");
    let place = bus.to_ascii_lowercase();
    let kmsg = home.path().join("kmsg");
    fs::write(&kmsg, format!("4,1,1000000,-;NVRM: Xid (PCI:{place}): 63, pid=1, name=x, text\n"))
        .unwrap();
    let kmsg = kmsg.to_str().unwrap();
    let server = start(home.path(), &["--sim", "h100-load", "-f", &list, "--path.kmsg", kmsg]);
    let page = page_with(&server, "err_code=\"63\"");
    assert!(page.contains("DCGM_EXP_XID_ERRORS_TOTAL{"), "{page}");
    assert!(
        page.lines()
            .any(|line| line.starts_with("gpu_xid_events_total{")
                && line.ends_with(",xid=\"63\"} 1")),
        "{page}"
    );
    server.stop("TERM");
}

/// Every name that NVIDIA's default and profiling files have, with or without a comment before it.
fn names_of_nvidias_files() -> Option<Vec<(String, String)>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fields.tsv");
    let table = fs::read_to_string(PathBuf::from(path)).ok()?;
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next()?;
    let column = |name: &str| head.iter().position(|title| *title == name).unwrap();
    let (name, kind) = (column("name"), column("prom_type"));
    let (default, profiling) = (column("in_default_csv"), column("in_dcp_csv"));
    let listed = lines.filter(|line| line[default] != "no" || line[profiling] != "no");
    Some(listed.map(|line| (line[name].to_owned(), line[kind].to_owned())).collect())
}

#[test]
fn every_row_of_nvidias_files_is_printed_or_has_its_reason() {
    let Some(rows) = names_of_nvidias_files() else {
        println!("skipped: ../shared/data/fields.tsv is not here");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (name, kind) in &rows {
        let _ = writeln!(text, "{name}, {kind}, help of {name}");
    }
    let list = file(home.path(), &text);
    let server = start(home.path(), &["--sim", "h100x8-busy", "-f", &list, "-c", "1000"]);
    // Profiling and clocks have values after their first interval.
    page_with(&server, "DCGM_FI_PROF_PIPE_FP16_ACTIVE{");
    let page = page_with(&server, "DCGM_EXP_CLOCK_EVENTS_COUNT{");
    let families: Vec<Family> = model::text::parse(&page).unwrap();
    let printed: BTreeSet<&str> = families.iter().map(|family| family.name.as_str()).collect();
    let sample = page.lines().find(|line| line.starts_with("DCGM_FI_DEV_GPU_TEMP{")).unwrap();
    let reasons = families.iter().find(|family| family.name == "gpulse_field_supported").unwrap();
    let mut lacking = BTreeSet::new();
    for (name, kind) in &rows {
        let shown = match kind.as_str() {
            "label" => sample.contains(&format!(",{name}=\"")),
            _ => printed.contains(name.as_str()),
        };
        if !shown {
            let reason = reasons.samples.iter().find(|s| s.label("field") == Some(name));
            let reason = reason.map(|sample| sample.label("reason").unwrap().to_owned());
            lacking.insert((name.as_str(), reason));
        }
    }
    let lacking: Vec<String> =
        lacking.into_iter().map(|(name, reason)| format!("{name} {reason:?}")).collect();
    assert_eq!(
        lacking,
        [
            "DCGM_EXP_GPU_HEALTH_STATUS Some(\"needs_dcgm\")",
            "DCGM_FI_DEV_POWER_INFOROM_VER Some(\"not_supported\")",
            "DCGM_FI_DEV_RETIRED_DBE Some(\"not_supported\")",
            "DCGM_FI_DEV_RETIRED_PENDING Some(\"not_supported\")",
            "DCGM_FI_DEV_RETIRED_SBE Some(\"not_supported\")",
            "DCGM_FI_DEV_XID_ERRORS None",
        ],
        "as on a real H100; an XID stands there from the first one on"
    );
    server.stop("TERM");
}
