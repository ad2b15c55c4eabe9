//! `attuned model list`.

use attuned_encoders::Encoders;

use crate::app::choose_models;
use crate::cli::session::{Session, configuration};
use crate::cli::table::Table;
use crate::cli::{Common, Failure, Printer};
use crate::document::{ModelDocument, ModelStateDocument, ModelsDocument};
use crate::pipeline::document_of;

pub fn run(common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let document = document(common)?;
    if printer.is_json() { printer.object(&document) } else { printer.text(render(&document)) }
}

/// What the daemon says, or without one what it would use after its start.
pub fn document(common: &Common) -> Result<ModelsDocument, Failure> {
    match Session::open(common)?.get("/v1/models") {
        Err(Failure::Unreachable(_)) => offline(common),
        answered => answered,
    }
}

fn offline(common: &Common) -> Result<ModelsDocument, Failure> {
    let config = configuration(common)?;
    let opened = choose_models(&config, &super::record(&config));
    let opened = opened.map_err(|error| Failure::Input(error.to_string()))?;
    let next: Vec<String> = opened.next.iter().flat_map(Encoders::models).map(|model| model.id()).collect();
    let used: Vec<String> = opened.encoders.models().iter().map(|model| model.id()).collect();
    let is_next = |id: &str| next.iter().any(|next| next == id) && !used.iter().any(|used| used == id);
    let models = opened.encoders.found().iter().map(|found| document_of(found, is_next)).collect();
    Ok(ModelsDocument { models, switch: None, problem: None })
}

/// The table for people.
pub fn render(document: &ModelsDocument) -> String {
    let mut table = Table::default();
    let titles = ["model", "for", "values", "MB", "licence", "state"];
    table.row(titles.map(str::to_owned));
    for model in &document.models {
        table.row([
            id(model),
            model.modality.clone().unwrap_or_default(),
            model.dim.map(|dim| dim.to_string()).unwrap_or_default(),
            model.bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e6)).unwrap_or_default(),
            model.licence.clone().unwrap_or_default(),
            state(model),
        ]);
    }
    let mut lines = vec![table.render()];
    lines.extend(document.switch.as_ref().map(|switch| {
        format!("switching to {}: {} of {} items", switch.to.join(", "), switch.done, switch.total)
    }));
    lines.extend(document.problem.clone());
    lines.join("\n")
}

fn id(model: &ModelDocument) -> String {
    match (&model.name, &model.version) {
        (Some(name), Some(version)) => format!("{name}@{version}"),
        _ => model.folder.clone(),
    }
}

fn state(model: &ModelDocument) -> String {
    let loaded = if model.loaded { ", loaded" } else { "" };
    let optional = if model.optional { ", optional" } else { "" };
    let for_languages = match model.languages.as_slice() {
        [] => String::new(),
        languages => format!(" for {}", languages.join(", ")),
    };
    match model.state {
        ModelStateDocument::InUse => format!("in use{for_languages}{loaded}"),
        ModelStateDocument::Next => format!("next{loaded}"),
        ModelStateDocument::Available => format!("available{optional}{loaded}"),
        ModelStateDocument::Refused => {
            format!("refused: {}", model.reason.as_deref().unwrap_or("no reason is known"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::SwitchDocument;

    #[test]
    fn models_are_shown_with_what_becomes_of_them() {
        let model = |name: &str, state, reason: Option<&str>| ModelDocument {
            folder: name.to_owned(),
            name: Some(name.to_owned()),
            version: Some("1".to_owned()),
            modality: Some("image".to_owned()),
            dim: Some(1280),
            bytes: Some(10_200_000),
            licence: Some("Apache-2.0".to_owned()),
            space: Some("words@1".to_owned()),
            optional: name == "other",
            languages: Vec::new(),
            state,
            reason: reason.map(str::to_owned),
            loaded: state == ModelStateDocument::InUse,
        };
        let unreadable = ModelDocument {
            name: None,
            version: None,
            modality: None,
            dim: None,
            bytes: None,
            licence: None,
            space: None,
            ..model("broken", ModelStateDocument::Refused, Some("model.toml, line 1: no key"))
        };
        let document = ModelsDocument {
            models: vec![
                model("eyes", ModelStateDocument::InUse, None),
                model("new-eyes", ModelStateDocument::Next, None),
                model("other", ModelStateDocument::Available, None),
                unreadable,
            ],
            switch: Some(SwitchDocument { to: vec!["new-eyes@1".to_owned()], done: 3, total: 60 }),
            problem: None,
        };
        expect_test::expect![[r#"
            model       for    values  MB    licence     state
            eyes@1      image  1280    10.2  Apache-2.0  in use, loaded
            new-eyes@1  image  1280    10.2  Apache-2.0  next
            other@1     image  1280    10.2  Apache-2.0  available, optional
            broken                                       refused: model.toml, line 1: no key
            switching to new-eyes@1: 3 of 60 items"#]]
        .assert_eq(&render(&document));
    }
}
