//! placeholder
use std::process::ExitCode;
/// a
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
/// r
pub(crate) fn run(_: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
