//! A real Prometheus for one test: its configuration, its start, and questions to it.
//!
//! Every scrape is each second, so that a test waits for seconds and not for a minute.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::child::Child;
use crate::{environment, http};

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
}

/// One series of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its labels in the order of their names, `__name__` too.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

impl Point {
    /// Value of a label, empty where it has none, as in PromQL.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}

impl Prometheus {
    /// Start one that scrapes `targets` (job, address) with the given rule files.
    ///
    /// # Errors
    /// The program is not there, or does not become ready.
    pub fn start(
        program: &Path,
        folder: &Path,
        targets: &[(&str, SocketAddr)],
        rules: &[PathBuf],
    ) -> Result<Self> {
        Self::start_with(program, folder, targets, rules, &[])
    }

    /// The same with further options.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(
        program: &Path,
        folder: &Path,
        targets: &[(&str, SocketAddr)],
        rules: &[PathBuf],
        options: &[&str],
    ) -> Result<Self> {
        Self::start_by(program, folder, &configuration(targets, rules), options)
    }

    /// Start one by the text of a configuration.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_by(
        program: &Path,
        folder: &Path,
        configuration: &str,
        options: &[&str],
    ) -> Result<Self> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, configuration)?;
        let address = SocketAddr::from(([127, 0, 0, 1], http::free_port()?));
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(options)
            .current_dir(folder);
        let mut child = Child::start("prometheus", &mut command, folder)?;
        child.until("Prometheus to be ready", |_| http::get(address, "/-/ready"))?;
        Ok(Self { child, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An instant query, now. A scalar is one point without labels.
    ///
    /// # Errors
    /// Prometheus refuses the query, with its reason.
    pub fn query(&self, expression: &str) -> Result<Vec<Point>> {
        let path = format!("/api/v1/query?query={}", http::escaped(expression));
        points(&self.api(&path)?).with_context(|| format!("answer to {expression}"))
    }

    /// The `data` of an API answer.
    ///
    /// # Errors
    /// Not an answer of success.
    pub fn api(&self, path: &str) -> Result<Value> {
        let answer = http::get_with(self.address, path, "")?;
        let mut json: Value = serde_json::from_slice(&answer.body)?;
        if json["status"] != "success" {
            bail!("{path}: {}", json["error"]);
        }
        Ok(json["data"].take())
    }

    /// Ask `expression` until its answer satisfies `accept`.
    ///
    /// # Errors
    /// The deadline came first, with the last answer.
    pub fn until(
        &mut self,
        expression: &str,
        accept: impl Fn(&[Point]) -> bool,
    ) -> Result<Vec<Point>> {
        let address = self.address;
        let path = format!("/api/v1/query?query={}", http::escaped(expression));
        self.child.until(expression, |_| {
            let answer = http::get_with(address, &path, "")?;
            let json: Value = serde_json::from_slice(&answer.body)?;
            let points = points(&json["data"])?;
            if accept(&points) { Ok(points) } else { bail!("the answer is {points:?}") }
        })
    }
}

fn configuration(targets: &[(&str, SocketAddr)], rules: &[PathBuf]) -> String {
    // Without rules the interval of evaluation is only the step of subqueries that name none.
    let evaluation = if rules.is_empty() { "1m" } else { "1s" };
    let mut text = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: {evaluation}\n"
    );
    text.push_str("rule_files:\n");
    for rule in rules {
        text.push_str(&format!("  - {}\n", rule.display()));
    }
    text.push_str("scrape_configs:\n");
    for (job, address) in targets {
        text.push_str(&format!(
            "  - job_name: {job}\n    static_configs:\n      - targets: ['{address}']\n"
        ));
    }
    text
}

fn points(data: &Value) -> Result<Vec<Point>> {
    let result = data["result"].as_array().context("no result")?;
    if data["resultType"] == "scalar" {
        return Ok(vec![Point { labels: Vec::new(), value: number(&data["result"][1])? }]);
    }
    result.iter().map(point).collect()
}

fn point(series: &Value) -> Result<Point> {
    let labels = series["metric"].as_object().context("no labels")?;
    let labels = labels
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    Ok(Point { labels, value: number(&series["value"][1])? })
}

fn number(value: &Value) -> Result<f64> {
    Ok(value.as_str().context("no value")?.parse()?)
}

/// Run promtool with some text on its standard input or none, and give back whether it succeeded
/// and what it said.
///
/// # Errors
/// It cannot be run.
pub fn promtool(arguments: &[&str], input: &str) -> Result<(bool, String)> {
    use std::io::Write as _;
    let program = environment::program(environment::PROMTOOL).map_err(anyhow::Error::msg)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .context("cannot start promtool")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    let _ = feeder.join();
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
