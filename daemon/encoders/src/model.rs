//! `model.toml`: what a model's folder says of itself, and whether its files are those it means.
//!
//! Owns the layout of `model.toml`, a file a section. It knows files and hashes; what is in the
//! files is checked by those who read them.

mod audio;
mod bridge;
mod document;
mod fusion;
mod image;
mod network;
#[cfg(test)]
mod tests;
mod text;
mod video;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

#[cfg(test)]
pub(crate) use audio::WindowEntry;
pub(crate) use audio::{AudioEntry, CompressionEntry, MelScaleEntry, PadEntry};
pub(crate) use bridge::BridgeEntry;
use document::FileEntry;
pub(crate) use document::{Document, SPACE_DEFAULT};
pub(crate) use fusion::FusionEntry;
#[cfg(test)]
pub(crate) use image::FilterEntry;
pub(crate) use image::ImageEntry;
pub(crate) use network::{DatumEntry, DimEntry, NetworkEntry, RoleEntry};
pub(crate) use text::{SemanticEntry, TextEntry};
pub(crate) use video::VideoEntry;

use crate::error::{ModelError, one_line};
use crate::purpose::Purpose;

/// Largest `model.toml` in bytes.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// Largest file of a model in bytes: it is read into memory as a whole.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// A model's folder, of which `model.toml` was read and understood.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub folder: PathBuf,
    pub purpose: Purpose,
    pub document: Document,
}

impl Model {
    /// Reads `folder/model.toml`, and looks at no other file.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`]: set the model aside; the others work on.
    pub fn read(folder: &Path) -> Result<Model, ModelError> {
        read(folder).map_err(|reason| ModelError::Refused { model: folder_name(folder), reason })
    }

    /// Name and version as in `Encoding.model`.
    pub fn id(&self) -> String {
        self.document.id()
    }

    /// Size of all its files.
    pub fn bytes(&self) -> u64 {
        self.document.file.iter().map(|file| file.bytes).sum()
    }

    /// An error of this model.
    pub fn refused(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Refused { model: folder_name(&self.folder), reason: one_line(&reason.into()) }
    }

    /// Checks that the files are there, in their size.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] names the file.
    pub fn check_sizes(&self) -> Result<(), ModelError> {
        for entry in &self.document.file {
            let found = fs::metadata(self.folder.join(&entry.path))
                .map_err(|error| self.refused(format!("file `{}`: {error}", entry.path)))?
                .len();
            if found != entry.bytes || found > FILE_BYTES_MAX {
                return Err(self.refused(format!(
                    "file `{}` has {found} bytes, expected {} as model.toml says, and at most {FILE_BYTES_MAX}",
                    entry.path, entry.bytes
                )));
            }
        }
        Ok(())
    }

    /// Compares the hash of every file with the one in `model.toml`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] names the file and both hashes.
    pub fn check_hashes(&self) -> Result<(), ModelError> {
        self.document.file.iter().try_for_each(|entry| self.read_entry(entry, drop))
    }

    /// The content of a listed file. Its hash is checked again, so that what is used is what was
    /// meant even if the file changed since.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the file is not listed, not readable, or another one.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, ModelError> {
        let entry = self.document.file.iter().find(|entry| entry.path == path).ok_or_else(|| {
            self.refused(format!("model.toml: `{path}` is used, expected a [[file]] entry for it"))
        })?;
        let mut content = Vec::new();
        self.read_entry(entry, |bytes| content = bytes)?;
        Ok(content)
    }

    /// Checks the shape of the only input that `model.toml` lists. The first dimension, that of
    /// several pieces at once, may be a symbol.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] says which shape its section means.
    pub fn expect_input(&self, shape: &[usize]) -> Result<(), ModelError> {
        let fits = |found: &[DimEntry]| {
            found.len() == shape.len()
                && found.iter().zip(shape).enumerate().all(|(at, (found, expected))| match found {
                    DimEntry::Values(found) => found == expected,
                    DimEntry::Symbol(_) => at == 0,
                })
        };
        match self.document.network.input.as_slice() {
            [input] if fits(&input.shape) => Ok(()),
            _ => Err(self.refused(format!(
                "model.toml: a model of {} has one input, of shape {shape:?} as its section says",
                self.purpose.name()
            ))),
        }
    }

    fn read_entry(&self, entry: &FileEntry, take: impl FnOnce(Vec<u8>)) -> Result<(), ModelError> {
        let bytes = fs::read(self.folder.join(&entry.path))
            .map_err(|error| self.refused(format!("file `{}`: {error}", entry.path)))?;
        let found = hex(&Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(&entry.sha256) {
            return Err(self.refused(format!(
                "file `{}` has sha256 {found}, expected {} as model.toml says",
                entry.path, entry.sha256
            )));
        }
        take(bytes);
        Ok(())
    }
}

/// The name of a model's folder, for people.
pub(crate) fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn read(folder: &Path) -> Result<Model, String> {
    let path = folder.join("model.toml");
    let mut text = String::new();
    fs::File::open(&path)
        .and_then(|file| file.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| format!("model.toml: {error}"))?;
    let document: Document = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("model.toml, line {line}: {}", one_line(error.message()))
    })?;
    let purpose = document.check(&folder_name(folder)).map_err(|reason| format!("model.toml: {reason}"))?;
    Ok(Model { folder: folder.to_owned(), purpose, document })
}

fn expect(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
