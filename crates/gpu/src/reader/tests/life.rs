//! Drivers that go away, GPUs that are lost or hang: nothing ends, the others stay current.

use model::Reading;

use super::*;

#[test]
fn a_lost_gpu_is_down_and_the_others_stay_current() {
    let mut bench = Bench::new(vec![gpu("a"), gpu("b")]);
    bench.pass();
    bench.fake.world().gpus[0].lost = true;
    let pass = bench.after(1);
    assert_eq!((pass.gpus[0].health, pass.gpus[1].health), (Health::Lost, Health::Up));
    assert_eq!(pass.gpus[0].uuid, "GPU-a");
    assert!(entity(&pass, 0).values.iter().all(|cell| !cell.reading.is_value()));
    assert_eq!(value(entity(&pass, 1), "DCGM_FI_DEV_POWER_USAGE"), Some(629.45));
    let [lost, well] = &pass.observations[..] else { panic!("two devices") };
    assert_eq!(lost.down, Some(ErrorKind::Lost));
    assert_eq!(lost.processes, Reading::Failed(ErrorKind::Lost));
    assert_eq!((well.down, well.processes.is_value()), (None, true));
    bench.fake.world().gpus[0].lost = false;
    let pass = bench.after(1);
    assert_eq!(pass.gpus[0].health, Health::Up);
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_POWER_USAGE"), Some(629.45));
    assert_eq!(pass.observations[0].down, None);
}

#[test]
fn a_gpu_that_is_lost_from_the_start_is_shown_by_its_index() {
    let mut lost = gpu("a");
    lost.lost = true;
    let mut bench = Bench::new(vec![lost, gpu("b")]);
    let pass = bench.pass();
    assert_eq!((pass.gpus[0].index, pass.gpus[0].health), (0, Health::Lost));
    assert_eq!((pass.gpus[0].uuid.as_str(), pass.observations.len()), ("", 1));
}

#[test]
fn a_call_that_hangs_makes_its_gpu_stuck_and_no_other() {
    let mut bench = Bench::new(vec![gpu("a"), gpu("b")]);
    bench.reader.options.patience = Duration::from_millis(300);
    bench.pass();
    bench.fake.world().hung.insert(0);
    let began = Instant::now();
    let pass = bench.after(1);
    // Late is not stuck: who is there is not known now, and use will come.
    assert_eq!(pass.gpus[0].health, Health::Up);
    let late = &pass.observations[0];
    assert_eq!((late.down, &late.processes), (None, &Reading::Failed(ErrorKind::Timeout)));
    assert!(late.process_use.is_none());
    let pass = bench.after(5);
    assert_eq!((pass.gpus[0].health, pass.gpus[1].health), (Health::Stuck, Health::Up));
    assert_eq!(pass.observations[0].down, Some(ErrorKind::Timeout));
    assert_eq!(entity(&pass, 1).cell("DCGM_FI_DEV_POWER_USAGE").unwrap().at, pass.at);
    // A stuck GPU is not waited for again: only the first pass lost its patience.
    bench.run(20);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_late_answer_is_merged_and_no_use_sample_is_lost() {
    let mut bench = Bench::new(vec![gpu("a")]);
    bench.reader.options.patience = Duration::from_millis(100);
    bench.pass();
    let now = bench.now();
    bench.fake.world().hung.insert(0);
    bench.fake.world().gpus[0].used = vec![used(5, now + 1, 40)];
    bench.after(5);
    bench.after(5);
    bench.fake.unhang();
    wait_for(|| bench.fake.world().asked_since.len() == 2);
    bench.fake.world().gpus[0].used = vec![used(5, now + 1, 40), used(5, now + 9, 80)];
    let mut seen = Vec::new();
    let mut pass = bench.after(5);
    for _ in 0..3 {
        if let Some(ProcessUse { samples: Reading::Value(samples) }) =
            &pass.observations[0].process_use
        {
            seen.extend(samples.iter().map(|sample| sample.sm));
        }
        pass = bench.after(5);
    }
    assert_eq!(seen, [40, 80]);
    assert_eq!(pass.gpus[0].health, Health::Up);
    assert_eq!(pass.observations[0].down, None);
}

#[test]
fn a_driver_that_is_unloaded_is_closed_and_found_again_when_it_returns() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let now = bench.now();
    bench.fake.world().gpus[0].used = vec![used(5, now - 1, 40)];
    bench.pass();
    bench.fake.world().gone = Some(Return::DRIVER_NOT_LOADED);
    let pass = bench.after(1);
    let SourceState::Absent { reason, remedy } = &pass.source else { panic!("{:?}", pass.source) };
    assert_eq!(reason, "the NVIDIA driver does not start: driver_not_loaded (9)");
    assert!(remedy.contains("modprobe"));
    assert!(pass.gpus.is_empty());
    // Its devices are down, not forgotten.
    assert_eq!(pass.observations[0].down, Some(ErrorKind::DriverGone));
    wait_for(|| bench.fake.world().shutdowns == 1);
    let shut_down = Arc::strong_count(&bench.fake);
    assert!(shut_down <= 3, "the driver is still held {shut_down} times");
    wait_for(|| bench.reader.ending.lives.iter().all(JoinHandle::is_finished));
    let inits = bench.fake.world().inits;
    bench.run(3);
    bench.fake.world().gone = None;
    // It is looked for after 5 s, not before.
    assert_eq!(bench.fake.world().inits, inits);
    let pass = bench.run(2);
    assert_eq!(pass.source, SourceState::Nvml);
    assert_eq!(pass.gpus[0].health, Health::Up);
    // Use goes on from where the earlier life left it.
    assert_eq!(bench.fake.world().asked_since, [0, (now - 1) * 1_000_000]);
}

