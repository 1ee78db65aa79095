//! The host tree: the files that programs read, in the kernel's formats.

#![cfg(test)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::Clock as _;
use sim::{HostTree, Scenario, SimClock, World};

struct Host {
    tree: HostTree,
    clock: SimClock,
    folder: tempfile::TempDir,
}

impl Host {
    fn new(text: &str) -> Self {
        let scenario = Scenario::load(text).or_else(|_| Scenario::from_text("t", text)).unwrap();
        // In memory where there is any: ten thousand processes are sixty thousand files.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let world = Arc::new(World::new(&scenario));
        let tree = HostTree::new(world, 0, folder.path().to_path_buf());
        let mut host = Self { tree, clock: SimClock::manual(Duration::from_secs(60)), folder };
        host.to(60);
        host
    }

    fn to(&mut self, age_s: u64) {
        self.clock.set_age(Duration::from_secs(age_s)).unwrap();
        self.tree.refresh_at(self.clock.now(), self.clock.origin()).unwrap();
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.bytes(path)).into_owned()
    }

    fn has(&self, path: &str) -> bool {
        Path::new(&self.folder.path().join(path)).exists()
    }
}

fn one(node: &str, process: &str) -> Host {
    Host::new(&format!(
        "[users]\nkim = 1001\n[[node]]\nname = \"a\"\n{node}\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\n\
         [[node.pod]]\nname = \"p\"\nnamespace = \"n\"\nuid = \"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\"\n\
         resources = {{ \"nvidia.com/gpu\" = [\"0\"] }}\n\
         [[node.process]]\ngpu = [\"0\"]\npid = 77\ncommand = \"/usr/bin/python3 t.py\"\n\
         start = \"30s\"\n{process}\n"
    ))
}

#[test]
fn a_process_has_its_files_in_the_kernels_formats() {
    let mut host = one("", "user = \"kim\"\ncpu = 50");
    let stat = host.text("proc/77/stat");
    let rest: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split_whitespace().collect();
    assert_eq!((rest[0], rest.len()), ("S", 50));
    // Up for three days when the world began; started 30 s later; 100 ticks a second.
    assert_eq!(rest[19], ((3 * 86_400 + 30) * 100).to_string());
    assert_eq!((rest[11], rest[12]), ("1200", "300"));
    assert_eq!(host.bytes("proc/77/cmdline"), b"/usr/bin/python3\0t.py\0");
    assert_eq!(host.text("proc/77/comm"), "python3\n");
    let status = host.text("proc/77/status");
    assert!(status.contains("\nUid:\t1001\t1001\t1001\t1001\n"), "{status}");
    assert!(status.starts_with("Name:\tpython3\n"), "{status}");
    assert!(host.text("proc/77/environ").contains("NVIDIA_VISIBLE_DEVICES=GPU-"));
    assert!(host.text("etc/passwd").contains("kim:x:1001:"));
    let btime = host.text("proc/stat");
    let btime: i64 = btime.lines().find_map(|l| l.strip_prefix("btime ")).unwrap().parse().unwrap();
    assert_eq!(btime, host.clock.origin().second() - 3 * 86_400);
    assert_eq!(host.text("proc/sys/kernel/random/boot_id").trim().len(), 36);
    assert_eq!(host.text("sys/bus/pci/devices/0000:18:00.0/vendor"), "0x10de\n");
    assert_eq!(host.text("sys/bus/pci/devices/0000:18:00.0/class"), "0x030200\n");
    host.to(70);
    assert!(host.text("proc/77/stat").contains(" 1600 400 "));
}

