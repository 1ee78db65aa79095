//! A killed program that does not go, and a program that ends while something it started goes on.

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn shell(runner: &mut Runner, script: &str) -> Result<String, RunError> {
    runner.run(Path::new("/bin/sh"), &["-c", script], LONG, &Stop::default())
}

#[test]
fn no_second_program_is_started_beside_one_that_cannot_be_killed() {
    let hanging = start(Path::new("/bin/sh"), &["-c", "exec sleep 600"]).unwrap();
    let pid = Pid::from_raw(i32::try_from(hanging.id()).unwrap()).unwrap();
    let mut runner = Runner { undead: Some((hanging, "nvidia-smi -q".to_owned())) };
    let refused = shell(&mut runner, "echo hello").unwrap_err();
    assert!(matches!(refused, RunError::Stuck { .. }), "{refused}");
    assert_eq!(refused.kind(), ErrorKind::Timeout);
    kill_process_group(pid, Signal::KILL).unwrap();
    let since = Instant::now();
    while runner.bury().is_err() {
        assert!(since.elapsed() < LONG, "the program was killed and is still counted");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(shell(&mut runner, "echo hello").unwrap(), "hello\n");
}

#[test]
fn a_pipe_that_a_grandchild_keeps_open_does_not_delay_the_answer() {
    let since = Instant::now();
    let said = shell(&mut Runner::default(), "sleep 5 & echo hello").unwrap();
    assert_eq!(said, "hello\n");
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[test]
fn a_set_stop_ends_a_run_at_once() {
    let stop = Stop::default();
    stop.stop();
    let arguments = ["-c", "exec sleep 600"];
    let ended = Runner::default().run(Path::new("/bin/sh"), &arguments, LONG, &stop).unwrap_err();
    assert!(matches!(ended, RunError::Stopped { .. }), "{ended}");
}

#[test]
fn its_own_words_stand_in_the_message_also_from_the_error_stream() {
    let error = shell(&mut Runner::default(), "echo no such device >&2; exit 15").unwrap_err();
    assert!(error.to_string().ends_with("exit status: 15: no such device"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Lost);
}
