//! Control groups of this kernel, laid out as runtimes and Slurm do.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::environment::{self, GPULSE};
use tests::or_skip;

use super::{FIRST, FIRST_FOR_A_WHILE, Process, is_host, of_pid, rows_until, who};

const UID: &str = "0a1b2c3d-1111-2222-3333-444455556666";
const UID_: &str = "0a1b2c3d_1111_2222_3333_444455556666";
const HASH: &str = "0123456789abcdef0123456789abcdef";

/// Groups of this test below one of its own; all are removed in the end.
struct Groups {
    root: PathBuf,
    made: Vec<PathBuf>,
}

impl Groups {
    fn new(name: &str) -> Result<Self, String> {
        let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root = roots.iter().map(Path::new).find(|root| root.join("cgroup.procs").exists());
        let root = root.ok_or("no control groups are mounted")?;
        let root = root.join(format!("gpulse-{name}-{}", std::process::id()));
        let refused = |cause| format!("this machine lets no control group be made: {cause}");
        fs::create_dir(&root).map_err(refused)?;
        Ok(Self { made: vec![root.clone()], root })
    }

    /// Put a process into a group.
    fn put(&mut self, path: &str, process: &Process) {
        let mut folder = self.root.clone();
        for part in path.split('/') {
            folder.push(part);
            if !folder.exists() {
                fs::create_dir(&folder).unwrap();
                self.made.push(folder.clone());
            }
        }
        fs::write(folder.join("cgroup.procs"), process.pid().to_string()).unwrap();
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // A process that was just killed leaves its group a moment later.
            for _ in 0..50 {
                if fs::remove_dir(folder).is_ok() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }
}

/// Path, and what `who` must tell: kind, pod UID, container id, job, step, service.
fn shapes(id: &str) -> Vec<(String, [Value; 6])> {
    let row = |path: String, kind: &str, known: [Option<&str>; 5]| {
        let [pod, container, job, step, service] = known.map(|word| json!(word));
        (path, [json!(kind), pod, container, job, step, service])
    };
    let pod = |path: String| row(path, "pod", [Some(UID), Some(id), None, None, None]);
    let slurm = |path: &str, step: &str| {
        row(path.to_owned(), "slurm", [None, None, Some("4711"), Some(step), None])
    };
    let of_pod =
        format!("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice");
    vec![
        pod(format!("{of_pod}/cri-containerd-{id}.scope")),
        pod(format!("{of_pod}/crio-{id}.scope/container")),
        pod(format!("{of_pod}/docker-{id}.scope/system.slice/jupyter.service")),
        pod(format!("kubepods/besteffort/pod{UID}/{id}")),
        pod(format!(
            "system.slice/containerd.service/kubepods-pod{UID_}.slice:cri-containerd:{id}"
        )),
        pod(format!(
            "system.slice/docker-{0}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{id}.scope",
            "f".repeat(64)
        )),
        row(
            format!("kubepods/burstable/pod{HASH}/{id}"),
            "pod",
            [Some(HASH), Some(id), None, None, None],
        ),
        row(
            format!("kubepods/burstable/pod{UID}/kata_{id}"),
            "pod",
            [Some(UID), None, None, None, None],
        ),
        row(format!("docker/{id}"), "container", [None, Some(id), None, None, None]),
        row(
            format!("user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"),
            "container",
            [None, Some(id), None, None, None],
        ),
        slurm("slurm/uid_0/job_4711/step_batch/task_0", "batch"),
        slurm("system.slice/slurmstepd.scope/job_4711/step_0/user/task_0", "0"),
        slurm("system.slice/node7_slurmstepd.scope/job_4711/step_extern/user", "extern"),
        row("user.slice/user-1000.slice/session-3.scope".to_owned(), "user", [None; 5]),
        row(
            "system.slice/ollama.service".to_owned(),
            "service",
            [None, None, None, None, Some("ollama")],
        ),
    ]
}

#[test]
fn s1_19_real_processes_belong_to_whom_their_real_control_groups_tell() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let mut groups = or_skip!(Groups::new("shapes"));
    let folder = tempfile::tempdir().unwrap();
    let shapes = shapes(&"ab".repeat(32));
    let processes: Vec<Process> = shapes.iter().map(|_| Process::sleeping()).collect();
    for ((path, _), process) in shapes.iter().zip(&processes) {
        groups.put(path, process);
    }
    let on_first: Vec<(u32, &str)> =
        processes.iter().map(|process| (process.pid(), FIRST)).collect();
    let sessions = who(&gpulse, folder.path(), &on_first);
    for ((path, expected), process) in shapes.iter().zip(&processes) {
        let session = of_pid(&sessions, process.pid());
        let keys = ["kind", "pod_uid", "container_id", "slurm_job", "slurm_step", "service"];
        assert_eq!(&keys.map(|key| session[key].clone()), expected, "{path}: {session}");
        assert_eq!(session["user"], "root", "{path}");
    }
    drop(processes);
}

#[test]
fn a_restarted_container_of_a_pod_is_a_new_session_of_the_same_pod() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let mut groups = or_skip!(Groups::new("restart"));
    let folder = tempfile::tempdir().unwrap();
    let (mut first, second) = (Process::sleeping(), Process::sleeping());
    groups.put(&format!("kubepods/pod{UID}/{}", "a".repeat(64)), &first);
    groups.put(&format!("kubepods/pod{UID}/{}", "b".repeat(64)), &second);
    let processes = [(first.pid(), FIRST_FOR_A_WHILE), (second.pid(), FIRST)];
    let (_child, address) = super::exporter(&gpulse, folder.path(), &processes);
    let of_pod = format!("pod_uid=\"{UID}\"");
    rows_until(address, &["gpu_session_info{", &of_pod, "kind=\"pod\""], 2);
    first.end();
    let ended = rows_until(address, &["gpu_session_end_time_seconds{"], 1);
    let all = rows_until(address, &["gpu_session_info{", &of_pod, "kind=\"pod\""], 2);
    let old = all.iter().find(|row| row.contains(&format!("pid=\"{}\"", first.pid()))).unwrap();
    assert_eq!(super::label(old, "session"), super::label(&ended[0], "session"));
    let sessions = who(&gpulse, folder.path(), &processes);
    assert_eq!(of_pid(&sessions, second.pid())["container_id"], "b".repeat(64));
}
