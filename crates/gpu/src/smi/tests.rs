//! The source over programs that hang, rave, refuse and change their mind.

use model::{ErrorKind, Reading, Stop};

use super::round::Rounds;
use super::*;
use crate::Health;

/// A program made of a shell script.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new(body: &str) -> Self {
        let script = Self { folder: tempfile::tempdir().unwrap() };
        script.change(body);
        script
    }

    /// Written by another process: a file that this one holds open for writing cannot be run, and
    /// a child that another test starts just then would hold it open too.
    #[expect(clippy::disallowed_methods, reason = "a test may run programs")]
    fn change(&self, body: &str) {
        let text = self.folder.path().join("text");
        std::fs::write(&text, format!("#!/bin/sh\n{body}\n")).unwrap();
        let mut install = std::process::Command::new("install");
        let done = install.args(["-m", "755"]).arg(text).arg(self.program()).status();
        assert!(done.unwrap().success());
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("nvidia-smi")
    }

    fn config(&self, deadline: Duration) -> Config {
        Config { program: Some(self.program()), deadline, first_wait: 60 * deadline }
    }

    fn pass(&self, deadline: Duration) -> Pass {
        Source::new(self.config(deadline), Arc::default()).pass(Timestamp::from_secs(9), Ask::ALL)
    }

    fn rounds(&self, deadline: Duration) -> Rounds {
        let (calls, stop) = (Arc::default(), Arc::new(Stop::default()));
        Rounds::new(self.program(), deadline, calls, stop)
    }
}

fn reason_and_remedy(pass: &Pass) -> (&str, &str) {
    match &pass.source {
        SourceState::Absent { reason, remedy } => (reason, remedy),
        other => panic!("{other:?}"),
    }
}

const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(10);

/// One GPU, by every form but `pmon`.
const ONE_GPU: &str = r#"
case "$*" in
-L) echo "GPU 0: A (UUID: GPU-a)" ;;
-q) echo "==NVSMI LOG=="; echo "GPU 00000000:0C:00.0"; echo "    GPU UUID : GPU-a" ;;
--query-compute-apps=gpu_bus_id*) echo "00000000:0C:00.0, 7, python, 12" ;;
--query-gpu=*)
  list=${1#--query-gpu=}; header=; row=
  for field in $(echo "$list" | tr , ' '); do
    case $field in
    index) value=0 ;; name) value=A ;; uuid) value=GPU-a ;; pci.bus_id) value=00000000:0C:00.0 ;;
    memory.reserved|clocks_event_reasons.active|temperature.memory)
      echo "Field \"$field\" is not a valid field to query."; echo; exit 2 ;;
    temperature.gpu) value=42 ;; *) value="[N/A]" ;;
    esac
    header="$header${header:+, }$field"; row="$row${row:+, }$value"
  done
  echo "$header"; echo "$row" ;;
'') echo "| NVIDIA-SMI 1.2  Driver Version: 1.2  CUDA Version: 3.4 |"; echo "| Processes: |" ;;
*) exit 3 ;;
esac
"#;

#[test]
fn a_program_that_never_ends_is_killed_with_what_it_started() {
    let marker = tempfile::NamedTempFile::new().unwrap();
    let path = marker.path().display().to_string();
    let script = Script::new(&format!("sleep 600 & echo $! >> {path}; wait"));
    let since = Instant::now();
    let pass = script.pass(SHORT);
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    let (reason, remedy) = reason_and_remedy(&pass);
    assert!(reason.contains("did not end within 0.4 s and was killed"), "{reason}");
    assert!(remedy.contains("dmesg"), "{remedy}");
    assert!(pass.gpus.is_empty() && pass.observations.is_empty());
    let started = std::fs::read_to_string(&path).unwrap();
    let alive = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains("(sleep) S")
    };
    assert!(started.lines().count() > 1 && !started.lines().any(alive), "{started}");
}

#[test]
fn a_program_that_prints_without_end_is_cut_off() {
    let pass = Script::new("exec cat /dev/zero").pass(LONG);
    let (reason, _) = reason_and_remedy(&pass);
    assert!(reason.contains("printed more than 16 MiB"), "{reason}");
}

#[test]
fn endless_complaints_do_not_fill_the_memory() {
    let pass = Script::new("exec cat /dev/zero >&2").pass(SHORT);
    assert!(reason_and_remedy(&pass).0.contains("was killed"));
}

#[test]
fn garbage_is_reported_with_its_first_words_and_nothing_is_made_up() {
    let pass = Script::new(r"printf '\033[31mhello \377\n 1, 2, 3\n'").pass(LONG);
    let (reason, remedy) = reason_and_remedy(&pass);
    assert!(reason.contains("something else than its usual answer: [31mhello"), "{reason}");
    assert!(!reason.contains('\u{1b}'), "an escape would move the terminal: {reason:?}");
    assert!(remedy.contains("by hand"), "{remedy}");
    assert!(pass.gpus.is_empty());
}

