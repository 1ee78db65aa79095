//! Every shape of a control group path that runtimes and drivers write.

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OUTER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const UID: &str = "c1a2b3d4-0001-4002-8003-0123456789ab";
const UID_: &str = "c1a2b3d4_0001_4002_8003_0123456789ab";
const HASH: &str = "0123456789abcdef0123456789abcdef";

/// Kind, pod UID, container id, Slurm job, service that one file must give.
type Row = (&'static str, String, OwnerKind, Option<&'static str>, Option<&'static str>);

fn pods() -> Vec<Row> {
    use OwnerKind::Pod;
    let v2 = |path: String| format!("0::{path}\n");
    let pod = |name, text| (name, text, Pod, Some(UID), Some(ID));
    vec![
        pod(
            "v2, systemd, containerd",
            v2(format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/cri-containerd-{ID}.scope"
            )),
        ),
        pod(
            "v2, systemd, guaranteed",
            v2(format!("/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope")),
        ),
        pod(
            "v2, systemd, cri-o",
            v2(format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{ID}.scope"
            )),
        ),
        pod(
            "v2, systemd, cri-o with a child",
            v2(format!(
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{ID}.scope/container"
            )),
        ),
        pod(
            "v2, systemd, docker",
            v2(format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/docker-{ID}.scope"
            )),
        ),
        pod(
            "v2, systemd, podman",
            v2(format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/libpod-{ID}.scope/container"
            )),
        ),
        pod("v2, cgroupfs, cri-o", v2(format!("/kubepods/burstable/pod{UID}/crio-{ID}"))),
        pod(
            "v2, below a service of the node",
            v2(format!("/system.slice/k3s.service/kubepods/besteffort/pod{UID}/{ID}")),
        ),
        pod("v2, cgroupfs", v2(format!("/kubepods/burstable/pod{UID}/{ID}"))),
        pod("v2, cgroupfs, guaranteed", v2(format!("/kubepods/pod{UID}/{ID}"))),
        pod(
            "v2, slice with colons",
            v2(format!(
                "/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{ID}"
            )),
        ),
        pod(
            "v2, kind node in docker",
            v2(format!(
                "/system.slice/docker-{OUTER}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID_}.slice/cri-containerd-{ID}.scope"
            )),
        ),
        pod(
            "v2, kind node, cgroupfs",
            v2(format!("/docker/{OUTER}/kubelet/kubepods/besteffort/pod{UID}/{ID}")),
        ),
        pod(
            "v2, kind node in podman",
            v2(format!(
                "/machine.slice/libpod-{OUTER}.scope/container/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope"
            )),
        ),
        pod(
            "v1, kind node in docker",
            format!("7:pids:/docker/{OUTER}/kubelet/kubepods/burstable/pod{UID}/{ID}\n"),
        ),
        pod("v2, a pod beside the reader's", v2(format!("/../../pod{UID}/{ID}"))),
        pod(
            "v2, private cgroup namespace",
            v2(format!("/../../../kubepods-burstable-pod{UID_}.slice/cri-containerd-{ID}.scope")),
        ),
        pod(
            "v2, systemd in the container",
            v2(format!("/kubepods/burstable/pod{UID}/{ID}/system.slice/jupyter.service")),
        ),
        pod(
            "v2, init of systemd in the container",
            v2(format!(
                "/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope/init.scope"
            )),
        ),
        pod(
            "v2, login in the container",
            v2(format!("/kubepods/pod{UID}/{ID}/user.slice/user-1000.slice/session-1.scope")),
        ),
        pod("v2, removed group", v2(format!("/kubepods/burstable/pod{UID}/{ID} (deleted)"))),
        pod(
            "v1, cgroupfs",
            format!(
                "12:freezer:/\n11:cpu,cpuacct:/kubepods/burstable/pod{UID}/{ID}\n1:name=systemd:/kubepods/burstable/pod{UID}/{ID}\n"
            ),
        ),
        pod(
            "v1, pids unknown, memory known",
            format!("9:pids:/\n8:memory:/kubepods/pod{UID}/{ID}\n"),
        ),
        pod(
            "v1, systemd",
            format!(
                "4:devices:/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/docker-{ID}.scope\n"
            ),
        ),
        pod(
            "v1, slice with colons",
            format!(
                "6:memory:/system.slice/containerd.service/kubepods-pod{UID_}.slice:cri-containerd:{ID}\n"
            ),
        ),
        pod(
            "v1, controllers together",
            format!("3:cpu,cpuacct:/\n2:blkio,pids:/kubepods/pod{UID}/{ID}\n"),
        ),
        pod("v1, only the name", format!("1:name=systemd:/kubepods/pod{UID}/{ID}\n")),
        pod(
            "hybrid",
            format!(
                "5:pids:/kubepods/pod{UID}/{ID}\n1:name=systemd:/kubepods/pod{UID}/{ID}\n0::/system.slice/containerd.service\n"
            ),
        ),
        ("kata", v2(format!("/kubepods/besteffort/pod{UID}/kata_{ID}")), Pod, Some(UID), None),
        (
            "kata in kind",
            v2(format!("/docker/{OUTER}/kubepods/pod{UID}/kata_overhead/{ID}")),
            Pod,
            Some(UID),
            None,
        ),
        ("pod's own group", v2(format!("/kubepods/burstable/pod{UID}")), Pod, Some(UID), None),
        (
            "cri-o's monitor",
            v2(format!("/kubepods.slice/kubepods-pod{UID_}.slice/crio-conmon-{ID}.scope")),
            Pod,
            Some(UID),
            None,
        ),
        (
            "static pod",
            v2(format!("/kubepods/burstable/pod{HASH}/{ID}")),
            Pod,
            Some(HASH),
            Some(ID),
        ),
        (
            "static pod, systemd",
            v2(format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{HASH}.slice/crio-{ID}.scope"
            )),
            Pod,
            Some(HASH),
            Some(ID),
        ),
        (
            "kata, systemd",
            v2(format!("/kubepods.slice/kubepods-burstable-pod{UID_}.slice/kata_{ID}.scope")),
            Pod,
            Some(UID),
            None,
        ),
        (
            "kata, v1",
            format!("4:memory:/kubepods/burstable/pod{UID}/kata_{ID}/vcpu0\n"),
            Pod,
            Some(UID),
            None,
        ),
    ]
}

