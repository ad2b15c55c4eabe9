//! Small decisions of people and the program that lie beside the records, one JSON file each.

use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::manifest::replace;

/// What is kept in a file of its own.
pub trait Note: Serialize + DeserializeOwned + Default {
    /// The file's name in the store's folder.
    const NAME: &'static str;
    /// What it is, for a warning.
    const WHAT: &'static str;
    /// The format that is written; also the newest that is read.
    const FORMAT: u32;

    /// The format that it was read in.
    fn format(&self) -> u32;

    /// Notes the format that it is written in.
    fn set_format(&mut self, format: u32);
}

/// Reads a note in the store's folder; an empty one if there is none, or it cannot be read: then it is
/// as if nothing was decided.
///
/// # Errors
///
/// [`StoreError::TooNew`] and [`StoreError::Unavailable`].
pub fn read<T: Note>(store: &Path) -> Result<T, StoreError> {
    let path = store.join(T::NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(StoreError::Unavailable { path, reason: error.to_string() }),
    };
    match serde_json::from_slice::<T>(&text) {
        Ok(note) if note.format() > T::FORMAT => {
            Err(StoreError::TooNew { path: store.to_owned(), format: note.format(), readable: T::FORMAT })
        }
        Ok(note) => Ok(note),
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "{} is unreadable, as if none was made", T::WHAT);
            Ok(T::default())
        }
    }
}

/// Replaces a note in the store's folder, durably.
///
/// # Errors
///
/// [`StoreError::Unavailable`]: the old one is still there.
pub fn write<T: Note>(note: &mut T, store: &Path) -> Result<(), StoreError> {
    note.set_format(T::FORMAT);
    let fresh = store.join(format!("{}.new", T::NAME));
    let text = serde_json::to_vec_pretty(note).expect("words and numbers can be written as JSON");
    replace(&fresh, &store.join(T::NAME), &text)
        .map_err(|error| StoreError::Unavailable { path: fresh, reason: error.to_string() })
}
