//! What the driver does to a node, and what stays: unload and reload, a hang, a new MIG layout,
//! XIDs, lost rights, restarts.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use exporter::doctor::{Evidence, Status, examine};
use exporter::http::{health, readiness};
use exporter::page::{self, Style};
use exporter::{Config, Parts, Snapshot, StateUse};
use host::Host;
use model::text::{Family, Sample, parse};

use crate::watched::{Watched, machine, patient};

/// Where the faults of the shipped scenarios are still ahead.
const START: Duration = Duration::from_secs(60);

/// The page, on which each series stands once.
fn families(snapshot: &Snapshot) -> Vec<Family> {
    let page = page::render(snapshot, Parts::default(), &Style::default());
    let mut seen = HashSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').map(|(series, _)| series);
        assert!(seen.insert(series), "twice: {line}");
    }
    parse(&page).unwrap()
}

fn samples(families: &[Family], name: &str) -> Vec<Sample> {
    let family = families.iter().find(|family| family.name == name);
    family.map_or_else(Vec::new, |family| family.samples.clone())
}

/// The samples of a family on one GPU.
fn on_gpu(snapshot: &Snapshot, name: &str, gpu: &str) -> Vec<Sample> {
    let mut samples = samples(&families(snapshot), name);
    samples.retain(|sample| sample.label("gpu") == Some(gpu));
    samples
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn s2_27_a_driver_that_goes_away_and_comes_back_is_followed() {
    let mut watched = Watched::new("fault-driver-unload", START);
    let published = watched.node.published();
    let before = watched.run(seconds(20));
    assert_eq!(on_gpu(&before, "DCGM_FI_DEV_POWER_USAGE", "0").len(), 1);
    let without = watched.run(seconds(25));
    assert!(without.absence().is_some());
    assert!(samples(&families(&without), "DCGM_FI_DEV_POWER_USAGE").is_empty());
    assert!(health(&published, without.at).ok);
    let ready = readiness(&published, without.at);
    assert!(!ready.ok && ready.body.starts_with("no GPU can be read: "), "{}", ready.body);
    let after = watched.run(seconds(60));
    assert!(after.absence().is_none(), "{:?}", after.absence());
    let power = on_gpu(&after, "DCGM_FI_DEV_POWER_USAGE", "0");
    let versions =
        [&before, &after].map(|snapshot| snapshot.pass.driver_version.clone().unwrap_or_default());
    assert_ne!(versions[0], versions[1]);
    assert_eq!(power[0].label("DCGM_FI_DRIVER_VERSION"), Some(versions[1].as_str()));
}

#[test]
fn devices_of_a_driver_that_is_let_go_of_are_down_at_once_and_none_stays_active() {
    let mut watched = Watched::new("h100x8-busy", Duration::from_secs(600));
    let states = |snapshot: &Snapshot| {
        let devices = snapshot.view.devices.iter();
        devices.filter_map(|device| device.state).map(|state| state.as_str()).collect::<Vec<_>>()
    };
    let before = watched.run(seconds(20));
    assert!(states(&before).contains(&"active"), "{:?}", states(&before));
    let switch = watched.node.release_switch();
    switch.store(true, std::sync::atomic::Ordering::Relaxed);
    let released = watched.run(seconds(2));
    assert!(released.absence().is_some());
    assert_eq!(states(&released), ["down"; 8], "two seconds later, not fifteen");
    switch.store(false, std::sync::atomic::Ordering::Relaxed);
    let back = watched.run(seconds(20));
    assert!(back.absence().is_none());
    assert!(states(&back).contains(&"active"), "{:?}", states(&back));
}

#[test]
fn s1_26_a_gpu_that_is_added_on_the_bus_has_the_driver_opened_again_once() {
    let folder = tempfile::tempdir().unwrap();
    let plug_in = |slot: &str| {
        let device = folder.path().join("sys/bus/pci/devices").join(slot);
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("vendor"), "0x10de\n").unwrap();
        std::fs::write(device.join("class"), "0x030200\n").unwrap();
    };
    plug_in("0000:01:00.0");
    let (mut machine, clock) = machine("h100-idle", START);
    machine.host = Host::new(folder.path().join("proc"), folder.path().join("sys"));
    let mut watched = Watched::over(machine, clock, &patient(), &StateUse::None);
    let opened = |watched: &mut Watched| {
        let families = families(&watched.run(seconds(70)));
        let mut calls = samples(&families, "gpulse_driver_calls_total");
        calls.retain(|call| call.label("call") == Some("nvmlInit"));
        calls.iter().map(|call| call.value).sum::<f64>()
    };
    assert_eq!(opened(&mut watched), 1.0);
    plug_in("0000:02:00.0");
    assert_eq!(opened(&mut watched), 2.0);
    assert_eq!(opened(&mut watched), 2.0, "the bus has no more than before");
}

