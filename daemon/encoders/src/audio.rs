//! Sound: samples to one direction and the names of what is heard.

use attuned_recommender::Modality;

use crate::batch;
use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::limits::Limits;
use crate::model::{AudioEntry, Model};
use crate::network::{Array, Network, Runtime};
use crate::outputs::Outputs;

pub(crate) mod decode;
pub(crate) mod mel;
pub(crate) mod opus;
pub(crate) mod patch;
pub(crate) mod pool;
pub(crate) mod resample;

use mel::MelFilter;
use patch::Patch;

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
    pub fn load(model: &Model, runtime: Runtime) -> Result<AudioModel, ModelError> {
        let entry = model
            .document
            .audio
            .clone()
            .ok_or_else(|| model.refused("model.toml: section [audio] is missing"))?;
        model.expect_input(&[1, entry.mels, entry.patch_frames])?;
        let network = Network::load(model, runtime)?;
        let outputs = Outputs::load(model)?;
        Ok(AudioModel { network, outputs, mel: MelFilter::new(&entry), entry })
    }

    /// Samples a second that it takes.
    pub fn rate_hz(&self) -> u32 {
        self.entry.sample_rate_hz
    }

    /// Understands the sound of a recording or of a film.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] and [`EncodeError::OverLimit`] for the sender;
    /// [`EncodeError::Unavailable`] if the network fails.
    pub fn encode(&self, modality: Modality, bytes: &[u8], limits: &Limits) -> Result<Encoding, EncodeError> {
        let deadline = limits.deadline();
        let samples = decode::sound(modality, bytes, self.entry.sample_rate_hz, limits, deadline)?;
        self.understand(modality, &samples, limits)
    }

    /// Understands samples at the model's rate, in `[-1, 1]`: features and labels of its patches
    /// are pooled as [`pool`] says.
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
        let patches = self.patches(samples, limits);
        let amplitudes: Vec<f32> = patches.iter().map(|patch| patch.amplitude).collect();
        let at_once = if self.network.takes_several() { batch::PATCHES_MAX } else { 1 };
        let mut heard = Vec::with_capacity(patches.len());
        for together in patches.chunks(at_once) {
            heard.extend(self.hear(together).map_err(unavailable)?);
        }
        let features: Vec<&[f32]> = heard.iter().map(|outputs| self.outputs.embedding(outputs)).collect();
        let weights = pool::weights(&amplitudes, &features);
        self.outputs.encoding(modality, &pool::means(&heard, &weights)).map_err(unavailable)
    }

    /// What is looked at of samples at the model's rate.
    pub fn patches(&self, samples: &[f32], limits: &Limits) -> Vec<Patch> {
        patch::patches(&self.mel, samples, &self.entry, limits.patches_max)
    }

    /// One run of the network: for each patch its outputs in the order of `model.toml`.
    pub fn hear(&self, patches: &[Patch]) -> Result<Vec<Vec<Vec<f32>>>, String> {
        let shape = vec![patches.len(), self.entry.mels, self.entry.patch_frames];
        let values = patches.iter().flat_map(|patch| patch.values.iter().copied()).collect();
        self.network.run_pieces(patches.len(), vec![Array::F32(shape, values)])
    }
}
