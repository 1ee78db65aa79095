//! Processes that only the driver's accounting knows.

use model::Timestamp;
use model::observation::{DeviceObservation, FinishedProcess};

use super::world::{GIB, World, at, gpu, list, process};
use crate::SessionState;

fn finished(pid: u32, started: Timestamp, ended: Timestamp) -> FinishedProcess {
    FinishedProcess { pid, started, ended, memory_peak_bytes: Some(2 * GIB) }
}

fn telling(entry: FinishedProcess) -> DeviceObservation {
    DeviceObservation { finished: vec![entry], ..list(&gpu(0), &[]) }
}

#[test]
fn a_process_that_no_list_showed_is_an_ended_session() {
    let mut world = World::new();
    world.see(10, &[list(&gpu(0), &[])]);
    let (started, ended) = (Timestamp(at(12).0 + 100_000), Timestamp(at(12).0 + 600_000));
    world.see(15, &[telling(finished(77, started, ended))]);
    let short = world.session(77);
    assert_eq!((short.facts.start, short.state), (started, SessionState::Ended));
    assert_eq!(short.end.map(|end| end.at), Some(ended));
    assert_eq!(short.memory_peak_bytes, Some(2 * GIB));
    world.see(20, &[telling(finished(77, started, ended))]);
    assert_eq!(world.view().sessions.len(), 1, "the same entry twice is one session");
    let later = (at(120), at(121));
    world.see(125, &[telling(finished(77, later.0, later.1))]);
    assert_eq!(world.view().sessions.len(), 2, "the PID came again");
}

#[test]
fn a_process_that_was_listed_is_not_a_second_session() {
    let mut world = World::new();
    world.start(7, 10);
    world.see(12, &[list(&gpu(0), &[process(7)])]);
    world.kill(7);
    world.see(14, &[telling(finished(7, at(11), at(13)))]);
    assert_eq!(world.view().sessions.len(), 1);
}