#[test]
fn one_gpu_that_hangs_is_stuck_and_the_other_stays_current() {
    let config = Config { patience_ms: 50, ..Config::default() };
    let mut watched = Watched::with("fault-hang", START, &config, &StateUse::None);
    watched.run(seconds(29));
    watched.step();
    // A call is given up after 5 s of the machine's time.
    let begun = Instant::now();
    let snapshot = loop {
        let snapshot = watched.step();
        if snapshot.pass.gpus[0].health == gpu::Health::Stuck {
            break snapshot;
        }
        assert!(begun.elapsed() < seconds(20), "not found stuck");
        std::thread::sleep(Duration::from_millis(300));
    };
    assert_eq!(on_gpu(&snapshot, "gpulse_device_problem", "0")[0].label("reason"), Some("stuck"));
    assert_eq!(on_gpu(&snapshot, "gpulse_device_up", "1")[0].value, 1.0);
    assert_eq!(on_gpu(&snapshot, "DCGM_FI_DEV_POWER_USAGE", "1").len(), 1);
    let late = watched.run(seconds(12));
    assert!(on_gpu(&late, "DCGM_FI_DEV_POWER_USAGE", "0").is_empty(), "too old to be printed");
    assert!(health(&watched.node.published(), late.at).body.contains("GPU 0 is stuck"));
}

#[test]
fn s1_26_a_gpu_that_is_cut_and_cut_again_is_followed_without_a_restart() {
    let mut watched = Watched::new("fault-mig-set", START);
    let instances = |snapshot: &Snapshot| {
        let samples = on_gpu(snapshot, "DCGM_FI_DEV_FB_TOTAL", "0");
        let id = |sample: &Sample| {
            sample.label("GPU_I_ID").map(|id| {
                let uuid = sample.label("DCGM_FI_DEV_UUID").unwrap();
                (id.to_owned(), uuid.to_owned())
            })
        };
        samples.iter().filter_map(id).collect::<Vec<_>>()
    };
    assert!(instances(&watched.run(seconds(20))).is_empty());
    let cut = instances(&watched.run(seconds(45)));
    assert!(!cut.is_empty());
    let cut_again = instances(&watched.run(seconds(60)));
    assert!(!cut_again.is_empty());
    assert!(cut_again.iter().all(|(_, uuid)| cut.iter().all(|(_, before)| before != uuid)));
}

#[test]
fn an_xid_is_shown_until_the_next_and_counted() {
    let mut watched = Watched::new("fault-xid", START);
    let before = watched.run(seconds(20));
    assert!(on_gpu(&before, "DCGM_FI_DEV_XID_ERRORS", "0").is_empty());
    // A pass takes events along as they come: give each of the three its time.
    watched.run(seconds(15));
    watched.run(seconds(10));
    let after = watched.run(seconds(10));
    let last = &on_gpu(&after, "DCGM_FI_DEV_XID_ERRORS", "0")[0];
    assert_eq!((last.value, last.label("err_code")), (31.0, Some("31")));
    assert_eq!(last.label("err_msg"), Some("GPU memory page fault"));
    let events = on_gpu(&after, "gpu_xid_events_total", "0");
    let count = |xid: &str| {
        let of = |sample: &&Sample| {
            sample.label("xid") == Some(xid) && sample.label("GPU_I_ID").is_none()
        };
        events.iter().find(of).map(|sample| sample.value)
    };
    assert_eq!((count("31"), count("94"), count("79")), (Some(2.0), Some(1.0), Some(0.0)));
}

#[test]
fn rights_that_are_taken_away_are_said_and_nothing_is_made_up() {
    let mut watched = Watched::new("fault-no-permission", START);
    let before = watched.run(seconds(25));
    assert_eq!(on_gpu(&before, "DCGM_FI_PROF_SM_ACTIVE", "0").len(), 1);
    let after = watched.run(seconds(40));
    assert!(on_gpu(&after, "DCGM_FI_PROF_SM_ACTIVE", "0").is_empty());
    assert_eq!(on_gpu(&after, "DCGM_FI_PROF_SM_ACTIVE", "1").len(), 1);
    let reasons = on_gpu(&after, "gpulse_field_supported", "0");
    let reason = reasons
        .iter()
        .find(|sample| sample.label("field") == Some("DCGM_FI_PROF_SM_ACTIVE"))
        .and_then(|sample| sample.label("reason"));
    assert_eq!(reason, Some("no_permission"));
    let problem = on_gpu(&after, "gpulse_device_problem", "0");
    assert_eq!(problem[0].label("reason"), Some("no_permission"));
    assert!(on_gpu(&after, "gpu_process_info", "0").is_empty(), "it is not known who is there");
}

