//! `attuned model bench`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use attuned_encoders::{EncodeError, Encoders, Encoding, Purpose};
use attuned_recommender::Modality;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::session::configuration;
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer};

/// Runs of which the median is taken.
const RUNS: usize = 20;

/// Measure a model.
#[derive(Debug, Args)]
pub struct Bench {
    /// Which models, as name or name@version [default: those in use]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Measure instead how well the models in use understand the data sets in this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "names")]
    quality: Option<PathBuf>,
}

/// What was measured of one model.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    model: String,
    modality: String,
    /// What was encoded; absent for models of which no single piece is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    load_ms: f64,
    /// Median of one piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    runs: usize,
    /// Memory that loading and the first run added; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rss_mb: Option<f64>,
}

pub fn run(bench: Bench, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    if let Some(folder) = &bench.quality {
        return super::quality::run(folder, common, printer);
    }
    let config = configuration(common)?;
    let encoders = super::in_use(&config)?;
    let names = match bench.names.as_slice() {
        [] => encoders.models().iter().map(attuned_encoders::ModelSummary::id).collect(),
        names => names.to_vec(),
    };
    let measured: Vec<Measured> = match names.as_slice() {
        [name] => vec![measure(&encoders, name)?],
        // Each in a process of its own, as memory that one has freed is not counted for the next.
        names => names.iter().map(|name| elsewhere(name, common)).collect::<Result<_, _>>()?,
    };
    if printer.is_json() {
        return measured.iter().try_for_each(|measured| printer.object(measured));
    }
    printer.text(render(&measured))
}

fn elsewhere(name: &str, common: &Common) -> Result<Measured, Failure> {
    let fault = |error: std::io::Error| Failure::Fault(format!("the measurement does not start: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(fault)?);
    command.args(["model", "bench", "--json", name]);
    if let Some(config) = &common.config {
        command.arg("--config").arg(config);
    }
    let output = command.output().map_err(fault)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| Failure::Input(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

fn measure(encoders: &Encoders, name: &str) -> Result<Measured, Failure> {
    let input = |error: &dyn std::fmt::Display| Failure::Input(error.to_string());
    let encoders = encoders.only(name).map_err(|error| input(&error))?;
    let [model] = encoders.models().try_into().map_err(|_| input(&format!("`{name}` is no model")))?;
    let before = resident_bytes();
    let started = Instant::now();
    encoders.load(name).map_err(|error| input(&error))?;
    let load_ms = milliseconds(started);
    let piece = piece(model.purpose);
    let mut times: Vec<f64> = Vec::new();
    if let Some((_, encode)) = &piece {
        encode(&encoders).map_err(|error| input(&error))?;
    }
    let rss_mb = before.zip(resident_bytes()).map(|(before, after)| (after as f64 - before as f64) / 1e6);
    if let Some((_, encode)) = &piece {
        for _ in 0..RUNS {
            let started = Instant::now();
            encode(&encoders).map_err(|error| input(&error))?;
            times.push(milliseconds(started));
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(Measured {
        model: model.id(),
        modality: model.purpose.name().to_owned(),
        input: piece.map(|(what, _)| what.to_owned()),
        load_ms,
        p50_ms: times.get(times.len() / 2).copied(),
        runs: times.len(),
        rss_mb,
    })
}

type Encode = Box<dyn Fn(&Encoders) -> Result<Encoding, EncodeError>>;

/// A fixed piece of content of that kind.
fn piece(purpose: Purpose) -> Option<(&'static str, Encode)> {
    match purpose {
        Purpose::Encoder(Modality::Text) => {
            const WORDS: &str = "a quiet evening film about a violin maker in old Vienna tonight";
            Some(("12 words", Box::new(|encoders| encoders.encode_text(WORDS))))
        }
        Purpose::Encoder(Modality::Image) => {
            let picture = picture();
            Some(("picture of 640 x 480", Box::new(move |encoders| encoders.encode_image(&picture))))
        }
        Purpose::Encoder(Modality::Audio) => {
            let sound = sound();
            Some(("sound of 12 s", Box::new(move |encoders| encoders.encode_audio(&sound))))
        }
        Purpose::Encoder(Modality::Video) | Purpose::Fusion => None,
    }
}

/// Colours that change across the picture, as PNM.
fn picture() -> Vec<u8> {
    let mut bytes = b"P6\n640 480\n255\n".to_vec();
    for y in 0..480_u32 {
        for x in 0..640_u32 {
            bytes.extend([(x * 255 / 640) as u8, (y * 255 / 480) as u8, ((x ^ y) % 256) as u8]);
        }
    }
    bytes
}

/// A tone that rises, as WAV of 16 kHz.
fn sound() -> Vec<u8> {
    const RATE: u32 = 16_000;
    const SAMPLES: u32 = 12 * RATE;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + 2 * SAMPLES).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    // Bytes and bits a sample.
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend((2 * SAMPLES).to_le_bytes());
    for at in 0..SAMPLES {
        let seconds = f64::from(at) / f64::from(RATE);
        let turns = seconds * (110.0 + 40.0 * seconds);
        let value = (turns * std::f64::consts::TAU).sin() * 12_000.0;
        bytes.extend((value as i16).to_le_bytes());
    }
    bytes
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Memory of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

fn render(measured: &[Measured]) -> String {
    let mut table = Table::default();
    table.row(["model", "load", "a piece, median", "memory", "piece"].map(str::to_owned));
    for measured in measured {
        table.row([
            measured.model.clone(),
            format!("{:.0} ms", measured.load_ms),
            measured.p50_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(),
            measured.rss_mb.map(|mb| format!("{mb:.0} MB")).unwrap_or_default(),
            measured.input.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}
