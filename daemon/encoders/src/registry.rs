//! Which models there are, and which of them is used for what.
//!
//! Several models may be for the same thing, as folders side by side. Owns the rule that picks one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use attuned_recommender::Modality;

use crate::error::ModelError;
use crate::model::{Model, SPACE_DEFAULT, folder_name};
use crate::purpose::Purpose;

/// Which models are to be used, where there is more than one for something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Models that people ask for, as `name` (its highest version) or `name@version`; the first
    /// that is for something counts.
    pub wanted: Vec<String>,
    /// Models that were used before, which are kept in use where nothing is wanted: a folder that is
    /// put beside them changes nothing by itself.
    pub remembered: Vec<String>,
}

/// A folder with a `model.toml`.
#[derive(Debug)]
pub(crate) struct Folder {
    pub name: String,
    /// What its `model.toml` says; `None` if that cannot be read.
    pub model: Option<Arc<Model>>,
    /// Why it cannot be used.
    pub problem: Option<ModelError>,
    /// Whether another folder holds the same version of the same model.
    pub twin: bool,
}

/// The models that are used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// The model for each purpose that has one; an error if that one is refused.
    pub used: BTreeMap<Purpose, Result<Arc<Model>, ModelError>>,
    /// Models of texts in particular languages, beside the one for all texts.
    pub languages: Vec<Arc<Model>>,
    /// What a person should know.
    pub problems: Vec<ModelError>,
}

/// Reads every `model.toml` below `models` and compares the sizes of the files that they list.
///
/// # Errors
///
/// [`ModelError::Folder`] if the folder cannot be listed.
pub(crate) fn scan(models: &Path) -> Result<Vec<Folder>, ModelError> {
    let folder_error =
        |error: std::io::Error| ModelError::Folder { path: models.to_owned(), reason: error.to_string() };
    let mut paths = Vec::new();
    for entry in fs::read_dir(models).map_err(folder_error)? {
        let path = entry.map_err(folder_error)?.path();
        if path.join("model.toml").exists() {
            paths.push(path);
        }
    }
    paths.sort();
    let mut folders: Vec<Folder> = Vec::new();
    for path in paths {
        let name = folder_name(&path);
        let folder = match Model::read(&path) {
            Ok(model) => {
                let twin = folders.iter().find(|other| {
                    !other.twin && other.model.as_ref().is_some_and(|other| other.id() == model.id())
                });
                let problem = match twin {
                    Some(twin) => Some(model.refused(format!(
                        "model.toml: version {} of `{}` is in the folder `{}` already",
                        model.document.version, model.document.name, twin.name
                    ))),
                    None => model.check_sizes().err(),
                };
                let twin = twin.is_some();
                Folder { name, model: Some(Arc::new(model)), problem, twin }
            }
            Err(problem) => Folder { name, model: None, problem: Some(problem), twin: false },
        };
        folders.push(folder);
    }
    Ok(folders)
}

impl Selection {
    /// Picks a model for each purpose: the one that is wanted, else the one that was used before,
    /// else of those that are not optional (of all, if there is none) the first by name in its
    /// highest version, those of the usual space before others. The model of texts makes the shared space; models of another space than it
    /// are passed over.
    pub fn of(folders: &[Folder], choice: &Choice) -> Selection {
        let mut selection = Selection::default();
        selection.problems.extend(folders.iter().filter_map(|folder| folder.problem.clone()));
        for wanted in &choice.wanted {
            if !folders
                .iter()
                .any(|folder| folder.model.as_ref().is_some_and(|model| is_named(model, wanted)))
            {
                selection.problems.push(ModelError::Refused {
                    model: wanted.clone(),
                    reason: "it is to be used, but is not in the models folder".to_owned(),
                });
            }
        }
        for purpose in Purpose::ALL {
            selection.pick(purpose, folders, choice);
        }
        selection
    }

    /// The shared space of the models in use; `None` while nothing decides it.
    pub fn space(&self) -> Option<String> {
        let text = self.used.get(&Purpose::Encoder(Modality::Text))?.as_ref().ok()?;
        Some(text.document.space())
    }

    /// Why a model does not go with the model of texts in use; `None` if it does.
    pub fn misfit(&self, model: &Model) -> Option<ModelError> {
        if model.purpose == Purpose::Encoder(Modality::Text) && model.languages().is_empty() {
            return None;
        }
        let space = self.space()?;
        let own = model.document.space();
        (own != space).then(|| {
            model.refused(format!(
                "its vectors are of the space `{own}`, and those of the text model in use of `{space}`, expected the same"
            ))
        })
    }

