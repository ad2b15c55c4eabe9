//! `attuned model bench --quality`: how well the models understand, on data of one's own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use attuned_encoders::{EncodeError, Encoders, Encoding, ModelState, Purpose, Watched};
use attuned_recommender::Modality;
use serde::Serialize;

use crate::cli::encode::in_order;
use crate::cli::input::Source;
use crate::cli::progress::Progress;
use crate::cli::session::configuration;
use crate::cli::table::{Table, fit};
use crate::cli::{Common, Failure, Printer};
use crate::quality::{self, Fusion, Measure, Models, PARTS, Part, Piece};

/// What the command's long help says of the data.
pub const HELP: &str = "\
--quality takes a data set, or a folder of data sets, each recognised by its files:
  captions.csv (file, caption)        photos and their captions, each asked for by the other
  labels.csv (file, label, fold)      pictures or sounds of classes; with folds, across them
  a folder for each class             the same
  labels.csv (file, label, description) of films
  attribution.csv (file, attribution) recordings; or labels.csv with speech, music, noise
  <digit>_<speaker>_<number>.wav      spoken digits
  items.jsonl                         items of words, for the relevance cut-off
Photos may lie in images/ beside the table. Items of a photo and its first caption are joined by every
model of fusion that there is, and films are compared with their middle frame. What is none of these is left out with a reason. Every
figure comes with its number of cases, its 95 % bootstrap interval and what a guess would reach.

Examples:
  attuned model bench minilm-l6-v2
  attuned model bench --quality data
  attuned model bench --quality data/audio-esc10 --json";

/// Most columns of a measure's name.
const NAME_COLUMNS_MAX: usize = 72;

/// Most sentences about single files that are told; the others are counted.
const UNREADABLE_TOLD_MAX: usize = 5;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    models: Vec<String>,
    parts: Vec<Part>,
    left_out: Vec<String>,
    seconds: f64,
}

pub fn run(folder: &Path, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let started = Instant::now();
    let config = configuration(common)?;
    let encoders = super::in_use(&config)?;
    let (sets, mut left_out) = quality::find(folder).map_err(Failure::Input)?;
    if sets.is_empty() {
        let sentence =
            format!("{} has no data set in it, see `attuned model bench --help`", folder.display());
        return Err(Failure::Input(sentence));
    }
    let bench = Bench { encoders: &encoders, known: BTreeMap::new(), unreadable: Vec::new() };
    let bench = RefCell::new(bench);
    let min = config.search.relevance_min;
    let parts = {
        let printer = &*printer;
        let mut models = Models {
            encode: Box::new(|what, pieces| bench.borrow_mut().encode(what, pieces, printer)),
            watch: Box::new(|films| bench.borrow_mut().watch(films, printer)),
            fusions: fusions(&encoders),
        };
        quality::measure(&sets, &mut models, min, &mut left_out)
    };
    let mut bench = bench.into_inner();
    let told = bench.unreadable.len().min(UNREADABLE_TOLD_MAX);
    let more = bench.unreadable.len() - told;
    left_out.extend(bench.unreadable.drain(..).take(told));
    if more > 0 {
        left_out.push(format!("{more} more files"));
    }
    let models = encoders.models().iter().map(|model| format!("{}@{}", model.name, model.version)).collect();
    let report = Report { models, parts, left_out, seconds: started.elapsed().as_secs_f64() };
    if printer.is_json() { printer.object(&report) } else { printer.text(render(&report)) }
}

/// Encodes every piece once in a run.
struct Bench<'a> {
    encoders: &'a Encoders,
    known: BTreeMap<Piece, Option<Arc<Encoding>>>,
    unreadable: Vec<String>,
}

