//! The bundled models on real content, through the public interface only.
//!
//! Test data lies beside the repository, in `../shared` or where `ATTUNED_SHARED` says; a test
//! that does not find it says so and passes.

mod batches;
mod film;
mod folder;
mod fusion;
mod gpu;
mod hearing;
mod understanding;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use attuned_encoders::{Encoders, Limits};

/// The bundled models.
fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn encoders() -> Encoders {
    let encoders = Encoders::open(&models(), Limits::default()).expect("the folder of models opens");
    assert_eq!(encoders.problems(), []);
    encoders
}

/// A folder of test data; `None`, with a line that says so, if absent.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
fn shared(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

/// The rows of a CSV file without its header; fields have no quotes and no commas but in the last.
fn rows(path: &Path, fields: usize) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = |line: &str| line.splitn(fields, ',').map(|field| field.trim_matches('"').to_owned()).collect();
    text.lines().skip(1).map(row).collect()
}

/// Applies `work` to every input on two threads; results in the order of the inputs.
fn on_two_threads<I: Sync, O: Send>(inputs: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let next = Mutex::new(0..inputs.len());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().expect("not poisoned").next() else { return };
                    let result = work(&inputs[at]);
                    results.lock().expect("not poisoned").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("not poisoned");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