#[test]
fn the_programs_own_words_are_the_reason() {
    let script = "echo \"NVIDIA-SMI has failed because it couldn't communicate\"; exit 9";
    let pass = Script::new(script).pass(LONG);
    let (reason, remedy) = reason_and_remedy(&pass);
    assert!(reason.contains("couldn't communicate"), "{reason}");
    assert!(remedy.contains("modprobe nvidia"), "{remedy}");
    let calls: Vec<_> = pass.calls.counts().collect();
    assert!(calls.contains(&("nvidia-smi -L", "driver_not_loaded", 1)), "{calls:?}");
}

#[test]
fn a_missing_program_and_one_that_cannot_start_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let program = Some(folder.path().join("nvidia-smi"));
    let config = Config { program, first_wait: LONG, ..Config::default() };
    let pass = Source::new(config, Arc::default()).pass(Timestamp::default(), Ask::ALL);
    assert!(reason_and_remedy(&pass).0.contains("cannot start"), "{:?}", pass.source);
    let pass = Script::new("").pass(LONG);
    assert!(reason_and_remedy(&pass).0.contains("usual answer"), "{:?}", pass.source);
}

#[test]
fn the_program_is_found_on_path_only_if_it_can_be_run() {
    let script = Script::new("true");
    let folder = script.folder.path().as_os_str().to_owned();
    assert_eq!(find(&folder), Some(script.program()));
    let config = Config::from_path(Some(&folder)).unwrap();
    assert_eq!(config.program, Some(script.program()));
    let mut mode = script.program().metadata().unwrap().permissions();
    mode.set_mode(0o644);
    std::fs::set_permissions(script.program(), mode).unwrap();
    assert_eq!(find(&folder), None);
    assert!(Config::from_path(None).is_none());
}

#[test]
fn refused_fields_are_dropped_and_not_asked_again() {
    let script = Script::new(ONE_GPU);
    let mut rounds = script.rounds(LONG);
    let round = rounds.full();
    let refused: Vec<&str> = round.refused.iter().map(String::as_str).collect();
    assert!(refused.contains(&"memory.reserved") && refused.contains(&"temperature.memory"));
    let shown = Shown::of(&round, Timestamp::from_secs(1), &Shown::default());
    let cell = |name| shown.gpus[0].view.entities[0].cell(name).unwrap().reading;
    assert_eq!(cell("DCGM_FI_DEV_GPU_TEMP"), Reading::Value(42.0));
    assert_eq!(cell("DCGM_FI_DEV_MEMORY_TEMP"), Reading::NotSupported);
    script.change("exit 1");
    let again = rounds.figures(&round);
    assert_eq!(again.refused, round.refused);
    assert!(again.sheet.is_err() && again.table.is_ok());
}

#[test]
fn gpus_seen_before_a_hang_are_shown_as_stuck_with_failed_readings() {
    let script = Script::new(ONE_GPU);
    let mut rounds = script.rounds(LONG);
    let before = Shown::of(&rounds.full(), Timestamp::from_secs(1), &Shown::default());
    assert_eq!(before.observations()[0].processes.as_ref().value().unwrap()[0].pid, 7);
    script.change("sleep 600");
    let after = Shown::of(&script.rounds(SHORT).full(), Timestamp::from_secs(2), &before);
    let gpu = &after.gpus[0].view;
    assert_eq!((gpu.uuid.as_str(), gpu.health), ("GPU-a", Health::Stuck));
    let temperature = gpu.entities[0].cell("DCGM_FI_DEV_GPU_TEMP").unwrap().reading;
    assert_eq!(temperature, Reading::Failed(ErrorKind::Timeout));
    let observation = &after.observations()[0];
    assert_eq!(observation.down, Some(ErrorKind::Timeout));
    assert_eq!(observation.processes, Reading::Failed(ErrorKind::Timeout));
}

#[test]
fn later_passes_do_not_wait_for_the_program() {
    let script = Script::new(ONE_GPU);
    let mut source = Source::new(script.config(LONG), Arc::default());
    let first = source.pass(Timestamp::from_secs(100), Ask::ALL);
    assert_eq!(first.source, SourceState::NvidiaSmi);
    assert_eq!(first.gpus.len(), 1);
    script.change("sleep 600");
    let since = Instant::now();
    let second = source.pass(Timestamp::from_secs(101), Ask::ALL);
    assert!(since.elapsed() < Duration::from_millis(200), "{:?}", since.elapsed());
    assert!(Arc::ptr_eq(&first.gpus[0], &second.gpus[0]), "nothing new was read");
    let device = |pass: &Pass| Arc::clone(&pass.observations[0].device);
    assert!(Arc::ptr_eq(&device(&first), &device(&second)));
    assert_eq!(second.observations[0].activity, Some(Reading::NotSupported));
    let ended = Instant::now();
    drop(source);
    assert!(ended.elapsed() < Duration::from_secs(5), "the threads end with the source");
}

#[test]
fn without_a_first_wait_the_first_pass_says_that_nothing_is_known_yet() {
    let script = Script::new("sleep 600");
    let config = Config { first_wait: Duration::ZERO, ..script.config(LONG) };
    let pass = Source::new(config, Arc::default()).pass(Timestamp::default(), Ask::ALL);
    assert!(reason_and_remedy(&pass).0.contains("not answered yet"), "{:?}", pass.source);
}
