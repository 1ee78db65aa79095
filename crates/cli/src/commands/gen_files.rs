//! `gpulse gen`: completions, man pages and reference pages, made from the commands and tables.

use std::path::PathBuf;

use anyhow::Context as _;
use clap_complete::Shell;

use crate::fault::Fault;
use crate::output;
use crate::reference::{self, Page};

/// Write shell completions, man pages and reference pages.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  gpulse gen completions bash > /etc/bash_completion.d/gpulse
  gpulse gen man /usr/local/share/man/man1
  gpulse gen reference metrics"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write one man page per command into a folder that exists.
    Man {
        /// The folder.
        dir: PathBuf,
    },
    /// Print a reference page in Markdown.
    Reference {
        /// The page.
        page: Page,
    },
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let mut definition = super::definition();
    match &args.what {
        What::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut definition, "gpulse", &mut text);
            output::print(&String::from_utf8_lossy(&text))?;
        }
        What::Man { dir } => clap_mangen::generate_to(definition, dir).with_context(|| {
            format!("cannot write man pages into {}: does the folder exist?", dir.display())
        })?,
        What::Reference { page } => output::print(&reference::page(*page))?,
    }
    Ok(0)
}
