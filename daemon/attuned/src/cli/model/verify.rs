//! `attuned model verify`.

use attuned_encoders::ModelState;
use serde::Serialize;

use crate::cli::progress::Progress;
use crate::cli::session::configuration;
use crate::cli::table::Table;
use crate::cli::{Common, EXIT_INPUT, Failure, Printer};

/// What was found of one model.
#[derive(Debug, Serialize)]
struct Finding {
    model: String,
    ok: bool,
    /// Golden inputs that were compared; absent if the folder has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    golden: Option<usize>,
    /// The least cosine to what the original gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    least_cosine: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub fn run(names: &[String], common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let encoders = super::in_use(&config)?;
    let found = encoders.found();
    let all = || found.iter().map(|found| found.summary.as_ref().map_or(found.folder.clone(), |m| m.id()));
    let names: Vec<String> = if names.is_empty() { all().collect() } else { names.to_vec() };
    let progress = Progress::start("verifying", names.len(), printer);
    let mut findings = Vec::new();
    for name in names {
        // A folder whose `model.toml` cannot be read has no model to be found by name.
        let unreadable = found.iter().find(|found| found.folder == name && found.summary.is_none());
        let verified = match unreadable.map(|found| &found.state) {
            Some(ModelState::Refused(reason)) => Err(format!("model `{name}`: {reason}")),
            _ => encoders.verify(&name).map_err(|problem| problem.to_string()),
        };
        progress.step();
        findings.push(match verified {
            Ok(golden) => Finding {
                model: name,
                ok: true,
                golden: golden.map(|golden| golden.cases),
                least_cosine: golden.map(|golden| golden.least_cosine),
                problem: None,
            },
            Err(problem) => {
                Finding { model: name, ok: false, golden: None, least_cosine: None, problem: Some(problem) }
            }
        });
    }
    drop(progress);
    let failed = findings.iter().any(|finding| !finding.ok);
    if printer.is_json() {
        findings.iter().try_for_each(|finding| printer.object(finding))?;
    } else {
        printer.text(render(&findings))?;
    }
    if failed { Err(Failure::Told(EXIT_INPUT)) } else { Ok(()) }
}

fn render(findings: &[Finding]) -> String {
    let mut table = Table::default();
    for finding in findings {
        let said = match (&finding.problem, finding.golden.zip(finding.least_cosine)) {
            (Some(problem), _) => problem.clone(),
            (None, Some((cases, cosine))) => {
                format!("hashes and shapes are right; {cases} golden inputs, cosine at least {cosine:.5}")
            }
            (None, None) => "hashes and shapes are right; no golden inputs".to_owned(),
        };
        let verdict = if finding.ok { "ok" } else { "FAIL" };
        table.row([verdict.to_owned(), finding.model.clone(), said]);
    }
    table.render()
}
