//! What the machine's own sentences are in Korean: why there is no GPU, what `doctor` finds, and what
//! to do about either.
//!
//! The sentences are made in English where the fault is known, in crates that know no language, and
//! are looked up here. `{}` stands for a path, a number or another phrase; what is not in the list
//! stays English.

/// English and Korean, with the same count of `{}` in the same order.
const PHRASES: &[(&str, &str)] = &[
    // Why no driver answers, and what to do.
    (
        "no NVIDIA driver library found (tried {})",
        "NVIDIA 드라이버 라이브러리를 찾지 못함 (찾아본 곳: {})",
    ),
    ("{} cannot be loaded: {}", "{} 을(를) 불러올 수 없음: {}"),
    ("{} is not NVML: it has no {}", "{} 은(는) NVML이 아님: {} 이(가) 없음"),
    (
        "{} is the simulated driver, not NVIDIA's",
        "{} 은(는) NVIDIA 드라이버가 아니라 시뮬레이션된 드라이버임",
    ),
    ("the NVIDIA driver does not start: {}", "NVIDIA 드라이버가 시작되지 않음: {}"),
    ("the driver has not been looked for yet", "아직 드라이버를 찾아보지 않음"),
    (
        "the driver is being opened and has not answered yet",
        "드라이버를 여는 중이며 아직 응답이 없음",
    ),
    ("the driver was let go of on request", "요청에 따라 드라이버를 놓아줌"),
    ("no thread could be started for the driver", "드라이버용 스레드를 시작할 수 없음"),
    ("no nvidia-smi on PATH", "PATH에 nvidia-smi가 없음"),
    ("cannot start {}", "{} 을(를) 시작할 수 없음"),
    ("cannot start {}: {}", "{} 을(를) 시작할 수 없음: {}"),
    ("{} did not end within {} s and was killed", "{} 이(가) {}초 안에 끝나지 않아 강제 종료됨"),
    (
        "an earlier {} hangs in the driver and cannot be killed",
        "앞서 실행한 {} 이(가) 드라이버에서 멈췄고 종료할 수 없음",
    ),
    ("{} printed more than {} MiB", "{} 의 출력이 {} MiB를 넘음"),
    ("{} ended with {}", "{} 이(가) 오류로 끝남: {}"),
    ("{} printed something else than its usual answer{}", "{} 의 출력이 평소와 다름{}"),
    (
        "install the NVIDIA driver, or run the container with the NVIDIA runtime so that libnvidia-ml.so.1 is mounted",
        "NVIDIA 드라이버를 설치하거나, libnvidia-ml.so.1이 마운트되도록 컨테이너를 NVIDIA 런타임으로 실행하세요",
    ),
    (
        "install the NVIDIA driver, or run the container with the NVIDIA runtime",
        "NVIDIA 드라이버를 설치하거나, 컨테이너를 NVIDIA 런타임으로 실행하세요",
    ),
    (
        "check that the file is readable and built for this machine, or reinstall the NVIDIA driver",
        "파일을 읽을 수 있고 이 컴퓨터용인지 확인하거나, NVIDIA 드라이버를 다시 설치하세요",
    ),
    (
        "remove the file from the library path, or reinstall the NVIDIA driver",
        "라이브러리 경로에서 그 파일을 지우거나, NVIDIA 드라이버를 다시 설치하세요",
    ),
    (
        "reinstall the NVIDIA driver: a library of its own is missing",
        "NVIDIA 드라이버를 다시 설치하세요: 드라이버의 라이브러리가 빠져 있습니다",
    ),
    (
        "name it with --sim-library PATH if that is what you want",
        "그것을 쓰려면 --sim-library PATH로 지정하세요",
    ),
    ("see the message", "메시지를 확인하세요"),
    (
        "load the kernel module (modprobe nvidia) and look at dmesg if that fails",
        "커널 모듈을 올리고(modprobe nvidia), 실패하면 dmesg를 확인하세요",
    ),
    (
        "the driver was upgraded while loaded: reload the kernel modules or reboot",
        "드라이버가 사용 중에 업그레이드됨: 커널 모듈을 다시 올리거나 재부팅하세요",
    ),
    ("wait a moment", "잠시 기다리세요"),
    (
        "wait; if it lasts, look at dmesg, and turn persistence mode on",
        "기다리세요. 계속되면 dmesg를 확인하고 persistence mode를 켜세요",
    ),
    ("send SIGUSR1 again to take it back", "다시 사용하려면 SIGUSR1을 한 번 더 보내세요"),
    (
        "raise the limit of processes (ulimit -u, or pids.max of the control group)",
        "프로세스 수 제한을 늘리세요 (ulimit -u, 또는 컨트롤 그룹의 pids.max)",
    ),
    (
        "check that nvidia-smi is a program that this user may run",
        "이 사용자가 nvidia-smi를 실행할 수 있는지 확인하세요",
    ),
    (
        "the driver hangs: look at dmesg for Xid lines, reset the GPU or reboot",
        "드라이버가 멈춤: dmesg에서 Xid 줄을 확인하고, GPU를 초기화하거나 재부팅하세요",
    ),
    (
        "run nvidia-smi by hand: it should print its table; reinstall the driver if not",
        "nvidia-smi를 직접 실행해 표가 나오는지 보고, 아니면 드라이버를 다시 설치하세요",
    ),
    (
        "load the driver (modprobe nvidia); after an upgrade reload its modules or reboot",
        "드라이버를 올리세요(modprobe nvidia). 업그레이드 후라면 모듈을 다시 올리거나 재부팅하세요",
    ),
    (
        "reset the GPU (nvidia-smi --gpu-reset) or reboot",
        "GPU를 초기화하거나(nvidia-smi --gpu-reset) 재부팅하세요",
    ),
    (
        "allow this user to read and write /dev/nvidiactl and /dev/nvidia*",
        "이 사용자가 /dev/nvidiactl과 /dev/nvidia*를 읽고 쓸 수 있게 하세요",
    ),
    (
        "run nvidia-smi by hand: it should say the same, and dmesg why",
        "nvidia-smi를 직접 실행하면 같은 내용이, dmesg에는 그 이유가 나올 것입니다",
    ),
    ("or: {}", "또는: {}"),
    ("remedy: {}", "해결 방법: {}"),
    // What the checks of `doctor` find.
    ("these GPUs are simulated", "시뮬레이션된 GPU임"),
    ("nothing is simulated", "시뮬레이션이 아님"),
    ("it is loaded", "불러왔음"),
    ("it cannot be loaded; nvidia-smi stands in", "불러올 수 없어 nvidia-smi로 대신함"),
    ("and no NVIDIA GPU is on the PCI bus", "PCI 버스에도 NVIDIA GPU가 없음"),
    ("no driver answers", "응답하는 드라이버가 없음"),
    ("it does not tell its version", "버전을 알려주지 않음"),
    ("GPUs are read by running nvidia-smi", "nvidia-smi를 실행해 GPU를 읽음"),
    ("not needed: the driver library answers", "필요 없음: 드라이버 라이브러리가 응답함"),
    ("it does not answer either", "이것도 응답하지 않음"),
    ("it shows none", "보이는 GPU가 없음"),
    ("the PCI bus cannot be read", "PCI 버스를 읽을 수 없음"),
    ("GPU {}: {}", "GPU {}: {}"),
    ("lost", "연결 끊김"),
    ("stuck", "응답 없음"),
    ("timeout", "시간 초과"),
    ("stuck in a driver call", "드라이버 호출에서 멈춤"),
    ("no permission to read {}", "{} 을(를) 읽을 권한이 없음"),
    ("no_permission", "권한 없음"),
    ("not supported", "지원하지 않음"),
    ("not_yet", "아직 값이 없음"),
    ("not read yet", "아직 읽지 않음"),
    ("no compute instance in {}", "컴퓨트 인스턴스 없음: {}"),
    ("all of them", "모두"),
    ("on every device", "모든 장치에서"),
    ("on every GPU that answers", "응답하는 모든 GPU에서"),
    ("each has a compute instance", "모두 컴퓨트 인스턴스가 있음"),
    ("no GPU answers", "응답하는 GPU가 없음"),
    ("no GPU has MIG on", "MIG를 켠 GPU가 없음"),
    ("there is no GPU", "GPU가 없음"),
    ("this is the host's PID namespace", "호스트의 PID 네임스페이스임"),
    ("this is a PID namespace of its own", "별도의 PID 네임스페이스임"),
    ("it cannot be told", "알 수 없음"),
    ("the boot id cannot be read: {}", "부트 ID를 읽을 수 없음: {}"),
    ("{} of {} processes on GPUs", "GPU를 쓰는 프로세스 {}/{}"),
    ("it is readable; no process is on a GPU", "읽을 수 있음. GPU를 쓰는 프로세스 없음"),
    ("it cannot be asked: {}", "물어볼 수 없음: {}"),
    ("it answers: {} device ids in use", "응답함: 사용 중인 장치 ID {}개"),
    ("the path has no folder", "경로에 폴더가 없음"),
    ("{} does not exist", "{} 이(가) 없음"),
    ("{} is read-only", "{} 은(는) 읽기 전용임"),
    ("{} can be written", "{} 에 쓸 수 있음"),
    ("{} is made at the first start", "{} 은(는) 처음 시작할 때 만들어짐"),
    ("there is no folder for it", "쓸 수 있는 폴더가 없음"),
    (
        "a simulated machine keeps nothing unless --state names a folder",
        "시뮬레이션된 컴퓨터는 --state로 폴더를 지정해야 상태를 남김",
    ),
    // What to do about them.
    (
        "leave out --sim to look at this machine's own GPUs",
        "이 컴퓨터의 실제 GPU를 보려면 --sim을 빼세요",
    ),
    (
        "install the NVIDIA driver, or give the container the NVIDIA runtime",
        "NVIDIA 드라이버를 설치하거나, 컨테이너에 NVIDIA 런타임을 주세요",
    ),
    (
        "run nvidia-smi: it should say the same, and dmesg why",
        "nvidia-smi를 실행하면 같은 내용이, dmesg에는 그 이유가 나올 것입니다",
    ),
    (
        "install libnvidia-ml.so.1 beside it: nvidia-smi is slower and tells less",
        "libnvidia-ml.so.1도 설치하세요: nvidia-smi는 느리고 정보가 적습니다",
    ),
    (
        "check NVIDIA_VISIBLE_DEVICES in a container, and dmesg on the host",
        "컨테이너에서는 NVIDIA_VISIBLE_DEVICES를, 호스트에서는 dmesg를 확인하세요",
    ),
    (
        "look at dmesg for the missing one; in a container, give it all GPUs",
        "빠진 GPU는 dmesg에서 확인하고, 컨테이너라면 모든 GPU를 주세요",
    ),
    (
        "reset the GPU (nvidia-smi --gpu-reset) or reboot; a stuck call ends with its cause",
        "GPU를 초기화하거나(nvidia-smi --gpu-reset) 재부팅하세요. 멈춘 호출은 원인이 없어지면 끝납니다",
    ),
    (
        "run as a user that the driver allows this, with the utility capability in a container",
        "드라이버가 허용하는 사용자로 실행하고, 컨테이너라면 utility 기능을 주세요",
    ),
    (
        "nothing: the driver has no use by process while MIG is on; with one session on an instance its activity stands in",
        "할 일 없음: MIG가 켜져 있으면 드라이버가 프로세스별 사용률을 주지 않으며, 인스턴스에 세션이 하나면 그 활동으로 대신합니다",
    ),
    (
        "nothing on GPUs older than Hopper, which need a DCGM host engine; else allow profiling to all users in the driver's options",
        "Hopper 이전 GPU는 DCGM host engine이 필요하므로 할 일 없음. 그 밖에는 드라이버 옵션에서 모든 사용자에게 프로파일링을 허용하세요",
    ),
    (
        "make compute instances (nvidia-smi mig -cci), or create with -C",
        "컴퓨트 인스턴스를 만들거나(nvidia-smi mig -cci), -C로 생성하세요",
    ),
    (
        "run with hostPID: true, or mount the host's /proc and name it with --path.procfs",
        "hostPID: true로 실행하거나, 호스트의 /proc을 마운트해 --path.procfs로 지정하세요",
    ),
    (
        "mount the host's /proc and name it with --path.procfs; hidepid hides other users'",
        "호스트의 /proc을 마운트해 --path.procfs로 지정하세요. hidepid는 다른 사용자의 것을 숨깁니다",
    ),
    (
        "mount the kubelet's folder pod-resources (hostPath), or name its socket with --pod-resources-kubelet-socket; without it device metrics name no pods",
        "kubelet의 pod-resources 폴더를 마운트하거나(hostPath), --pod-resources-kubelet-socket으로 소켓을 지정하세요. 없으면 장치 메트릭에 파드 이름이 붙지 않습니다",
    ),
    (
        "make the folder writable for this user, or name another with --output",
        "이 사용자가 폴더에 쓸 수 있게 하거나, --output으로 다른 폴더를 지정하세요",
    ),
    (
        "name a folder that can be written with --state, or set STATE_DIRECTORY",
        "--state로 쓸 수 있는 폴더를 지정하거나, STATE_DIRECTORY를 설정하세요",
    ),
    // Where the pages say GPUs were looked for.
    (
        "libnvidia-ml.so.1, the library of NVIDIA's driver",
        "libnvidia-ml.so.1, NVIDIA 드라이버의 라이브러리",
    ),
    ("the program nvidia-smi on PATH", "PATH의 nvidia-smi 프로그램"),
    (
        "NVIDIA GPUs on the PCI bus, in /sys/bus/pci/devices",
        "PCI 버스의 NVIDIA GPU (/sys/bus/pci/devices)",
    ),
    ("none is there", "하나도 없음"),
    ("the bus cannot be read", "버스를 읽을 수 없음"),
    (
        "run gpulse on a machine with a GPU, or look at `gpulse demo`",
        "GPU가 있는 컴퓨터에서 gpulse를 실행하거나, `gpulse demo`로 살펴보세요",
    ),
    ("bring the GPU back first: see gpus-healthy", "먼저 GPU를 되살리세요: gpus-healthy 참고"),
    // Findings.
    (
        "{} holds {} and no process of it is there",
        "{} 이(가) {} 을(를) 점유 중이나 프로세스가 없음",
    ),
    (
        "PID {} ({}) of {} uses the device without holding it",
        "PID {} ({}), 소유자 {}: 할당받지 않은 장치를 사용 중",
    ),
    ("nobody holds it", "할당된 곳 없음"),
    ("held by {}", "할당: {}"),
    ("it is privileged", "권한 상승(privileged) 컨테이너임"),
    (
        "{} MiB are in use that no listed process holds",
        "{} MiB가 사용 중이나 목록의 어떤 프로세스도 점유하지 않음",
    ),
    ("no other process has /dev/nvidia* open", "/dev/nvidia*를 연 다른 프로세스 없음"),
    ("/dev/nvidia* is open in PID {}", "/dev/nvidia*를 연 PID: {}"),
    ("the driver lists PID {} (parent {}): {}", "드라이버가 PID {} (부모 {})을(를) 표시함: {}"),
    ("the driver lists PID {}: {}", "드라이버가 PID {}을(를) 표시함: {}"),
    ("it is not in /proc", "/proc에 없음"),
    ("it ended and nobody waited for it", "끝났지만 부모가 거두지 않음"),
    ("it waits in the kernel and cannot be ended", "커널에서 대기 중이라 종료할 수 없음"),
    ("its pod is no longer on this node", "파드가 더 이상 이 노드에 없음"),
    (
        "GPU instance {} ({}) has no compute instance",
        "GPU 인스턴스 {} ({})에 컴퓨트 인스턴스가 없음",
    ),
    ("PID {} keeps the GPU at {} % and it draws {} W", "PID {}: GPU 사용률 {} %인데 전력은 {} W"),
    ("usually {} W", "평소 {} W"),
    ("idle {} W", "유휴 {} W"),
    ("confidence {}", "신뢰도 {}"),
    ("low", "낮음"),
    ("medium", "중간"),
    ("high", "높음"),
    (
        "ask the owner whether the GPU is needed, and delete the pod or job if not",
        "GPU가 필요한지 소유자에게 묻고, 필요 없으면 파드나 작업을 삭제하세요",
    ),
    (
        "look how it got the device: NVIDIA_VISIBLE_DEVICES set by hand, a privileged container, or a program started on the host beside the allocator",
        "장치를 얻은 경로를 확인하세요: 직접 설정한 NVIDIA_VISIBLE_DEVICES, privileged 컨테이너, 또는 할당기를 거치지 않고 호스트에서 시작한 프로그램",
    ),
    (
        "find who has /dev/nvidia* open and end it; if nobody has, drain and reset the GPU",
        "/dev/nvidia*를 연 프로세스를 찾아 종료하고, 없으면 작업을 비운 뒤 GPU를 초기화하세요",
    ),
    (
        "end its parent, which has not waited for it; if it hangs in the kernel, drain the node and reset the GPU or reboot",
        "거두지 않은 부모 프로세스를 종료하세요. 커널에서 멈췄다면 노드를 비우고 GPU를 초기화하거나 재부팅하세요",
    ),
    (
        "make a compute instance in it (nvidia-smi mig -cci), or destroy it",
        "컴퓨트 인스턴스를 만들거나(nvidia-smi mig -cci) 인스턴스를 삭제하세요",
    ),
    (
        "look at its stack and at the other ranks of its job: one that is missing keeps the rest waiting",
        "스택과 같은 작업의 다른 랭크를 확인하세요: 하나가 빠지면 나머지가 계속 기다립니다",
    ),
    ("nothing is found", "발견된 것 없음"),
    (
        "no exporter watches this machine: what lasts cannot be seen in one look",
        "이 컴퓨터를 지켜보는 exporter가 없음: 지속되는 문제는 한 번 봐서는 알 수 없음",
    ),
    (
        "run gpulse exporter with the same --state: findings need minutes of watching",
        "같은 --state로 gpulse exporter를 실행하세요: 몇 분 동안 지켜봐야 알 수 있습니다",
    ),
];

