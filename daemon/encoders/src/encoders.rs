//! The models of a folder, each loaded once when it is first used.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use attuned_recommender::Modality;

use crate::audio::AudioModel;
use crate::encoding::{Encoding, ModelSummary};
use crate::error::{EncodeError, ModelError};
use crate::image::ImageModel;
use crate::limits::Limits;
use crate::model::Model;
use crate::text::TextModel;
use crate::video::{Film, explain};

/// Raw content to embeddings, semantic vectors and labels.
///
/// It may be shared by threads: a model is loaded by the first that needs it, and then runs of
/// several threads overlap. A call takes milliseconds to seconds and never waits for anything but
/// the processor and, the first time, the disk.
#[derive(Debug)]
pub struct Encoders {
    limits: Limits,
    problems: Vec<ModelError>,
    text: Slot<TextModel>,
    image: Slot<ImageModel>,
    audio: Slot<AudioModel>,
}

/// The place of a modality's model.
#[derive(Debug)]
struct Slot<T> {
    modality: Modality,
    /// The model, or why there is none.
    model: Result<Model, String>,
    loaded: Mutex<Option<Result<Arc<T>, ModelError>>>,
}

impl Encoders {
    /// Reads every `models/*/model.toml` and compares size and hash of every file they list; the
    /// networks themselves are loaded, and their shapes checked, on first use. Folders without a
    /// `model.toml` are passed over.
    ///
    /// A model that is refused is set aside, with its sentence in [`problems`](Self::problems):
    /// what it would have understood is [`EncodeError::Unavailable`], and the others work on.
    ///
    /// # Errors
    ///
    /// [`ModelError::Folder`] if the folder cannot be listed: a person must put the path right.
    pub fn open(models: &Path, limits: Limits) -> Result<Encoders, ModelError> {
        let folder_error =
            |error: std::io::Error| ModelError::Folder { path: models.to_owned(), reason: error.to_string() };
        let mut folders = Vec::new();
        for entry in fs::read_dir(models).map_err(folder_error)? {
            let folder = entry.map_err(folder_error)?.path();
            if folder.join("model.toml").exists() {
                folders.push(folder);
            }
        }
        folders.sort();
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for model in open_all(&folders) {
            match model {
                Ok(model) => found.push(model),
                Err(problem) => problems.push(problem),
            }
        }
        let text = Slot::pick(Modality::Text, &found, &mut problems);
        let image = Slot::pick(Modality::Image, &found, &mut problems);
        let audio = Slot::pick(Modality::Audio, &found, &mut problems);
        for problem in &problems {
            tracing::warn!(%problem, "model set aside");
        }
        Ok(Encoders { limits, problems, text, image, audio })
    }

    /// Why models were set aside when the folder was opened; empty if all is well.
    #[must_use]
    pub fn problems(&self) -> &[ModelError] {
        &self.problems
    }

    /// Understands words.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] if there are none and [`EncodeError::OverLimit`] if there are
    /// too many: tell the sender. [`EncodeError::Unavailable`]: go on without.
    pub fn encode_text(&self, text: &str) -> Result<Encoding, EncodeError> {
        self.text.get(TextModel::load)?.encode(text, &self.limits)
    }

    /// Understands a picture file: JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA or QOI.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] and [`EncodeError::OverLimit`]: tell the sender.
    /// [`EncodeError::Unavailable`]: go on without.
    pub fn encode_image(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        self.image.get(ImageModel::load)?.encode(bytes, &self.limits)
    }

    /// Understands a sound file: WAV, AIFF, CAF, FLAC, MP3, Ogg Vorbis, AAC, ALAC, Matroska. Of a
    /// silent one, embedding and semantic vector are those of silence, and labels are few or none.
    ///
    /// # Errors
    ///
    /// As [`encode_image`](Self::encode_image).
    pub fn encode_audio(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        self.audio.get(AudioModel::load)?.encode(Modality::Audio, bytes, &self.limits)
    }

    /// Understands a film by its sound track, or an animated GIF, WebP or PNG by its frames. The
    /// model named in the encoding is the one of sound or of pictures accordingly.
    ///
    /// # Errors
    ///
    /// As [`encode_image`](Self::encode_image); a film without readable sound is
    /// [`EncodeError::Unreadable`].
    pub fn encode_video(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        let for_video = |error| match error {
            EncodeError::Unavailable { reason, .. } => {
                EncodeError::Unavailable { modality: Modality::Video, reason }
            }
            other => other,
        };
        match Film::open(bytes, &self.limits)? {
            Film::Frames(frames) => {
                self.image.get(ImageModel::load).map_err(for_video)?.understand(Modality::Video, &frames)
            }
            Film::Sound => self
                .audio
                .get(AudioModel::load)
                .map_err(for_video)?
                .encode(Modality::Video, bytes, &self.limits)
                .map_err(explain),
        }
    }

