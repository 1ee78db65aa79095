//! The file given by `--config`: YAML, unknown keys refused with their line. Flags win over the
//! environment, that over the file, that over the defaults.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use crate::address::ListenAddress;
use crate::fault::Fault;
use crate::log::Log;

/// What the file may say, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FileConfig {
    /// Where the exporter listens.
    pub(crate) listen: Option<ListenAddress>,
    /// How much to log.
    pub(crate) log: Option<Log>,
    /// Host trees mounted elsewhere.
    pub(crate) path: Paths,
    /// The exporter and its sessions.
    pub(crate) exporter: exporter::Config,
}

/// Where the host's trees are mounted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Paths {
    /// The host's `/proc`.
    pub(crate) procfs: Option<PathBuf>,
    /// The host's `/sys`.
    pub(crate) sysfs: Option<PathBuf>,
}

/// Read the file; without one, everything is at its default.
pub(crate) fn load(path: Option<&Path>) -> Result<FileConfig, Fault> {
    let Some(path) = path else { return Ok(FileConfig::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))
        .map_err(Fault::usage)?;
    parse(&text).map_err(|reason| Fault::usage(anyhow!("{}: {reason}", path.display())))
}

fn parse(text: &str) -> Result<FileConfig, String> {
    // A file of comments alone is a file without keys.
    let has_keys = text.lines().map(str::trim).any(|l| !l.is_empty() && !l.starts_with('#'));
    if !has_keys {
        return Ok(FileConfig::default());
    }
    serde_saphyr::from_str(text).map_err(|cause| cause.without_snippet().to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_key_is_read() {
        let text = "\
listen: 127.0.0.1:9500
log: debug,json
path:
  procfs: /host/proc
exporter:
  parts: gpu,self
  host_label: both
  session:
    idle_after: 10m
";
        let config = parse(text).unwrap();
        assert_eq!(config.listen.unwrap().to_string(), "127.0.0.1:9500");
        assert_eq!(config.path.procfs.unwrap(), Path::new("/host/proc"));
        assert_eq!(config.exporter.parts.to_string(), "gpu,self");
        assert_eq!(config.exporter.session.idle_after.as_secs(), 600);
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        assert!(parse("# nothing yet\n\n").unwrap().listen.is_none());
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let fault = |text: &str| parse(text).unwrap_err();
        expect!["unknown field `listen_on`, expected one of listen, log, path, exporter at line 2, column 1"].assert_eq(&fault("listen: ':9400'\nlisten_on: 3\n"));
        expect![[r#"unknown level "loud": error, warn, info, debug, trace at line 1, column 6"#]]
            .assert_eq(&fault("log: loud\n"));
        expect!["unknown field `idle_aftr`, expected one of idle_after, starting_for, held_over_bytes, stale_after, left_grace, close_after, longest_gap, buffer_holds, check_every, ended_keep_min, ended_keep_max, max_live, max_ended, no_process_after, outside_after, leaked_over_bytes, leaked_after, zombie_after, no_compute_instance_after, hang_after, hang_use_percent, hang_spread_percent, hang_usual_power_percent, hang_idle_power_percent, hang_pipes_percent, hang_pcie_bytes_per_second, finding_clears_after, user, sampled at line 3, column 5"].assert_eq(&fault("exporter:\n  session:\n    idle_aftr: 5m\n"));
        expect!["expected string scalar at line 1, column 9"].assert_eq(&fault("listen: [\n"));
    }
}