/// The sentence in Korean, as far as it is in the list; its parts are divided by `; `.
pub(crate) fn sentence(english: &str) -> String {
    if let Some(korean) = phrase(english) {
        return korean;
    }
    // The longest beginning that is a phrase: some have a `; ` of their own.
    let ends: Vec<usize> = english.match_indices("; ").map(|(at, _)| at).collect();
    let known = ends.iter().rev().find_map(|&at| Some((phrase(&english[..at])?, at)));
    match (known, ends.first()) {
        (Some((korean, at)), _) => format!("{korean}; {}", sentence(&english[at + 2..])),
        (None, Some(&at)) => format!("{}; {}", &english[..at], sentence(&english[at + 2..])),
        (None, None) => english.to_owned(),
    }
}

fn phrase(english: &str) -> Option<String> {
    PHRASES.iter().find_map(|(pattern, korean)| {
        let filled = filled(pattern, english)?;
        let mut parts = korean.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (part, hole) in parts.zip(filled) {
            text.push_str(&phrase(hole).unwrap_or_else(|| hole.to_owned()));
            text.push_str(part);
        }
        Some(text)
    })
}

/// What stands in the holes of a pattern, if the text is of it.
fn filled<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}").peekable();
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut holes = Vec::new();
    while let Some(part) = parts.next() {
        let at = match parts.peek() {
            None if !rest.ends_with(part) => return None,
            None => rest.len() - part.len(),
            Some(_) => rest.find(part)?,
        };
        holes.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    // A hole that swallows another part of the sentence is none.
    let is_one = |hole: &&str| !hole.contains("; ") || phrase(hole).is_some();
    let whole = rest.is_empty() && holes.iter().all(is_one);
    whole.then_some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_has_the_same_holes_in_both_languages_and_stands_once() {
        for (at, (english, korean)) in PHRASES.iter().enumerate() {
            assert_eq!(english.matches("{}").count(), korean.matches("{}").count(), "{english}");
            assert!(PHRASES[..at].iter().all(|(other, _)| other != english), "{english}");
        }
    }

    #[test]
    fn every_remedy_of_the_checks_is_in_the_list() {
        for check in exporter::doctor::CHECKS {
            assert!(phrase(check.remedy).is_some(), "{}: {}", check.id, check.remedy);
        }
    }

    #[test]
    fn every_remedy_of_a_finding_is_in_the_list() {
        for finding in session::Finding::ALL {
            assert!(phrase(finding.remedy()).is_some(), "{}", finding.as_str());
        }
    }

    #[test]
    fn what_was_found_is_told_in_korean() {
        assert_eq!(
            sentence("the driver lists PID 7 (parent 3): it is not in /proc"),
            "드라이버가 PID 7 (부모 3)을(를) 표시함: /proc에 없음"
        );
        assert_eq!(
            sentence("PID 7 keeps the GPU at 100 % and it draws 96 W; idle 70 W; confidence low"),
            "PID 7: GPU 사용률 100 %인데 전력은 96 W; 유휴 70 W; 신뢰도 낮음"
        );
    }

    #[test]
    fn a_sentence_of_several_parts_is_put_together() {
        assert_eq!(
            sentence("no NVIDIA driver library found (tried a, b); no nvidia-smi on PATH"),
            "NVIDIA 드라이버 라이브러리를 찾지 못함 (찾아본 곳: a, b); PATH에 nvidia-smi가 없음"
        );
        assert_eq!(
            sentence("GPU 0: lost; GPU 1: no_permission"),
            "GPU 0: 연결 끊김; GPU 1: 권한 없음"
        );
        assert_eq!(
            sentence("it is readable; no process is on a GPU"),
            "읽을 수 있음. GPU를 쓰는 프로세스 없음"
        );
        assert_eq!(sentence("0: NVIDIA H100; 8 of 8"), "0: NVIDIA H100; 8 of 8");
        assert_eq!(sentence("something new; it is loaded"), "something new; 불러왔음");
    }
}