#[test]
fn a_restart_keeps_xids_and_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateUse::Keep { path: dir.path().join("exporter.state"), keeper: None };
    let mut watched = Watched::with("fault-xid", START, &patient(), &state);
    let before = watched.run(seconds(60));
    watched.node.finish();
    let mut again = Watched::with("fault-xid", seconds(121), &patient(), &state);
    let after = again.step();
    assert_eq!(
        on_gpu(&before, "DCGM_FI_DEV_XID_ERRORS", "0"),
        on_gpu(&after, "DCGM_FI_DEV_XID_ERRORS", "0")
    );
    let ids = |snapshot: &Snapshot| {
        let sessions = &snapshot.view.sessions;
        sessions.iter().map(|session| session.facts.id.clone()).collect::<Vec<_>>()
    };
    assert!(!ids(&before).is_empty());
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(before.view.run, after.view.run);
}

#[test]
fn a_process_of_half_a_second_is_known_where_the_driver_accounts() {
    let world = |accounting: bool| {
        format!(
            "[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\naccounting = {accounting}\n\
             [[node.process]]\ngpu = [\"0\"]\ncommand = \"job\"\npid = 77\nmemory = \"2GiB\"\nsm = 50\n\
             start = \"70s200ms\"\nstop = \"70s700ms\"\n"
        )
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("world.toml");
    for (accounting, known) in [(true, 1), (false, 0)] {
        std::fs::write(&path, world(accounting)).unwrap();
        let mut watched = Watched::new(path.to_str().unwrap(), START);
        let page = families(&watched.run(seconds(30)));
        let info = samples(&page, "gpu_session_info");
        assert_eq!(info.iter().filter(|s| s.label("pid") == Some("77")).count(), known);
        if known == 1 {
            let one = |name: &str| samples(&page, name)[0].value;
            assert_eq!(info[0].label("start"), Some("seen"));
            assert_eq!(one("gpu_session_memory_peak_bytes"), 2.0 * 1024.0 * 1024.0 * 1024.0);
            let lasted =
                one("gpu_session_end_time_seconds") - one("gpu_session_start_time_seconds");
            assert!((lasted - 0.5).abs() < 0.01, "{lasted}");
        }
    }
}

#[test]
fn weighted_utilisation_has_one_method_per_gpu_from_the_first_pass_on() {
    let mut watched = Watched::new("h100x8-busy", START);
    let mut shown = 0;
    for _ in 0..20 {
        let page = families(&watched.step());
        let weighted = samples(&page, "DCGM_FI_DEV_WEIGHTED_GPU_UTIL");
        let method = |sample: &Sample| sample.label("calculation_method").map(str::to_owned);
        assert!(weighted.iter().all(|one| method(one).as_deref() == Some("prof_gr_engine_active")));
        shown = weighted.len();
    }
    assert_eq!(shown, 8);
}

#[test]
fn a_gpu_whose_driver_is_gone_is_down_and_not_forgotten() {
    let mut watched = Watched::new("fault-driver-unload", START);
    watched.run(seconds(20));
    let page = families(&watched.run(seconds(25)));
    let up = samples(&page, "gpulse_device_up");
    assert!(!up.is_empty() && up.iter().all(|sample| sample.value == 0.0), "{up:?}");
    let reasons: HashSet<_> = samples(&page, "gpulse_device_problem")
        .iter()
        .map(|sample| sample.label("reason").map(str::to_owned))
        .collect();
    assert_eq!(reasons, HashSet::from([Some("driver_gone".to_owned())]));
}

#[test]
fn a_gpu_that_is_lost_from_the_start_has_no_false_answers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("world.toml");
    let world = "[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\ncount = 2\n\
                 [[node.fault]]\nkind = \"lost\"\ngpu = \"0\"\nat = \"0s\"\nxid = 79\n";
    std::fs::write(&path, world).unwrap();
    let mut watched = Watched::new(path.to_str().unwrap(), START);
    let snapshot = watched.run(seconds(20));
    let host = Host::new("/proc".into(), "/sys".into());
    let textfile = dir.path().join("out.prom");
    let evidence = Evidence {
        snapshot: &snapshot,
        host: &host,
        textfile: &textfile,
        kubelet: "/none".as_ref(),
        state_dir: None,
        is_watched: false,
    };
    let said = |id: &str| {
        let answer = examine(&evidence).into_iter().find(|answer| answer.id == id).unwrap();
        (answer.status, answer.evidence)
    };
    let listed = said("processes-readable");
    assert!(listed.0 == Status::Fail && listed.1.contains("GPU 0: lost"), "{listed:?}");
    assert_eq!(said("gpm").0, Status::Ok, "the other GPU has it; the lost one was not asked");
}
