//! Prints what several pieces in one run of a network cost beside one by one:
//! `cargo bench -p attuned-encoders --bench batches`.
//!
//! Both are done in turn, and processor time of the thread is counted, so a busy machine slows both
//! alike. A figure is the median over the rounds with its quartiles.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::path::{Path, PathBuf};

use attuned_encoders::{BareNetwork, Runtime};
use cpu_time::ThreadTime;

const ROUNDS: usize = 21;

/// Shapes and little-endian bytes, in the order of `model.toml`.
type Inputs = Vec<(Vec<usize>, Vec<u8>)>;

/// Words of either vocabulary; which ones makes no difference to the time.
fn texts(pieces: usize, tokens: usize) -> Inputs {
    let shape = vec![pieces, tokens];
    let ids = (0..pieces * tokens).flat_map(|at| (1000 + (at as i64 * 7919) % 19_000).to_le_bytes());
    let mask = (0..pieces * tokens).flat_map(|_| 1_i64.to_le_bytes());
    vec![(shape.clone(), ids.collect()), (shape, mask.collect())]
}

fn patches(pieces: usize) -> Inputs {
    let values = (0..pieces * 64 * 96).flat_map(|at| ((at * 7919 % 997) as f32 / 250.0 - 2.0).to_le_bytes());
    vec![(vec![pieces, 64, 96], values.collect())]
}

fn quartiles(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| values[(values.len() - 1) * share / 4];
    format!("{:.2} ({:.2}-{:.2})", at(2), at(1), at(3))
}

fn milliseconds(network: &BareNetwork, inputs: &Inputs, runs: usize) -> f64 {
    let before = ThreadTime::now();
    for _ in 0..runs {
        network.run(inputs).expect("the inputs are of the network's shapes");
    }
    before.elapsed().as_secs_f64() * 1e3
}

/// A row of the table: one by one and together, each for one piece.
fn report(network: &BareNetwork, what: &str, pieces: usize, inputs: impl Fn(usize) -> Inputs) {
    let (one, all) = (inputs(1), inputs(pieces));
    let (mut alone, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let [alone_ms, together_ms] = [milliseconds(network, &one, pieces), milliseconds(network, &all, 1)]
            .map(|ms| ms / pieces as f64);
        // The first round prepares.
        if round > 0 {
            alone.push(alone_ms);
            together.push(together_ms);
            ratios.push(together_ms / alone_ms);
        }
    }
    let [alone, together, ratio] = [alone, together, ratios].map(quartiles);
    println!("| {pieces} {what} | {alone} | {together} | {ratio} |");
}

fn main() {
    let models = std::env::var_os("ATTUNED_MODELS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"), PathBuf::from);
    let open = |name: &str| BareNetwork::open(&models.join(name), Runtime::Cpu);
    println!("| pieces | one by one, ms a piece | together, ms a piece | ratio |\n|---|---|---|---|");
    for (name, what) in [("minilm-l6-v2", "texts"), ("multilingual-e5-small", "multilingual texts")] {
        match open(name) {
            Ok(network) => {
                for (pieces, tokens) in [(8, 8), (8, 16), (8, 32), (8, 64), (5, 96), (8, 128)] {
                    report(&network, &format!("{what} of {tokens} tokens"), pieces, |pieces| {
                        texts(pieces, tokens)
                    });
                }
            }
            Err(error) => println!("{error}"),
        }
    }
    match open("yamnet") {
        Ok(network) => {
            for pieces in [2, 4, 8, 16] {
                report(&network, "patches of sound", pieces, patches);
            }
        }
        Err(error) => println!("{error}"),
    }
}
