//! A model's network without the rest: to measure it and to compare it with other runtimes.

use std::path::Path;

use super::{Array, Network, Runtime};
use crate::error::ModelError;
use crate::model::{DatumEntry, Model};

/// The network of a model alone, without decoding, tokens and labels.
#[derive(Debug)]
pub struct BareNetwork {
    model: Model,
    network: Network,
}

impl BareNetwork {
    /// Loads the network of the model in this folder, as the encoders do with this runtime.
    ///
    /// # Errors
    ///
    /// [`ModelError`] as for any model.
    pub fn open(folder: &Path, runtime: Runtime) -> Result<BareNetwork, ModelError> {
        let model = Model::read(folder)?;
        let network = Network::load(&model, runtime)?;
        Ok(BareNetwork { model, network })
    }

    /// Whether it runs on a GPU.
    #[must_use]
    pub fn is_on_gpu(&self) -> bool {
        self.network.is_on_gpu()
    }

    /// Runs once over inputs in the order of `model.toml`, each a shape and its numbers in
    /// little-endian bytes of the type that `model.toml` says; gives the outputs in their order.
    ///
    /// # Errors
    ///
    /// A sentence, if the inputs are not of the network's number, type or shape.
    pub fn run(&self, inputs: &[(Vec<usize>, Vec<u8>)]) -> Result<Vec<Vec<f32>>, String> {
        let entries = &self.model.document.network.input;
        if inputs.len() != entries.len() {
            return Err(format!("{} inputs are given, expected {}", inputs.len(), entries.len()));
        }
        let arrays = inputs.iter().zip(entries).map(|((shape, bytes), entry)| {
            let size = match entry.datum {
                DatumEntry::F32 => size_of::<f32>(),
                DatumEntry::I64 => size_of::<i64>(),
            };
            let expected = shape.iter().product::<usize>() * size;
            if bytes.len() != expected {
                return Err(format!("input `{}` has {} bytes, expected {expected}", entry.name, bytes.len()));
            }
            Ok(match entry.datum {
                DatumEntry::F32 => {
                    let (values, _) = bytes.as_chunks();
                    Array::F32(shape.clone(), values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
                }
                DatumEntry::I64 => {
                    let (values, _) = bytes.as_chunks();
                    Array::I64(shape.clone(), values.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
                }
            })
        });
        self.network.run(arrays.collect::<Result<_, _>>()?)
    }
}
