//! `attuned plugin …`: write ranking rules, try them, and decide which of them run.

use std::path::{Path, PathBuf};

use attuned_plugin_host::{Grants, Installed, Package, PluginError};
use attuned_recommender::Timestamp;
use clap::{Args, Subcommand};

use crate::cli::session::Session;
use crate::cli::{Common, Failure, Printer};
use language::Language;

use crate::document::{PluginsDocument, ReloadPluginsDocument};

mod bench;
mod build;
mod decide;
mod install;
mod language;
mod list;
mod logs;
mod new;
mod pack;
mod try_out;

/// Write ranking rules, try them, and decide which of them run.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    action: Action,
}

const PATH: &str = "\
Example:
  attuned plugin new my-rule && cd my-rule
  attuned plugin build && attuned plugin test
  attuned plugin pack && attuned plugin install my-rule-0.1.0.attuned --allow-unsigned --grant all";

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a folder with a rule that can be built, tested and installed as it is
    #[command(after_long_help = PATH)]
    New(new::New),
    /// Compile the rule, make its component, and write its hash into plugin.toml
    #[command(after_long_help = PATH)]
    Build(Folder),
    /// Run the fixtures, tests/*.toml, in the sandbox with the limits that it has in the daemon
    #[command(after_long_help = PATH)]
    Test(Folder),
    /// Measure what a call costs, beside a rule that does nothing
    #[command(after_long_help = "Example:\n  attuned plugin bench my-rule")]
    Bench(Folder),
    /// Make a key to sign packages with
    #[command(after_long_help = "Example:\n  attuned plugin keygen author.key")]
    Keygen {
        /// The file of the secret key, which must not exist yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a package, NAME-VERSION.attuned, in the present folder
    #[command(after_long_help = "Example:\n  attuned plugin pack my-rule --key author.key")]
    Pack {
        #[command(flatten)]
        folder: Folder,
        /// Sign with the key in this file
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Install a package, or a newer version of one; a running daemon takes it up at once
    #[command(
        after_long_help = "Example:\n  attuned plugin install my-rule-0.1.0.attuned --grant max-boost=0.3"
    )]
    Install(install::Install),
    /// Every plugin: whether it runs, in which order, what it may do
    #[command(after_long_help = "Example:\n  attuned plugin list")]
    List,
    /// One plugin: what it asks for and what it was given, its settings, who signed it
    #[command(after_long_help = "Example:\n  attuned plugin show org.example.my-rule")]
    Show(Id),
    /// Give it what it asks for: grants of plugin.toml such as `exclude` or `max-boost=0.3`, or `all`
    #[command(after_long_help = "Example:\n  attuned plugin grant org.example.my-rule exclude max-boost=0.2")]
    Grant {
        #[command(flatten)]
        id: Id,
        /// What it may do from now on, beside what it may do already
        #[arg(value_name = "GRANT", required = true)]
        grants: Vec<String>,
    },
    /// Take all grants back; it goes on looking, without effect
    #[command(after_long_help = "Example:\n  attuned plugin revoke org.example.my-rule")]
    Revoke(Id),
    /// Change settings of it, as NAME=VALUE; NAME= alone takes the default again
    #[command(after_long_help = "Example:\n  attuned plugin set org.example.my-rule weight=0.2")]
    Set {
        #[command(flatten)]
        id: Id,
        /// Settings that its plugin.toml declares
        #[arg(value_name = "NAME=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Run it in shadow: it is asked about every list, and what it says is counted and not applied
    #[command(
        after_long_help = "Example:\n  attuned plugin shadow org.example.my-rule\n  attuned plugin show org.example.my-rule"
    )]
    Shadow(Id),
    /// Let it run, out of shadow; one that failed too often is tried again
    #[command(after_long_help = "Example:\n  attuned plugin enable org.example.my-rule")]
    Enable(Id),
    /// Keep it installed, and do not run it
    #[command(after_long_help = "Example:\n  attuned plugin disable org.example.my-rule")]
    Disable(Id),
    /// Let these run first, in this order; the others follow as they are
    #[command(after_long_help = "Example:\n  attuned plugin order org.example.guard org.example.my-rule")]
    Order {
        /// Ids of installed plugins
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Remove it with its settings and grants
    #[command(after_long_help = "Example:\n  attuned plugin remove org.example.my-rule")]
    Remove(Id),
    /// Go back to the version before; a second time goes forth again
    #[command(after_long_help = "Example:\n  attuned plugin rollback org.example.my-rule")]
    Rollback(Id),
    /// What it has said in the running daemon
    #[command(after_long_help = "Example:\n  attuned plugin logs org.example.my-rule")]
    Logs(Id),
}

