//! The command line: what can be typed, and which command it starts.
//!
//! Each command has a file of its own under `cli/`; this one owns what they share: the arguments
//! that all of them take, and how each kind of failure ends the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::client::ClientError;

mod completions;
mod config;
mod demo;
mod doctor;
mod encode;
mod evaluate;
mod event;
mod input;
mod item;
mod list;
mod logging;
mod model;
mod plugin;
mod printer;
mod progress;
mod query;
mod ranker;
mod recommend;
mod run;
mod search;
mod session;
mod table;
mod tally;
mod user;

pub use input::reason as input_reason;
pub use printer::Printer;
pub use tally::tell;

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "attuned",
    version,
    about = "Recommends films, music, pictures, recipes and settings at home, and says why",
    long_about = "Recommends what is next at home (films, music, pictures, recipes, settings …), learns from what \
                  people do, and says why. It runs in the home, speaks MQTT, and sends nothing anywhere else.",
    after_long_help = EXAMPLES,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
)]
pub struct Cli {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// Which command.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  attuned demo                                   see it work, with nothing installed
  attuned run --config attuned.toml              start the daemon
  attuned item put films.jsonl                   tell it what there is
  attuned event alice --item film:42 --type like tell it what people do
  attuned recommend --user alice --kind film     ask what is next, and why
  attuned search --image beach.jpg               find what looks, sounds or reads alike
  attuned doctor                                 find out what is wrong

Exit codes:
  0 done   2 wrong usage   64 wrong configuration or input   69 daemon or broker not reachable
  70 a fault of the program itself";

/// What all commands take.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Print JSON for machines: one object, or one a line where inputs repeat
    #[arg(long, global = true, help_heading = "Options for every command")]
    pub json: bool,
    /// Configuration file [default: /etc/attuned/attuned.toml if it is there, else built-in defaults]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options for every command")]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the daemon, and answer until it is stopped
    Run(run::Run),
    /// See it work: a broker, a small catalogue and an evening of events, all in this process
    Demo(demo::Demo),
    /// Add, replace or remove items, or send their media
    Item(item::Item),
    /// Tell what a person did
    Event(event::Event),
    /// Ask what is next for somebody, and why
    Recommend(recommend::Recommend),
    /// Find items by words, a picture, a sound, a film, another item, or several at once
    Search(search::Search),
    /// Turn words, pictures, sounds and films into embeddings and labels; needs no daemon
    Encode(encode::Encode),
    /// Measure how well recommenders rank, on recorded interactions; needs no daemon
    Evaluate(evaluate::Evaluate),
    /// See what is known of a person
    User(user::User),
    /// See, check, measure and switch the models that understand content
    Model(model::Model),
    /// See, compare and switch what makes the lists of a house
    Ranker(ranker::Ranker),
    /// Write ranking rules, try them, and decide which of them run
    Plugin(plugin::Plugin),
    /// Check or print the configuration
    Config(config::Config),
    /// Look for what is wrong, and say what to do about it
    Doctor(doctor::Doctor),
    /// Print completions for a shell
    Completions(completions::Completions),
}

/// Why a command did not do what it was asked to, by how the program ends.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// The configuration or an input is wrong. A person corrects it.
    #[error("{0}")]
    Input(String),
    /// The daemon or the broker is not there.
    #[error("{0}")]
    Unreachable(String),
    /// The program is at fault.
    #[error("{0}")]
    Fault(String),
    /// Something failed and has been told already; the same exit code as the failure told.
    #[error("already told")]
    Told(u8),
    /// Nobody reads the output any more (`attuned … | head`), which is no failure.
    #[error("nobody reads the output")]
    NobodyReads,
}

/// The wrong usage of a command; clap ends with the same code.
pub const EXIT_USAGE: u8 = 2;
/// A wrong configuration or input file (EX_USAGE of sysexits.h is 64).
pub const EXIT_INPUT: u8 = 64;
/// The daemon or the broker is not reachable (EX_UNAVAILABLE).
pub const EXIT_UNREACHABLE: u8 = 69;
/// Our own fault (EX_SOFTWARE).
pub const EXIT_FAULT: u8 = 70;

impl Failure {
    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => EXIT_USAGE,
            Failure::Input(_) => EXIT_INPUT,
            Failure::Unreachable(_) => EXIT_UNREACHABLE,
            Failure::Fault(_) => EXIT_FAULT,
            Failure::Told(code) => *code,
            Failure::NobodyReads => 0,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let sentence = error.to_string();
        match error {
            ClientError::NoDaemon { .. }
            | ClientError::NotPermitted { .. }
            | ClientError::NoAnswer { .. }
            | ClientError::Unavailable { .. } => Failure::Unreachable(sentence),
            ClientError::Refused { .. } => Failure::Input(sentence),
            ClientError::Fault { .. } => Failure::Fault(sentence),
        }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Wrong(sentence) => Failure::Input(sentence),
            AppError::Failed(sentence) => Failure::Fault(sentence),
        }
    }
}

/// Does what was typed.
///
/// # Errors
///
/// Print the sentence of the [`Failure`] and end with its exit code.
pub fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Cli { common, command } = cli;
    let mut printer = Printer::to_stdout(common.json);
    // The daemon logs as its configuration says; a command speaks for itself and logs what is wrong.
    if !matches!(command, Command::Run(_)) {
        logging::start("warn")?;
    }
    match command {
        Command::Run(run) => run::run(run, &common, &mut printer),
        Command::Demo(demo) => demo::run(demo, &common, &mut printer),
        Command::Item(item) => item::run(item, &common, &mut printer),
        Command::Event(event) => event::run(event, &common, &mut printer),
        Command::Recommend(recommend) => recommend::run(recommend, &common, &mut printer),
        Command::Search(search) => search::run(search, &common, &mut printer),
        Command::Encode(encode) => encode::run(encode, &common, &mut printer),
        Command::Evaluate(evaluate) => evaluate::run(evaluate, &common, &mut printer),
        Command::User(user) => user::run(user, &common, &mut printer),
        Command::Model(model) => model::run(model, &common, &mut printer),
        Command::Ranker(ranker) => ranker::run(&ranker, &common, &mut printer),
        Command::Plugin(plugin) => plugin::run(plugin, &common, &mut printer),
        Command::Config(config) => config::run(config, &common, &mut printer),
        Command::Doctor(doctor) => doctor::run(doctor, &common, &mut printer),
        Command::Completions(completions) => completions::run(completions, &mut printer),
    }?;
    printer.finish()
}

#[cfg(test)]
mod tests;
