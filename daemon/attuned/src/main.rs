//! The program `attuned`: reads what was typed, does it, and ends with the code that says how it
//! went.

use std::process::ExitCode;

use attuned::cli::{self, Cli, Failure};
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return told_by_clap(&error),
    };
    match cli::dispatch(cli) {
        Ok(()) | Err(Failure::NobodyReads) => ExitCode::SUCCESS,
        Err(Failure::Told(code)) => ExitCode::from(code),
        Err(failure) => {
            cli::tell(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints the help, the version, or what is wrong with the arguments.
fn told_by_clap(error: &clap::Error) -> ExitCode {
    // Help that nobody reads any more (`attuned --help | head -1`) is no failure.
    let printed = error.print();
    match (error.use_stderr(), printed) {
        (true, _) => ExitCode::from(cli::EXIT_USAGE),
        (false, Err(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            ExitCode::from(cli::EXIT_FAULT)
        }
        (false, _) => ExitCode::SUCCESS,
    }
}
