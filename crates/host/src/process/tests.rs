//! Processes of a host that is a plain directory.

use std::fs;

use tempfile::TempDir;

use model::process::SlurmFacts;

use super::*;

struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(tree.0.path().join("proc")).unwrap();
        fs::create_dir_all(tree.0.path().join("etc")).unwrap();
        fs::write(tree.0.path().join("proc/stat"), "btime 1783500000\n").unwrap();
        fs::write(tree.0.path().join("etc/passwd"), "alice:x:1000:1000::/:\n").unwrap();
        tree
    }

    fn host(&self) -> Host {
        Host::new(self.0.path().join("proc"), self.0.path().join("sys"))
    }

    fn write(&self, pid: u32, name: &str, text: impl AsRef<[u8]>) {
        let dir = self.0.path().join("proc").join(pid.to_string());
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }

    fn process(&self, pid: u32, comm: &[u8], parent: u32, ticks: u64) {
        let head = format!("{pid} (");
        let tail = format!(") S {parent} 1 1 0 -1 0 1 0 0 0 250 50 0 0 20 0 9 0 {ticks} 1000\n");
        self.write(pid, "stat", [head.as_bytes(), comm, tail.as_bytes()].concat());
        self.write(pid, "status", "Name:\tx\nUid:\t1000\t0\t0\t0\n");
        self.write(pid, "cgroup", "0::/user.slice/user-1000.slice/session-1.scope\n");
        self.write(pid, "cmdline", [b"/usr/bin/".as_slice(), comm, b"\0--secret\0"].concat());
    }
}