impl Bench<'_> {
    /// Sees the parts of films, each film alone: ffmpeg runs beside this.
    fn watch(&mut self, films: &[PathBuf], printer: &Printer) -> Vec<Option<Vec<Watched>>> {
        let progress = Progress::start("parts of films", films.len(), printer);
        let encoders = self.encoders;
        let mut all = Vec::new();
        let done = in_order(
            films,
            |film| {
                let bytes = Source::File(film.clone()).read()?;
                encoders.watch(&bytes, &PARTS).map_err(|error| Failure::Input(error.to_string()))
            },
            |_, watched| {
                progress.step();
                // What cannot be seen was told of when the film was encoded, or is heard alone.
                all.push(watched.ok());
                Ok(())
            },
        );
        debug_assert!(done.is_ok(), "taking what was seen does not fail");
        all
    }

    fn encode(
        &mut self,
        what: &'static str,
        pieces: &[Piece],
        printer: &Printer,
    ) -> Vec<Option<Arc<Encoding>>> {
        let mut new: Vec<Piece> =
            pieces.iter().filter(|piece| !self.known.contains_key(piece)).cloned().collect();
        new.sort_unstable();
        new.dedup();
        let progress = Progress::start(what, new.len(), printer);
        let encoders = self.encoders;
        let done = in_order(
            &new,
            |piece| understand(encoders, piece),
            |piece, encoding| {
                progress.step();
                let encoding = match encoding {
                    Ok(encoding) => Some(Arc::new(encoding)),
                    Err(failure) => {
                        self.unreadable.push(match piece {
                            Piece::Words(words) => {
                                format!("text `{}`: {failure}", fit(words, NAME_COLUMNS_MAX))
                            }
                            Piece::File(_, file) => format!("{}: {failure}", file.display()),
                        });
                        None
                    }
                };
                self.known.insert(piece.clone(), encoding);
                Ok(())
            },
        );
        debug_assert!(done.is_ok(), "taking an encoding does not fail");
        drop(progress);
        pieces.iter().map(|piece| self.known.get(piece).cloned().flatten()).collect()
    }
}

/// Every model of fusion that can be used, the one in use first.
fn fusions(encoders: &Encoders) -> Vec<Fusion<'_>> {
    let mut all: Vec<Fusion<'_>> = encoders
        .found()
        .into_iter()
        .filter(|found| !matches!(found.state, ModelState::Refused(_)))
        .filter_map(|found| {
            let summary = found.summary.filter(|summary| summary.purpose == Purpose::Fusion)?;
            let alone = encoders.only(&summary.id()).ok()?;
            Some(Fusion {
                model: summary.id(),
                used: found.state == ModelState::InUse,
                fuse: Box::new(move |media| alone.fuse(media).ok().flatten()),
            })
        })
        .collect();
    all.sort_by_key(|fusion| !fusion.used);
    all
}

fn understand(encoders: &Encoders, piece: &Piece) -> Result<Encoding, Failure> {
    let understood = match piece {
        Piece::Words(words) => encoders.encode_text(words),
        Piece::File(modality, file) => {
            let bytes = Source::File(file.clone()).read()?;
            match modality {
                Modality::Text => encoders.encode_text(&String::from_utf8_lossy(&bytes)),
                Modality::Image => encoders.encode_image(&bytes),
                Modality::Audio => encoders.encode_audio(&bytes),
                Modality::Video => encoders.encode_video(&bytes),
            }
        }
    };
    understood.map_err(|error: EncodeError| Failure::Input(error.to_string()))
}

/// A table for each part, then what was left out.
fn render(report: &Report) -> String {
    let mut table = Table::default();
    table.row([
        "measure".to_owned(),
        "    n".to_owned(),
        "figure".to_owned(),
        "95 % interval".to_owned(),
        "chance".to_owned(),
    ]);
    for part in &report.parts {
        table.row([String::new()]);
        table.row([part.data.clone()]);
        for Measure { name, n, value, interval: [low, high], chance } in &part.measures {
            table.row([
                format!("  {}", fit(name, NAME_COLUMNS_MAX)),
                format!("{n:>5}"),
                format!("{value:>6.3}"),
                format!("{low:.3} .. {high:.3}"),
                chance.map(|chance| format!("{chance:.3}")).unwrap_or_default(),
            ]);
        }
    }
    let mut lines = vec![format!("models: {}", report.models.join(", ")), String::new(), table.render()];
    if !report.left_out.is_empty() {
        lines.push(String::new());
        lines.extend(report.left_out.iter().map(|reason| format!("left out: {reason}")));
    }
    lines.push(String::new());
    lines.push(format!("{:.0} s", report.seconds));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_aligned_and_says_what_is_missing() {
        let measure = |name: &str, value: f64, chance| Measure {
            name: name.to_owned(),
            n: 400,
            value,
            interval: [value - 0.05, value + 0.05],
            chance,
        };
        let parts = vec![
            Part {
                data: "photos".to_owned(),
                measures: vec![measure("caption -> photo, R@1", 0.5, Some(0.0125))],
            },
            Part { data: "cut-off".to_owned(), measures: vec![measure("kept", 0.95, None)] },
        ];
        let left_out = vec!["home: nothing in it is known".to_owned()];
        let report = Report { models: vec!["a@1".to_owned()], parts, left_out, seconds: 61.4 };
        expect_test::expect![[r#"
            models: a@1

            measure                      n  figure  95 % interval   chance

            photos
              caption -> photo, R@1    400   0.500  0.450 .. 0.550  0.013

            cut-off
              kept                     400   0.950  0.900 .. 1.000

            left out: home: nothing in it is known

            61 s"#]]
        .assert_eq(&render(&report));
    }
}
