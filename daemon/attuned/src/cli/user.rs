//! `attuned user show|export`.

use attuned_recommender::UserId;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::session::Session;
use crate::cli::{Common, Failure, Printer, list};
use crate::document::UserDocument;

/// See what is known of a person.
#[derive(Debug, Args)]
pub struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What was learnt: interests, kinds, what is liked and avoided
    #[command(after_long_help = "Example:\n  attuned user show alice")]
    Show {
        /// Of whom
        #[arg(value_name = "USER", value_parser = UserId::parse)]
        user: UserId,
    },
    /// Everything that is stored: every event, and what was learnt from them, as JSON
    #[command(after_long_help = "Example:\n  attuned user export alice > alice.json")]
    Export {
        /// Of whom
        #[arg(value_name = "USER", value_parser = UserId::parse)]
        user: UserId,
    },
}

pub fn run(user: User, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let session = Session::open(common)?;
    match user.action {
        Action::Show { user } => {
            let known: UserDocument = session.get(&format!("/v1/users/{user}"))?;
            if printer.is_json() { printer.object(&known) } else { printer.text(list::user(&known)) }
        }
        Action::Export { user } => {
            let stored: Value = session.get(&format!("/v1/users/{user}/export"))?;
            if printer.is_json() { printer.object(&stored) } else { printer.text(format_args!("{stored:#}")) }
        }
    }
}
