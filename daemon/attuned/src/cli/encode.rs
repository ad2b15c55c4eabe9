//! `attuned encode`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use attuned_encoders::{EncodeError, Encoders, Encoding, Language};
use attuned_recommender::{Embedding, Modality};
use serde::Serialize;

use crate::cli::input::Source;
use crate::cli::progress::Progress;
use crate::cli::session::configuration;
use crate::cli::table::{Table, fit};
use crate::cli::tally::Tally;
use crate::cli::{Common, Failure, Printer, model};
use crate::document::LabelDocument;

mod inputs;

pub use inputs::Encode;
use inputs::{Content, Input};

/// Most stretches of inputs that are encoded ahead of the one to be printed next.
const AHEAD_MAX: usize = 64;

/// Most words that are handed to the encoders at once, which put those together that are about as long.
const TEXTS_MAX: usize = 32;

/// What `--json` prints for each input.
#[derive(Debug, Serialize)]
struct EncodingDocument<'a> {
    modality: &'static str,
    model: &'a str,
    dim: usize,
    embedding: &'a [f32],
    semantic: &'a [f32],
    labels: Vec<LabelDocument>,
    /// Of a text, in ISO 639-1; absent if it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    /// Of a text, in `[-1, 1]`; absent if it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment: Option<f32>,
}

/// What was understood of an input.
struct Understood {
    encoding: Encoding,
    language: Option<Language>,
    sentiment: Option<f32>,
}

/// What `--json --fuse` prints for all inputs.
#[derive(Debug, Serialize)]
struct FusedDocument<'a> {
    model: &'a str,
    fused: &'a [f32],
    shares: BTreeMap<&'static str, f32>,
}

pub fn run(encode: Encode, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let encoders = model::in_use(&config)?;
    let mut tally = Tally::default();
    let together = encode.fuse;
    let inputs = encode.inputs()?;
    let mut parts: BTreeMap<Modality, Vec<f32>> = BTreeMap::new();
    let progress = Progress::start("encoding", inputs.len(), printer);
    let mut take = |input: &Input, result: Result<Understood, Failure>| {
        progress.step();
        match result {
            Ok(understood) if together => {
                add(&mut parts, &understood.encoding);
                Ok(())
            }
            Ok(understood) => progress.suspend(|| print(printer, input, &understood)),
            Err(failure) => progress.suspend(|| tally.told(&input.name, failure)),
        }
    };
    in_order(
        &stretches(&inputs, processors()),
        |inputs| understand(&encoders, inputs),
        |inputs, results| inputs.iter().zip(results).try_for_each(|(input, result)| take(input, result)),
    )?;
    drop(progress);
    if !parts.is_empty() {
        print_fused(printer, &encoders, parts)?;
    }
    tally.end()
}

/// Adds a piece to those of its modality, which their mean direction stands for.
fn add(parts: &mut BTreeMap<Modality, Vec<f32>>, encoding: &Encoding) {
    let sum = parts.entry(encoding.modality).or_insert_with(|| vec![0.0; encoding.semantic.dim()]);
    for (sum, value) in sum.iter_mut().zip(encoding.semantic.as_slice()) {
        *sum += value;
    }
}

fn print_fused(
    printer: &mut Printer,
    encoders: &Encoders,
    parts: BTreeMap<Modality, Vec<f32>>,
) -> Result<(), Failure> {
    let direction = |(modality, sum): (Modality, Vec<f32>)| match Embedding::from_values(sum) {
        Ok(part) => Ok((modality, part)),
        Err(error) => Err(Failure::Input(format!("the inputs of {}: {error}", modality.name()))),
    };
    let parts = parts.into_iter().map(direction).collect::<Result<_, _>>()?;
    let fused = encoders.fuse(&parts).map_err(|error| Failure::Input(error.to_string()))?;
    let Some(fused) = fused else {
        return Err(Failure::Input("there is no model of fusion in the models folder".to_owned()));
    };
    let shares = fused.shares.iter().map(|(modality, share)| (modality.name(), *share));
    if printer.is_json() {
        let fused_values = fused.embedding.as_slice();
        return printer.object(&FusedDocument {
            model: &fused.model,
            fused: fused_values,
            shares: shares.collect(),
        });
    }
    let mut table = Table::default();
    table.row(["fused".to_owned(), format!("{}, {} values", fused.model, fused.embedding.dim())]);
    for (place, (modality, share)) in shares.enumerate() {
        let name = if place == 0 { "  shares" } else { "" };
        table.row([name.to_owned(), format!("{share:.2}  {modality}")]);
    }
    printer.text(table.render())
}

