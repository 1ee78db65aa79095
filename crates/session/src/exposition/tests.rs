//! Pages of small worlds.

use model::observation::{ContextKind, DeviceObservation, DeviceProcess};
use model::process::Lookup;
use model::text::{Family, Writer, parse};

use super::*;
use crate::engine::tests::energy::drawing;
use crate::engine::tests::world::*;
use crate::{Config, View};

fn seed(view: &View) -> String {
    let mut page = Writer::default();
    write_seed(view, &mut page);
    page.finish()
}

fn ours(view: &View) -> String {
    let mut page = Writer::default();
    write_sessions(view, &mut page);
    page.finish()
}

fn without_headers(page: &str) -> String {
    page.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn family<'a>(families: &'a [Family], name: &str) -> &'a Family {
    families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn small_world() -> World {
    let mut world = World::new();
    world.start(12345, 0);
    world.start(4711, 0);
    let there = [
        process(12345),
        DeviceProcess { memory_bytes: None, ..process(4711) },
        DeviceProcess { kind: ContextKind::Graphics, ..process(99) },
    ];
    world.start(99, 0);
    let seen = [used(&gpu(0), &there, &[sample(12345, at(1), 85)]), busy(&instance(1), &[], 0.0)];
    world.see(0, &seen);
    world.see(1, &seen);
    world
}

#[test]
fn s1_8_s1_9_s1_11_the_seeds_rows_are_as_it_names_them() {
    expect_test::expect![[r#"
        gpu_process_info{gpu="0",pid="4711",command="python",pod="unknown",namespace="unknown",container="unknown",status="active",gpu_memory="unknown"} 1
        gpu_process_info{gpu="0",pid="12345",command="python",pod="unknown",namespace="unknown",container="unknown",status="active",gpu_memory="1024MiB"} 1
        gpu_process_info{gpu="0_1_0",pid="none",command="none",pod="none",namespace="none",container="none",status="idle",gpu_memory="0MiB"} 0
        gpu_process_utilization{gpu="0",pid="4711",command="python",pod="unknown",namespace="unknown",container="unknown"} 0
        gpu_process_utilization{gpu="0",pid="12345",command="python",pod="unknown",namespace="unknown",container="unknown"} 85
        gpu_process_memory_utilization{gpu="0",pid="12345",command="python",pod="unknown",namespace="unknown",container="unknown"} 1.25
        gpu_session_count{gpu="0"} 2
        gpu_session_count{gpu="0_1_0"} 0
        gpu_total_sessions 2
    "#]].assert_eq(&without_headers(&seed(&small_world().view())));
}

#[test]
fn s1_10_session_count_includes_zero_and_equals_the_active_rows() {
    let families = parse(&seed(&small_world().view())).unwrap();
    let info = family(&families, "gpu_process_info");
    for count in &family(&families, "gpu_session_count").samples {
        let gpu = count.label("gpu");
        let active =
            info.samples.iter().filter(|s| s.label("gpu") == gpu && s.value == 1.0).count();
        assert_eq!(count.value, f64::from(u32::try_from(active).unwrap()));
    }
}

#[test]
fn s1_12_under_mig_the_process_utilization_is_absent_and_inferred_on_ours() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[busy(&instance(1), &[process(7)], 0.5)]);
    let page = seed(&world.view());
    assert!(!page.contains("gpu_process_utilization"), "{page}");
    assert!(page.contains("gpu_process_memory_utilization{gpu=\"0_1_0\",pid=\"7\""), "{page}");
    assert!(ours(&world.view()).contains("engine=\"sm\",quality=\"inferred\"} 0.5"));
}

#[test]
fn a_device_that_cannot_be_read_has_no_seed_rows() {
    let mut world = World::new();
    world.see(1, &[down(&gpu(0)), list(&gpu(1), &[])]);
    let page = seed(&world.view());
    assert!(!page.contains("gpu=\"0\""), "{page}");
    assert!(page.contains("gpu_session_count{gpu=\"1\"} 0"));
    world.see(2, &[down(&gpu(0)), down(&gpu(1))]);
    assert_eq!(seed(&world.view()), "");
}

#[test]
fn folded_sessions_keep_their_seed_rows() {
    let config = Config { max_live: 1, ..Config::default() };
    let mut world = World::with(config, None, "run001", 0);
    (1..=3).for_each(|pid| world.start(pid, 0));
    world.see_for(1, 30, &[list(&gpu(0), &[process(1), process(2), process(3)])]);
    assert!(seed(&world.view()).contains("gpu_total_sessions 3"));
    let page = ours(&world.view());
    assert_eq!(page.matches("gpu_session_info{").count(), 1);
    let rest =
        "gpu_session_gpu_seconds_total{gpu=\"0\",session=\"rest\",user=\"alice\",run=\"run001\"";
    assert!(page.contains(rest), "{page}");
}

#[test]
fn folded_sessions_of_a_pod_stand_under_its_namespace_and_not_as_a_user() {
    let config = Config { max_live: 1, ..Config::default() };
    let mut world = World::with(config, None, "run001", 0);
    (1..=3).for_each(|pid| world.start(pid, 0));
    world.see_for(1, 30, &[list(&gpu(0), &[process(1), process(2), process(3)])]);
    let mut view = world.view();
    view.rest.iter_mut().for_each(|rest| rest.is_namespace = true);
    let page = ours(&view);
    let rest = "{gpu=\"0\",session=\"rest\",namespace=\"alice\",run=\"run001\"";
    assert!(page.contains(rest) && !page.contains("session=\"rest\",user="), "{page}");
}

