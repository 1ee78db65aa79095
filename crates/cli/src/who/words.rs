//! What `gpulse who` says to people, in English and Korean.

use crate::language::Language;

use super::{Device, Trouble, Who};
use crate::table::visible;

/// A line for the person, on stderr unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// The readings are those of a simulated machine.
    Simulated(String),
    /// No state file was there, so states that need history are not known.
    StatesNeedWatching,
    /// The driver, or nvidia-smi in its place, takes its time.
    WaitingForDriver,
    /// A server takes its time.
    WaitingForServer(String),
}

impl Message {
    /// In the person's language.
    pub(crate) fn text(&self, language: Language) -> String {
        match self {
            Self::Simulated(name) => language
                .pick(format!("simulated machine: {name}"), format!("시뮬레이션된 컴퓨터: {name}")),
            Self::WaitingForDriver => language
                .pick(
                    "waiting for the NVIDIA driver, or nvidia-smi in its place, to answer",
                    "NVIDIA 드라이버(없으면 nvidia-smi)의 응답을 기다리는 중",
                )
                .to_owned(),
            Self::WaitingForServer(url) => language.pick(
                format!("waiting for {url} to answer"),
                format!("{url} 의 응답을 기다리는 중"),
            ),
            Self::StatesNeedWatching => language
                .pick(
                    "states need 5 min of watching: gpulse exporter",
                    "상태를 알려면 5분 동안 지켜봐야 합니다: gpulse exporter",
                )
                .to_owned(),
        }
    }
}

/// There is no GPU to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoGpu {
    /// What was tried and failed; `None` where the driver answers and has no GPU.
    pub(crate) tried: Option<String>,
    /// The server that was asked, if it was one.
    pub(crate) server: Option<String>,
}

impl NoGpu {
    /// The one sentence that stands in for the table.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match &self.server {
            None => language
                .pick(
                    "No NVIDIA GPU can be read on this machine.",
                    "이 컴퓨터에서 읽을 수 있는 NVIDIA GPU가 없습니다.",
                )
                .to_owned(),
            Some(server) => language.pick(
                format!("{server} has no GPU to show."),
                format!("{server} 에서 볼 수 있는 GPU가 없습니다."),
            ),
        }
    }

    /// What was tried, and what to do next.
    pub(crate) fn details(&self, language: Language) -> String {
        if self.server.is_some() {
            let nothing =
                language.pick("nothing has sent readings yet", "아직 수신된 데이터가 없습니다");
            return self.tried.clone().unwrap_or_else(|| nothing.to_owned());
        }
        let tried = match &self.tried {
            // Why, and what to do, each on a line of its own.
            Some(tried) => {
                let lines: Vec<String> =
                    tried.lines().map(|line| language.sentence(line)).collect();
                lines.join("\n")
            }
            None => language
                .pick("the driver answers and lists no GPU", "드라이버는 응답하지만 GPU가 없습니다")
                .to_owned(),
        };
        let next = language.pick(
            "see what is missing: gpulse doctor; look around without a GPU: gpulse who --sim \
             h100x8-busy",
            "무엇이 빠졌는지 보기: gpulse doctor, GPU 없이 둘러보기: gpulse who --sim h100x8-busy",
        );
        format!("{tried}\n{next}")
    }
}

/// The word of a state in the table. A device without session is called idle there, as the seed
/// metrics call it.
pub(crate) fn device_state(state: &'static str) -> &'static str {
    if state == "free" { "idle" } else { state }
}

/// A state in the person's language.
pub(crate) fn state(word: &'static str, language: Language) -> &'static str {
    let korean = match word {
        "starting" => "시작 중",
        "active" => "활성",
        "idle" => "유휴",
        "held" => "점유",
        "stale" => "장기 점유",
        "unknown" => "알 수 없음",
        "ended" => "종료",
        "free" => "미할당",
        "allocated" => "할당",
        "down" | "lost" => "연결 끊김",
        "gone" => "보고 없음",
        "stuck" => "응답 없음",
        "unusable" => "사용 불가",
        other => other,
    };
    language.pick(word, korean)
}

/// The state of a device in trouble, in one word.
pub(crate) const fn trouble_state(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Lost => "lost",
        Trouble::Stuck => "stuck",
        Trouble::Gone => "gone",
        Trouble::ProcessesUnreadable(_) => "unknown",
        Trouble::NoComputeInstance { .. } => "unusable",
    }
}

/// What is wrong with a device, in a few words.
pub(crate) fn trouble(trouble: &Trouble, device: &Device, language: Language) -> String {
    match trouble {
        Trouble::Lost => {
            language.pick("GPU lost by the driver", "드라이버가 GPU를 잃음").to_owned()
        }
        Trouble::Stuck => {
            language.pick("driver call does not return", "드라이버 호출이 끝나지 않음").to_owned()
        }
        Trouble::Gone => {
            language.pick("node no longer reports", "노드가 더 이상 보고하지 않음").to_owned()
        }
        Trouble::ProcessesUnreadable(why) => {
            let korean = language.sentence(&why.replace(' ', "_"));
            language.pick(format!("processes: {why}"), format!("프로세스: {korean}"))
        }
        Trouble::NoComputeInstance { gpu_instance } => {
            let profile = device.profile.as_deref().unwrap_or("?");
            language.pick(
                format!("{profile} gi {gpu_instance}: no compute instance"),
                format!("{profile} gi {gpu_instance}: 컴퓨트 인스턴스 없음"),
            )
        }
    }
}

/// Of a device whose holder has no process there.
pub(crate) fn held_without_process(language: Language) -> &'static str {
    language.pick("held, no process", "할당됨, 프로세스 없음")
}

/// What was found, a line each, and what to do about it, below the table; empty if nothing was.
pub(crate) fn findings(who: &Who, language: Language) -> String {
    let mut out = String::new();
    for (device, found) in who.findings() {
        let (name, gpu) = (found.finding, &device.gpu);
        let (sentence, remedy) =
            (language.sentence(&found.sentence), language.sentence(found.remedy));
        let word = language.pick("remedy", "해결 방법");
        let line = format!("{name}: GPU {gpu}: {sentence}\n  {word}: {remedy}");
        for line in line.lines() {
            out.push_str(&visible(line));
            out.push('\n');
        }
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// `512 MiB`, and from 1 GiB on `61.3 GiB`.
pub(crate) fn memory(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    if bytes < GIB {
        format!("{} MiB", bytes / MIB)
    } else {
        // Tenths are cut, not rounded, as the MiB are.
        let tenths = u128::from(bytes) * 10 / u128::from(GIB);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_binary_and_never_rounded_up() {
        assert_eq!(memory(0), "0 MiB");
        assert_eq!(memory((1 << 30) - 1), "1023 MiB");
        assert_eq!(memory(1 << 30), "1.0 GiB");
        assert_eq!(memory(65_819_115_520), "61.2 GiB");
        assert_eq!(memory(u64::MAX), "17179869183.9 GiB");
    }
}