#[test]
fn looking_for_a_driver_grows_slower_up_to_a_minute() {
    let mut bench = Bench::new(Vec::new());
    bench.fake.world().gone = Some(Return::LIB_RM_VERSION_MISMATCH);
    let mut looks = Vec::new();
    let mut calls = 0;
    for second in 0..200 {
        let pass = bench.reader.pass(Timestamp::from_secs(BEGAN + second), Ask::ALL);
        let inits = pass.calls.count_of(Call::Init);
        if inits > calls {
            looks.push(second);
        }
        calls = inits;
        wait_for(|| bench.reader.ending.lives.iter().all(JoinHandle::is_finished));
    }
    assert_eq!(looks, [0, 5, 15, 35, 75, 135, 195]);
}

#[test]
fn a_clock_that_steps_back_does_not_stop_the_search() {
    let mut bench = Bench::new(vec![gpu("a")]);
    bench.fake.world().gone = Some(Return::DRIVER_NOT_LOADED);
    bench.pass();
    bench.fake.world().gone = None;
    wait_for(|| bench.reader.ending.lives.iter().all(JoinHandle::is_finished));
    let pass = bench.after(-86_400);
    assert_eq!(pass.source, SourceState::Nvml);
}

#[test]
fn a_released_driver_is_shut_down_and_taken_back_on_request() {
    let mut bench = Bench::new(vec![gpu("a")]);
    bench.run(3);
    bench.reader.release();
    assert_eq!(bench.fake.world().shutdowns, 1);
    assert_eq!(bench.fake.held_samples(), 0);
    let pass = bench.run(100);
    let SourceState::Absent { reason, .. } = &pass.source else { panic!("{:?}", pass.source) };
    assert!(reason.contains("on request"), "{reason}");
    assert_eq!(bench.fake.world().inits, 1);
    bench.reader.resume();
    assert_eq!(bench.after(1).gpus.len(), 1);
    assert_eq!(bench.fake.world().inits, 2);
}

#[test]
fn a_driver_is_not_shut_down_under_a_call_that_hangs() {
    let mut bench = Bench::new(vec![gpu("a"), gpu("b")]);
    bench.reader.options.deadline = Duration::from_millis(200);
    bench.pass();
    bench.reader.options.patience = Duration::from_millis(100);
    bench.fake.world().hung.insert(0);
    bench.after(1);
    bench.reader.release();
    bench.reader.release();
    assert_eq!(bench.fake.world().shutdowns, 0);
    bench.reader.resume();
    wait_for(|| bench.reader.ending.lives.iter().all(JoinHandle::is_finished));
    // The hanging call keeps its GPU: no second thread is started for it, the other is back.
    let pass = bench.after(1);
    assert_eq!((pass.gpus[0].health, pass.gpus[1].health), (Health::Stuck, Health::Up));
    bench.fake.unhang();
    wait_for(|| bench.reader.ending.gpus.iter().all(|(_, thread)| thread.is_finished()));
    let pass = bench.after(1);
    assert_eq!(pass.gpus[0].health, Health::Up);
}

