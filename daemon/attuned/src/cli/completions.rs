//! `attuned completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::{Cli, Failure, Printer};

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  attuned completions bash | sudo tee /usr/share/bash-completion/completions/attuned
  attuned completions zsh  > ~/.zfunc/_attuned
  attuned completions fish > ~/.config/fish/completions/attuned.fish")]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

pub fn run(completions: Completions, printer: &mut Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "attuned", &mut script);
    let script = String::from_utf8(script).expect("clap writes UTF-8");
    if printer.is_json() {
        printer.object(&json!({"shell": completions.shell.to_string(), "script": script}))
    } else {
        printer.text(script.trim_end())
    }
}
