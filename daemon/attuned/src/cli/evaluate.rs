//! `attuned evaluate`.

use std::path::PathBuf;

use clap::{Args, builder::RangedU64ValueParser};

use crate::app::engine_settings;
use crate::cli::progress::Waiting;
use crate::cli::session::configuration;
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer, input_reason, model};
use crate::evaluate::report::{Report, Row};
use crate::evaluate::{self, Kind, Plan, Progress, Split, Wrong};

mod content;

/// Measure how well recommenders rank, on recorded interactions; needs no daemon
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct Evaluate {
    /// A folder with interactions.csv, or another layout that is known
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How to divide: given, leave-last-out, global-time, random, cold-items, cold-users:EVENTS or prequential [default: given if there is a column `split`, else leave-last-out]
    #[arg(long, value_name = "SPLIT")]
    split: Option<Split>,
    /// Which recommenders; may be repeated [default: all]
    #[arg(long = "recommender", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    recommenders: Vec<Kind>,
    /// The length of the lists that are measured
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    k: usize,
    /// The source of all randomness
    #[arg(long, value_name = "SEED", default_value_t = 20)]
    seed: u64,
    /// How different the items of the engine's lists should be, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = share)]
    diversity: f32,
    /// How closely the engine's lists should keep to the mix of tags that a person likes, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = share)]
    calibration: f32,
    /// Write a page with plots here as well; takes longer, as the engine is also measured without parts of the content
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Leave items' words and media as they are; only vectors that came with the data count
    #[arg(long)]
    without_models: bool,
    /// Count ratings as choices from so many stars on [default: every rating is one]
    #[arg(long, value_name = "STARS")]
    rating_min: Option<f32>,
}

const HELP: &str = "\
The folder holds interactions.csv with a header: user,item and perhaps type, value, timestamp and split
(train, valid, test). Beside it may lie items.jsonl or items.csv (item documents), and vectors of the
items as features/<modality>.npy or <modality>_feat.npy, in which row i is of item i. Also known: MovieLens
as given out (u.data, ratings.dat, ratings.csv), RecBole's atomic files (.inter, .item), ListenBrainz listens
(*.listens, listens*.jsonl), Last.fm's thousand users, and scrobbles.csv with uts, artist, track.

All items are ranked for everybody, but for those that the person knew. Every figure comes with its
95 % bootstrap interval over people. Hyper-parameters are chosen on what is valid, never on the test.
Equal scores count as chance would have it. With --split cold-items a fifth of the items is new, and only
those are ranked; with cold-users:3 a fifth of the people is new, and three events of each are known. With
--split prequential nothing is divided: everybody's next choice is ranked before it is learnt from, by an
engine that learns at once and one that learns overnight; both choose their hyper-parameters by night, as the
daemon does, and figures are reported over time as well.

Recommenders: attuned (the engine of the daemon), its sources of candidates alone (source:interests,
source:item_to_item, source:liked_by_similar, source:projected, source:popular, source:fresh,
source:cold_start), popularity, random, item-knn, ease.

Examples:
  attuned evaluate --data ml-100k --split leave-last-out
  attuned evaluate --data home --report home.html
  attuned evaluate --data home --diversity 0.3 --calibration 0.5      what variety costs, and brings
  attuned evaluate --data tiktok --recommender attuned popularity --k 10 --json";

fn share(text: &str) -> Result<f32, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

pub fn run(command: Evaluate, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let settings = engine_settings(&config);
    let wrong = |Wrong(sentence): Wrong| Failure::Input(sentence);
    let mut data = evaluate::folder::read(&command.data).map_err(wrong)?;
    let mut recommenders = command.recommenders;
    if recommenders.is_empty() {
        recommenders = Kind::ALL.to_vec();
    }
    // The engine stands first, whoever is named before it.
    recommenders.sort_by_key(|kind| *kind != Kind::Attuned);
    let mut seen = Vec::new();
    recommenders.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(*kind);
            true
        }
    });
    let by_engine = |kind: &Kind| matches!(kind, Kind::Attuned | Kind::Source(_));
    let described = data.described.iter().any(Option::is_some);
    if described && !command.without_models && recommenders.iter().any(by_engine) {
        match model::in_use(&config) {
            Ok(encoders) => content::understand(&mut data, &command.data, &encoders, printer)?,
            Err(failure) => {
                data.notes.push(format!("words and media of items are not understood: {failure}"))
            }
        }
    }
    let plan = Plan {
        split: command.split.unwrap_or_else(|| Split::of(&data)),
        recommenders,
        k: command.k,
        seed: command.seed,
        rating_min: command.rating_min,
        diversity: command.diversity,
        calibration: command.calibration,
        ablation: command.report.is_some(),
    };
    let waiting = Waiting::start(printer);
    let watch = |progress: Progress<'_>| match progress {
        Progress::Fitting(name) => waiting.begin(&format!("{name}: learning")),
        Progress::Ranking(name, done, of) => waiting.at(&format!("{name}: ranking"), done, of),
    };
    let report = evaluate::evaluate(&data, &plan, &settings, &watch).map_err(wrong)?;
    drop(waiting);
    if let Some(file) = &command.report {
        std::fs::write(file, evaluate::page::page(&report)).map_err(|error| {
            Failure::Input(format!("{} cannot be written: {}", file.display(), input_reason(&error)))
        })?;
    }
    if printer.is_json() { printer.object(&report) } else { printer.text(render(&report)) }
}

/// A table with a row for each recommender, and what should be known of it.
fn render(report: &Report) -> String {
    let counts = &report.counts;
    let k = report.k;
    let mut lines = vec![
        format!(
            "{}, {}: {} users ({} tested), {} items, {} interactions ({} known, {} to be found)",
            report.data,
            report.split,
            counts.users,
            counts.users_tested,
            counts.items,
            counts.interactions,
            counts.known,
            counts.test
        ),
        String::new(),
    ];
    let mut table = Table::default();
    table.row(
        [
            "recommender",
            &format!("recall@{k}"),
            "95 % interval",
            &format!("ndcg@{k}"),
            "95 % interval",
            "precision",
            "map",
            "hit rate",
            "mrr",
            "auc",
            "coverage",
            "ild",
            "calibration kl",
            "novelty",
            "fit s",
            "ms/user",
        ]
        .map(str::to_owned),
    );
    for row in &report.recommenders {
        table.row(cells(row));
    }
    lines.push(table.render());
    for (title, sentences) in [("left out", &report.left_out), ("note", &report.notes)] {
        if !sentences.is_empty() {
            lines.push(String::new());
            lines.extend(sentences.iter().map(|sentence| format!("{title}: {sentence}")));
        }
    }
    lines.join("\n")
}

fn cells(row: &Row) -> [String; 16] {
    let share = |value: f64| format!("{value:.4}");
    let interval = |name: &str| {
        row.interval.get(name).map_or_else(String::new, |[low, high]| format!("{low:.4} .. {high:.4}"))
    };
    [
        row.name.clone(),
        share(row.recall),
        interval("recall"),
        share(row.ndcg),
        interval("ndcg"),
        share(row.precision),
        share(row.map),
        share(row.hit_rate),
        share(row.mrr),
        share(row.auc),
        share(row.lists.coverage),
        row.lists.ild.map_or_else(|| "-".to_owned(), |ild| format!("{ild:.3}")),
        row.lists.calibration_kl.map_or_else(|| "-".to_owned(), |kl| format!("{kl:.3}")),
        format!("{:.2}", row.lists.novelty),
        format!("{:.2}", row.fit_s),
        format!("{:.2}", row.ms_per_user),
    ]
}