/// The inputs in stretches that are encoded together: words that follow each other, shared out among
/// the processors, and every file on its own.
fn stretches(inputs: &[Input], processors: usize) -> Vec<&[Input]> {
    let most = inputs.len().div_ceil(processors).clamp(1, TEXTS_MAX);
    let words = |input: &Input| matches!(input.content, Content::Words(_));
    inputs.chunk_by(|a, b| words(a) && words(b)).flat_map(|stretch| stretch.chunks(most)).collect()
}

/// What the inputs of one stretch are, in their order.
fn understand(encoders: &Encoders, inputs: &[Input]) -> Vec<Result<Understood, Failure>> {
    if let [Input { content: Content::File(source), modality, .. }] = inputs {
        return vec![of_file(encoders, *modality, source)];
    }
    let words = |input: &Input| match &input.content {
        Content::Words(words) => Some(words.clone()),
        Content::File(_) => None,
    };
    of_words(encoders, &inputs.iter().filter_map(words).collect::<Vec<_>>())
}

fn of_words(encoders: &Encoders, texts: &[String]) -> Vec<Result<Understood, Failure>> {
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let understood = |(words, encoding): (&String, Result<Encoding, EncodeError>)| {
        let encoding = encoding.map_err(failure)?;
        let sentiment = encoders.sentiment(words, Some(&encoding));
        Ok(Understood { encoding, language: Language::of(words), sentiment })
    };
    texts.iter().zip(encoders.encode_texts(&all)).map(understood).collect()
}

fn of_file(encoders: &Encoders, modality: Modality, source: &Source) -> Result<Understood, Failure> {
    let bytes = source.read()?;
    let encoding = match modality {
        Modality::Text => {
            let words = String::from_utf8_lossy(&bytes).into_owned();
            return of_words(encoders, &[words]).swap_remove(0);
        }
        Modality::Image => encoders.encode_image(&bytes),
        Modality::Audio => encoders.encode_audio(&bytes),
        Modality::Video => encoders.encode_video(&bytes),
    };
    encoding.map(|encoding| Understood { encoding, language: None, sentiment: None }).map_err(failure)
}

fn failure(error: EncodeError) -> Failure {
    match error {
        EncodeError::Unreadable { .. } | EncodeError::OverLimit { .. } | EncodeError::Unavailable { .. } => {
            Failure::Input(error.to_string())
        }
    }
}

fn print(printer: &mut Printer, input: &Input, understood: &Understood) -> Result<(), Failure> {
    let encoding = &understood.encoding;
    if printer.is_json() {
        return printer.object(&EncodingDocument {
            modality: encoding.modality.name(),
            model: &encoding.model,
            dim: encoding.embedding.dim(),
            embedding: encoding.embedding.as_slice(),
            semantic: encoding.semantic.as_slice(),
            labels: encoding.labels.iter().map(LabelDocument::of).collect(),
            language: understood.language.map(Language::code),
            sentiment: understood.sentiment,
        });
    }
    printer.text(render(input, understood))
}

