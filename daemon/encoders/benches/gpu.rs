//! Networks on a GPU against the processor: how alike, and how fast. The table that models/README.md
//! wants. Needs a GPU and a build for it: `cargo bench -p attuned-encoders --features cuda --bench gpu`.
//!
//! Both run the shipped files on the same inputs in turn; times are on the clock, medians and
//! quartiles, and on the processor of one thread. It ends with an error if a network that was tried
//! on a GPU gives anything else there.

#![expect(clippy::print_stdout, reason = "the table")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use attuned_encoders::{BareNetwork, Runtime};

/// The least cosine between a GPU's results and the processor's.
const COSINE_MIN: f64 = 0.999;

/// Runs that are measured; as many as make quartiles, after some that are not.
const RUNS: usize = 30;
const RUNS_BEFORE: usize = 5;

/// An input: its shape, and its numbers in little-endian bytes.
type Input = (Vec<usize>, Vec<u8>);

/// Numbers in `[0, 1)`, the same ones each time.
fn noise(len: usize) -> impl Iterator<Item = f32> {
    let mut state = 20_261_122_u32;
    (0..len).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    })
}

fn numbers(shape: &[usize], from: f32, to: f32) -> Input {
    let values = noise(shape.iter().product()).map(|value| from + (to - from) * value);
    (shape.to_vec(), values.flat_map(f32::to_le_bytes).collect())
}

/// Token ids within both vocabularies, and a mask that hides none.
fn tokens(count: usize) -> Vec<Input> {
    let ids = noise(count).map(|value| 1000 + (value * 19_000.0) as i64);
    let shape = vec![1, count];
    vec![
        (shape.clone(), ids.flat_map(i64::to_le_bytes).collect()),
        (shape, vec![1_i64; count].into_iter().flat_map(i64::to_le_bytes).collect()),
    ]
}

fn cases() -> Vec<(&'static str, String, Vec<Input>)> {
    let mut cases: Vec<_> = [16, 64, 128, 256]
        .map(|count| ("minilm-l6-v2", format!("text of {count} tokens"), tokens(count)))
        .into();
    cases.extend([
        ("multilingual-e5-small", "text of 64 tokens, multilingual".to_owned(), tokens(64)),
        ("efficientnet-lite0", "picture, 224 x 224".to_owned(), vec![numbers(&[1, 3, 224, 224], -2.0, 2.0)]),
        ("yamnet", "sound, patch of 0.96 s".to_owned(), vec![numbers(&[1, 64, 96], -6.0, 2.0)]),
        (
            "film-leaky",
            "film, 16 frames".to_owned(),
            vec![
                numbers(&[16, 1280], 0.0, 1.0),
                numbers(&[16, 384], -1.0, 1.0),
                numbers(&[1, 384], -1.0, 1.0),
            ],
        ),
        (
            "fusion-cross-attention",
            "fusion of four media".to_owned(),
            vec![numbers(&[1, 4, 384], -1.0, 1.0), numbers(&[1, 4], 1.0, 1.0)],
        ),
    ]);
    cases
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Median and quartiles, ms.
fn figure(mut times: Vec<f64>) -> (f64, String) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(share * (times.len() - 1) as f64).round() as usize];
    (at(0.5), format!("{:.2} ({:.2}-{:.2})", at(0.5), at(0.25), at(0.75)))
}

/// A row of the table, and the least cosine; `None` if the network is not on a GPU.
fn measure(model: &str, what: &str, inputs: &[Input]) -> Result<Option<(String, f64)>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(model);
    let open = |runtime| BareNetwork::open(&folder, runtime).map_err(|error| error.to_string());
    let (on_gpu, on_cpu) = (open(Runtime::GpuOrCpu)?, open(Runtime::Cpu)?);
    if !on_gpu.is_on_gpu() {
        return Ok(None);
    }
    let (mut gpu_ms, mut cpu_ms, mut least) = (Vec::new(), Vec::new(), f64::INFINITY);
    for run in 0..RUNS_BEFORE + RUNS {
        let timed = |network: &BareNetwork| {
            let before = Instant::now();
            let outputs = network.run(inputs)?;
            Ok::<_, String>((outputs, before.elapsed().as_secs_f64() * 1e3))
        };
        let ((found, gpu), (expected, cpu)) = (timed(&on_gpu)?, timed(&on_cpu)?);
        least = found.iter().zip(&expected).map(|(a, b)| cosine(a, b)).fold(least, f64::min);
        if run >= RUNS_BEFORE {
            gpu_ms.push(gpu);
            cpu_ms.push(cpu);
        }
    }
    if !on_gpu.is_on_gpu() {
        return Err(format!("{model}: the GPU failed while it ran"));
    }
    let ((cpu, cpu_text), (gpu, gpu_text)) = (figure(cpu_ms), figure(gpu_ms));
    Ok(Some((format!("| {what} | {cpu_text} | {gpu_text} | {:.1} | {least:.7} |", cpu / gpu), least)))
}

fn main() -> ExitCode {
    println!("| what | processor, ms | GPU, ms | times as fast | least cosine |\n|---|---|---|---|---|");
    for (model, what, inputs) in cases() {
        match measure(model, &what, &inputs) {
            Ok(Some((row, least))) => {
                println!("{row}");
                if least < COSINE_MIN {
                    println!("failed: {model}: cosine {least}, expected at least {COSINE_MIN}");
                    return ExitCode::FAILURE;
                }
            }
            Ok(None) => {
                println!(
                    "skipped: no GPU can be used; `attuned encode` with models.runtime = \"gpu-or-cpu\" says why"
                );
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                println!("failed: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
