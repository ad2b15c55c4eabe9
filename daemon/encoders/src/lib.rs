//! Raw content in; embeddings, semantic vectors and labels out.
//!
//! Owns the models' folders, the decoding of text, pictures, sound and film within limits, the
//! bridge to the shared space, and the fusion of an item's media there. The only crate that knows tract, tokenizers, image and symphonia.
//! It knows nothing of items, users or networks, and keeps nothing of what it is given.

mod audio;
mod batch;
mod bridge;
mod encoders;
mod encoding;
mod error;
mod fusion;
#[cfg(test)]
mod golden;
mod guard;
mod image;
mod language;
mod library;
mod limits;
mod memory;
mod model;
mod network;
mod outputs;
mod purpose;
mod registry;
#[cfg(test)]
mod robustness;
mod sentiment;
mod text;
mod verify;
mod video;

pub use encoders::{Encoders, Watched};
pub use encoding::{Encoding, FoundModel, LABELS_MAX, ModelState, ModelSummary};
pub use error::{EncodeError, ModelError};
pub use language::Language;
pub use limits::Limits;
pub use network::{BareNetwork, Runtime};
pub use purpose::Purpose;
pub use registry::Choice;
pub use verify::Golden;
pub use video::Ffmpeg;
