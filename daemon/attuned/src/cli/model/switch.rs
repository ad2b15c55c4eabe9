//! `attuned model use` and `attuned model rollback`: through the daemon, or before its next start.

use std::fs;
use std::time::Duration;

use attuned_encoders::Purpose;
use serde::Serialize;

use super::list;
use crate::app::choose_models;
use crate::cli::progress::Progress;
use crate::cli::session::{Session, configuration};
use crate::cli::{Common, Failure, Printer};
use crate::config::Config;
use crate::document::{ModelsDocument, RollbackModelDocument, UseModelsDocument};
use crate::pipeline::{choose, names_before};

/// How often it is looked how far a switch has come.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub fn use_models(
    names: Vec<String>,
    wait: bool,
    common: &Common,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let session = Session::open(common)?;
    let document = UseModelsDocument { models: names };
    match ask(&session, "/v1/models/use", &document)? {
        Some(models) => follow(&session, models, wait, printer),
        None => offline(common, printer, |_| Ok(document.models)),
    }
}

pub fn roll_back(
    purpose: Purpose,
    wait: bool,
    common: &Common,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let session = Session::open(common)?;
    let document = RollbackModelDocument { modality: purpose.name().to_owned() };
    match ask(&session, "/v1/models/rollback", &document)? {
        Some(models) => follow(&session, models, wait, printer),
        None => offline(common, printer, |config| {
            names_before(&mut super::record(config), purpose)
                .map_err(|rejection| Failure::Input(rejection.message))
        }),
    }
}

/// The daemon's answer; `None` if there is no daemon.
fn ask(session: &Session, path: &str, document: &impl Serialize) -> Result<Option<ModelsDocument>, Failure> {
    match session.get::<serde_json::Value>("/v1/status") {
        Err(Failure::Unreachable(_)) => Ok(None),
        Err(failure) => Err(failure),
        Ok(_) => session.ask(path, document).map(Some),
    }
}

/// Shows how far the switch has come, until it is done if that is wanted.
fn follow(
    session: &Session,
    mut models: ModelsDocument,
    wait: bool,
    printer: &mut Printer,
) -> Result<(), Failure> {
    if wait && let Some(switch) = &models.switch {
        let progress = Progress::start("understanding anew", switch.total as usize, printer);
        while let Some(switch) = &models.switch {
            progress.at(switch.done as usize);
            std::thread::sleep(LOOK_EVERY);
            models = session.get("/v1/models")?;
        }
    }
    if let Some(problem) = &models.problem {
        return Err(Failure::Input(problem.clone()));
    }
    if printer.is_json() { printer.object(&models) } else { printer.text(list::render(&models)) }
}

/// Chooses for the daemon's next start.
fn offline(
    common: &Common,
    printer: &mut Printer,
    names: impl FnOnce(&Config) -> Result<Vec<String>, Failure>,
) -> Result<(), Failure> {
    let config = configuration(common)?;
    let path = &config.store.path;
    let cannot =
        |error: &dyn std::fmt::Display| Failure::Input(format!("store.path {}: {error}", path.display()));
    fs::create_dir_all(path).map_err(|error| cannot(&error))?;
    if let Ok(lock) = fs::File::open(path.join("lock"))
        && matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock))
    {
        let shown = path.display();
        return Err(Failure::Unreachable(format!(
            "the store {shown} is in use by a daemon that does not answer on {}",
            config.http.socket.display()
        )));
    }
    let names = names(&config)?;
    let mut record = super::record(&config);
    let opened = choose_models(&config, &record).map_err(|error| Failure::Input(error.to_string()))?;
    let chosen = choose(&opened.encoders, &names, &record, &config.models.prefer)
        .map_err(|rejection| Failure::Input(rejection.message))?;
    record.remember();
    record.chosen = chosen.chosen;
    record.next = None;
    record.write(path).map_err(|error| cannot(&error))?;
    let models = list::document(common)?;
    if printer.is_json() {
        return printer.object(&models);
    }
    printer.text(format_args!("{}\nno daemon answers: it switches after its start", list::render(&models)))
}
