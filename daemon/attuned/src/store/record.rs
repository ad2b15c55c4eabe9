//! The layouts of stored records, one file a kind.
//!
//! Owns the serde types on disk and their translation to and from the recommender's types. It knows
//! nothing of files.
//!
//! Payloads are postcard, which writes fields in order and without names: a type that was ever
//! written is never changed. A new field makes a new version: a new type, a new arm in `decode` that
//! keeps reading the old one, and a stored sample of the old one in the tests. Words that documents
//! use (modalities, event types) are stored as words, so that the order of enums is free.

pub mod content;
pub mod event;
pub mod item;
pub mod outbox;
pub mod shown;
pub mod staged;
pub mod state;
pub mod totals;
pub mod value;

use attuned_recommender::{Embedding, Modality};
use half::f16;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use content::as_stored;

/// The payload of a record.
fn pack<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_stdvec(record).expect("records hold nothing that postcard cannot write")
}

/// The record in a payload. The error says what is wrong with the payload, in words.
fn unpack<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(payload) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(format!("has {} bytes too many", rest.len())),
        Err(error) => Err(format!("cannot be decoded: {error}")),
    }
}

fn unknown_version(version: u8, readable: u8) -> String {
    format!("has version {version}, expected 1 to {readable}")
}

fn modality(name: &str) -> Result<Modality, String> {
    Modality::from_name(name).ok_or_else(|| format!("names the unknown modality `{name}`"))
}

/// A vector in full precision, for what a device brought or was learnt.
fn exact(embedding: &Embedding) -> Vec<f32> {
    embedding.as_slice().to_vec()
}

fn from_exact(values: Vec<f32>) -> Result<Embedding, String> {
    Embedding::from_values(values).map_err(|error| error.to_string())
}

/// A vector in half precision, as bits, for what can be computed again: half the size, at a cosine
/// to the original above 0.999999.
fn halved(embedding: &Embedding) -> Vec<u16> {
    embedding.as_slice().iter().map(|value| f16::from_f32(*value).to_bits()).collect()
}

fn from_halved(bits: &[u16]) -> Result<Embedding, String> {
    from_exact(bits.iter().map(|bits| f16::from_bits(*bits).to_f32()).collect())
}
