//! The task without a kubelet, in a time that passes at once. The real protocol is tested over a
//! real socket, with the whole program.

use super::*;

fn config(folder: &tempfile::TempDir) -> Config {
    Config { socket: folder.path().join("none.sock"), resource_names: Vec::new() }
}

/// A handle whose last answer came just now.
fn answered() -> Handle {
    let handle = Handle::default();
    let answer = Some(Arc::new(Answer::default()));
    handle.publish(Newest { answer, answered: Some(Instant::now()), fault: None });
    handle
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_a_minute_of_failed_calls_and_then_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let handle = answered();
    let task = tokio::spawn(run(config(&folder), handle.clone()));
    tokio::time::sleep(Duration::from_millis(59_900)).await;
    let newest = handle.newest();
    assert!(newest.answer.is_some() && newest.fault.is_some());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let newest = handle.newest();
    assert!(newest.answer.is_none() && newest.fault.is_some());
    // Its age is still told.
    assert!(newest.age().is_some_and(|age| age >= KEPT));
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_wake_while_the_task_waits_for_an_answer_to_grow_old_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let handle = answered();
    // Seconds before the answer is too old.
    tokio::time::sleep(Duration::from_secs(55)).await;
    let task = tokio::spawn(run(config(&folder), handle.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    handle.publish(Newest::clone(&handle.newest()));
    let before = handle.newest();
    handle.wake();
    tokio::time::sleep(Duration::from_millis(600)).await;
    // Whatever the call brought was published.
    assert!(!Arc::ptr_eq(&before, &handle.newest()));
    assert!(!task.is_finished());
}
