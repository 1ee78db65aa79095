//! Why a web-config file cannot be used: the place, and the remedy.

use std::io;
use std::path::PathBuf;

/// What can be wrong with a web-config file and the files that it names. `place` is the file, or the
/// key of the web-config file that holds the same inline.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum WebError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{path} is larger than {most} bytes: that is no file of settings, certificates or keys"
    )]
    TooLarge { path: PathBuf, most: u64 },
    #[error("{path} is not UTF-8 text")]
    NotText { path: PathBuf },
    #[error("web-config file {path}: {reason}")]
    Parse { path: PathBuf, reason: String },
    #[error("web-config file {path}: {problem}")]
    Setting { path: PathBuf, problem: String },
    #[error("certificate {place}: {problem}")]
    Certificate { place: String, problem: String },
    #[error("key {place}: {problem}")]
    Key { place: String, problem: String },
    #[error(
        "web-config file {path} no longer has {what}, which the version in use has: \
         start it again if that is meant"
    )]
    Lowered { path: PathBuf, what: &'static str },
    #[error(
        "web-config file {path} now has {what}, which this process was not started with: start it \
         again for it"
    )]
    Raised { path: PathBuf, what: &'static str },
}
