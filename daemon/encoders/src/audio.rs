//! Sound: samples to one direction and the names of what is heard.

use attuned_recommender::{Embedding, Modality};

use crate::bridge::Bridge;
use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::image::add;
use crate::limits::Limits;
use crate::model::{AudioEntry, Model};
use crate::network::{Array, Network};

pub(crate) mod decode;
pub(crate) mod mel;
pub(crate) mod patch;
pub(crate) mod resample;

use mel::MelFilter;

/// An audio model with its labels.
#[derive(Debug)]
pub(crate) struct AudioModel {
    id: String,
    network: Network,
    bridge: Bridge,
    entry: AudioEntry,
    pub mel: MelFilter,
    embedding_at: usize,
    labels_at: usize,
}

impl AudioModel {
    /// Loads network and labels.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    pub fn load(model: &Model) -> Result<AudioModel, ModelError> {
        let entry = model
            .document
            .audio
            .clone()
            .ok_or_else(|| model.refused("model.toml: section [audio] is missing"))?;
        model.expect_input(&[1, entry.mels, entry.patch_frames])?;
        let (embedding_at, labels_at, role, labels) = model.classifier_outputs()?;
        Ok(AudioModel {
            id: model.id(),
            network: Network::load(model)?,
            bridge: Bridge::load(model, role, labels)?,
            mel: MelFilter::new(&entry),
            entry,
            embedding_at,
            labels_at,
        })
    }

    /// Understands the sound of a recording or of a film.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] and [`EncodeError::OverLimit`] for the sender;
    /// [`EncodeError::Unavailable`] if the network fails.
    pub fn encode(&self, modality: Modality, bytes: &[u8], limits: &Limits) -> Result<Encoding, EncodeError> {
        let deadline = limits.deadline();
        let sound = decode::sound(modality, bytes, limits, deadline)?;
        let samples = resample::resample(sound.samples, sound.rate_hz, self.entry.sample_rate_hz)
            .map_err(|reason| EncodeError::unreadable(modality, reason))?;
        deadline.check(modality)?;
        self.understand(modality, &samples, limits)
    }

    /// Understands samples at the model's rate, in `[-1, 1]`: the features and the
    /// labels of its patches are averaged.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unavailable`] if the network fails.
    pub fn understand(
        &self,
        modality: Modality,
        samples: &[f32],
        limits: &Limits,
    ) -> Result<Encoding, EncodeError> {
        let unavailable = |reason: String| EncodeError::Unavailable { modality, reason: one_line(&reason) };
        let spectrogram = self.mel.log_mel(samples);
        let patches = patch::patches(&spectrogram, &self.entry, limits.patches_max);
        let weight = 1.0 / patches.len() as f32;
        let mut sums = Vec::new();
        for patch in patches {
            let shape = vec![1, self.entry.mels, self.entry.patch_frames];
            add(&mut sums, self.network.run(vec![Array::F32(shape, patch)]).map_err(unavailable)?, weight);
        }
        let labels = self.bridge.labels(&sums[self.labels_at]);
        let semantic = self.bridge.semantic(&sums[self.labels_at]).map_err(unavailable)?;
        let embedding = Embedding::from_values(sums.swap_remove(self.embedding_at))
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(Encoding { modality, model: self.id.clone(), embedding, semantic, labels })
    }
}