/// What was understood, for people: the numbers themselves say nothing to them.
fn render(input: &Input, understood: &Understood) -> String {
    let encoding = &understood.encoding;
    let mut table = Table::default();
    table.row([encoding.modality.name().to_owned(), fit(&input.name, 80)]);
    table.row(["  model".to_owned(), format!("{}, {} values", encoding.model, encoding.embedding.dim())]);
    if let Some(language) = understood.language {
        table.row(["  language".to_owned(), language.code().to_owned()]);
    }
    if let Some(sentiment) = understood.sentiment {
        table.row(["  sentiment".to_owned(), format!("{sentiment:+.2}")]);
    }
    for (place, label) in encoding.labels.iter().enumerate() {
        let name = if place == 0 { "  labels" } else { "" };
        table.row([name.to_owned(), format!("{:.2}  {}", label.score, label.name)]);
    }
    table.render()
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` on every input with as many threads as there are processors, and hands the results
/// to `take` in the order of the inputs, one by one. Ends early if `take` fails.
///
/// Two threads that encode one input each are faster than both on the same one.
pub(super) fn in_order<I: Sync, O: Send>(
    inputs: &[I],
    work: impl Fn(&I) -> O + Sync,
    mut take: impl FnMut(&I, O) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let threads = processors().min(inputs.len()).max(1);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    // How many results were taken; workers wait for it, so that results do not pile up.
    let taken = Mutex::new(0_usize);
    let advanced = Condvar::new();
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(place) else { return };
                    let mut done = taken.lock().unwrap_or_else(PoisonError::into_inner);
                    while place >= *done + AHEAD_MAX && !stop.load(Ordering::Relaxed) {
                        done = advanced.wait(done).unwrap_or_else(PoisonError::into_inner);
                    }
                    drop(done);
                    if stop.load(Ordering::Relaxed) || sender.send((place, work(input))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut outcome = Ok(());
        let mut place = 0;
        for (found, result) in results {
            waiting.insert(found, result);
            while let Some(result) = waiting.remove(&place) {
                if outcome.is_ok() {
                    outcome = take(&inputs[place], result);
                }
                place += 1;
            }
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = place;
            if outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            advanced.notify_all();
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_inputs() {
        let inputs: Vec<u64> = (0..500).collect();
        let mut taken = Vec::new();
        // Every seventh is slow, so that others overtake it.
        let work = |input: &u64| {
            let rounds = if input.is_multiple_of(7) { 20_000 } else { 1 };
            (0..rounds).fold(*input, |sum, round| std::hint::black_box(sum ^ round));
            input * 2
        };
        in_order(&inputs, work, |input, output| {
            taken.push((*input, output));
            Ok(())
        })
        .expect("nothing fails");
        assert_eq!(taken, inputs.iter().map(|input| (*input, input * 2)).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_taken_after_a_failure_and_no_thread_stays_behind() {
        let inputs: Vec<usize> = (0..10_000).collect();
        let worked = AtomicUsize::new(0);
        let mut taken = 0;
        let work = |input: &usize| {
            worked.fetch_add(1, Ordering::Relaxed);
            *input
        };
        let failure = in_order(&inputs, work, |input, _| {
            taken += 1;
            if *input == 2 { Err(Failure::NobodyReads) } else { Ok(()) }
        });
        assert!(matches!(failure, Err(Failure::NobodyReads)));
        assert_eq!(taken, 3);
        let worked = worked.into_inner();
        assert!(worked <= 3 + AHEAD_MAX + 64, "{worked} inputs were worked on after nobody reads");
    }

    #[test]
    fn words_go_together_and_files_alone() {
        let words = || Input {
            name: "rain".to_owned(),
            modality: Modality::Text,
            content: Content::Words("rain".to_owned()),
        };
        let file = || Input {
            name: "cat.png".to_owned(),
            modality: Modality::Image,
            content: Content::File(Source::File("cat.png".into())),
        };
        let check = |inputs: &[Input], processors: usize, expected: &[usize]| {
            let lengths: Vec<usize> = stretches(inputs, processors).iter().map(|part| part.len()).collect();
            assert_eq!(lengths, expected);
        };
        check(&[], 2, &[]);
        check(&[words(), words(), file(), file(), words()], 1, &[2, 1, 1, 1]);
        // Few are shared out, and of many no more are taken at once than the limit.
        check(&[words(), words(), words()], 2, &[2, 1]);
        let many: Vec<Input> = (0..200).map(|_| words()).collect();
        check(&many, 2, &[TEXTS_MAX, TEXTS_MAX, TEXTS_MAX, TEXTS_MAX, TEXTS_MAX, TEXTS_MAX, 8]);
    }

    #[test]
    fn no_inputs_are_no_work() {
        in_order(&[], |input: &u8| *input, |_, _| Ok(())).expect("nothing fails");
    }
}