fn others() -> Vec<Row> {
    use OwnerKind::{Container, Service, Slurm, Unknown, User};
    let v2 = |path: String| format!("0::{path}\n");
    vec![
        (
            "docker, systemd",
            v2(format!("/system.slice/docker-{ID}.scope")),
            Container,
            None,
            Some(ID),
        ),
        ("docker, cgroupfs, v1", format!("3:pids:/docker/{ID}\n"), Container, None, Some(ID)),
        (
            "podman, rootless",
            v2(format!(
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container"
            )),
            Container,
            None,
            Some(ID),
        ),
        ("podman, cgroupfs", v2(format!("/libpod_parent/libpod-{ID}")), Container, None, Some(ID)),
        (
            "podman, a systemd in it",
            v2(format!("/machine.slice/libpod-{ID}.scope/libpod-payload-{ID}/init.scope")),
            Container,
            None,
            Some(ID),
        ),
        (
            "docker, a systemd in it",
            v2(format!("/docker/{ID}/system.slice/ssh.service")),
            Container,
            None,
            Some(ID),
        ),
        (
            "podman's monitor",
            v2(format!("/machine.slice/libpod-conmon-{ID}.scope")),
            Unknown,
            None,
            None,
        ),
        ("sibling in the reader's pod", v2(format!("/../{ID}")), Container, None, Some(ID)),
        (
            "sibling, systemd",
            v2(format!("/../cri-containerd-{ID}.scope")),
            Container,
            None,
            Some(ID),
        ),
        (
            "slurm, v1",
            "7:memory:/slurm/uid_1000/job_4711/step_0/task_0\n".to_owned(),
            Slurm,
            None,
            None,
        ),
        (
            "slurm, v1, named node",
            "7:memory:/slurm_node7/uid_1000/job_4711/step_extern\n".to_owned(),
            Slurm,
            None,
            None,
        ),
        (
            "slurm, v1, the job's own group",
            "2:pids:/\n4:memory:/slurm/uid_1000/job_4711\n".to_owned(),
            Slurm,
            None,
            None,
        ),
        (
            "slurm, v2",
            v2("/system.slice/slurmstepd.scope/job_4711/step_batch/user/task_0".to_owned()),
            Slurm,
            None,
            None,
        ),
        (
            "slurm, v2, named node",
            v2("/system.slice/node7_slurmstepd.scope/job_4711/step_0/user".to_owned()),
            Slurm,
            None,
            None,
        ),
        (
            "slurm seen from inside",
            v2("/../../job_4711/step_0/user/task_0".to_owned()),
            Slurm,
            None,
            None,
        ),
        (
            "slurm with podman inside",
            v2(format!("/system.slice/slurmstepd.scope/job_4711/step_0/user/libpod-{ID}.scope")),
            Slurm,
            None,
            Some(ID),
        ),
        ("login", v2("/user.slice/user-1000.slice/session-3.scope".to_owned()), User, None, None),
        (
            "user's own service",
            v2("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service".to_owned()),
            User,
            None,
            None,
        ),
        ("service", v2("/system.slice/ollama.service".to_owned()), Service, None, None),
        (
            "service with a child",
            v2("/system.slice/ollama.service/run".to_owned()),
            Service,
            None,
            None,
        ),
        ("root", v2("/".to_owned()), Unknown, None, None),
        ("init", v2("/init.scope".to_owned()), Unknown, None, None),
        ("kubepods alone", v2("/kubepods/besteffort".to_owned()), Unknown, None, None),
        ("a job that is not Slurm's", v2("/ci/job_4711/run".to_owned()), Unknown, None, None),
        ("63 digits", v2(format!("/docker/{}", &ID[1..])), Unknown, None, None),
        ("a letter over two bytes", v2(format!("/ä{}", &ID[1..])), Unknown, None, None),
        ("empty file", String::new(), Unknown, None, None),
        ("garbage", "\n::\n:\n0:\nabc\n0::".to_owned(), Unknown, None, None),
    ]
}

