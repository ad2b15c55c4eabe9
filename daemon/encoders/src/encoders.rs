//! The models of a folder, each loaded when it is first used.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attuned_recommender::{Embedding, FusedContent, Modality, SEMANTIC_DIM};

use crate::audio::AudioModel;
use crate::encoding::{Encoding, FoundModel, ModelState, ModelSummary};
use crate::error::{EncodeError, ModelError};
use crate::fusion::FusionModel;
use crate::image::ImageModel;
use crate::language::Language;
use crate::library::Library;
use crate::limits::Limits;
use crate::memory::{Loadable, Memory};
use crate::model::{Model, SPACE_DEFAULT};
use crate::network::Runtime;
use crate::purpose::Purpose;
use crate::registry::{self, Choice, Folder, Selection};
use crate::sentiment::Sentiments;
use crate::text::TextModel;
use crate::video::{Ffmpeg, Film, Sight, VideoModel, film, nothing};

mod watched;

pub use watched::Watched;

/// Raw content to embeddings, semantic vectors and labels, by one choice of models.
///
/// It may be shared by threads: a model is loaded by the first that needs it, and then runs of
/// several threads overlap. A call takes milliseconds to seconds and never waits for anything but
/// the processor and, the first time, the disk.
///
/// [`choosing`](Self::choosing) gives another choice over the same models: what both use is in
/// memory once.
#[derive(Debug, Clone)]
pub struct Encoders {
    library: Arc<Library>,
    selection: Arc<Selection>,
    ffmpeg: Option<Ffmpeg>,
}

