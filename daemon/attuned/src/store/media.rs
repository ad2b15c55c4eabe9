//! Media files, named by their content.
//!
//! Owns the folder of media and how much it may hold. Knows items only as sets of hashes.
//!
//! A file lies under `<first two hex digits>/<BLAKE3 in hex>`. It is written under another name,
//! synced, renamed, and the folder synced, so that a name is never there without its whole content.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{StoreError, StoreSettings};

/// The name of a file that is being written; one at a time.
const INCOMING: &str = "incoming";

/// A file younger than this is not garbage while the store is open: the item that will refer to it
/// may not be stored yet.
const GRACE: Duration = Duration::from_secs(3600);

/// The BLAKE3 hash of a media file's content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaHash([u8; 32]);

impl MediaHash {
    /// The hash of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> MediaHash {
        MediaHash(*blake3::hash(content).as_bytes())
    }

    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> MediaHash {
        MediaHash(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Reads 64 lower-case hex digits; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<MediaHash> {
        let hash = blake3::Hash::from_hex(text).ok()?;
        (hash.to_hex().as_str() == text).then(|| MediaHash(*hash.as_bytes()))
    }
}

impl fmt::Display for MediaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for MediaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The files that no item refers to.
pub fn garbage(files: impl IntoIterator<Item = MediaHash>, in_use: &HashSet<MediaHash>) -> Vec<MediaHash> {
    files.into_iter().filter(|hash| !in_use.contains(hash)).collect()
}

/// The folder of media files.
pub struct MediaFolder {
    root: PathBuf,
    file_bytes_max: u64,
    bytes_max: u64,
    /// Bytes of all files; locked while a file is written.
    bytes: Mutex<u64>,
}

impl MediaFolder {
    /// Opens or creates the folder, and counts what is in it.
    pub fn open(settings: &StoreSettings) -> Result<MediaFolder, StoreError> {
        let folder = MediaFolder {
            root: settings.path.join("media"),
            file_bytes_max: settings.media_file_bytes_max,
            bytes_max: settings.media_bytes_max,
            bytes: Mutex::new(0),
        };
        let opened = || {
            fs::create_dir_all(&folder.root)?;
            remove_if_there(&folder.root.join(INCOMING))?;
            Ok(folder.files()?.into_iter().map(|file| file.bytes).sum())
        };
        let bytes = opened().map_err(|error: io::Error| folder.unavailable(&folder.root, &error))?;
        Ok(MediaFolder { bytes: Mutex::new(bytes), ..folder })
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the file of that hash lies, if it is there.
    pub fn path_of(&self, hash: &MediaHash) -> PathBuf {
        let name = hash.to_string();
        self.root.join(&name[..2]).join(name)
    }

    /// Stores a file durably. Blocks. `in_use` is asked only when the folder is full.
    pub fn put(
        &self,
        content: &[u8],
        in_use: impl FnOnce() -> Result<HashSet<MediaHash>, StoreError>,
    ) -> Result<MediaHash, StoreError> {
        let size = content.len() as u64;
        if size > self.file_bytes_max {
            return Err(StoreError::Refused {
                what: "media file".to_owned(),
                found: format!("has {size} bytes"),
                expected: format!("at most {}", self.file_bytes_max),
            });
        }
        let hash = MediaHash::of(content);
        let path = self.path_of(&hash);
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::metadata(&path).is_ok_and(|there| there.len() == size) {
            // Young again, so that it is kept until its item is stored.
            let touched =
                File::options().write(true).open(&path).and_then(|f| f.set_modified(SystemTime::now()));
            touched.map_err(|error| self.unavailable(&path, &error))?;
            return Ok(hash);
        }
        if *bytes + size > self.bytes_max {
            let removed = self.remove_garbage(&in_use()?, GRACE)?;
            *bytes = bytes.saturating_sub(removed.bytes);
        }
        if *bytes + size > self.bytes_max {
            return Err(StoreError::Refused {
                what: "media file".to_owned(),
                found: format!("has {size} bytes, and {bytes} are stored"),
                expected: format!("together at most {}", self.bytes_max),
            });
        }
        self.write(&path, content).map_err(|error| self.unavailable(&path, &error))?;
        *bytes += size;
        Ok(hash)
    }

    /// The content of a file, checked.
    pub fn get(&self, hash: &MediaHash) -> Result<Bytes, StoreError> {
        let path = self.path_of(hash);
        let content = fs::read(&path).map_err(|error| self.unavailable(&path, &error))?;
        let actual = MediaHash::of(&content);
        if actual != *hash {
            return Err(StoreError::Damaged {
                what: format!("media file `{}`", path.display()),
                reason: format!("has hash {actual}"),
            });
        }
        Ok(content.into())
    }

    /// Removes what no item refers to; only at start, before anything can be on its way.
    pub fn sweep(&self, in_use: &HashSet<MediaHash>) -> Result<Removed, StoreError> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = self.remove_garbage(in_use, Duration::ZERO)?;
        *bytes = bytes.saturating_sub(removed.bytes);
        Ok(removed)
    }

    fn remove_garbage(&self, in_use: &HashSet<MediaHash>, grace: Duration) -> Result<Removed, StoreError> {
        let remove = || {
            let files = self.files()?;
            let unused: HashSet<MediaHash> =
                garbage(files.iter().map(|file| file.hash), in_use).into_iter().collect();
            let mut removed = Removed { files: 0, bytes: 0 };
            for file in files.iter().filter(|file| unused.contains(&file.hash) && file.age >= grace) {
                remove_if_there(&self.path_of(&file.hash))?;
                removed.files += 1;
                removed.bytes += file.bytes;
            }
            Ok(removed)
        };
        remove().map_err(|error: io::Error| self.unavailable(&self.root, &error))
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let incoming = self.root.join(INCOMING);
        let written = (|| {
            let mut file = File::create(&incoming)?;
            file.write_all(content)?;
            file.sync_all()?;
            let folder = path.parent().unwrap_or(&self.root);
            if !folder.exists() {
                fs::create_dir(folder)?;
                File::open(&self.root)?.sync_all()?;
            }
            fs::rename(&incoming, path)?;
            File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // The first error is the one to tell; what is left here goes at the next start.
            drop(fs::remove_file(&incoming));
        }
        written
    }

    fn files(&self) -> io::Result<Vec<MediaFile>> {
        let now = SystemTime::now();
        let mut files = Vec::new();
        for folder in fs::read_dir(&self.root)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let file = file?;
                // What is not named like a media file was not put here by us.
                let Some(hash) = file.file_name().to_str().and_then(MediaHash::parse) else { continue };
                let metadata = file.metadata()?;
                let age = now.duration_since(metadata.modified()?).unwrap_or_default();
                files.push(MediaFile { hash, bytes: metadata.len(), age });
            }
        }
        Ok(files)
    }

    fn unavailable(&self, path: &Path, error: &io::Error) -> StoreError {
        StoreError::Unavailable { path: path.to_owned(), reason: error.to_string() }
    }
}

struct MediaFile {
    hash: MediaHash,
    bytes: u64,
    age: Duration,
}

/// How much was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