    /// The models in use, in the order of modalities.
    #[must_use]
    pub fn models(&self) -> Vec<ModelSummary> {
        [self.text.summary(), self.image.summary(), self.audio.summary()].into_iter().flatten().collect()
    }

    /// Loads every model now rather than on first use; gives why any cannot be.
    pub fn load_all(&self) -> Vec<ModelError> {
        let errors = [
            self.text.load(TextModel::load).err(),
            self.image.load(ImageModel::load).err(),
            self.audio.load(AudioModel::load).err(),
        ];
        errors.into_iter().flatten().flatten().collect()
    }

    /// Frees the memory of every model once the runs in progress end; the next use loads it again,
    /// also one that could not be loaded before.
    pub fn unload(&self) {
        *lock(&self.text.loaded) = None;
        *lock(&self.image.loaded) = None;
        *lock(&self.audio.loaded) = None;
    }
}

impl<T> Slot<T> {
    /// Takes the model of a modality; of two, neither, as nothing says which is meant.
    fn pick(modality: Modality, found: &[Model], problems: &mut Vec<ModelError>) -> Slot<T> {
        let mut of_it = found.iter().filter(|model| model.modality == modality);
        let model = match (of_it.next(), of_it.next()) {
            (Some(model), None) => Ok(model.clone()),
            (Some(first), Some(second)) => {
                let problem = second.refused(format!(
                    "model.toml: modality is {}, which `{}` is for already, expected one model a modality",
                    modality.name(),
                    first.document.name
                ));
                let reason = problem.to_string();
                problems.push(problem);
                Err(reason)
            }
            (None, _) => match problems.as_slice() {
                [] => Err("no model is installed for it".to_owned()),
                problems => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
            },
        };
        Slot { modality, model, loaded: Mutex::new(None) }
    }

    /// The loaded model; loads it if this is the first use.
    fn get(&self, load: fn(&Model) -> Result<T, ModelError>) -> Result<Arc<T>, EncodeError> {
        let unavailable = |reason| EncodeError::Unavailable { modality: self.modality, reason };
        self.load(load).map_err(|problem| {
            unavailable(match (problem, &self.model) {
                (Some(problem), _) => problem.to_string(),
                (None, Err(reason)) => reason.clone(),
                (None, Ok(_)) => "no model is installed for it".to_owned(),
            })
        })
    }

    /// As [`get`](Self::get); the error is `None` if there is no model to load.
    fn load(&self, load: fn(&Model) -> Result<T, ModelError>) -> Result<Arc<T>, Option<ModelError>> {
        let Ok(model) = &self.model else { return Err(None) };
        // The lock is held while loading, so that those who come meanwhile wait for the one load.
        let mut loaded = lock(&self.loaded);
        loaded
            .get_or_insert_with(|| {
                let result = load(model);
                match &result {
                    Ok(_) => tracing::debug!(model = model.id(), "model loaded"),
                    Err(problem) => tracing::warn!(%problem, "model refused"),
                }
                result.map(Arc::new)
            })
            .clone()
            .map_err(Some)
    }

    fn summary(&self) -> Option<ModelSummary> {
        let model = self.model.as_ref().ok()?;
        Some(ModelSummary {
            name: model.document.name.clone(),
            version: model.document.version.clone(),
            modality: self.modality,
            dim: model.document.dim,
            bytes: model.bytes(),
            licence: model.document.licence.clone(),
            loaded: matches!(*lock(&self.loaded), Some(Ok(_))),
        })
    }
}

/// Opens models side by side, as hashing tens of megabytes one after another would delay the start.
fn open_all(folders: &[std::path::PathBuf]) -> Vec<Result<Model, ModelError>> {
    thread::scope(|scope| {
        let opened: Vec<_> = folders
            .iter()
            .map(|folder| {
                scope.spawn(move || {
                    let model = Model::open(folder)?;
                    model.check_hashes()?;
                    Ok(model)
                })
            })
            .collect();
        opened
            .into_iter()
            .map(|thread| thread.join().expect("reading and hashing a file does not panic"))
            .collect()
    })
}

/// A panic while loading leaves nothing behind, so the lock is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