#[test]
fn owners_show_in_the_shapes_of_their_control_groups() {
    let pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/cri-containerd-";
    let kube = |shape: &str| format!("kubernetes = {{ cgroup = \"{shape}\" }}");
    let shown = |node: &str, process: &str| one(node, process).text("proc/77/cgroup");
    let v2 = shown(&kube("v2-systemd"), "pod = \"n/p\"");
    assert!(v2.starts_with(&format!("0::{pod}")), "{v2}");
    let id = v2.trim_end().trim_end_matches(".scope").rsplit('-').next().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let private =
        "kubernetes = { cgroup = \"v2-systemd\", private_cgroupns = true, runtime = \"cri-o\" }";
    let private = shown(private, "pod = \"n/p\"");
    assert!(
        private.starts_with("0::/../../kubepods.slice/") && private.contains("/crio-"),
        "{private}"
    );
    let fs = shown(&kube("v2-cgroupfs"), "pod = \"n/p\"");
    assert!(
        fs.starts_with("0::/kubepods/burstable/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/"),
        "{fs}"
    );
    let v1 = shown(&kube("v1"), "pod = \"n/p\"");
    assert!(v1.lines().any(|line| line.starts_with("12:pids:/kubepods/")), "{v1}");
    assert!(shown("", "container = \"c\"").starts_with("0::/system.slice/docker-"));
    assert!(shown("cgroup = \"v1\"", "container = \"c\"").contains(":/docker/"));
    let slurm = "slurm = \"4711.0\"\nuser = \"kim\"";
    assert_eq!(shown("", slurm), "0::/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0\n");
    assert!(shown("cgroup = \"v1\"", slurm).contains(":/slurm/uid_1001/job_4711/step_0\n"));
    assert_eq!(shown("", "user = \"kim\""), "0::/user.slice/user-1001.slice/session-2.scope\n");
    assert_eq!(shown("", "service = \"ollama\""), "0::/system.slice/ollama.service\n");
    assert_eq!(shown("", ""), "0::/\n");
}

#[test]
fn processes_come_go_and_use_pids_again_with_another_start() {
    let mut host = Host::new(
        "[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\n[[node.process]]\n\
         gpu = [\"0\"]\ncommand = \"job\"\npid = 50\npids = 2\nevery = \"10s\"\nlives = \"8s\"\n",
    );
    let start = |host: &Host, pid: u32| {
        let stat = host.text(&format!("proc/{pid}/stat"));
        stat.rsplit_once(") ").unwrap().1.split_whitespace().nth(19).unwrap().to_owned()
    };
    host.to(61);
    let first = start(&host, 50);
    host.to(69);
    assert!(!host.has("proc/50") && !host.has("proc/51"));
    host.to(71);
    assert!(host.has("proc/51"));
    host.to(81);
    assert_ne!(start(&host, 50), first);
}

#[test]
fn a_zombie_is_gone_from_proc() {
    let mut host = Host::new("fault-zombie");
    assert!(host.has("proc/4001") && host.has("proc/4002"));
    host.to(95);
    assert!(!host.has("proc/4001") && host.has("proc/4002"));
}

#[test]
fn awkward_names_are_written_as_they_are() {
    let host = Host::new("awkward-names");
    let mut names: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(host.folder.path().join("proc")).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(line) = std::fs::read(path.join("cmdline")) {
            names.push(line.split(|byte| *byte == 0).next().unwrap().to_vec());
        }
    }
    for wanted in [
        b"/opt/my tools/say \"hello\", world".as_slice(),
        b"/opt/two\nlines",
        b"/opt/back\\slash\\n",
        b"/opt/not-\xff\xfe-utf8\xc3",
        "/opt/학습기".as_bytes(),
        b"/opt/(paren) R 1 2 3",
        b"/opt/{brace}=\"x\",y",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{}", String::from_utf8_lossy(wanted));
    }
    let long = names.iter().find(|name| name.starts_with(b"/opt/a-name")).unwrap();
    assert!(long.len() > 60);
}

#[test]
fn ten_thousand_processes_are_there_and_a_second_look_writes_nothing() {
    let mut host = Host::new("many-processes");
    let count = std::fs::read_dir(host.folder.path().join("proc")).unwrap().count();
    assert!(count > 10_000, "{count}");
    let pid = std::fs::read_dir(host.folder.path().join("proc")).unwrap();
    let mut pid = pid.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pid = pid.find(|name| name.parse::<u32>().is_ok_and(|pid| pid > 1)).unwrap();
    let stat = host.folder.path().join("proc").join(pid).join("stat");
    let before = std::fs::metadata(&stat).and_then(|facts| facts.modified()).ok();
    assert!(before.is_some());
    let started = std::time::Instant::now();
    host.to(60);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(std::fs::metadata(&stat).and_then(|facts| facts.modified()).ok(), before);
}
