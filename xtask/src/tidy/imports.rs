//! Who may depend on whom, read from the manifests, and what must not come in indirectly.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use super::Fault;
use crate::workspace;

/// Who may import whom, outside of tests. What is absent is forbidden.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("session", &["model"]),
    ("journal", &["model"]),
    ("store", &["model", "journal"]),
    ("promql", &["model"]),
    ("gpu", &["model"]),
    ("host", &["model"]),
    ("cluster", &["model"]),
    ("listen", &["model"]),
    ("exporter", &["model", "session", "gpu", "host", "cluster"]),
    ("server", &["model", "journal", "listen", "store", "promql"]),
    ("sim", &["model", "gpu"]),
    ("sim-nvml", &["model", "gpu", "sim"]),
    ("cli", &["model", "session", "gpu", "host", "exporter", "sim", "store", "listen", "server"]),
    ("tests", &["model"]),
    ("xtask", &["model", "tests"]),
];

/// What tests of a crate may import besides: the simulated world, never a role.
const TESTS_MAY_IMPORT: &[(&str, &[&str])] = &[
    ("gpu", &["sim"]),
    ("host", &["sim"]),
    ("exporter", &["sim"]),
    ("sim", &["host"]),
    ("tests", &["gpu", "sim", "session", "exporter", "host", "cluster"]),
];

/// Published crates that only some of ours may name.
const ONLY: &[(&str, &[&str])] = &[
    ("clap", &["cli", "xtask", "sim"]),
    ("anyhow", &["cli", "xtask", "tests", "sim"]),
    ("kube", &["cluster"]),
    ("tokio", &["listen", "cluster", "exporter", "server", "cli", "tests", "xtask"]),
    ("axum", &["listen", "exporter", "server", "cli"]),
    ("nvml-wrapper-sys", &["gpu", "sim-nvml"]),
    ("libloading", &["gpu"]),
];

/// Crates in whose tree there is no async runtime, not even indirectly.
const NO_TOKIO: &[&str] = &["model", "session", "journal", "store", "promql", "gpu", "host", "sim"];

const DIRECTION: &str = "ARCHITECTURE.md, Crates; tables in xtask/src/tidy/imports.rs";

/// Faults of all manifests.
pub(super) fn faults(root: &Path) -> Result<Vec<Fault>> {
    let manifests = manifests(root)?;
    let mut faults = rows_without_a_crate(&manifests);
    for (name, manifest) in &manifests {
        faults.extend(of_crate(name, manifest, &manifests));
    }
    for name in NO_TOKIO {
        faults.extend(runtime_in_tree(name)?);
    }
    Ok(faults)
}

type Manifests = BTreeMap<String, Table>;

fn manifests(root: &Path) -> Result<Manifests> {
    let mut folders: Vec<_> = std::fs::read_dir(root.join("crates"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    folders.extend([root.join("tests"), root.join("xtask")]);
    folders.iter().map(|folder| manifest(folder)).collect()
}

fn manifest(folder: &Path) -> Result<(String, Table)> {
    let file = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let table: Table = toml::from_str(&text).with_context(|| file.display().to_string())?;
    let name = table["package"]["name"].as_str().context("a package without a name")?.to_owned();
    Ok((name, table))
}

fn rows_without_a_crate(manifests: &Manifests) -> Vec<Fault> {
    let rows = MAY_IMPORT.iter().chain(TESTS_MAY_IMPORT);
    rows.filter(|(name, _)| !manifests.contains_key(*name))
        .map(|(name, _)| Fault::new(*name, "a row of the table, but no crate", DIRECTION))
        .collect()
}

fn of_crate(name: &str, manifest: &Table, all: &Manifests) -> Vec<Fault> {
    let mut faults = inherits(name, manifest);
    let Some(allowed) = row(MAY_IMPORT, name) else {
        faults.push(Fault::new(name, "a crate without a row in the table", DIRECTION));
        return faults;
    };
    let in_tests = row(TESTS_MAY_IMPORT, name).unwrap_or_default();
    for (section, allowed) in [
        ("dependencies", allowed.to_vec()),
        ("build-dependencies", allowed.to_vec()),
        ("dev-dependencies", [allowed, in_tests].concat()),
    ] {
        for import in imports(manifest, section) {
            if all.contains_key(&import) && !allowed.contains(&import.as_str()) {
                let what = format!("may not import {import} in [{section}]");
                faults.push(Fault::new(name, what, DIRECTION));
            }
            let only = row(ONLY, &import).filter(|_| section != "dev-dependencies");
            if only.is_some_and(|only| !only.contains(&name)) {
                let what = format!("may not import {import}: not its business");
                faults.push(Fault::new(name, what, DIRECTION));
            }
        }
    }
    faults
}

fn inherits(name: &str, manifest: &Table) -> Vec<Fault> {
    let yes = |table: Option<&toml::Value>| {
        table.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
    };
    let mut faults = Vec::new();
    if !yes(manifest.get("lints")) {
        faults.push(Fault::new(name, "lacks `[lints] workspace = true`", "docs/style.md"));
    }
    if !yes(manifest["package"].get("publish")) {
        faults.push(Fault::new(name, "lacks `publish.workspace = true`", "docs/style.md"));
    }
    faults
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(row, _)| *row == name).map(|(_, allowed)| *allowed)
}

fn imports(manifest: &Table, section: &str) -> Vec<String> {
    let tables = std::iter::once(manifest).chain(
        manifest
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(|targets| targets.values().filter_map(toml::Value::as_table)),
    );
    tables
        .filter_map(|table| table.get(section)?.as_table())
        .flat_map(|imports| imports.keys().cloned())
        .collect()
}

fn runtime_in_tree(name: &str) -> Result<Vec<Fault>> {
    let arguments =
        ["tree", "--offline", "--package", name, "--edges", "normal", "--prefix", "none"];
    let tree = workspace::output(&mut workspace::cargo(&arguments))?;
    let has = tree.lines().any(|line| line.starts_with("tokio "));
    let fault = Fault::new(name, "has tokio in its tree", "ARCHITECTURE.md, Invariants");
    Ok(if has { vec![fault] } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(name: &str, manifest: &str) -> Vec<String> {
        let tables = ["model", "session", "gpu", "sim"].map(|name| (name.to_owned(), Table::new()));
        let all = Manifests::from(tables);
        let table: Table = toml::from_str(manifest).unwrap();
        of_crate(name, &table, &all).into_iter().map(|fault| fault.what).collect()
    }

    const GOOD: &str =
        "[package]\nname = 'x'\npublish.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn an_engine_may_not_import_an_edge() {
        let manifest = format!("{GOOD}[dependencies]\nmodel = '1'\ngpu = '1'\n");
        assert_eq!(faults_of("session", &manifest), ["may not import gpu in [dependencies]"]);
    }

    #[test]
    fn tests_of_an_edge_may_import_the_simulator_and_the_edge_may_not() {
        let manifest = format!("{GOOD}[dev-dependencies]\nsim = '1'\n");
        assert!(faults_of("gpu", &manifest).is_empty());
        let manifest = format!("{GOOD}[dependencies]\nsim = '1'\n");
        assert_eq!(faults_of("gpu", &manifest).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_and_without_lints_fails() {
        let faults = faults_of("new", "[package]\nname = 'new'\n");
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn clap_stays_with_the_programs() {
        let manifest = format!("{GOOD}[dependencies]\nclap = '4'\n");
        assert_eq!(faults_of("gpu", &manifest), ["may not import clap: not its business"]);
    }
}
