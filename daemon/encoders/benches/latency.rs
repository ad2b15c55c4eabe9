//! Prints how long one text, picture and sound take, and what the models take in memory:
//! `cargo bench -p attuned-encoders --bench latency [-- SOUND FILE…]`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use attuned_encoders::{EncodeError, Encoders, Encoding, Limits};

const RUNS: usize = 20;

/// Resident memory of this process in MB, where the system tells.
fn resident_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// What this thread used of a processor in seconds, where the system tells: other than the time that
/// passes, it does not depend on what else the machine does.
fn cpu_s() -> Option<f64> {
    let used = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(used.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

fn report(what: &str, encode: impl Fn() -> Result<Encoding, EncodeError>) {
    let started = Instant::now();
    let first = encode();
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let Ok(encoding) = first else {
        println!("{what:<28} {}", first.map_or_else(|error| error.to_string(), |_| String::new()));
        return;
    };
    let cpu_before = cpu_s();
    let mut times_ms: Vec<f64> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            let again = encode();
            assert_eq!(again.as_ref(), Ok(&encoding), "the same input gives the same");
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let cpu_ms = cpu_s().zip(cpu_before).map(|(after, before)| (after - before) * 1e3 / RUNS as f64);
    times_ms.sort_by(f64::total_cmp);
    println!(
        "{what:<28} first {load_ms:8.1} ms, then median {:7.1} ms, least {:7.1} ms, CPU {:7.1} ms; RSS {:.0} MB",
        times_ms[RUNS / 2],
        times_ms[0],
        cpu_ms.unwrap_or(f64::NAN),
        resident_mb().unwrap_or(f64::NAN)
    );
}

fn main() {
    let models = std::env::var_os("ATTUNED_MODELS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"), PathBuf::from);
    let golden = |file: &str| fs::read(models.join(file)).unwrap_or_default();
    println!("{:<28} RSS {:.0} MB", "before", resident_mb().unwrap_or(f64::NAN));
    let started = Instant::now();
    let encoders = match Encoders::open(&models, Limits::default()) {
        Ok(encoders) => encoders,
        Err(error) => return println!("{error}"),
    };
    println!("{:<28} {:.1} ms", "open, hashes checked", started.elapsed().as_secs_f64() * 1e3);
    report("text, 12 words", || {
        encoders.encode_text("a quiet evening film about a violin maker in old Vienna tonight")
    });
    report("text, 250 words", || encoders.encode_text(&"a quiet film about a violin ".repeat(42)));
    let picture = golden("efficientnet-lite0/golden/cat.png");
    report("picture", || encoders.encode_image(&picture));
    let sound = golden("yamnet/golden/stereo-44k.wav");
    report("sound of 1.5 s", || encoders.encode_audio(&sound));
    for file in std::env::args_os().skip(1).map(PathBuf::from).filter(|path| path.is_file()) {
        let sound = fs::read(&file).unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        report(&name, || encoders.encode_audio(&sound));
    }
}
