//! Tests of what no simulated machine shows: rows made of values alone.

use expect_test::expect;

use super::*;
use crate::language::Language;
use crate::table::Look;

fn device(gpu: &str, trouble: Option<Trouble>) -> Device {
    Device {
        node: None,
        gpu: gpu.to_owned(),
        uuid: format!("GPU-{gpu}"),
        model: "NVIDIA H100 80GB HBM3".to_owned(),
        state: "unknown",
        sessions: Vec::new(),
        allocations: Vec::new(),
        findings: Some(Vec::new()),
        profile: Some("1g.10gb".to_owned()),
        trouble,
    }
}

fn session(pid: u32) -> Session {
    Session {
        session: format!("{pid:016x}"),
        pid,
        kind: "unknown",
        user: None,
        namespace: None,
        pod: None,
        container: None,
        owner: Owned::default(),
        command: None,
        program: None,
        since: None,
        memory_bytes: None,
        utilization_ratio: None,
        state: "unknown",
        who: "-".to_owned(),
        age: None,
        context: "C",
    }
}

fn who() -> Who {
    let no_instance = Trouble::NoComputeInstance { gpu_instance: 9 };
    let mut stuck = device("1", Some(Trouble::Stuck));
    stuck.sessions.push(session(4242));
    Who {
        schema_version: SCHEMA_VERSION,
        at: "2026-01-01T00:00:00Z".to_owned(),
        node: Some("a".to_owned()),
        gpus: vec![
            device("0", Some(no_instance)),
            stuck,
            device("2", Some(Trouble::ProcessesUnreadable("no permission"))),
        ],
    }
}

fn shown(language: Language) -> String {
    let look = Look { width: Some(80), heads: true, coloured: false };
    table(&who(), &choose(&[], false).unwrap(), language, look)
}

#[test]
fn a_device_in_trouble_has_a_row_that_says_so() {
    expect![[r#"
        GPU  WHO   PID  COMMAND                            SINCE  MEMORY  USE  STATE
        0    -       -  1g.10gb gi 9: no compute instance      -       -    -  unusable
        1    -       -  driver call does not return            -       -    -  stuck
        1    -    4242  -                                      -       -    -  unknown
        2    -       -  processes: no permission               -       -    -  unknown
    "#]]
    .assert_eq(&shown(Language::English));
    expect![[r#"
        GPU  WHO   PID  COMMAND                           SINCE  MEMORY  USE  STATE
        0    -       -  1g.10gb gi 9: 컴퓨트 인스턴스…        -       -    -  사용 불가
        1    -       -  드라이버 호출이 끝나지 않음           -       -    -  응답 없음
        1    -    4242  -                                     -       -    -  알 수 없음
        2    -       -  프로세스: 권한 없음                   -       -    -  알 수 없음
    "#]]
    .assert_eq(&shown(Language::Korean));
}

#[test]
fn what_could_not_be_read_is_null_and_empty_but_never_zero() {
    let json = who().json().unwrap();
    for field in ["command", "since", "memory_bytes", "utilization_ratio", "user"] {
        assert!(json.contains(&format!("\"{field}\": null")), "{field}: {json}");
    }
    let columns = choose(&["pid".into(), "memory".into(), "use".into()], false).unwrap();
    assert_eq!(csv(&who(), &columns, false), ",,\n,,\n4242,,\n,,\n");
    let lines = who().jsonl().unwrap();
    assert_eq!(lines.matches("\"session\":null").count(), 3, "{lines}");
}
