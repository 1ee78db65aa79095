//! Tests of the web pages: unit tests with Vitest, and checks of the real program in Chromium.
//!
//! The checks themselves are JavaScript, in `web/tests`; here they are started and counted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ::tests::environment;
use anyhow::{Context, Result};

use crate::libtest::{Skip, Tally};
use crate::setup::{self, Chromium, Node};
use crate::workspace;

/// The program that drives the browser reads here where it is.
const CHROMIUM: &str = "GPULSE_TEST_CHROMIUM";

/// Both kinds; each is one skip where it cannot run.
pub(super) fn all(
    node: &Result<Node, String>,
    gpulse: &Path,
    quick: bool,
    filter: Option<&str>,
) -> Result<Tally> {
    let node = match node {
        Ok(node) => node,
        Err(reason) => {
            let mut tally = skipped("web unit tests", reason);
            tally.add(skipped("browser checks", reason));
            return Ok(tally);
        }
    };
    let mut tally = unit_tests(node, filter)?;
    match setup::chromium(quick)? {
        Ok(chromium) => tally.add(browser_checks(node, gpulse, &chromium, filter)?),
        Err(reason) => tally.add(skipped("browser checks", &reason)),
    }
    Ok(tally)
}

fn skipped(test: &str, reason: &str) -> Tally {
    let skip = Skip { test: test.to_owned(), reason: reason.to_owned() };
    Tally { skipped: vec![skip], ..Tally::default() }
}

fn unit_tests(node: &Node, filter: Option<&str>) -> Result<Tally> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let mut command = node.npm();
    command.args(["run", "--silent", "test", "--", "--reporter=default", "--reporter=json"]);
    command.arg(format!("--outputFile.json={}", report.display()));
    if let Some(filter) = filter {
        command.args(["--testNamePattern", filter]);
    }
    println!("\n$ web unit tests");
    let status = command.status().context("cannot run npm")?;
    let mut tally = match std::fs::read_to_string(&report) {
        Ok(text) => reported(&text)?,
        Err(_) => Tally::default(),
    };
    if !status.success() && tally.failed.is_empty() {
        tally.failed.push(format!("web unit tests ({status})"));
    }
    Ok(tally)
}

/// Vitest's report in the form of Jest's.
fn reported(text: &str) -> Result<Tally> {
    let report: serde_json::Value = serde_json::from_str(text).context("the report is no JSON")?;
    let files = report["testResults"].as_array().map_or(&[][..], Vec::as_slice);
    let mut tally = Tally::default();
    for test in files.iter().flat_map(|file| file["assertionResults"].as_array()).flatten() {
        let name = test["fullName"].as_str().unwrap_or_default();
        match test["status"].as_str().unwrap_or_default() {
            "passed" => tally.passed += 1,
            "failed" => tally.failed.push(format!("web: {name}")),
            // What a filter leaves out is not a test that could not run.
            _ => {}
        }
    }
    Ok(tally)
}

fn browser_checks(
    node: &Node,
    gpulse: &Path,
    chromium: &Chromium,
    filter: Option<&str>,
) -> Result<Tally> {
    let mut command = driver(node, "tests/run.mjs", gpulse, chromium);
    command.args(filter).stdout(Stdio::piped());
    println!("\n$ browser checks");
    let mut child = command.spawn().context("cannot start node")?;
    let output = child.stdout.take().context("node has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        count(&line, &mut tally);
    }
    let status = child.wait()?;
    if !status.success() && tally.failed.is_empty() {
        tally.failed.push(format!("browser checks ({status})"));
    }
    Ok(tally)
}

/// `ok: name`, `failed: name: why` or `skipped: name: why`; anything else is detail.
fn count(line: &str, tally: &mut Tally) {
    if line.starts_with("ok: ") {
        tally.passed += 1;
    } else if let Some(rest) = line.strip_prefix("failed: ") {
        tally.failed.push(format!("browser: {rest}"));
    } else if let Some((test, reason)) =
        line.strip_prefix("skipped: ").and_then(|rest| rest.split_once(": "))
    {
        tally.skipped.push(Skip { test: format!("browser: {test}"), reason: reason.to_owned() });
    }
}

/// The pictures of the README.
pub(super) fn screenshots(node: &Node, gpulse: &Path, chromium: &Chromium) -> Result<()> {
    let mut command = driver(node, "tests/pictures.mjs", gpulse, chromium);
    workspace::run(command.arg(workspace::root().join("docs/img")))
}

fn driver(node: &Node, script: &str, gpulse: &Path, chromium: &Chromium) -> Command {
    let mut command = node.node();
    command.arg(script).env(environment::GPULSE, gpulse).env(CHROMIUM, &chromium.program);
    for (name, value) in &chromium.environment {
        // Only the browser needs them: the driver hands them on.
        command.env(format!("{CHROMIUM}_{name}"), value);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_browser_are_counted() {
        let mut tally = Tally::default();
        for line in
            ["ok: a page", "  12 ms", "failed: b: 3 is not 2", "skipped: c: no memory", "odd"]
        {
            count(line, &mut tally);
        }
        assert_eq!(tally.line(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(tally.failed, ["browser: b: 3 is not 2"]);
        assert_eq!(tally.skipped[0].reason, "no memory");
    }

    #[test]
    fn a_report_of_unit_tests_is_counted() {
        let text = r#"{"testResults":[{"assertionResults":[
            {"fullName":"a","status":"passed"},{"fullName":"b","status":"failed"},
            {"fullName":"c","status":"pending"}]}]}"#;
        let tally = reported(text).unwrap();
        assert_eq!(tally.line(), "1 passed, 1 failed, 0 skipped");
        assert_eq!(tally.failed, ["web: b"]);
    }
}