#[test]
fn s1_19_every_shape_gives_its_owner() {
    for (name, text, kind, pod, container) in pods().into_iter().chain(others()) {
        let owner = owner_of_cgroup(&text);
        assert_eq!(owner.kind, kind, "{name}");
        assert_eq!(owner.pod_uid.as_deref(), pod, "{name}");
        assert_eq!(owner.container_id.as_deref(), container, "{name}");
        let job = (kind == OwnerKind::Slurm).then_some("4711");
        assert_eq!(owner.slurm_job.as_deref(), job, "{name}");
        let service = (kind == OwnerKind::Service).then_some("ollama");
        assert_eq!(owner.service.as_deref(), service, "{name}");
    }
}

#[test]
fn slurm_inside_a_pod_is_a_job_that_knows_its_pod() {
    let owner = owner_of_cgroup(&format!(
        "0::/kubepods/pod{UID}/{ID}/system.slice/slurmstepd.scope/job_4711/step_0/user"
    ));
    assert_eq!(owner.kind, OwnerKind::Slurm);
    assert_eq!(owner.slurm_job.as_deref(), Some("4711"));
    assert_eq!(owner.pod_uid.as_deref(), Some(UID));
    assert_eq!(owner.container_id.as_deref(), Some(ID));
}

#[test]
fn a_runtime_inside_a_container_gives_the_inner_one() {
    let owner = owner_of_cgroup(&format!("0::/docker/{OUTER}/docker/{ID}"));
    assert_eq!(owner.container_id.as_deref(), Some(ID));
}

#[test]
fn the_step_of_a_slurm_job_is_told_where_the_path_has_one() {
    let rows = [
        ("7:memory:/slurm/uid_1000/job_4711/step_batch/task_0", Some("batch")),
        ("0::/system.slice/slurmstepd.scope/job_4711/step_extern/user/task_0", Some("extern")),
        ("0::/system.slice/node7_slurmstepd.scope/job_4711/step_0/slurm", Some("0")),
        ("0::/../../job_4711/step_interactive/user", Some("interactive")),
        ("7:memory:/slurm/uid_1000/job_4711", None),
    ];
    for (line, step) in rows {
        let owner = owner_of_cgroup(line);
        assert_eq!(owner.slurm_job.as_deref(), Some("4711"), "{line}");
        assert_eq!(owner.slurm.unwrap().step.as_deref(), step, "{line}");
    }
    let long = format!("0::/system.slice/slurmstepd.scope/job_4711/step_{}/user", "9".repeat(40));
    assert_eq!(owner_of_cgroup(&long).slurm.unwrap().step, None);
}