/// The folder of a plugin's sources and package.
#[derive(Debug, Args)]
struct Folder {
    /// The plugin's folder [default: the present one]
    #[arg(value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct Id {
    /// The plugin's id, from its plugin.toml
    #[arg(value_name = "ID")]
    id: String,
}

pub fn run(plugin: Plugin, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    match plugin.action {
        Action::New(new) => new::run(&new, printer),
        Action::Build(Folder { folder }) => build::run(&folder, printer),
        Action::Test(Folder { folder }) => try_out::run(&folder, printer),
        Action::Bench(Folder { folder }) => bench::run(&folder, printer),
        Action::Keygen { file } => pack::keygen(&file, printer),
        Action::Pack { folder, key } => pack::run(&folder.folder, key.as_deref(), printer),
        Action::Install(install) => install::run(install, common, printer),
        Action::List => list::list(common, printer),
        Action::Show(Id { id }) => list::show(&id, common, printer),
        Action::Grant { id, grants } => decide::grant(&id.id, &grants, common, printer),
        Action::Revoke(Id { id }) => decide::revoke(&id, common, printer),
        Action::Set { id, settings } => decide::set(&id.id, &settings, common, printer),
        Action::Shadow(Id { id }) => decide::run(&id, Run::Shadow, common, printer),
        Action::Enable(Id { id }) => decide::run(&id, Run::Applied, common, printer),
        Action::Disable(Id { id }) => decide::run(&id, Run::Off, common, printer),
        Action::Order { ids } => decide::order(&ids, common, printer),
        Action::Remove(Id { id }) => decide::remove(&id, common, printer),
        Action::Rollback(Id { id }) => decide::roll_back(&id, common, printer),
        Action::Logs(Id { id }) => logs::run(&id, common, printer),
    }
}

/// How a person lets a plugin run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Applied,
    Shadow,
    Off,
}

impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Self {
        Failure::Input(error.to_string())
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond())
}

/// These grants with those that are typed; `all` is everything that `asked` asks for.
fn given(before: Grants, typed: &[String], asked: Grants) -> Result<Grants, Failure> {
    let words = typed.iter().flat_map(|words| words.split(',')).filter(|word| !word.is_empty());
    words
        .into_iter()
        .try_fold(before, |grants, word| {
            if word == "all" {
                Ok(grants.either(asked))
            } else {
                grants.with(word).map(|more| grants.either(more))
            }
        })
        .map_err(Failure::Usage)
}

/// Splits `NAME=VALUE`.
fn setting(typed: &str) -> Result<(String, String), Failure> {
    let (name, value) = typed
        .split_once('=')
        .ok_or_else(|| Failure::Usage(format!("setting `{typed}` has no value, expected NAME=VALUE")))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What the running daemon has made of a change.
enum Taken {
    /// Nothing yet, for this reason: it will when it can, or when it starts.
    NotYet(String),
    /// It runs these.
    Running(PluginsDocument),
}

/// Lets the running daemon load what has changed, and `anew` in any case.
fn reload(anew: &[String], common: &Common) -> Result<Taken, Failure> {
    let session = Session::open(common)?;
    let document = ReloadPluginsDocument { anew: anew.to_vec() };
    match session.ask("/v1/plugins/reload", &document) {
        Ok(running) => Ok(Taken::Running(running)),
        Err(Failure::Unreachable(reason)) => Ok(Taken::NotYet(reason)),
        Err(failure) => Err(failure),
    }
}

impl Taken {
    /// What the daemon has made of one plugin, in words.
    fn words(&self, id: &str) -> String {
        let running = match self {
            Taken::Running(running) => running,
            Taken::NotYet(reason) => {
                return format!("it is taken up by the daemon as soon as it can: {reason}");
            }
        };
        if let Some(degraded) = running.degraded.iter().find(|part| part.name == id) {
            return format!("the running daemon did not take it: {}", degraded.reason);
        }
        match running.plugins.iter().find(|plugin| plugin.id == id) {
            Some(plugin) => format!("the running daemon has {}", plugin.version),
            None => "the running daemon runs it no more".to_owned(),
        }
    }

    /// The same for machines: the version that runs, `null` if none.
    fn running(&self, id: &str) -> Option<String> {
        let Taken::Running(running) = self else { return None };
        running.plugins.iter().find(|plugin| plugin.id == id).map(|plugin| plugin.version.clone())
    }
}

/// The files of the version of an installed plugin that runs.
fn current(path: &Path, id: &str) -> Result<Package, Failure> {
    let installed = Installed::read(path)?;
    let plugin = installed.plugin(id)?;
    Ok(installed.package(&plugin.id, &plugin.current)?)
}
