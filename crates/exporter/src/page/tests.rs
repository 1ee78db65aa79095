//! The page against hand-made snapshots: labels, order, formats, absence.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use gpu::{Health, IdleInstance, XidEvent};
use model::text::{Family, parse};
use model::{ErrorKind, Reading};

use super::*;
use crate::testing::{NOW, instance, set_label, snapshot, whole, without_driver};
use crate::{HostLabel, Teller, XidBook};

const GPU: Parts = Parts { gpu: true, sessions: false, own: false };
const OWN: Parts = Parts { gpu: false, sessions: false, own: true };

/// The lines of families whose name contains one of these.
fn lines(snapshot: &Snapshot, host_label: HostLabel, parts: Parts, names: &[&str]) -> String {
    let page = render(snapshot, parts, &Style { host_label, ..Style::default() });
    parse(&page).unwrap();
    let wanted = |line: &&str| names.iter().any(|name| line.contains(name));
    page.lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

fn check(snapshot: &Snapshot, names: &[&str], expected: &Expect) {
    expected.assert_eq(&lines(snapshot, HostLabel::Classic, GPU, names));
}

fn families(snapshot: &Snapshot, parts: Parts) -> Vec<Family> {
    parse(&render(snapshot, parts, &Style::default())).unwrap()
}

#[test]
fn s2_21_labels_stand_in_dcgms_order_and_numbers_in_its_format() {
    let mut gpu = whole(0, "NVIDIA H100 80GB HBM3", &[(100, 1980.0), (155, 629.45), (254, 0.25)]);
    set_label(&mut gpu.entities[0], "DCGM_FI_DRIVER_VERSION", "590.48.01");
    set_label(&mut gpu.entities[0], "DCGM_FI_DEV_SERIAL", "16\"5");
    check(
        &snapshot(vec![gpu]),
        &["CLOCK", "POWER", "PERCENT"],
        &expect![[r##"
            # HELP DCGM_FI_DEV_SM_CLOCK Clock of the SMs, in MHz.
            # TYPE DCGM_FI_DEV_SM_CLOCK gauge
            DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-a",DCGM_FI_DEV_SERIAL="16\"5",DCGM_FI_DRIVER_VERSION="590.48.01"} 1980
            # HELP DCGM_FI_DEV_POWER_USAGE Power that the board draws, in W.
            # TYPE DCGM_FI_DEV_POWER_USAGE gauge
            DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-a",DCGM_FI_DEV_SERIAL="16\"5",DCGM_FI_DRIVER_VERSION="590.48.01"} 629.450000
            # HELP DCGM_FI_DEV_FB_USED_PERCENT Memory in use over memory that can be used, as a ratio from 0 to 1 despite the name.
            # TYPE DCGM_FI_DEV_FB_USED_PERCENT gauge
            DCGM_FI_DEV_FB_USED_PERCENT{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-a",DCGM_FI_DEV_SERIAL="16\"5",DCGM_FI_DRIVER_VERSION="590.48.01"} 0.250000
        "##]],
    );
}

#[test]
fn the_host_label_is_called_as_asked() {
    let snapshot = snapshot(vec![whole(0, "X", &[(150, 41.0)])]);
    let with = |host_label| lines(&snapshot, host_label, GPU, &["GPU_TEMP{"]);
    assert!(with(HostLabel::Lower).contains(r#"modelName="X",hostname="gpu-a"}"#));
    assert!(with(HostLabel::Both).contains(r#"Hostname="gpu-a",hostname="gpu-a"}"#));
}

#[test]
fn an_instance_carries_profile_and_id_and_its_gpu_no_sample() {
    let mut gpu = whole(3, "X", &[]);
    gpu.mig_enabled = Some(true);
    gpu.entities = vec![
        instance("3g.40gb", 2, 3, &[(252, 77.0)]),
        instance("1g.10gb+me", 9, 1, &[(252, 5.0)]),
    ];
    check(
        &snapshot(vec![gpu]),
        &["FB_USED{"],
        &expect![[r#"
            DCGM_FI_DEV_FB_USED{gpu="3",UUID="GPU-3",pci_bus_id="00000000:03:00.0",device="nvidia3",modelName="X",GPU_I_PROFILE="3g.40gb",GPU_I_ID="2",Hostname="gpu-a"} 77
            DCGM_FI_DEV_FB_USED{gpu="3",UUID="GPU-3",pci_bus_id="00000000:03:00.0",device="nvidia3",modelName="X",GPU_I_PROFILE="1g.10gb+me",GPU_I_ID="9",Hostname="gpu-a"} 5
        "#]],
    );
}

#[test]
fn families_come_by_field_number_and_without_a_sample_not_at_all() {
    let gpu = whole(0, "X", &[(1001, 0.5), (100, 1.0), (312, 0.0), (150, 40.0)]);
    let names: Vec<String> =
        families(&snapshot(vec![gpu]), GPU).into_iter().map(|family| family.name).collect();
    let device: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| name.starts_with("DCGM")).collect();
    assert_eq!(
        device,
        [
            "DCGM_FI_DEV_SM_CLOCK",
            "DCGM_FI_DEV_GPU_TEMP",
            "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
        ]
    );
}

#[test]
fn a_value_that_is_too_old_or_no_value_is_not_printed() {
    let mut gpu = whole(0, "X", &[(100, 1980.0), (150, 41.0)]);
    let old = gpu::metrics::position_of_field(100).unwrap();
    gpu.entities[0].values[old].at = NOW.before(Duration::from_millis(10_001));
    let hot = gpu::metrics::position_of_field(150).unwrap();
    gpu.entities[0].values[hot].reading = Reading::Failed(ErrorKind::NoPermission);
    let names: Vec<String> =
        families(&snapshot(vec![gpu]), GPU).into_iter().map(|family| family.name).collect();
    assert_eq!(names, ["gpu_xid_events_total"]);
}

#[test]
fn weighted_use_is_the_driver_s_the_activity_or_the_sum_of_instances() {
    let mut mig = whole(2, "NVIDIA H100", &[]);
    mig.mig_enabled = Some(true);
    mig.entities =
        vec![instance("3g.40gb", 2, 3, &[(1001, 0.5)]), instance("4g.40gb", 1, 4, &[(1001, 1.0)])];
    for entity in &mut mig.entities {
        set_label(entity, "DCGM_FI_DEV_MIG_MAX_SLICES", "7");
        set_label(entity, "DCGM_FI_DEV_NAME", "3g.40gb");
        set_label(entity, "DCGM_FI_DEV_UUID", "MIG-2");
    }
    let gpus = vec![
        whole(0, "NVIDIA A100", &[(203, 250.0), (1001, 0.1)]),
        whole(1, "NVIDIA H20", &[(203, 100.0), (1001, 0.125)]),
        mig,
        whole(3, "NVIDIA H100", &[(203, 87.0)]),
        whole(4, "NVIDIA H100", &[]),
    ];
    check(
        &snapshot(gpus),
        &["WEIGHTED_GPU_UTIL{"],
        &expect![[r#"
            DCGM_FI_DEV_WEIGHTED_GPU_UTIL{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="NVIDIA A100",Hostname="gpu-a",DCGM_FI_DEV_UUID="GPU-0",calculation_method="direct"} 1
            DCGM_FI_DEV_WEIGHTED_GPU_UTIL{gpu="1",UUID="GPU-1",pci_bus_id="00000000:01:00.0",device="nvidia1",modelName="NVIDIA H20",Hostname="gpu-a",DCGM_FI_DEV_UUID="GPU-1",calculation_method="prof_gr_engine_active"} 0.125
            DCGM_FI_DEV_WEIGHTED_GPU_UTIL{gpu="2",UUID="GPU-2",pci_bus_id="00000000:02:00.0",device="nvidia2",modelName="NVIDIA H100",Hostname="gpu-a",DCGM_FI_DEV_MIG_MAX_SLICES="7",DCGM_FI_DEV_NAME="NVIDIA H100",DCGM_FI_DEV_UUID="GPU-2",calculation_method="weighted_sum"} 0.7857142857142857
            DCGM_FI_DEV_WEIGHTED_GPU_UTIL{gpu="3",UUID="GPU-3",pci_bus_id="00000000:03:00.0",device="nvidia3",modelName="NVIDIA H100",Hostname="gpu-a",DCGM_FI_DEV_UUID="GPU-3",calculation_method="direct"} 0.87
        "#]],
    );
}

#[test]
fn weighted_use_of_instances_needs_each_that_can_be_used() {
    let mut gpu = whole(0, "X", &[]);
    gpu.entities = vec![instance("3g.40gb", 2, 3, &[(1001, 1.0)]), instance("4g.40gb", 1, 4, &[])];
    for entity in &mut gpu.entities {
        set_label(entity, "DCGM_FI_DEV_MIG_MAX_SLICES", "7");
    }
    assert_eq!(lines(&snapshot(vec![gpu.clone()]), HostLabel::Classic, GPU, &["WEIGHTED"]), "");
    gpu.instances_without_ci =
        vec![IdleInstance { gpu_instance: 1, profile: "4g.40gb".to_owned() }];
    let page = lines(&snapshot(vec![gpu]), HostLabel::Classic, GPU, &["WEIGHTED_GPU_UTIL{"]);
    assert!(page.ends_with("} 0.42857142857142855\n"), "{page}");
}

#[test]
fn an_xid_stays_with_code_and_text_and_is_counted_from_zero() {
    let mut snapshot = snapshot(vec![whole(0, "X", &[])]);
    let mut book = XidBook::default();
    for second in [0, 5] {
        book.add(
            &XidEvent {
                at: NOW.before(Duration::from_secs(second)),
                gpu_uuid: "GPU-0".to_owned(),
                gpu_index: 0,
                gpu_instance: None,
                compute_instance: None,
                xid: 79,
            },
            Teller::Driver,
        );
    }
    snapshot.xids = Arc::new(book);
    check(
        &snapshot,
        &["xid=\"79\"", "xid=\"48\"", "XID_ERRORS{"],
        &expect![[r#"
            DCGM_FI_DEV_XID_ERRORS{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="X",Hostname="gpu-a",err_code="79",err_msg="GPU has fallen off the bus"} 79
            gpu_xid_events_total{gpu="0",UUID="GPU-0",xid="48"} 0
            gpu_xid_events_total{gpu="0",UUID="GPU-0",xid="79"} 2
            gpu_xid_last_time_seconds{gpu="0",UUID="GPU-0",xid="79"} 1784020200
        "#]],
    );
}

#[test]
fn what_cannot_be_read_has_a_reason() {
    let mut lost = whole(1, "X", &[]);
    lost.health = Health::Lost;
    let place = gpu::metrics::position_of_field(150).unwrap();
    lost.entities[0].values[place].reading = Reading::Failed(ErrorKind::Lost);
    let mut snapshot = snapshot(vec![whole(0, "X", &[(150, 41.0)]), lost]);
    snapshot.expected_gpus = Some(3);
    snapshot.simulated = true;
    let wanted = [
        "device_up{",
        "device_problem{",
        "gpulse_gpus{",
        "gpulse_simulated",
        "field=\"DCGM_FI_DEV_GPU_TEMP\"",
        "field=\"DCGM_FI_PROF_SM_ACTIVE\"",
        "field=\"DCGM_FI_DEV_XID_ERRORS\"",
    ];
    expect![[r#"
        gpulse_device_problem{gpu="1",reason="lost"} 1
        gpulse_device_up{gpu="0",UUID="GPU-0"} 1
        gpulse_device_up{gpu="1",UUID="GPU-1"} 0
        gpulse_field_supported{gpu="0",field="DCGM_FI_PROF_SM_ACTIVE",reason="needs_dcgm"} 0
        gpulse_field_supported{gpu="1",field="DCGM_FI_DEV_GPU_TEMP",reason="lost"} 0
        gpulse_field_supported{gpu="1",field="DCGM_FI_PROF_SM_ACTIVE",reason="lost"} 0
        gpulse_gpus{kind="expected"} 3
        gpulse_gpus{kind="present"} 2
        # HELP gpulse_simulated 1 while the GPUs are simulated, else absent; without unit.
        # TYPE gpulse_simulated gauge
        gpulse_simulated 1
    "#]]
    .assert_eq(&lines(&snapshot, HostLabel::Classic, OWN, &wanted));
}

#[test]
fn a_machine_without_driver_has_a_page_about_the_exporter() {
    let names: Vec<String> =
        families(&without_driver(), Parts::default()).into_iter().map(|f| f.name).collect();
    assert!(names.contains(&"gpulse_gpus".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("DCGM_")), "{names:?}");
}

#[test]
fn every_metric_of_ours_has_a_unit_in_its_name_or_help_and_a_name_of_its_own() {
    let mut names: Vec<&str> = Vec::new();
    for metric in OWN_METRICS.iter().chain(XID_METRICS).chain(crate::textfile::TEXTFILE_METRICS) {
        assert!(metric.help.ends_with('.'), "{}", metric.name);
        let unit = metric.unit.as_str();
        let told = metric.help.contains("seconds") || metric.help.contains("Count of");
        let told = told || metric.help.contains("bytes") || metric.help.contains("without unit");
        assert!(told, "{}: {unit}", metric.name);
        names.push(metric.name);
    }
    let others = session::exposition::SEED_METRICS
        .iter()
        .chain(session::exposition::SESSION_METRICS)
        .chain(session::exposition::ALLOCATION_METRICS);
    names.extend(others.map(|metric| metric.name));
    names.extend(gpu::metrics::ROWS.iter().map(|row| row.metric.name));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A snapshot that is printed by this list.
fn listed(mut snapshot: Snapshot, list: &str) -> Snapshot {
    snapshot.fields = Arc::new(crate::FieldList::parse(list));
    snapshot
}

#[test]
fn a_list_decides_names_types_help_and_labels() {
    let mut gpu = whole(0, "A  B", &[(150, 41.0), (155, 7.5), (190, 3.0)]);
    set_label(&mut gpu.entities[0], "DCGM_FI_DEV_SERIAL", "165");
    let list = "dcgm_gpu_temp, counter, \"as, written # code 150\"\n\
                DCGM_FI_DEV_PSTATE, label, x\nDCGM_FI_DEV_POWER_USAGE, label, x\n\
                DCGM_FI_DEV_BOARD_SERIAL, label, x\nDCGM_FI_DEV_SERIAL, gauge, x\n";
    let page = render(&listed(snapshot(vec![gpu]), list), GPU, &Style::default());
    let family = page.split("# HELP gpu_xid").next().unwrap();
    expect![[r##"
        # HELP dcgm_gpu_temp as, written # code 150
        # TYPE dcgm_gpu_temp counter
        dcgm_gpu_temp{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="A  B",Hostname="gpu-a",DCGM_FI_DEV_BOARD_SERIAL="165",DCGM_FI_DEV_POWER_USAGE="7.500000",DCGM_FI_DEV_PSTATE="3"} 41
    "##]]
    .assert_eq(family);
}

#[test]
fn labels_can_be_written_as_the_oldest_dashboards_have_them() {
    let style = Style {
        no_hostname: true,
        use_old_namespace: true,
        replace_blanks_in_model_name: true,
        ..Style::default()
    };
    let page = render(&snapshot(vec![whole(0, "A  B C", &[(150, 41.0)])]), GPU, &style);
    assert!(page.contains(r#"{gpu="0",uuid="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="A-B-C"} 41"#), "{page}");
}

#[test]
fn xids_within_the_window_are_counted_and_zero_is_said_once() {
    let mut snapshot = listed(
        snapshot(vec![whole(0, "X", &[]), whole(1, "X", &[])]),
        "DCGM_EXP_XID_ERRORS_COUNT, gauge, x\nDCGM_EXP_XID_ERRORS_TOTAL, counter, x\n",
    );
    let mut book = XidBook::default();
    for second in [0, 299, 301] {
        let event = XidEvent {
            at: NOW.before(Duration::from_secs(second)),
            gpu_uuid: "GPU-0".to_owned(),
            gpu_index: 0,
            gpu_instance: None,
            compute_instance: None,
            xid: 31,
        };
        assert_eq!(book.add(&event, Teller::Driver), crate::xid::Booking::New);
    }
    snapshot.xids = Arc::new(book);
    let page = lines(&snapshot, HostLabel::Classic, GPU, &["DCGM_EXP_XID"]);
    let ends: Vec<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split("Hostname=\"gpu-a\"").nth(1).unwrap())
        .collect();
    assert_eq!(
        ends,
        [
            r#",window_size_in_ms="300000",xid="31"} 2"#,
            r#",window_size_in_ms="300000"} 0"#,
            r#",xid="31"} 3"#,
        ]
    );
}

#[test]
fn peers_are_shown_with_the_word_for_their_status() {
    let mut gpu = whole(0, "X", &[]);
    gpu.peers = vec![gpu::Peer { gpu: 1, status: 0 }, gpu::Peer { gpu: 2, status: 77 }];
    let snapshot = listed(snapshot(vec![gpu]), "DCGM_EXP_P2P_STATUS, gauge, x\n");
    let page = lines(&snapshot, HostLabel::Classic, GPU, &["P2P_STATUS{"]);
    assert!(page.contains(r#",link_status="OK",peer_gpu="1"} 0"#), "{page}");
    assert!(page.contains(r#",link_status="Unknown",peer_gpu="2"} 77"#), "{page}");
}

#[test]
fn every_listed_field_without_a_value_has_its_reason() {
    let snapshot = listed(
        snapshot(vec![whole(0, "X", &[(150, 41.0)])]),
        "DCGM_FI_DEV_GPU_TEMP,gauge,x\nDCGM_FI_DEV_SERIAL,gauge,x\n\
         DCGM_EXP_GPU_HEALTH_STATUS,gauge,x\nDCGM_FI_DEV_MIG_GI_INFO,label,x\n\
         DCGM_FI_DEV_CPU_AFFINITY_0,gauge,x\nDCGM_FI_DEV_PSTATE,gauge,x\n\
         DCGM_FI_PROF_SM_ACTIVE,gauge,x\n",
    );
    let page = lines(&snapshot, HostLabel::Classic, OWN, &["gpulse_field_supported{"]);
    expect![[r#"
        gpulse_field_supported{gpu="0",field="DCGM_FI_DEV_SERIAL",reason="not_a_number"} 0
        gpulse_field_supported{gpu="0",field="DCGM_FI_DEV_CPU_AFFINITY_0",reason="not_read"} 0
        gpulse_field_supported{gpu="0",field="DCGM_FI_DEV_MIG_GI_INFO",reason="not_supported"} 0
        gpulse_field_supported{gpu="0",field="DCGM_FI_DEV_PSTATE",reason="not_supported"} 0
        gpulse_field_supported{gpu="0",field="DCGM_FI_PROF_SM_ACTIVE",reason="needs_dcgm"} 0
        gpulse_field_supported{gpu="0",field="DCGM_EXP_GPU_HEALTH_STATUS",reason="needs_dcgm"} 0
    "#]]
    .assert_eq(&page);
}
