//! The binary `gpulse`: read the command line, start the log, run the command, end with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::memory::keep_small();
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(usage) => return cli::refuse(&usage),
    };
    command.start_log();
    cli::end(command.run())
}
