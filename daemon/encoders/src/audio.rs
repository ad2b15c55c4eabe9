//! Sound: samples to one direction and the names of what is heard.

use attuned_recommender::Modality;

use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::image::add;
use crate::limits::Limits;
use crate::model::{AudioEntry, Model};
use crate::network::{Array, Network};
use crate::outputs::Outputs;

pub(crate) mod decode;
pub(crate) mod mel;
pub(crate) mod patch;
pub(crate) mod resample;

use mel::MelFilter;

/// An audio model with its labels.
#[derive(Debug)]
pub(crate) struct AudioModel {
    network: Network,
    outputs: Outputs,
    entry: AudioEntry,
    pub mel: MelFilter,
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
        let outputs = Outputs::load(model)?;
        let network = Network::load(model)?;
        Ok(AudioModel { network, outputs, mel: MelFilter::new(&entry), entry })
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
        self.outputs.encoding(modality, &sums).map_err(unavailable)
    }
}