impl Encoders {
    /// [`open_choosing`](Self::open_choosing) without any wishes or bounds on memory, and
    /// on the processor.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(models: &Path, limits: Limits) -> Result<Encoders, ModelError> {
        Self::open_choosing(models, limits, &Choice::default(), u64::MAX, Runtime::Cpu)
    }

    /// Reads every `models/*/model.toml`, picks what is used, and of that compares size and hash of
    /// every file; the networks themselves are loaded, and their shapes checked, on first use. Those
    /// in memory together take about `memory_bytes_max`, and run as `runtime` says. Folders without a `model.toml` are passed
    /// over.
    ///
    /// A model that is refused is set aside, with its sentence in [`problems`](Self::problems):
    /// what it would have understood is [`EncodeError::Unavailable`], and the others work on.
    ///
    /// # Errors
    ///
    /// [`ModelError::Folder`] if the folder cannot be listed: a person must put the path right.
    pub fn open_choosing(
        models: &Path,
        limits: Limits,
        choice: &Choice,
        memory_bytes_max: u64,
        runtime: Runtime,
    ) -> Result<Encoders, ModelError> {
        let library = Library {
            path: models.to_owned(),
            limits,
            folders: registry::scan(models)?,
            memory: Arc::new(Memory::new(memory_bytes_max, runtime)),
            sentiments: Sentiments::default(),
            hashed: Mutex::default(),
        };
        let encoders = Encoders::of(Arc::new(library), choice);
        for problem in encoders.problems() {
            tracing::warn!(%problem, "model set aside");
        }
        Ok(encoders)
    }

    /// The same models with other wishes.
    #[must_use]
    pub fn choosing(&self, choice: &Choice) -> Encoders {
        Encoders::of(Arc::clone(&self.library), choice).with_ffmpeg(self.ffmpeg.clone())
    }

    /// Has films, and sounds that nothing else reads, decoded by this program.
    #[must_use]
    pub fn with_ffmpeg(self, ffmpeg: Option<Ffmpeg>) -> Encoders {
        Encoders { ffmpeg, ..self }
    }

    /// Looks at the folder again, for models that were put there or taken away. What is in memory
    /// stays there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn rescan(&self, choice: &Choice) -> Result<Encoders, ModelError> {
        let library = &self.library;
        library.memory.forget_refusals();
        let library = Library {
            path: library.path.clone(),
            limits: library.limits.clone(),
            folders: registry::scan(&library.path)?,
            memory: Arc::clone(&library.memory),
            sentiments: Sentiments::default(),
            hashed: Mutex::new(library.found_right()),
        };
        Ok(Encoders::of(Arc::new(library), choice).with_ffmpeg(self.ffmpeg.clone()))
    }

    /// Only the model of that name, for what it is for, whatever is chosen and whichever space its
    /// vectors lie in: to try it.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if there is no such model, or its files are not those it means.
    pub fn only(&self, name: &str) -> Result<Encoders, ModelError> {
        let model = self.library.find(name)?;
        let mut selection = Selection::default();
        selection.used.insert(model.purpose, Ok(model));
        let library = Arc::clone(&self.library);
        Ok(Encoders { library, selection: Arc::new(selection), ffmpeg: self.ffmpeg.clone() })
    }

    /// Why models were set aside; empty if all is well.
    #[must_use]
    pub fn problems(&self) -> &[ModelError] {
        &self.selection.problems
    }

    /// Understands words, by the model for their language if there is one, else by the one for all
    /// texts.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] if there are none and [`EncodeError::OverLimit`] if there are
    /// too many: tell the sender. [`EncodeError::Unavailable`]: go on without.
    pub fn encode_text(&self, text: &str) -> Result<Encoding, EncodeError> {
        self.text_model(self.special_model(text))?.encode(text, &self.library.limits)
    }

    /// [`encode_text`](Self::encode_text) for each of several texts, in their order. Vectors differ from
    /// those of a text alone by rounding only: their cosine is at least 0.999999. Texts of up to 32 tokens for one model that are about as long as each other go through its
    /// network together, at most 8 and 192 tokens at a time, which takes less time than one by one.
    pub fn encode_texts(&self, texts: &[&str]) -> Vec<Result<Encoding, EncodeError>> {
        let mut by_model: Vec<(Option<&Arc<Model>>, Vec<usize>)> = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            let special = self.special_model(text);
            let is_same = |known: Option<&Arc<Model>>| known.map(Arc::as_ptr) == special.map(Arc::as_ptr);
            match by_model.iter_mut().find(|(known, _)| is_same(*known)) {
                Some((_, places)) => places.push(place),
                None => by_model.push((special, vec![place])),
            }
        }
        let mut encodings = Vec::with_capacity(texts.len());
        // One model after the other, as there may be room for one in memory.
        for (special, places) in by_model {
            let of_model: Vec<&str> = places.iter().map(|place| texts[*place]).collect();
            let results = match self.text_model(special) {
                Ok(model) => model.encode_all(&of_model, &self.library.limits),
                Err(error) => vec![Err(error); places.len()],
            };
            encodings.extend(places.into_iter().zip(results));
        }
        encodings.sort_by_key(|(place, _)| *place);
        encodings.into_iter().map(|(_, encoding)| encoding).collect()
    }

    /// What a text thinks of its subject, from -1 (hates it) to 1 (loves it); `None` if that cannot
    /// be told. `encoding` is the text's, if there is one: it knows more than the words alone.
    #[must_use]
    pub fn sentiment(&self, text: &str, encoding: Option<&Encoding>) -> Option<f32> {
        let made = encoding.and_then(|encoding| {
            let model = self.in_use().find(|model| model.id() == encoding.model)?;
            Some((model.as_ref(), &encoding.embedding))
        });
        self.library.sentiments.of(text, made)
    }

    /// Understands a picture file: JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA, QOI, HDR, DDS
    /// or farbfeld.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] and [`EncodeError::OverLimit`]: tell the sender.
    /// [`EncodeError::Unavailable`]: go on without.
    pub fn encode_image(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        self.model::<ImageModel>(Modality::Image)?.encode(bytes, &self.library.limits)
    }

    /// Understands a sound file: WAV, AIFF, CAF, FLAC, MP3, Ogg Vorbis and Opus, AAC, ALAC, Matroska,
    /// and what ffmpeg reads if it is there. Of a silent one, embedding and semantic vector are those of
    /// silence, and labels are few or none.
    ///
    /// # Errors
    ///
    /// As [`encode_image`](Self::encode_image).
    pub fn encode_audio(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        self.hear(Modality::Audio, bytes)
    }

    /// Understands a film by its frames and its sound track, or an animated GIF, WebP or PNG by its
    /// frames. Frames of films other than these need ffmpeg; without it, what counts is the sound.
    /// If no temporal model is made for the model of pictures, the encoding is the frames' mean, or
    /// that of the sound if there are none, and names that model.
    ///
    /// # Errors
    ///
    /// As [`encode_image`](Self::encode_image); a film of which nothing can be seen and nothing
    /// heard is [`EncodeError::Unreadable`].
    pub fn encode_video(&self, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        let limits = &self.library.limits;
        let image = self.model::<ImageModel>(Modality::Image).map_err(for_video)?;
        let film = Film::open(bytes, self.ffmpeg.as_ref(), image.entry.resize_shorter_side, limits)?;
        let sound = film.may_sound.then(|| self.hear(Modality::Video, bytes));
        let (pictures, sound) = match (film.sight, sound) {
            (Sight::Frames(pictures), sound) => (pictures, sound.and_then(Result::ok)),
            (Sight::Nothing(_), Some(Ok(sound))) => (Vec::new(), Some(sound)),
            (Sight::Nothing(reason), Some(Err(error))) => return Err(nothing(reason, error)),
            (Sight::Nothing(reason), None) => return Err(EncodeError::unreadable(Modality::Video, reason)),
        };
        let frames = pictures
            .iter()
            .map(|picture| image.understand(Modality::Video, std::slice::from_ref(picture)))
            .collect::<Result<Vec<_>, _>>()?;
        match (self.model::<VideoModel>(Modality::Video), sound) {
            (Ok(video), sound) if frames.iter().all(|frame| video.fits(frame)) => {
                video.join(&frames, sound.as_ref())
            }
            (_, Some(sound)) if frames.is_empty() => Ok(sound),
            _ => image.understand(Modality::Video, &pictures),
        }
    }

    /// Understands the sound of a recording or a film. What symphonia cannot read is left to ffmpeg.
    fn hear(&self, modality: Modality, bytes: &[u8]) -> Result<Encoding, EncodeError> {
        let in_it = |error| if modality == Modality::Video { for_video(error) } else { error };
        let limits = &self.library.limits;
        let model = self.model::<AudioModel>(Modality::Audio).map_err(in_it)?;
        let heard = model.encode(modality, bytes, limits);
        let (Err(EncodeError::Unreadable { .. }), Some(ffmpeg)) = (&heard, &self.ffmpeg) else {
            return heard;
        };
        match film::sound(ffmpeg, modality, bytes, model.rate_hz(), limits)? {
            Some(samples) => model.understand(modality, &samples, limits),
            None => heard,
        }
    }

    /// Joins the vectors of an item's media in the shared space, one a modality, into one. `None`
    /// without a model of fusion, or if nothing is given; vectors of another dimension are passed
    /// over.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`]: the mean of the vectors may stand for the item.
    pub fn fuse(&self, parts: &BTreeMap<Modality, Embedding>) -> Result<Option<FusedContent>, ModelError> {
        let model = match self.selection.used.get(&Purpose::Fusion) {
            Some(Ok(model)) if parts.values().any(|part| part.dim() == SEMANTIC_DIM) => model,
            Some(Err(problem)) => return Err(problem.clone()),
            Some(Ok(_)) | None => return Ok(None),
        };
        let fused = self.library.memory.get::<FusionModel>(model)?.fuse(parts);
        fused.map(Some).map_err(|reason| model.refused(reason))
    }

    /// The models in use, in the order of purposes; those of particular languages follow the model
    /// of texts.
    #[must_use]
    pub fn models(&self) -> Vec<ModelSummary> {
        self.in_use().map(|model| self.library.summary(model)).collect()
    }

    /// Every folder of a model, in the order of names, and whether it is in use.
    #[must_use]
    pub fn found(&self) -> Vec<FoundModel> {
        let state = |folder: &Folder| {
            let Some(model) = &folder.model else {
                return ModelState::Refused(folder.problem.as_ref().map_or_else(String::new, reason));
            };
            let refusal = folder.problem.clone().or_else(|| self.library.refusal(model));
            match refusal.or_else(|| self.selection.misfit(model)) {
                Some(refusal) => ModelState::Refused(reason(&refusal)),
                None if self.in_use().any(|used| used.id() == model.id()) => ModelState::InUse,
                None => ModelState::Available,
            }
        };
        let found = |folder: &Folder| FoundModel {
            folder: folder.name.clone(),
            summary: folder.model.as_ref().map(|model| self.library.summary(model)),
            state: state(folder),
        };
        self.library.folders.iter().map(found).collect()
    }

    /// What everything that decides the encodings of a modality is called: contents that are alike
    /// have the same encodings under the same signature.
    #[must_use]
    pub fn signature(&self, modality: Modality) -> String {
        let id = |modality| match self.selection.used.get(&Purpose::Encoder(modality)) {
            Some(Ok(model)) => model.id(),
            Some(Err(_)) | None => String::new(),
        };
        let parts = match modality {
            Modality::Text => {
                let languages = self.selection.languages.iter().map(|model| model.id());
                std::iter::once(id(Modality::Text)).chain(languages).collect()
            }
            Modality::Image | Modality::Audio => vec![id(modality)],
            // A film is understood by its frames and its sound.
            Modality::Video => vec![id(Modality::Video), id(Modality::Image), id(Modality::Audio)],
        };
        // Films and some sounds are read only with it.
        let by = match (modality, &self.ffmpeg) {
            (Modality::Audio | Modality::Video, Some(_)) => " by ffmpeg",
            (Modality::Text | Modality::Image, _) | (_, None) => "",
        };
        format!("{} {}{by} {:?}", modality.name(), parts.join("+"), self.library.limits)
    }

    /// The shared space of the semantic vectors; `None` without a model of texts, which makes it.
    #[must_use]
    pub fn space(&self) -> Option<String> {
        self.selection.space()
    }

    /// Whether cosines in the shared space are those that relevance was measured by; also without a
    /// space.
    #[must_use]
    pub fn is_space_measured(&self) -> bool {
        self.space().is_none_or(|space| space == SPACE_DEFAULT)
    }

    /// Looks whether the files of the models in use are still there, in their size.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] names the first that is not.
    pub fn check_files(&self) -> Result<(), ModelError> {
        self.in_use().try_for_each(|model| model.check_sizes())
    }

    /// Loads every model in use that is not optional now rather than on first use; gives why any
    /// cannot be.
    pub fn load_all(&self) -> Vec<ModelError> {
        let required = self.in_use().filter(|model| !model.document.optional);
        required.filter_map(|model| self.library.load(model).err()).collect()
    }

    /// Loads the model of that name, whether it is in use or not, which checks its hashes and its
    /// shapes.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if there is no such model, or it is not what its `model.toml` says.
    pub fn load(&self, name: &str) -> Result<(), ModelError> {
        let model = self.library.find(name)?;
        self.library.load(&model)
    }

    /// Frees the memory of every model once the runs in progress end; the next use loads it again,
    /// also one that could not be loaded before.
    pub fn unload(&self) {
        self.library.memory.clear();
    }

    /// Frees the memory of the models that were not used since `idle` ago; gives how many.
    pub fn unload_idle(&self, idle: Duration) -> usize {
        self.library.memory.unload_idle(idle)
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Model>, ModelError> {
        self.library.find(name)
    }

    fn of(library: Arc<Library>, choice: &Choice) -> Encoders {
        let mut selection = Selection::of(&library.folders, choice);
        library.check_hashes(&mut selection);
        Encoders { library, selection: Arc::new(selection), ffmpeg: None }
    }

    fn in_use(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.selection.used.iter().flat_map(|(purpose, model)| {
            let beside: &[Arc<Model>] = match purpose {
                Purpose::Encoder(Modality::Text) => &self.selection.languages,
                Purpose::Encoder(_) | Purpose::Fusion => &[],
            };
            model.iter().chain(beside)
        })
    }

    /// The model for the language of this text; `None` if the one for all texts reads it.
    fn special_model(&self, text: &str) -> Option<&Arc<Model>> {
        Language::of(text).and_then(|language| self.model_of(language))
    }

    /// The loaded model for texts of a language, or else the one for all texts.
    fn text_model(&self, special: Option<&Arc<Model>>) -> Result<Arc<TextModel>, EncodeError> {
        // A special model that is refused costs nothing but itself.
        let special = special.and_then(|model| self.library.memory.get::<TextModel>(model).ok());
        special.map_or_else(|| self.model(Modality::Text), Ok)
    }

    /// The model for texts in that language alone.
    fn model_of(&self, language: Language) -> Option<&Arc<Model>> {
        let reads = |model: &&Arc<Model>| model.languages().iter().any(|code| code == language.code());
        self.selection.languages.iter().find(reads)
    }

    /// The loaded model of a modality; loads it if this is the first use.
    fn model<T: Loadable>(&self, modality: Modality) -> Result<Arc<T>, EncodeError> {
        let unavailable = |reason: String| EncodeError::Unavailable { modality, reason };
        match self.selection.used.get(&Purpose::Encoder(modality)) {
            Some(Ok(model)) => {
                self.library.memory.get(model).map_err(|problem| unavailable(problem.to_string()))
            }
            Some(Err(problem)) => Err(unavailable(problem.to_string())),
            None => Err(unavailable(match self.selection.problems.as_slice() {
                [] => "no model is installed for it".to_owned(),
                problems => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            })),
        }
    }
}

/// An error of a model that a film needs, as one of the film.
fn for_video(error: EncodeError) -> EncodeError {
    match error {
        EncodeError::Unavailable { reason, .. } => {
            EncodeError::Unavailable { modality: Modality::Video, reason }
        }
        other => other,
    }
}

/// The sentence without the model's name, for where that stands beside it.
fn reason(problem: &ModelError) -> String {
    match problem {
        ModelError::Refused { reason, .. } => reason.clone(),
        ModelError::Folder { .. } => problem.to_string(),
    }
}
