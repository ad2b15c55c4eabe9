//! Runs networks as it is told, for `models/train/ratio.py`, which runs the same files in
//! onnxruntime in turn. One JSON object a line comes in and one goes out:
//!
//! `{"model": FOLDER, "inputs": [{"shape": […], "file": FILE}], "runs": N, "outputs": [FILE]}` gives
//! `{"cpu_ms": […]}`, the processor time of this thread for each run, and writes the last results.
//! Files are numbers in little-endian bytes. Without input, as in a smoke run, it ends at once.

#![expect(clippy::print_stdout, reason = "the answers")]

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::{env, fs};

use attuned_encoders::{BareNetwork, Runtime};
use cpu_time::ThreadTime;
use serde_json::{Value, json};

fn answer(networks: &mut HashMap<PathBuf, BareNetwork>, request: &str) -> Result<Value, String> {
    let request: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
    let list = |key: &str| request[key].as_array().cloned().unwrap_or_default();
    let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default());
    let folder = path(&request["model"]);
    if !networks.contains_key(&folder) {
        let network = BareNetwork::open(&folder, Runtime::Cpu).map_err(|error| error.to_string())?;
        networks.insert(folder.clone(), network);
    }
    let mut inputs = Vec::new();
    for input in list("inputs") {
        let shape = input["shape"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let bytes = fs::read(path(&input["file"])).map_err(|error| error.to_string())?;
        inputs.push((shape.map(|dim| dim as usize).collect(), bytes));
    }
    let mut times = Vec::new();
    let mut results = Vec::new();
    for _ in 0..request["runs"].as_u64().unwrap_or(1) {
        let before = ThreadTime::now();
        results = networks[&folder].run(&inputs)?;
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    for (result, file) in results.iter().zip(list("outputs")) {
        let bytes: Vec<u8> = result.iter().flat_map(|value| value.to_le_bytes()).collect();
        fs::write(path(&file), bytes).map_err(|error| error.to_string())?;
    }
    Ok(json!({ "cpu_ms": times }))
}

fn main() {
    if env::args().nth(1).as_deref() != Some("--answer") {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        return println!(
            "ready to be asked by models/train/ratio.py about models as in {}",
            models.display()
        );
    }
    let mut networks = HashMap::new();
    for line in io::stdin().lock().lines() {
        let answer = line.map_err(|error| error.to_string()).and_then(|line| answer(&mut networks, &line));
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": error })));
    }
}