fn facts(host: &Host, pid: u32) -> ProcessFacts {
    match host.process(pid) {
        Lookup::Facts(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_is_read_with_its_user_program_and_start() {
    let tree = Tree::new();
    tree.process(42, b"python", 1, 12_345);
    let facts = facts(&tree.host(), 42);
    assert_eq!(facts.command, "python");
    assert_eq!((facts.uid, facts.user.as_deref()), (Some(1000), Some("alice")));
    assert_eq!(facts.owner.kind, OwnerKind::User);
    assert_eq!(facts.cpu_seconds, 3.0);
    assert_eq!(facts.started, Timestamp(1_783_500_123_450_000));
}

#[test]
fn an_unknown_user_is_shown_by_number() {
    let tree = Tree::new();
    tree.process(42, b"python", 1, 1);
    tree.write(42, "status", "Uid:\t77\t77\t77\t77\n");
    assert_eq!(facts(&tree.host(), 42).user.as_deref(), Some("uid:77"));
}

#[test]
fn a_process_that_is_not_there_is_gone() {
    let tree = Tree::new();
    assert_eq!(tree.host().process(42), Lookup::Gone);
}

#[test]
fn a_process_that_vanishes_between_two_reads_is_gone() {
    let tree = Tree::new();
    tree.process(42, b"python", 1, 1);
    fs::remove_file(tree.0.path().join("proc/42/status")).unwrap();
    assert_eq!(tree.host().process(42), Lookup::Gone);
}

#[test]
fn a_broken_stat_is_unreadable_and_not_gone() {
    let tree = Tree::new();
    tree.process(42, b"python", 1, 1);
    tree.write(42, "stat", "42 (python");
    assert_eq!(tree.host().process(42), Lookup::Unreadable);
}

#[test]
fn a_new_program_in_the_same_process_is_noticed() {
    let tree = Tree::new();
    let host = tree.host();
    tree.process(42, b"bash", 1, 5);
    assert_eq!(facts(&host, 42).command, "bash");
    tree.process(42, b"python", 1, 5);
    assert_eq!(facts(&host, 42).command, "python");
}

#[test]
fn what_was_read_once_is_not_read_again() {
    let tree = Tree::new();
    let host = tree.host();
    tree.process(42, b"python", 1, 5);
    let first = facts(&host, 42);
    fs::remove_file(tree.0.path().join("proc/42/cgroup")).unwrap();
    assert_eq!(facts(&host, 42), first);
    tree.process(42, b"python", 1, 6);
    assert_eq!(facts(&host, 42).start_ticks, 6, "a reused PID is read anew");
}

#[test]
fn s1_8_the_command_is_the_programs_base_name() {
    let rows: [(&[u8], &[u8], &str); 8] = [
        (b"/opt/conda/bin/python\0train.py\0", b"python3.11", "python"),
        (b"python\0train.py\0", b"python", "python"),
        (b"-bash\0", b"bash", "bash"),
        (b"ray::train.step() password=x\0", b"ray::train.step", "ray::train.step"),
        (b"/opt/chrome/chrome --type=gpu /a/secret", b"chrome", "chrome"),
        (b"", b"kworker/0:1", "kworker/0:1"),
        (b"/x/we\"ird,na\nme\0", b"x", "we\"ird,na\nme"),
        (b"/x/\xff\0", b"x", "\u{fffd}"),
    ];
    let tree = Tree::new();
    for (pid, (line, comm, command)) in (100..).zip(rows) {
        tree.process(pid, comm, 1, 1);
        tree.write(pid, "cmdline", line);
        assert_eq!(facts(&tree.host(), pid).command, command);
    }
}

#[test]
fn a_slurm_job_is_found_by_the_step_daemon_among_the_parents() {
    let tree = Tree::new();
    tree.process(10, b"slurmstepd", 1, 1);
    tree.write(10, "cmdline", "slurmstepd: [4711.batch]\0");
    tree.process(11, b"bash", 10, 1);
    tree.process(12, b"python", 11, 1);
    let owner = facts(&tree.host(), 12).owner;
    assert_eq!((owner.kind, owner.slurm_job.as_deref()), (OwnerKind::Slurm, Some("4711")));
    assert_eq!(owner.slurm.unwrap().step.as_deref(), Some("batch"));
}

#[test]
fn account_partition_and_array_come_from_the_environment_of_the_same_job() {
    let tree = Tree::new();
    let of = |environ: &[u8]| {
        tree.process(12, b"python", 1, 1);
        let path = "0::/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0\n";
        tree.write(12, "cgroup", path);
        tree.write(12, "environ", environ);
        facts(&tree.host(), 12).owner
    };
    let told = b"SLURM_JOB_ID=4711\0SLURM_JOB_ACCOUNT=physics\0SLURM_JOB_PARTITION=gpu\0\
                 SLURM_ARRAY_JOB_ID=4700\0SLURM_ARRAY_TASK_ID=11\0SLURM_STEP_ID=9\0";
    let owner = of(told);
    assert_eq!((owner.kind, owner.slurm_job.as_deref()), (OwnerKind::Slurm, Some("4711")));
    let slurm = *owner.slurm.unwrap();
    let expected = SlurmFacts {
        step: Some("0".to_owned()),
        account: Some("physics".to_owned()),
        partition: Some("gpu".to_owned()),
        array_job: Some("4700".to_owned()),
        array_task: Some("11".to_owned()),
    };
    assert_eq!(slurm, expected, "the step is that of the control group");
    // What speaks of another job, cannot be shown, or is not there, tells nothing.
    let only_step = SlurmFacts { step: expected.step.clone(), ..SlurmFacts::default() };
    for other in [
        &b"SLURM_JOB_ID=1\0SLURM_JOB_ACCOUNT=physics\0"[..],
        b"SLURM_JOB_ID=4711\0SLURM_JOB_ACCOUNT=\x1b[31m\0SLURM_JOB_PARTITION=\xff\0SLURM_ARRAY_JOB_ID=x\0",
        b"SLURM_JOB_ACCOUNT=physics\0",
        b"",
    ] {
        assert_eq!(*of(other).slurm.unwrap(), only_step);
    }
    // Only the first part of an environment is read.
    let far = [b"X=".as_slice(), &[b'y'; 200 << 10], b"\0".as_slice(), told].concat();
    assert_eq!(*of(&far).slurm.unwrap(), only_step);
    std::fs::remove_file(tree.0.path().join("proc/12/environ")).unwrap();
    assert_eq!(*facts(&tree.host(), 12).owner.slurm.unwrap(), only_step);
}

#[test]
fn a_container_is_no_job_whatever_its_environment_says() {
    let tree = Tree::new();
    tree.process(12, b"python", 1, 1);
    tree.write(12, "cgroup", format!("0::/system.slice/docker-{}.scope\n", "a".repeat(64)));
    tree.write(12, "environ", "SLURM_JOB_ID=88\0");
    let owner = facts(&tree.host(), 12).owner;
    assert_eq!((owner.kind, owner.slurm_job), (OwnerKind::Container, None));
}

#[test]
fn a_restarted_container_is_a_new_process_with_its_new_id() {
    let tree = Tree::new();
    let host = tree.host();
    let pod = "c1a2b3d4-0001-4002-8003-0123456789ab";
    for (ticks, id) in [(100, "a".repeat(64)), (900, "b".repeat(64))] {
        tree.process(12, b"python", 1, ticks);
        tree.write(12, "cgroup", format!("0::/kubepods/burstable/pod{pod}/{id}\n"));
        let owner = facts(&host, 12).owner;
        assert_eq!(owner.pod_uid.as_deref(), Some(pod));
        assert_eq!(owner.container_id, Some(id));
    }
}

#[test]
fn the_environment_is_the_last_resort_for_a_slurm_job() {
    let tree = Tree::new();
    tree.process(12, b"python", 1, 1);
    tree.write(12, "environ", "PATH=/bin\0SLURM_JOB_ID=88\0");
    assert_eq!(facts(&tree.host(), 12).owner.slurm_job.as_deref(), Some("88"));
    tree.write(12, "environ", "SLURM_JOB_ID=; rm\0");
    assert_eq!(facts(&tree.host(), 12).owner.slurm_job, None);
}

#[test]
fn parents_in_a_circle_end_the_search() {
    let tree = Tree::new();
    tree.process(12, b"a", 13, 1);
    tree.process(13, b"b", 12, 1);
    assert_eq!(facts(&tree.host(), 12).owner.kind, OwnerKind::User);
}

#[test]
fn the_mps_server_is_known_by_its_name() {
    let tree = Tree::new();
    tree.process(12, b"nvidia-cuda-mps", 1, 1);
    assert_eq!(facts(&tree.host(), 12).owner.kind, OwnerKind::MpsServer);
}

#[test]
fn the_command_line_is_for_people() {
    let tree = Tree::new();
    tree.process(12, b"python", 1, 1);
    tree.write(12, "cmdline", b"python\0-c\0print(\x1b[1m)\n\0\0");
    let line = tree.host().command_line(12);
    assert_eq!(line.as_deref(), Some("python -c print(\u{fffd}[1m)\u{fffd}"));
}

#[test]
fn this_very_process_is_readable() {
    let host = Host::new("/proc".into(), "/sys".into());
    let pid = std::process::id();
    if host.own_pid_namespace_is_hosts() == Some(false) {
        assert_eq!(host.process(pid), Lookup::Unreadable);
        return;
    }
    let facts = facts(&host, pid);
    assert!(facts.command.starts_with("host-"), "{}", facts.command);
    assert_eq!(host.state(pid).unwrap().start_ticks, facts.start_ticks);
}
