//! Rules in languages with an interpreter: tools of theirs put it and the rule into one component, without
//! WASI, which the sandbox refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::Failure;
use crate::cli::plugin::new::SDK;

/// The released interface.
const CONTRACT: &str = "contract/v0.1/ranking.wit";

/// What of WASI `componentize-js` would put in.
const JAVASCRIPT_FEATURES: [&str; 5] = ["random", "stdio", "clocks", "http", "fetch-event"];

const NO_COMPONENTIZE_JS: &str = "componentize-js is not here: `npm install` in the plugin's folder installs it where its \
     package.json names it, `npm install -g @bytecodealliance/componentize-js` for all; it needs node";

const NO_COMPONENTIZE_PY: &str = "componentize-py is not here: `python3 -m venv .venv && .venv/bin/pip install \
     componentize-py` in the plugin's folder installs it, `pip install componentize-py` for all";

/// The component of `rule.js`.
pub(super) fn javascript(folder: &Path) -> Result<Vec<u8>, Failure> {
    let local = folder.join("node_modules/.bin/componentize-js");
    made(folder, "componentize-js", &local, NO_COMPONENTIZE_JS, |command, contract, component| {
        command.args(["rule.js", "--world-name", "ranker", "--wit"]).arg(contract);
        command.arg("--disable").args(JAVASCRIPT_FEATURES).arg("--out").arg(component);
    })
}

/// The component of `rule.py`.
pub(super) fn python(folder: &Path) -> Result<Vec<u8>, Failure> {
    let local = folder.join(".venv/bin/componentize-py");
    made(folder, "componentize-py", &local, NO_COMPONENTIZE_PY, |command, contract, component| {
        command.arg("-d").arg(contract).args(["-w", "ranker", "componentize", "--stub-wasi", "rule"]);
        command.arg("-o").arg(component);
    })
}

/// What the tool makes: the one of the plugin's own folder, or that in `PATH`.
fn made(
    folder: &Path,
    tool: &str,
    local: &Path,
    missing: &str,
    arguments: impl FnOnce(&mut Command, &Path, &Path),
) -> Result<Vec<u8>, Failure> {
    let local = local.is_file().then(|| std::path::absolute(local).unwrap_or(local.to_owned()));
    let program = local.or_else(|| in_path(tool)).ok_or_else(|| Failure::Input(missing.to_owned()))?;
    let target = super::target(folder);
    let (contract, component) = (target.join("contract"), target.join("rule.component.wasm"));
    let text = SDK.iter().find(|(file, _)| *file == CONTRACT).expect("the contract is a part of the SDK").1;
    fs::create_dir_all(&contract)
        .map_err(|error| Failure::Input(format!("{}: {error}", contract.display())))?;
    super::write(&contract.join("ranking.wit"), text.as_bytes())?;
    let mut command = Command::new(&program);
    arguments(&mut command, &contract, &component);
    // Standard output belongs to the answer.
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status();
    let status = status
        .map_err(|error| Failure::Input(format!("{} cannot be started: {error}", program.display())))?;
    if !status.success() {
        return Err(Failure::Input(format!("the rule was not made a component, see what {tool} said above")));
    }
    fs::read(&component).map_err(|error| Failure::Input(format!("{}: {error}", component.display())))
}

fn in_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file())
}
