//! What guides tell people to type and to write into files, typed and written: commands and their
//! output, Prometheus's configuration, rules, queries, Grafana's data source, Slurm's scripts.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use serde_json::Value;
use tests::child::Child;
use tests::environment::{self, GPULSE, PROMETHEUS, PROMTOOL};
use tests::prometheus::Prometheus;
use tests::{http, or_skip, wait};

const GUIDES: [&str; 3] = ["prometheus-and-grafana", "textfile", "slurm"];

fn guide(name: &str) -> String {
    let path = environment::root().join(format!("docs/guide/{name}.md"));
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// Fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```") else { continue };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if name == language {
            found.push(inside.join("\n") + "\n");
        }
    }
    found
}

/// The one block of YAML that begins like this.
fn yaml(name: &str, begins: &str) -> String {
    let mut found = blocks(&guide(name), "yaml").into_iter().filter(|b| b.starts_with(begins));
    let first = found.next().unwrap_or_else(|| panic!("{name} has no `{begins}`"));
    assert_eq!(found.next(), None, "{name}: `{begins}` twice");
    first
}

fn exporter(gpulse: &Path, folder: &Path, more: &[&str]) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command.args(["exporter", "--listen", "127.0.0.1:0", "--state"]).arg(folder.join("state"));
    command.args(more);
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    child.until("a first pass", |_| http::get(address, "/readyz")).unwrap();
    (child, address)
}

#[test]
fn commands_print_what_the_guides_show() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let mut ran = 0;
    for name in GUIDES {
        for block in blocks(&guide(name), "console") {
            let folder = tempfile::tempdir().unwrap();
            let (command, expected) = block.split_once('\n').unwrap();
            let words = command.strip_prefix("$ gpulse ").expect("a command of gpulse");
            let output = Command::new(&gpulse)
                .args(words.split(' '))
                .current_dir(folder.path())
                .output()
                .unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {command}: {error}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}: {command}");
            ran += 1;
        }
    }
    assert!(ran >= 2, "{ran}");
}

#[test]
fn configurations_and_rules_of_the_guides_are_valid() {
    let program = or_skip!(environment::program(PROMTOOL));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.yml");
    let mut checked = 0;
    for name in GUIDES {
        for block in blocks(&guide(name), "yaml") {
            let kind = match block.split(':').next() {
                Some("groups") => "rules",
                Some("global" | "scrape_configs") => "config",
                _ => continue,
            };
            std::fs::write(&file, &block).unwrap();
            let arguments = ["check", kind, file.to_str().unwrap()];
            let output = Command::new(&program).args(arguments).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {told}\n{block}");
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked}");
}

#[test]
fn prometheus_scrapes_as_the_guide_says_and_grafanas_data_source_finds_it() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    let (_exporter, address) = exporter(&gpulse, folder.path(), &["--sim", "slurm"]);
    let written = yaml("prometheus-and-grafana", "global:");
    assert!(written.contains("localhost:9400") && written.contains("scrape_interval: 15s"));
    let here = written
        .replace("localhost:9400", &address.to_string())
        .replace("scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s");
    let prometheus = Prometheus::start_by(&program, folder.path(), &here, &[]).unwrap();
    wait::until("a scrape", wait::PATIENCE, || {
        ensure!(!prometheus.query("gpu_allocation_info{slurm_job=\"4711\"}")?.is_empty());
        Ok(())
    })
    .unwrap();

    // Every query is one that Prometheus takes; those of Slurm have data.
    for name in GUIDES {
        for block in blocks(&guide(name), "promql") {
            for query in queries(&block) {
                let points = prometheus.query(&query).unwrap_or_else(|cause| {
                    panic!("{name}: {query}: {cause:#}");
                });
                assert!(name != "slurm" || query.contains("[1d]") || !points.is_empty(), "{query}");
            }
        }
    }

    let source: Value = serde_saphyr::from_str(&yaml("prometheus-and-grafana", "apiVersion:"))
        .expect("Grafana's file is YAML");
    assert_eq!(source["apiVersion"], 1);
    let source = &source["datasources"][0];
    assert_eq!((&source["type"], &source["access"]), (&"prometheus".into(), &"proxy".into()));
    assert_eq!(source["jsonData"]["httpMethod"], "POST");
    assert_eq!(source["jsonData"]["timeInterval"], "15s", "the scrape interval");
    assert_eq!(source["url"], "http://localhost:9090", "Prometheus's own port");
    // What Grafana asks a data source when it is saved.
    let answer = http::get(prometheus.address(), "/api/v1/query?query=1%2B1").unwrap();
    assert!(answer.contains("\"success\""), "{answer}");
    let answer = http::get(prometheus.address(), "/api/v1/status/buildinfo").unwrap();
    assert!(answer.contains("\"version\""), "{answer}");
}

/// The queries of a block: each begins at the margin, comments are left out.
fn queries(block: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in block.lines().filter(|line| !line.starts_with('#')) {
        match all.last_mut().filter(|_| line.starts_with(' ')) {
            Some(last) => last.push_str(line),
            None => all.push(line.to_owned()),
        }
    }
    all
}

#[test]
fn prolog_and_epilog_of_the_guide_write_what_the_exporter_reads() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let bash = or_skip!(environment::on_path("bash"));
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("jobs");
    let scripts = blocks(&guide("slurm"), "bash");
    let [prolog, epilog] = scripts.as_slice() else { panic!("{} scripts", scripts.len()) };
    let run = |script: &str, job: &str, gpus: &str| {
        let here = script.replace("dir=/run/gpulse/jobs", &format!("dir={}", jobs.display()));
        assert_ne!(here, script);
        let mut command = Command::new(&bash);
        command.arg("-c").arg(here).env("SLURM_JOB_ID", job).env("SLURM_JOB_GPUS", gpus);
        assert!(command.status().unwrap().success());
    };
    let on = ["--sim", "h100-idle", "--hpc-job-mapping-dir", jobs.to_str().unwrap()];
    let (_exporter, address) = exporter(&gpulse, folder.path(), &on);
    let jobs_until = |expected: &[&str]| {
        wait::until(&format!("jobs {expected:?}"), wait::PATIENCE, || {
            let page = http::get(address, "/metrics")?;
            let power = page.lines().filter(|line| line.starts_with("DCGM_FI_DEV_GPU_TEMP{"));
            let told: Vec<&str> = power
                .filter(|line| line.contains("gpu=\"0\""))
                .filter_map(|line| line.split_once("hpc_job=\"")?.1.split('"').next())
                .collect();
            ensure!(told == expected, "{told:?}");
            let held = page.matches("gpu_allocation_info{").count();
            ensure!(held >= expected.len(), "{held} allocations");
            Ok(())
        })
        .unwrap();
    };
    run(prolog, "4711", "0");
    jobs_until(&["4711"]);
    run(prolog, "47", "0");
    jobs_until(&["4711", "47"]);
    run(epilog, "47", "0");
    jobs_until(&["4711"]);
    run(epilog, "4711", "0");
    jobs_until(&[]);
}
