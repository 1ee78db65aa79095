//! Forms of answers that a real server gave.

use expect_test::expect;
use server::Access;

use super::{Form, csv, json, jsonl, prom, table};
use crate::query::{Answer, read};
use crate::remote::testing::{NOW, Running, golden};
use crate::table::Look;

const LOOK: Look = Look { width: Some(100), heads: true, coloured: false };

fn instant(running: &Running, query: &str) -> Answer {
    read(&running.way().post("/api/v1/query", &[("query", query)]).unwrap()).unwrap()
}

fn shown(answer: &Answer, query: &str) -> String {
    table(answer, Form { query, range: None, look: LOOK, width: 100, wide: false })
}

/// A server with an hour of two GPUs.
fn hour() -> Running {
    let running = Running::new(Access::local());
    for minute in 0..=60 {
        let page: String = (0..2)
            .map(|gpu| {
                let util = (minute * (gpu + 1) * 3) % 100;
                format!("DCGM_FI_DEV_GPU_UTIL{{gpu=\"{gpu}\",Hostname=\"gpu-a\"}} {util}\n")
            })
            .collect();
        running.ingest("10.0.0.1:9400", &page, (60 - minute) * 60);
    }
    running
}

fn range(running: &Running, query: &str) -> Answer {
    let (start, end) = ((NOW - 3600).to_string(), NOW.to_string());
    let form = [("query", query), ("start", &start), ("end", &end), ("step", "60")];
    read(&running.way().post("/api/v1/query_range", &form).unwrap()).unwrap()
}

