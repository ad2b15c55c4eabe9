//! `attuned event`.

use attuned_recommender::{EventType, UserId};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};

use crate::cli::input::{Pair, Source, object};
use crate::cli::progress::Progress;
use crate::cli::query::base64;
use crate::cli::session::Session;
use crate::cli::tally::Tally;
use crate::cli::{Common, Failure, Printer};
use crate::document::EventsTaken;
use crate::document::event::EVENTS_MAX;

/// Tell what a person did.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Values: play and skip take the share played (0 to 1), rate 0 to 5, view seconds, comment the
sentiment (-1 to 1).

Examples:
  attuned event alice --item film:42 --type play --value 0.9
  attuned event alice --item film:42 --type comment --text 'what a score!'
  attuned event alice --item film:42 --type comment --audio voice.ogg --context room=kitchen
  attuned event alice evening.jsonl                one event document a line, or an array")]
pub struct Event {
    /// Who
    #[arg(value_name = "USER", value_parser = UserId::parse)]
    user: UserId,
    /// Event documents: one, an array, or one a line; `-` for standard input
    #[arg(value_name = "FILE|-", required_unless_present = "item", conflicts_with = "item")]
    documents: Option<Source>,
    /// With which item
    #[arg(long, value_name = "ID", requires = "event_type")]
    item: Option<String>,
    /// Did what
    #[arg(long = "type", value_name = "TYPE", requires = "item",
          value_parser = PossibleValuesParser::new(EventType::ALL.map(EventType::name)))]
    event_type: Option<String>,
    /// To what degree
    #[arg(long, requires = "item", allow_negative_numbers = true)]
    value: Option<f64>,
    /// Makes sending it twice harmless: of events with the same id only the first counts
    #[arg(long, requires = "item")]
    id: Option<String>,
    /// When, as 2026-11-20T18:00:00Z [default: now]
    #[arg(long, value_name = "TIME", requires = "item")]
    ts: Option<String>,
    /// Under which circumstances; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "item")]
    context: Vec<Pair>,
    /// The words of a comment
    #[arg(long, requires = "item")]
    text: Option<String>,
    /// The picture of a comment
    #[arg(long, value_name = "FILE", requires = "item")]
    image: Option<Source>,
    /// The voice clip of a comment
    #[arg(long, value_name = "FILE", requires = "item")]
    audio: Option<Source>,
}

pub fn run(mut event: Event, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let documents = match event.documents.take() {
        Some(source) => source.read_documents()?,
        None => vec![document(&event)?],
    };
    let session = Session::open(common)?;
    let path = format!("/v1/users/{}/events", event.user);
    let progress = Progress::start("sending", documents.len().div_ceil(EVENTS_MAX), printer);
    let mut all = EventsTaken::default();
    let mut tally = Tally::default();
    for (round, events) in documents.chunks(EVENTS_MAX).enumerate() {
        let first = round * EVENTS_MAX + 1;
        let names = match events.len() {
            1 if documents.len() == 1 => "event".to_owned(),
            several => format!("documents {first} to {}", first + several - 1),
        };
        match session.ask::<EventsTaken>(&path, &events) {
            Ok(taken) => {
                all.taken += taken.taken;
                all.duplicates += taken.duplicates;
                for sentence in taken.rejected {
                    progress.suspend(|| tally.told(&names, Failure::Input(sentence.clone())))?;
                    all.rejected.push(sentence);
                }
            }
            Err(failure) => {
                let sentence = failure.to_string();
                progress.suspend(|| tally.told(&names, failure))?;
                all.rejected.push(sentence);
            }
        }
        progress.step();
    }
    drop(progress);
    if printer.is_json() {
        printer.object(&all)?;
    } else if all.taken + all.duplicates > 0 {
        let known =
            if all.duplicates == 0 { String::new() } else { format!(", {} known before", all.duplicates) };
        printer.text(format_args!("{} taken{known}", all.taken))?;
    }
    tally.end()
}

fn document(event: &Event) -> Result<Value, Failure> {
    let mut document = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(key.to_owned(), value);
        }
    };
    put("item", event.item.clone().map(Value::from));
    put("type", event.event_type.clone().map(Value::from));
    put("value", event.value.map(Value::from));
    put("id", event.id.clone().map(Value::from));
    put("ts", event.ts.clone().map(Value::from));
    put("text", event.text.clone().map(Value::from));
    put("context", (!event.context.is_empty()).then(|| object(event.context.clone())));
    let mut media = Vec::new();
    for (modality, source) in [("image", &event.image), ("audio", &event.audio)] {
        if let Some(source) = source {
            media.push(json!({"modality": modality, "data": base64(source)?}));
        }
    }
    put("media", (!media.is_empty()).then_some(Value::Array(media)));
    Ok(Value::Object(document))
}
