//! The models of a folder: found, checked, and in memory, whichever of them are used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use attuned_recommender::Modality;

use crate::audio::AudioModel;
use crate::encoding::ModelSummary;
use crate::error::ModelError;
use crate::fusion::FusionModel;
use crate::image::ImageModel;
use crate::limits::Limits;
use crate::memory::{Loadable, Memory};
use crate::model::Model;
use crate::network::Runtime;
use crate::purpose::Purpose;
use crate::registry::{self, Folder, Selection};
use crate::sentiment::Sentiments;
use crate::text::TextModel;
use crate::video::VideoModel;

/// The models, whichever of them are used.
#[derive(Debug)]
pub(crate) struct Library {
    pub path: PathBuf,
    pub limits: Limits,
    pub folders: Vec<Folder>,
    pub memory: Arc<Memory>,
    pub sentiments: Sentiments,
    /// What became of comparing the hashes of a model's files, by the files that it lists.
    pub hashed: Mutex<BTreeMap<String, Option<ModelError>>>,
}

impl Library {
    /// The model of that name; of several versions the highest.
    pub fn find(&self, name: &str) -> Result<Arc<Model>, ModelError> {
        let none = || ModelError::Refused {
            model: name.to_owned(),
            reason: format!("it is not in the models folder `{}`", self.path.display()),
        };
        let folder = registry::find(&self.folders, name).ok_or_else(none)?;
        if let Some(problem) = &folder.problem {
            return Err(problem.clone());
        }
        folder.model.clone().ok_or_else(none)
    }

    pub fn load(&self, model: &Model) -> Result<(), ModelError> {
        match model.purpose {
            Purpose::Encoder(Modality::Text) => self.memory.get::<TextModel>(model).map(drop),
            Purpose::Encoder(Modality::Image) => self.memory.get::<ImageModel>(model).map(drop),
            Purpose::Encoder(Modality::Audio) => self.memory.get::<AudioModel>(model).map(drop),
            Purpose::Encoder(Modality::Video) => self.memory.get::<VideoModel>(model).map(drop),
            Purpose::Fusion => self.memory.get::<FusionModel>(model).map(drop),
        }
    }

    pub fn summary(&self, model: &Model) -> ModelSummary {
        let document = &model.document;
        ModelSummary {
            name: document.name.clone(),
            version: document.version.clone(),
            purpose: model.purpose,
            dim: document.dim,
            bytes: model.bytes(),
            licence: document.licence.clone(),
            optional: document.optional,
            space: document.space(),
            languages: model.languages().to_vec(),
            loaded: self.memory.holds(model),
        }
    }

    /// Why the model was found unfit after it was picked.
    pub fn refusal(&self, model: &Model) -> Option<ModelError> {
        let hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        hashed.get(&fingerprint(model)).cloned().flatten().or_else(|| self.memory.refusal(model))
    }

    /// The models whose hashes were right.
    pub fn found_right(&self) -> BTreeMap<String, Option<ModelError>> {
        let hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        hashed.iter().filter(|(_, problem)| problem.is_none()).map(|(of, _)| (of.clone(), None)).collect()
    }

    /// Compares the hashes of the models that were picked, side by side, as hashing tens of
    /// megabytes one after another would delay the start. Those whose hashes were right stay right:
    /// they are compared again when they are loaded.
    pub fn check_hashes(&self, selection: &mut Selection) {
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        let picked = selection.used.values().flatten().chain(&selection.languages);
        let unchecked: Vec<&Arc<Model>> =
            picked.filter(|model| !hashed.contains_key(&fingerprint(model))).collect();
        let outcomes: Vec<Option<ModelError>> = thread::scope(|scope| {
            let threads: Vec<_> =
                unchecked.iter().map(|model| scope.spawn(|| model.check_hashes().err())).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("reading and hashing a file does not panic"))
                .collect()
        });
        hashed.extend(unchecked.iter().map(|model| fingerprint(model)).zip(outcomes));
        let problem = |model: &Model| hashed.get(&fingerprint(model)).cloned().flatten();
        for model in selection.used.values_mut() {
            if let Some(problem) = model.as_ref().ok().and_then(|model| problem(model)) {
                selection.problems.push(problem.clone());
                *model = Err(problem);
            }
        }
        selection.languages.retain(|model| match problem(model) {
            Some(problem) => {
                selection.problems.push(problem);
                false
            }
            None => true,
        });
    }
}

impl Loadable for TextModel {
    fn load_from(model: &Model, runtime: Runtime) -> Result<Self, ModelError> {
        TextModel::load(model, runtime)
    }
}

impl Loadable for ImageModel {
    fn load_from(model: &Model, runtime: Runtime) -> Result<Self, ModelError> {
        ImageModel::load(model, runtime)
    }
}

impl Loadable for AudioModel {
    fn load_from(model: &Model, runtime: Runtime) -> Result<Self, ModelError> {
        AudioModel::load(model, runtime)
    }
}

impl Loadable for VideoModel {
    fn load_from(model: &Model, runtime: Runtime) -> Result<Self, ModelError> {
        VideoModel::load(model, runtime)
    }
}

/// Where a model lies, and which files it means.
fn fingerprint(model: &Model) -> String {
    let files = model.document.file.iter().map(|file| format!("{}={}", file.path, file.sha256));
    format!("{} {}", model.folder.display(), files.collect::<Vec<_>>().join(" "))
}