#[test]
fn a_session_is_shown_with_all_its_rows() {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(0, 20, &gpu(0), &[(7, 90)]);
    let page = ours(&world.view());
    let id = world.session(7).facts.id.clone();
    let page = page.replace(&id, "ID");
    expect_test::expect![[r#"
        gpu_session_info{gpu="0",session="ID",UUID="GPU-0",Hostname="node-1",pid="7",type="C",kind="user",command="python",user="alice",start="exact"} 1
        gpu_session_start_time_seconds{gpu="0",session="ID"} 1783500000
        gpu_session_last_use_time_seconds{gpu="0",session="ID"} 1783500019.999
        gpu_session_state{gpu="0",session="ID",state="active"} 1
        gpu_session_memory_bytes{gpu="0",session="ID"} 1073741824
        gpu_session_memory_peak_bytes{gpu="0",session="ID"} 1073741824
        gpu_session_utilization_ratio{gpu="0",session="ID",engine="sm",quality="measured"} 0.9
        gpu_session_utilization_ratio{gpu="0",session="ID",engine="memory",quality="measured"} 0.45
        gpu_session_gpu_seconds_total{gpu="0",session="ID",run="run001",state="active"} 10
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.01"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.05"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.1"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.25"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.5"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.75"} 0
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.9"} 10
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="0.95"} 10
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="1"} 10
        gpu_session_sm_seconds_bucket{gpu="0",session="ID",run="run001",le="+Inf"} 10
        gpu_session_sm_seconds_sum{gpu="0",session="ID",run="run001"} 9
        gpu_session_sm_seconds_count{gpu="0",session="ID",run="run001"} 10
        gpu_session_cpu_seconds_total{gpu="0",session="ID",run="run001"} 0
        gpu_session_effective_seconds_total{gpu="0",session="ID",run="run001",quality="inferred"} 10
        gpu_session_memory_byte_seconds_total{gpu="0",session="ID",run="run001"} 10737418240
        gpu_device_info{gpu="0",UUID="GPU-0",modelName="NVIDIA H100 80GB HBM3",Hostname="node-1"} 1
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="free"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="allocated"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="starting"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="active"} 10
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="idle"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="held"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="stale"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="unknown"} 0
        gpu_device_seconds_total{gpu="0",UUID="GPU-0",run="run001",state="down"} 0
        gpu_device_effective_seconds_total{gpu="0",UUID="GPU-0",run="run001"} 10
        gpu_device_share_ratio{gpu="0",UUID="GPU-0"} 1
        gpulse_sessions_folded 0
    "#]].assert_eq(&without_headers(&page));
}

#[test]
fn s1_16_instance_ids_stand_on_the_info_rows() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&instance(1), &[process(7)])]);
    let page = ours(&world.view());
    let labels = r#"UUID="GPU-0",mig_uuid="MIG-1",GPU_I_ID="8",GPU_I_PROFILE="3g.40gb",ci_id="0""#;
    assert!(page.contains(labels), "{page}");
    assert!(
        page.contains(r#"gpu_device_share_ratio{gpu="0_1_0",UUID="GPU-0",GPU_I_ID="8"} 0.428571"#)
    );
}

#[test]
fn names_with_quotes_and_newlines_read_back() {
    let mut world = World::new();
    let mut odd = facts(7, 0);
    odd.command = "we\"ird,na\nme\\".to_owned();
    world.proc.insert(7, Lookup::Facts(odd));
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    let page = seed(&world.view()) + &ours(&world.view());
    let families = parse(&page).unwrap();
    let command = family(&families, "gpu_session_info").samples[0].label("command");
    assert_eq!(command, Some("we\"ird,na\nme\\"));
}

#[test]
fn tables_and_pages_name_the_same_families() {
    let mut world = small_world();
    world.kill(4711);
    world.see(2, &[list(&gpu(0), &[process(12345)])]);
    world.work_for(3, 30, &gpu(0), &[(12345, 90)]);
    let used = DeviceObservation { used_bytes: Some(GIB), ..list(&gpu(0), &[process(12345)]) };
    let holder = model::allocation::Holder { pod: "p".to_owned(), ..Default::default() };
    let holding = |pod: &str| model::allocation::Holding {
        device_uuid: "GPU-0".to_owned(),
        resource: "nvidia.com/gpu".into(),
        device_id: "GPU-0".to_owned(),
        holder: std::sync::Arc::new(model::allocation::Holder {
            pod: pod.to_owned(),
            ..holder.clone()
        }),
        claim: None,
        share: 0.5,
    };
    let both = model::allocation::Holdings {
        has_allocator: true,
        list: vec![holding("p"), holding("q")],
        ..Default::default()
    };
    let one = model::allocation::Holdings { list: vec![holding("p")], ..both.clone() };
    world.engine.note_xid(at(31), "GPU-0", 12345, 31);
    world.engine.set_holdings(at(31), &both);
    let leaking = drawing(DeviceObservation { used_bytes: Some(9 * GIB), ..used.clone() }, 70.0);
    world.see_for(31, 329, std::slice::from_ref(&leaking));
    world.engine.set_holdings(at(330), &one);
    world.see_for(330, 335, &[leaking]);
    let page = seed(&world.view()) + &ours(&world.view());
    let printed: Vec<String> = parse(&page).unwrap().into_iter().map(|f| f.name).collect();
    let all = SEED_METRICS.iter().chain(SESSION_METRICS).chain(ALLOCATION_METRICS);
    let mut named: Vec<&str> = all.map(|m| m.name).collect();
    let mut printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    named.sort_unstable();
    printed.sort_unstable();
    assert_eq!(printed, named);
}
