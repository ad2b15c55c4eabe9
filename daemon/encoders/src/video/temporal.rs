//! The temporal model: frames in the order of time and a sound track to one direction.

use attuned_recommender::{Embedding, Modality, SEMANTIC_DIM};

use super::labels;
use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::model::{DimEntry, Model, RoleEntry};
use crate::network::{Array, Network, Runtime};

/// A temporal model.
#[derive(Debug)]
pub(crate) struct VideoModel {
    id: String,
    network: Network,
    /// Frames that the network takes.
    frames: usize,
    frame_dim: usize,
    /// The model of pictures whose embeddings it takes, as `name@version`.
    frame_model: String,
    embedding_at: usize,
    semantic_at: usize,
}

impl VideoModel {
    /// Loads the network.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    pub fn load(model: &Model, runtime: Runtime) -> Result<VideoModel, ModelError> {
        let entry = model
            .document
            .video
            .as_ref()
            .ok_or_else(|| model.refused("model.toml: section [video] is missing"))?;
        let network = &model.document.network;
        let shape = |at: usize| network.input.get(at).map(|input| input.shape.as_slice());
        let of = |rows: usize, values: usize| [DimEntry::Values(rows), DimEntry::Values(values)];
        let frame_dim = match shape(0) {
            Some([DimEntry::Values(frames), DimEntry::Values(dim)]) if *frames == entry.frames => *dim,
            _ => 0,
        };
        if frame_dim == 0
            || shape(1) != Some(&of(entry.frames, SEMANTIC_DIM))
            || shape(2) != Some(&of(1, SEMANTIC_DIM))
            || network.input.len() != 3
        {
            return Err(model.refused(format!(
                "model.toml: a model of video has the inputs [{0}, dim of frame_model], [{0}, {SEMANTIC_DIM}] and [1, {SEMANTIC_DIM}]",
                entry.frames
            )));
        }
        let output = |role: RoleEntry, values: usize| {
            let outputs = network.output.iter();
            let at = outputs.clone().position(|output| output.role == role && output.shape == of(1, values));
            at.ok_or_else(|| {
                model.refused(format!(
                    "model.toml: expected an output of role {role:?} and shape [1, {values}]"
                ))
            })
        };
        Ok(VideoModel {
            embedding_at: output(RoleEntry::Embedding, model.document.dim)?,
            semantic_at: output(RoleEntry::Semantic, SEMANTIC_DIM)?,
            id: model.id(),
            network: Network::load(model, runtime)?,
            frames: entry.frames,
            frame_dim,
            frame_model: entry.frame_model.clone(),
        })
    }

    /// Whether it is made for the embeddings of this model of pictures.
    pub fn fits(&self, frame: &Encoding) -> bool {
        frame.model == self.frame_model && frame.embedding.dim() == self.frame_dim
    }

    /// Joins the frames of a film, in the order of time, and its sound. Either may be absent.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unavailable`] if the network fails.
    pub fn join(&self, frames: &[Encoding], sound: Option<&Encoding>) -> Result<Encoding, EncodeError> {
        let unavailable = |reason: String| EncodeError::Unavailable {
            modality: Modality::Video,
            reason: one_line(&reason),
        };
        let mut outputs = self.network.run(self.inputs(frames, sound)).map_err(unavailable)?;
        let mut direction = |at: usize| {
            Embedding::from_values(std::mem::take(&mut outputs[at]))
                .map_err(|error| unavailable(error.to_string()))
        };
        Ok(Encoding {
            modality: Modality::Video,
            model: self.id.clone(),
            embedding: direction(self.embedding_at)?,
            semantic: direction(self.semantic_at)?,
            labels: labels(frames, sound),
        })
    }

    /// The network takes so many frames, no more and no fewer: those of a shorter film are repeated
    /// in place. What is absent is zeros.
    fn inputs(&self, frames: &[Encoding], sound: Option<&Encoding>) -> Vec<Array> {
        let mut features = vec![0.0; self.frames * self.frame_dim];
        let mut semantics = vec![0.0; self.frames * SEMANTIC_DIM];
        if !frames.is_empty() {
            for place in 0..self.frames {
                let frame = &frames[place * frames.len() / self.frames];
                features[place * self.frame_dim..][..self.frame_dim]
                    .copy_from_slice(frame.embedding.as_slice());
                semantics[place * SEMANTIC_DIM..][..SEMANTIC_DIM].copy_from_slice(frame.semantic.as_slice());
            }
        }
        let sound = sound.map_or_else(|| vec![0.0; SEMANTIC_DIM], |sound| sound.semantic.as_slice().to_vec());
        vec![
            Array::F32(vec![self.frames, self.frame_dim], features),
            Array::F32(vec![self.frames, SEMANTIC_DIM], semantics),
            Array::F32(vec![1, SEMANTIC_DIM], sound),
        ]
    }
}
