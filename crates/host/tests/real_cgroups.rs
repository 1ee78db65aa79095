//! Real processes of this kernel in real control groups, where the machine lets the test make them.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use host::owner_of_cgroup;
use model::process::OwnerKind;

const UID: &str = "0a1b2c3d-1111-2222-3333-444455556666";

/// A group with a process in it; both are removed in the end.
struct Group {
    made: Vec<PathBuf>,
    child: Child,
}

impl Group {
    /// Make `below` under one of the mounted hierarchies and put a process there.
    fn new(below: &[&str]) -> Option<Self> {
        let child = Command::new("sleep").arg("60").spawn().ok()?;
        let mut group = Self { made: Vec::new(), child };
        let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let root = roots.iter().map(Path::new).find(|root| root.join("cgroup.procs").exists())?;
        let mut path = root.join(format!("gpulse-test-{}-{}", std::process::id(), below.len()));
        fs::create_dir(&path).ok()?;
        group.made.push(path.clone());
        for part in below {
            path.push(part);
            fs::create_dir(&path).ok()?;
            group.made.push(path.clone());
        }
        fs::write(path.join("cgroup.procs"), group.child.id().to_string()).ok()?;
        Some(group)
    }

    fn cgroup(&self) -> String {
        fs::read_to_string(format!("/proc/{}/cgroup", self.child.id())).unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for path in self.made.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

#[test]
fn a_real_process_in_a_pods_group_is_that_pods() {
    let id = "ab".repeat(32);
    let Some(group) = Group::new(&["kubepods", &format!("pod{UID}"), &id]) else {
        println!("skipped: this machine does not let the test make control groups");
        return;
    };
    let owner = owner_of_cgroup(&group.cgroup());
    assert_eq!(owner.kind, OwnerKind::Pod, "{}", group.cgroup());
    assert_eq!(owner.pod_uid.as_deref(), Some(UID));
    assert_eq!(owner.container_id.as_deref(), Some(id.as_str()));
}

#[test]
fn a_real_process_in_a_jobs_group_is_that_jobs() {
    let Some(group) = Group::new(&["slurm", "uid_1000", "job_4711", "step_0"]) else {
        println!("skipped: this machine does not let the test make control groups");
        return;
    };
    let owner = owner_of_cgroup(&group.cgroup());
    assert_eq!((owner.kind, owner.slurm_job.as_deref()), (OwnerKind::Slurm, Some("4711")));
}
