//! `attuned ranker show|tune|promote|rollback`.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::session::Session;
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer};
use crate::document::{EstimateDocument, RankerDocument, RankersDocument};

/// How often it is looked whether a better ranker was found.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// See, compare and switch what makes the lists of a house.
#[derive(Debug, Args)]
pub struct Ranker {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The ranker in use, its shadow, and what each would have earned at places left to chance
    #[command(after_long_help = "Example:\n  attuned ranker show")]
    Show,
    /// Look now for a ranker that would have served the house better
    #[command(after_long_help = "Example:\n  attuned ranker tune")]
    Tune,
    /// Put the shadow in use
    #[command(after_long_help = "Example:\n  attuned ranker promote")]
    Promote,
    /// Go back to the ranker that was used before, and stay there
    #[command(after_long_help = "Example:\n  attuned ranker rollback")]
    Rollback,
}

pub fn run(ranker: &Ranker, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let session = Session::open(common)?;
    let nothing = serde_json::json!({});
    let mut rankers: RankersDocument = match ranker.action {
        Action::Show => session.get("/v1/rankers")?,
        Action::Tune => session.ask("/v1/rankers/tune", &nothing)?,
        Action::Promote => session.ask("/v1/rankers/promote", &nothing)?,
        Action::Rollback => session.ask("/v1/rankers/rollback", &nothing)?,
    };
    while matches!(ranker.action, Action::Tune) && rankers.looking {
        std::thread::sleep(LOOK_EVERY);
        rankers = session.get("/v1/rankers")?;
    }
    if printer.is_json() { printer.object(&rankers) } else { printer.text(render(&rankers)) }
}

/// What people see.
fn render(rankers: &RankersDocument) -> String {
    let mut table = Table::default();
    let titles = ["", "ranker", "found", "by likes", "would have earned", "of places"];
    table.row(titles.map(str::to_owned));
    let mut lines = Vec::new();
    for (role, ranker) in [("in use", Some(&rankers.current)), ("shadow", rankers.shadow.as_ref())] {
        let Some(ranker) = ranker else { continue };
        let (earned, places) = match &ranker.earnings {
            Some(earnings) => (percent(&earnings.doubly_robust), earnings.places.to_string()),
            None => ("unknown".to_owned(), "0".to_owned()),
        };
        let found = ranker.made_at.clone().unwrap_or_else(|| "with the program".to_owned());
        let likes = if ranker.number == 0 { String::new() } else { ranker.held_out.to_string() };
        table.row([role.to_owned(), ranker.number.to_string(), found, likes, earned, places]);
        if let Some(reason) = &ranker.unknown {
            lines.push(format!("what ranker {} would have earned is unknown: {reason}", ranker.number));
        }
        lines.extend(differences(ranker, rankers));
    }
    lines.insert(0, table.render());
    lines.extend(rankers.looked.clone());
    if !rankers.past.is_empty() {
        let numbers: Vec<String> = rankers.past.iter().map(ToString::to_string).collect();
        lines.push(format!("used before: {}", numbers.join(", ")));
    }
    if rankers.held {
        lines.push("none is put in use by itself, until `attuned ranker promote`".to_owned());
    }
    lines.join("\n")
}

/// In which constants the shadow differs from the ranker in use.
fn differences(ranker: &RankerDocument, rankers: &RankersDocument) -> Option<String> {
    let current = &rankers.current;
    if ranker.number == current.number {
        return None;
    }
    let value = |of: &RankerDocument, name: &String| {
        of.chosen.get(name).map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
    };
    let names: std::collections::BTreeSet<&String> =
        current.chosen.keys().chain(ranker.chosen.keys()).collect();
    let changes: Vec<String> = names
        .into_iter()
        .map(|name| (name, value(current, name), value(ranker, name)))
        .filter(|(_, now, then)| now != then)
        .map(|(name, now, then)| format!("{name} {now} -> {then}"))
        .collect();
    (!changes.is_empty()).then(|| format!("the shadow would change: {}", changes.join(", ")))
}

fn percent(estimate: &EstimateDocument) -> String {
    let (low, high) = estimate.interval;
    format!("{:.1} % ({:.1} to {:.1})", 100.0 * estimate.value, 100.0 * low, 100.0 * high)
}
