//! The manifest: a small file beside the records that says which format the store has and how much
//! it should hold.
//!
//! Owns the format's version. It is there because a cut file of records opens without complaint,
//! with what was cut off silently missing.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::record::totals::{self, Totals};

/// The format that is written; also the newest that is read.
pub const FORMAT: u32 = 1;

const NAME: &str = "manifest.json";
const NAME_WHILE_WRITING: &str = "manifest.json.new";

/// What the store should hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    totals: Totals,
    /// CRC-32C of the totals as they are stored in the tree.
    totals_crc32c: u32,
}

/// What any version of the manifest has.
#[derive(Deserialize)]
struct AnyManifest {
    format: u32,
}

/// What was found of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none: the store is new, or the file was lost.
    Nothing,
    /// It cannot be read; the reason in words.
    Unreadable(String),
    /// It tells these totals.
    Totals(Totals),
}

impl Manifest {
    /// The manifest of a store with these totals.
    pub fn new(totals: Totals) -> Manifest {
        Manifest { format: FORMAT, totals, totals_crc32c: checksum(&totals) }
    }

    /// Reads the manifest in the store's folder.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooNew`] and [`StoreError::Unavailable`]: the store cannot be opened.
    pub fn read(store: &Path) -> Result<Found, StoreError> {
        let path = store.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(StoreError::Unavailable { path, reason: error.to_string() }),
        };
        match serde_json::from_slice::<AnyManifest>(&text) {
            Ok(AnyManifest { format }) if format > FORMAT => {
                return Err(StoreError::TooNew { path: store.to_owned(), format, readable: FORMAT });
            }
            Ok(_) => {}
            Err(error) => return Ok(Found::Unreadable(error.to_string())),
        }
        Ok(match serde_json::from_slice::<Manifest>(&text) {
            Ok(manifest) if manifest.totals_crc32c == checksum(&manifest.totals) => {
                Found::Totals(manifest.totals)
            }
            Ok(_) => Found::Unreadable("its checksum is wrong".to_owned()),
            Err(error) => Found::Unreadable(error.to_string()),
        })
    }

    /// Replaces the manifest in the store's folder, durably; after a crash there is either the old
    /// or the new one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: the old one is still there.
    pub fn write(&self, store: &Path) -> Result<(), StoreError> {
        let fresh = store.join(NAME_WHILE_WRITING);
        let text = serde_json::to_vec_pretty(self).expect("numbers can be written as JSON");
        replace(&fresh, &store.join(NAME), &text)
            .map_err(|error| StoreError::Unavailable { path: fresh, reason: error.to_string() })
    }
}

/// Puts a file in the place of another, durably; after a crash there is either of them.
pub fn replace(fresh: &Path, path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(fresh, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn checksum(totals: &Totals) -> u32 {
    crc32c::crc32c(&totals::encode(totals))
}
