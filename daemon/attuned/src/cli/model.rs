//! `attuned model list|verify|bench|use|rollback`.

use attuned_encoders::{Encoders, Purpose};
use clap::{Args, Subcommand};

use crate::app::choose_models;
use crate::cli::{Common, Failure, Printer};
use crate::config::Config;
use crate::store::ModelsRecord;

mod bench;
mod list;
mod quality;
mod switch;
mod verify;

/// See, check and switch what content is understood with.
#[derive(Debug, Args)]
pub struct Model {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every model: what it is for, whether it is used, and if it is refused, why
    #[command(after_long_help = "Example:\n  attuned model list")]
    List,
    /// Compare hashes and shapes with model.toml, and results with the original's where they are there
    #[command(after_long_help = "Example:\n  attuned model verify my-eyes")]
    Verify {
        /// Which models, as name or name@version [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Measure how long a model takes to load and for one piece, and its memory
    #[command(after_long_help = quality::HELP)]
    Bench(bench::Bench),
    /// Switch to models, in the background: lists are made with the present ones until all is done
    #[command(after_long_help = "Example:\n  attuned model use my-eyes@2 --wait")]
    Use {
        /// Which models, as name (its highest version) or name@version
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Go back to the model that was used before
    #[command(after_long_help = "Example:\n  attuned model rollback image --wait")]
    Rollback {
        /// For what: text, image, audio, video or fusion
        #[arg(value_name = "MODALITY", value_parser = purpose)]
        modality: Purpose,
        #[command(flatten)]
        wait: Wait,
    },
}

#[derive(Debug, Args)]
struct Wait {
    /// Wait until every item is understood anew
    #[arg(long)]
    wait: bool,
}

pub fn run(model: Model, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    match model.action {
        Action::List => list::run(common, printer),
        Action::Verify { names } => verify::run(&names, common, printer),
        Action::Bench(bench) => bench::run(bench, common, printer),
        Action::Use { names, wait } => switch::use_models(names, wait.wait, common, printer),
        Action::Rollback { modality, wait } => switch::roll_back(modality, wait.wait, common, printer),
    }
}

/// The models in use, as the daemon of this configuration has them.
///
/// # Errors
///
/// The models' folder cannot be read.
pub fn in_use(config: &Config) -> Result<Encoders, Failure> {
    let opened = choose_models(config, &record(config));
    Ok(opened.map_err(|error| Failure::Input(error.to_string()))?.encoders)
}

/// What the daemon of this configuration wrote down of its models; as if nothing, if this user may
/// not read it.
fn record(config: &Config) -> ModelsRecord {
    ModelsRecord::read(&config.store.path).unwrap_or_default()
}

fn purpose(name: &str) -> Result<Purpose, String> {
    Purpose::from_name(name).ok_or_else(|| "expected text, image, audio, video or fusion".to_owned())
}