#[test]
fn no_gpu_is_a_driver_without_gpus_and_is_looked_at_again() {
    let mut bench = Bench::new(Vec::new());
    let pass = bench.pass();
    assert_eq!((pass.source, pass.gpus.len()), (SourceState::Nvml, 0));
    bench.fake.world().gpus.push(gpu("new"));
    wait_for(|| {
        bench.second += 61;
        bench.pass().gpus.len() == 1
    });
}

#[test]
fn an_xid_is_told_once_with_its_gpu_and_instance() {
    let mut bench = Bench::new(vec![gpu("a"), gpu("b")]);
    bench.pass();
    bench.fake.world().events.push_back(Event {
        device: Fake::handle(1),
        event_type: EVENT_XID_CRITICAL_ERROR,
        data: 79,
        gpu_instance_id: Some(3),
        compute_instance_id: None,
    });
    let mut seen = Vec::new();
    wait_for(|| {
        bench.second += 1;
        seen.extend(bench.pass().xids);
        !seen.is_empty()
    });
    assert!(bench.after(1).xids.is_empty());
    let [event] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((event.gpu_uuid.as_str(), event.gpu_index, event.xid), ("GPU-b", 1, 79));
    assert_eq!((event.gpu_instance, event.compute_instance), (Some(3), None));
}

#[test]
fn a_driver_that_answers_at_once_is_not_asked_for_events_in_a_busy_loop() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let calls = bench.pass().calls;
    model::Stop::default().wait(Duration::from_millis(300));
    assert!(calls.count_of(Call::EventSetWait) <= 2, "{}", calls.count_of(Call::EventSetWait));
}

#[test]
fn a_handle_error_makes_the_layout_be_read_again_but_not_every_second() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let calls = bench.pass().calls;
    let before = calls.count_of(Call::Uuid);
    bench.fake.world().refuses.insert("clock_info", Return::INVALID_ARGUMENT);
    bench.run(7);
    assert_eq!(calls.count_of(Call::Uuid) - before, 1);
    bench.run(30);
    assert!(calls.count_of(Call::Uuid) - before <= 8);
}

#[test]
fn without_a_library_the_reason_names_what_was_tried_and_what_to_do() {
    let open: OpenDriver = Box::new(|| Err(OpenError::NotFound { tried: vec!["libx.so".into()] }));
    let mut reader = Reader::new(open, None, Options::default());
    let pass = reader.pass(Timestamp::from_secs(BEGAN), Ask::ALL);
    let SourceState::Absent { reason, remedy } = pass.source else { panic!("absent") };
    assert_eq!(reason, "no NVIDIA driver library found (tried libx.so)");
    assert!(remedy.contains("install the NVIDIA driver"));
}

/// Wait, in real time, for something that another thread does.
fn wait_for(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "waited too long");
        model::Stop::default().wait(Duration::from_millis(5));
    }
}

#[test]
fn a_gpu_that_was_added_is_seen_once_the_driver_is_reopened() {
    let mut bench = Bench::new(vec![gpu("a")]);
    assert_eq!(bench.pass().gpus.len(), 1);
    bench.fake.world().gpus.push(gpu("b"));
    assert_eq!(bench.after(1).gpus.len(), 1);
    bench.reader.reopen(Timestamp::from_secs(bench.second));
    // The old life ends on a thread of its own; the new one begins with the first pass after it.
    let seen = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        bench.after(1).gpus.len() == 2
    });
    assert!(seen);
    bench.reader.release();
    bench.reader.reopen(Timestamp::from_secs(bench.second));
    assert!(bench.after(1).gpus.is_empty());
}
