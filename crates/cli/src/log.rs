//! The log: on stderr, `--log LEVEL[,json]`.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::fmt;

/// The option that every command has.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LogArgs {
    /// How much to log on stderr: error, warn, info, debug or trace; `,json` for JSON lines.
    /// Default: info for exporter and collect, error for the rest.
    #[arg(long, value_name = "LEVEL[,json]", env = "GPULSE_LOG")]
    log: Option<Log>,
}

/// What to log, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Log {
    level: Level,
    json: bool,
}

impl Log {
    /// As text, at that level.
    pub(crate) const fn usual(level: Level) -> Self {
        Self { level, json: false }
    }

    /// With another level or form where one is given.
    pub(crate) fn with(self, level: Option<Level>, json: Option<bool>) -> Self {
        Self { level: level.unwrap_or(self.level), json: json.unwrap_or(self.json) }
    }
}

impl FromStr for Log {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (level, json) = match text.split_once(',') {
            Some((level, "json")) => (level, true),
            Some((level, "text")) => (level, false),
            None => (text, false),
            Some((_, form)) => return Err(format!("unknown form {form:?}: json or text")),
        };
        let level = ["error", "warn", "info", "debug", "trace"]
            .contains(&level)
            .then(|| level.parse().ok())
            .flatten()
            .ok_or_else(|| format!("unknown level {level:?}: error, warn, info, debug, trace"))?;
        Ok(Self { level, json })
    }
}

impl TryFrom<String> for Log {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl LogArgs {
    /// Start logging as the flag says, else the file, else at the level `usual`.
    pub(crate) fn start(self, file: Option<Log>, usual: Level) {
        let log = self.log.or(file).unwrap_or(Log { level: usual, json: false });
        let builder = fmt().with_max_level(log.level).with_writer(io::stderr).with_target(false);
        let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        // A second start happens only where tests run commands in one process.
        let _ = if log.json {
            builder.json().flatten_event(true).try_init()
        } else {
            builder.with_ansi(colours).try_init()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_level_or_form_is_refused_with_the_choice() {
        assert_eq!("debug,json".parse(), Ok(Log { level: Level::DEBUG, json: true }));
        assert_eq!("info".parse(), Ok(Log { level: Level::INFO, json: false }));
        assert!("loud".parse::<Log>().unwrap_err().contains("error, warn, info"));
        assert!("3".parse::<Log>().is_err());
        assert!("info,xml".parse::<Log>().unwrap_err().contains("json or text"));
    }
}
