//! `attuned config check|show`.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::session::configuration;
use crate::cli::{Common, Failure, Printer};
use crate::config::SYSTEM_FILE;

/// Check or print the configuration.
#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the configuration is in order; if not, which file, line or key is wrong
    #[command(after_long_help = "Example:\n  attuned config check --config attuned.toml")]
    Check,
    /// Print every key as it is in force: defaults, the file over them, the environment over both
    #[command(after_long_help = "Example:\n  ATTUNED__MQTT__URL=mqtt://box attuned config show")]
    Show,
}

pub fn run(config: Config, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let in_force = configuration(common)?;
    match config.action {
        Action::Check => {
            let from = origin(common);
            if printer.is_json() {
                printer.object(&json!({"configuration": from, "in_order": true}))
            } else {
                printer.text(format_args!("{from}: in order"))
            }
        }
        Action::Show if printer.is_json() => printer.object(&in_force),
        Action::Show => {
            let text = toml::to_string_pretty(&in_force).map_err(|error| {
                Failure::Fault(format!("the configuration cannot be written as TOML: {error}"))
            })?;
            printer.text(text.trim_end())
        }
    }
}

/// Where the configuration comes from, in words.
pub fn origin(common: &Common) -> String {
    match &common.config {
        Some(file) => file.display().to_string(),
        None if Path::new(SYSTEM_FILE).is_file() => SYSTEM_FILE.to_owned(),
        None => "built-in defaults".to_owned(),
    }
}
