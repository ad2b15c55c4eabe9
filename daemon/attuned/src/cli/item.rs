//! `attuned item put|remove|media`.

use attuned_recommender::{ItemId, Modality};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use crate::cli::input::Source;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::tally::Tally;
use crate::cli::{Common, Failure, Printer};

/// Add, replace or remove items, or send their media.
#[derive(Debug, Args)]
pub struct Item {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add items, or replace those of the same id
    #[command(after_long_help = "\
A document: {\"id\":\"film:42\",\"kind\":\"film\",\"title\":\"The Third Man\",\"tags\":[\"noir\"]}
Everything but `id` and `kind` is optional; config/schema/item.json has all fields.

Examples:
  attuned item put film.json
  attuned item put films.jsonl                     one document a line
  jq -c '.films[]' export.json | attuned item put -")]
    Put {
        /// Item documents: one, an array, or one a line; `-` for standard input
        #[arg(value_name = "FILE|-")]
        documents: Source,
    },
    /// Remove items
    #[command(after_long_help = "Example:\n  attuned item remove film:42 film:43")]
    Remove {
        /// Which
        #[arg(value_name = "ID", required = true, value_parser = ItemId::parse)]
        items: Vec<ItemId>,
    },
    /// Send a picture, a sound or a film of an item
    #[command(after_long_help = "Example:\n  attuned item media film:42 image poster.jpg")]
    Media {
        /// Of which item
        #[arg(value_name = "ID", value_parser = ItemId::parse)]
        item: ItemId,
        /// What it is
        #[arg(value_parser = PossibleValuesParser::new(media_names()))]
        modality: String,
        /// The file; `-` for standard input
        #[arg(value_name = "FILE|-")]
        file: Source,
    },
}

/// The modalities that are files.
fn media_names() -> impl Iterator<Item = &'static str> {
    Modality::ALL.into_iter().filter(|modality| *modality != Modality::Text).map(Modality::name)
}

pub fn run(item: Item, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let session = Session::open(common)?;
    match item.action {
        Action::Put { documents } => put(&session, &documents, printer),
        Action::Remove { items } => {
            for item in items {
                session.send(Method::DELETE, &format!("/v1/items/{item}"), "")?;
                tell(printer, item.as_str(), "removed")?;
            }
            Ok(())
        }
        Action::Media { item, modality, file } => {
            session.send(Method::PUT, &format!("/v1/items/{item}/media/{modality}"), file.read()?)?;
            tell(printer, item.as_str(), "stored")
        }
    }
}

fn put(session: &Session, source: &Source, printer: &mut Printer) -> Result<(), Failure> {
    let documents = source.read_documents()?;
    let progress = Progress::start("storing", documents.len(), printer);
    let mut tally = Tally::default();
    let mut stored = 0_usize;
    for (place, document) in documents.iter().enumerate() {
        let named = id_of(document).and_then(|id| {
            session.send(Method::PUT, &format!("/v1/items/{id}"), document.to_string()).map(|_| id)
        });
        match named {
            // People who put many items want to know that all of them are there, not each of them.
            Ok(id) if printer.is_json() || documents.len() == 1 => tell(printer, id.as_str(), "stored")?,
            Ok(_) => stored += 1,
            Err(failure) => {
                progress.suspend(|| tally.told(&format!("{source} document {}", place + 1), failure))?;
            }
        }
        progress.step();
    }
    drop(progress);
    if stored > 0 {
        printer.text(format_args!("stored {stored} of {} items", documents.len()))?;
    }
    tally.end()
}

fn id_of(document: &Value) -> Result<ItemId, Failure> {
    match document.get("id") {
        Some(Value::String(id)) => {
            ItemId::parse(id).map_err(|error| Failure::Input(format!("item `id`: {error}")))
        }
        Some(other) => Err(Failure::Input(format!("item `id` is {other}, expected text"))),
        None => Err(Failure::Input("item has no `id`, expected one such as \"film:42\"".to_owned())),
    }
}

fn tell(printer: &mut Printer, item: &str, result: &str) -> Result<(), Failure> {
    if printer.is_json() {
        printer.object(&json!({"item": item, "result": result}))
    } else {
        printer.text(format_args!("{result} {item}"))
    }
}