    fn pick(&mut self, purpose: Purpose, folders: &[Folder], choice: &Choice) {
        let of_purpose: Vec<(&Folder, &Arc<Model>)> = folders
            .iter()
            .filter(|folder| !folder.twin)
            .filter_map(|folder| Some((folder, folder.model.as_ref()?)))
            .filter(|(_, model)| model.purpose == purpose)
            .collect();
        let (fit, misfits): (Vec<_>, Vec<_>) =
            of_purpose.into_iter().partition(|(_, model)| self.misfit(model).is_none());
        let named = |names: &[String]| {
            names.iter().find_map(|name| best(fit.iter().filter(|(_, model)| is_named(model, name))))
        };
        let picked = named(&choice.wanted).or_else(|| named(&choice.remembered)).or_else(|| {
            let for_all: Vec<Known> =
                fit.iter().copied().filter(|(_, model)| model.languages().is_empty()).collect();
            // A text model decides the space of all others: one of the usual space goes first.
            let usual: Vec<Known> = for_all
                .iter()
                .copied()
                .filter(|(_, model)| model.document.space() == SPACE_DEFAULT && !model.document.optional)
                .collect();
            let required: Vec<Known> =
                for_all.iter().copied().filter(|(_, model)| !model.document.optional).collect();
            first(&usual).or_else(|| first(&required)).or_else(|| first(&for_all)).or_else(|| first(&fit))
        });
        match picked {
            Some((folder, model)) => {
                let refused = folder.problem.clone();
                self.used.insert(purpose, refused.map_or_else(|| Ok(Arc::clone(model)), Err));
                if purpose == Purpose::Encoder(Modality::Text) {
                    self.languages = self.beside(model, folders);
                }
            }
            None => {
                if let Some(misfit) = misfits.first().and_then(|(_, model)| self.misfit(model)) {
                    self.problems.push(misfit.clone());
                    self.used.insert(purpose, Err(misfit));
                }
            }
        }
    }

    /// The models of texts in particular languages that go with the one for all texts: of each name
    /// the highest version.
    fn beside(&self, main: &Arc<Model>, folders: &[Folder]) -> Vec<Arc<Model>> {
        let mut by_name: BTreeMap<&str, Vec<&(&Folder, &Arc<Model>)>> = BTreeMap::new();
        let usable: Vec<(&Folder, &Arc<Model>)> = folders
            .iter()
            .filter(|folder| folder.problem.is_none())
            .filter_map(|folder| Some((folder, folder.model.as_ref()?)))
            .filter(|(_, model)| !model.languages().is_empty() && model.id() != main.id())
            .filter(|(_, model)| model.document.space() == main.document.space())
            .collect();
        for candidate in &usable {
            by_name.entry(&candidate.1.document.name).or_default().push(candidate);
        }
        by_name
            .into_values()
            .filter_map(|models| best(models.into_iter()))
            .map(|(_, m)| Arc::clone(m))
            .collect()
    }
}

impl Model {
    /// The languages of the texts that it is for; none for a model of all texts, or of no texts.
    pub(crate) fn languages(&self) -> &[String] {
        self.document.text.as_ref().map_or(&[], |text| &text.languages)
    }
}

/// A folder and what its `model.toml` says.
type Known<'f> = (&'f Folder, &'f Arc<Model>);

/// The highest version among models of one name.
fn best<'a, 'f: 'a>(models: impl Iterator<Item = &'a Known<'f>>) -> Option<Known<'f>> {
    models
        .copied()
        .max_by(|(_, a), (_, b)| version_key(&a.document.version).cmp(&version_key(&b.document.version)))
}

/// The first name's highest version.
fn first<'f>(models: &[Known<'f>]) -> Option<Known<'f>> {
    let name = models.iter().map(|(_, model)| &model.document.name).min()?;
    best(models.iter().filter(|(_, model)| model.document.name == *name))
}

/// Whether `name` (`name` or `name@version`) means that model.
pub(crate) fn is_named(model: &Model, name: &str) -> bool {
    model.document.name == name || model.id() == name
}

/// The folder of that model; of several versions the highest.
pub(crate) fn find<'a>(folders: &'a [Folder], name: &str) -> Option<&'a Folder> {
    let known: Vec<(&Folder, &Arc<Model>)> = folders
        .iter()
        .filter(|folder| !folder.twin)
        .filter_map(|folder| Some((folder, folder.model.as_ref()?)))
        .collect();
    let named = known.iter().filter(|(_, model)| is_named(model, name));
    best(named).map(|(folder, _)| folder).or_else(|| folders.iter().find(|folder| folder.name == name))
}

/// Versions in their order: parts that are numbers as numbers, `1.10` after `1.9`.
fn version_key(version: &str) -> Vec<(u64, &str)> {
    version.split('.').map(|part| (part.parse().unwrap_or(0), part)).collect()
}

#[cfg(test)]
mod tests;