#[test]
fn an_instant_has_a_column_per_label_that_differs() {
    let running = Running::new(Access::local());
    running.ingest("10.0.0.2:9400", &golden("h100-mixed"), 0);
    let query = "gpu_session_count";
    let answer = instant(&running, query);
    expect![[r#"
        gpu_session_count{instance="10.0.0.2:9400", job="gpulse"}
        gpu    VALUE
        0          1
        1          0
        2_0_0      1
        2_1_0      2
        2_2_0      1
        2_3_0      0
    "#]]
    .assert_eq(&shown(&answer, query));
    let query = "sum by (gpu) (gpu_session_memory_bytes) > 1e10";
    expect![[r#"
        gpu          VALUE
        0      65498251264
        2_0_0  23622320128
        2_1_0  11811160064
    "#]]
    .assert_eq(&shown(&instant(&running, query), query));
    assert_eq!(shown(&instant(&running, "scalar(gpu_total_sessions)"), ""), "5\n");
    assert_eq!(shown(&instant(&running, "\"words\""), ""), "words\n");
}

#[test]
fn a_range_is_drawn_with_its_figures() {
    let running = hour();
    let query = "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"}";
    let form = Form {
        query,
        range: Some((to_float(NOW - 3600), to_float(NOW))),
        look: Look { width: Some(80), ..LOOK },
        width: 80,
        wide: false,
    };
    expect![[r#"
        DCGM_FI_DEV_GPU_UTIL{Hostname="gpu-a", gpu="0", instance="10.0.0.1:9400", job="gpulse"}
          99 % ┤                                    ⢀⡠⠒⢹
               │                                 ⢀⠤⠒⠁  ⢸
               │                              ⡠⠔⠊⠁     ⢸                             ⢀⡠⠒
               │                          ⢀⡠⠒⠉          ⡇                         ⣀⠤⠊⠁
               │                       ⢀⡠⠊⠁             ⡇                     ⢀⣀⠤⠊
               │                    ⣀⠔⠉⠁                ⡇                  ⢀⡠⠔⠁
        49.5 % ┤                ⣀⡠⠔⠉                    ⡇               ⢀⠤⠒⠁
               │             ⣀⠤⠊                        ⡇            ⡠⠔⠊⠁
               │          ⡠⠔⠊                           ⢇        ⢀⡠⠒⠉
               │      ⢀⠤⠒⠉                              ⢸     ⣀⠤⠒⠁
               │   ⣀⠤⠊⠁                                 ⢸  ⡠⠔⠊
           0 % ┤⡠⠔⠊                                     ⠸⠒⠉
               └────────────────────────────────────────────────────────────────────────
               08:00:00                  2026-01-15 UTC, 1h00                   09:00:00
        SERIES  MIN      AVG   MAX  LAST
        value   0 %  45.74 %  99 %  80 %
    "#]]
    .assert_eq(&table(&range(&running, query), form));
    let query = "DCGM_FI_DEV_GPU_UTIL";
    let form = Form { query, ..form };
    expect![[r#"
        DCGM_FI_DEV_GPU_UTIL{Hostname="gpu-a", instance="10.0.0.1:9400", job="gpulse"}
        SERIES                               MIN      AVG   MAX  LAST
        {gpu="0"}  ▁▂▂▃▃▄▄▅▆▆▇▇██▂▂▃▃▄▅▅▆▆▇  0 %  45.74 %  99 %  80 %
        {gpu="1"}  ▁▂▄▅▆▇█▂▃▄▅▆██▃▄▅▆▇█▂▄▄▅  0 %  45.57 %  98 %  60 %
    "#]]
    .assert_eq(&table(&range(&running, query), form));
    let coloured =
        table(&range(&running, query), Form { look: Look { coloured: true, ..form.look }, ..form });
    assert!(coloured.contains("\x1b[36m") && coloured.contains("\x1b[33m"), "a colour each");
}

#[test]
fn programs_get_json_csv_and_text() {
    let running = hour();
    let query = "DCGM_FI_DEV_GPU_UTIL";
    let answer = instant(&running, query);
    expect![[r#"
        {
          "schema_version": 1,
          "query": "DCGM_FI_DEV_GPU_UTIL",
          "result_type": "vector",
          "result": [
            {
              "metric": {
                "Hostname": "gpu-a",
                "__name__": "DCGM_FI_DEV_GPU_UTIL",
                "gpu": "0",
                "instance": "10.0.0.1:9400",
                "job": "gpulse"
              },
              "value": [
                1768467600.0,
                "80"
              ]
            },
            {
              "metric": {
                "Hostname": "gpu-a",
                "__name__": "DCGM_FI_DEV_GPU_UTIL",
                "gpu": "1",
                "instance": "10.0.0.1:9400",
                "job": "gpulse"
              },
              "value": [
                1768467600.0,
                "60"
              ]
            }
          ]
        }
    "#]]
    .assert_eq(&json(&answer, query).unwrap());
    expect![[r#"
        {"metric":{"Hostname":"gpu-a","__name__":"DCGM_FI_DEV_GPU_UTIL","gpu":"0","instance":"10.0.0.1:9400","job":"gpulse"},"value":[1768467600.0,"80"]}
        {"metric":{"Hostname":"gpu-a","__name__":"DCGM_FI_DEV_GPU_UTIL","gpu":"1","instance":"10.0.0.1:9400","job":"gpulse"},"value":[1768467600.0,"60"]}
    "#]].assert_eq(&jsonl(&answer).unwrap());
    expect![[r#"
        Hostname,__name__,gpu,instance,job,time,value
        gpu-a,DCGM_FI_DEV_GPU_UTIL,0,10.0.0.1:9400,gpulse,2026-01-15T09:00:00Z,80
        gpu-a,DCGM_FI_DEV_GPU_UTIL,1,10.0.0.1:9400,gpulse,2026-01-15T09:00:00Z,60
    "#]]
    .assert_eq(&csv(&answer, true));
    expect![[r#"
        DCGM_FI_DEV_GPU_UTIL{Hostname="gpu-a",gpu="0",instance="10.0.0.1:9400",job="gpulse"} 80 1768467600000
        DCGM_FI_DEV_GPU_UTIL{Hostname="gpu-a",gpu="1",instance="10.0.0.1:9400",job="gpulse"} 60 1768467600000
    "#]].assert_eq(&prom(&answer));
    assert_eq!(csv(&range(&running, query), false).lines().count(), 2 * 61);
    assert_eq!(prom(&range(&running, "rate(DCGM_FI_DEV_GPU_UTIL[5m])")).lines().count(), 2 * 60);
    let nothing = instant(&running, "absent_metric");
    assert_eq!((csv(&nothing, true), prom(&nothing)), ("time,value\n".into(), String::new()));
}

#[expect(clippy::cast_precision_loss, reason = "seconds fit")]
fn to_float(seconds: i64) -> f64 {
    seconds as f64
}
