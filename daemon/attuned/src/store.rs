//! The store: ground truth on disk. Items, what was understood of them, events, profiles, context
//! values, the outbox and media files.
//!
//! Owns durability: a write that was answered survives a killed process and a power cut, and is
//! there once. Knows nothing of MQTT, encoders or ranking; indexes are built elsewhere from what is
//! read here, and can be built again.
//!
//! Shape: one thread writes ([`writer`]), with group commit behind a bounded queue; any thread
//! reads. One tree ([`tree`], the only code that knows sled) holds all records, so that the writes
//! of one call are atomic; media are files named by their content ([`media`]).

mod encodings;
mod envelope;
mod key;
mod ledger;
mod manifest;
mod media;
mod models;
mod notes;
mod open;
mod rankers;
mod read;
mod record;
mod settings;
mod staged;
mod tree;
mod write;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use encodings::EncodingKey;
pub use key::{CONTEXT_KEY_BYTES_MAX, Kind};
pub use media::MediaHash;
pub use models::{ModelNames, ModelsRecord, NextModels, PastModels};
pub use open::{DamagedRecord, OpenReport, SetAside};
pub use rankers::{Ranker, Rankers};
pub use record::as_stored;
pub use settings::StoreSettings;
pub use write::{
    MediaSource, OutboxMessage, StoredEvent, StoredHousehold, StoredItem, StoredMedia, StoredMessage,
    StoredProfile, StoredShown, Write, Written,
};

/// Why the store did not do what it was asked. Variants differ in what the caller does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open. The daemon cannot start.
    #[error("store `{}` is in use by another process", .path.display())]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// A newer version wrote the store. The daemon cannot start; nothing was changed.
    #[error("store `{}` has format {format}, this program reads up to {readable}", .path.display())]
    TooNew {
        /// The store's folder.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The newest format that can be read.
        readable: u32,
    },
    /// One input is beyond a limit or malformed: reject it. Trying again is of no use.
    #[error("{what} {found}, expected {expected}")]
    Refused {
        /// What is refused.
        what: String,
        /// What is wrong with it, e.g. "has 5000000 bytes".
        found: String,
        /// What would have been accepted.
        expected: String,
    },
    /// The disk refused, e.g. as it is full. Nothing of the call was stored; try again later.
    #[error("store `{}` is unavailable: {reason}", .path.display())]
    Unavailable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What was read is not what was written: skip it, and report it.
    #[error("stored {what} is damaged: {reason}")]
    Damaged {
        /// Which record, file or folder.
        what: String,
        /// How that was noticed.
        reason: String,
    },
    /// The store was closed.
    #[error("store is closed")]
    Closed,
}

/// An open store. Clones share it; it is closed by [`Store::close`], or when the last clone goes.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    tree: Arc<tree::Tree>,
    media: Arc<media::MediaFolder>,
    encodings: encodings::Encodings,
    path: PathBuf,
    orders: Mutex<Option<mpsc::Sender<writer::Order>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Locked while the store is open, so that no second daemon opens it.
    lock: Mutex<Option<File>>,
}

impl Store {
    /// Opens the store, or creates it. Blocks: every record is read once, to check and count it,
    /// which takes in the order of 10 microseconds a record.
    ///
    /// Damage does not keep the daemon from starting: an unreadable record is left out, an
    /// unreadable file of records is set aside and a fresh one begun. Both are in the report.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::TooNew`] and [`StoreError::Unavailable`]: the daemon
    /// cannot start, a person has to act. The store is as it was.
    pub fn open(settings: StoreSettings) -> Result<(Store, OpenReport), StoreError> {
        let opened = open::open(&settings)?;
        let (orders, queue) = mpsc::channel(settings.calls_queued_max);
        let writer = writer::spawn(queue, Arc::clone(&opened.tree), opened.ledger, &settings)?;
        let inner = Inner {
            tree: opened.tree,
            media: Arc::new(opened.media),
            encodings: encodings::Encodings::open(&settings.path, settings.encodings_bytes_max),
            path: settings.path,
            orders: Mutex::new(Some(orders)),
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(Some(opened.lock)),
        };
        Ok((Store { inner: Arc::new(inner) }, opened.report))
    }

    /// Stores all `writes` of the call, or none. Resolves when they are durable, with one answer for
    /// each, in order. Waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`]: reject the input. [`StoreError::Unavailable`]: nothing was stored;
    /// leave the input unacknowledged, so that it comes again. [`StoreError::Damaged`]: nothing was
    /// stored, a record that had to be read first is damaged.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let (done, answer) = oneshot::channel();
        self.orders()?.send(writer::Order::Commit { writes, done }).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// [`Store::commit`] for threads outside the runtime.
    ///
    /// # Errors
    ///
    /// As for [`Store::commit`].
    ///
    /// # Panics
    ///
    /// If called from a task of the runtime.
    pub fn commit_blocking(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let (done, answer) = oneshot::channel();
        self.orders()?
            .blocking_send(writer::Order::Commit { writes, done })
            .map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    /// Stores a media file under the hash of its content. Resolves when it is durable; storing the
    /// same content again changes nothing.
    ///
    /// A file that no item refers to is removed at the next start, so refer to it by a
    /// [`Write::PutItem`] before the input is acknowledged.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if it is beyond a limit, [`StoreError::Unavailable`] if the disk is
    /// full or failed.
    pub async fn put_media(&self, bytes: Bytes) -> Result<MediaHash, StoreError> {
        let media = Arc::clone(&self.inner.media);
        let tree = Arc::clone(&self.inner.tree);
        tokio::task::spawn_blocking(move || media.put(&bytes, || read::media_in_use(&tree)))
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// The content of a media file, checked against its hash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if there is no such file or it cannot be read,
    /// [`StoreError::Damaged`] if it is not what was stored.
    pub fn media(&self, hash: &MediaHash) -> Result<Bytes, StoreError> {
        self.inner.media.get(hash)
    }

    /// Where the content of a media file lies, for readers of paths. It need not exist.
    #[must_use]
    pub fn media_path(&self, hash: &MediaHash) -> PathBuf {
        self.inner.media.path_of(hash)
    }

    /// Bytes of all media files together.
    #[must_use]
    pub fn media_bytes(&self) -> u64 {
        self.inner.media.bytes()
    }

    /// The encoding that was kept under `key`; `None` if there is none, or none any more. Blocks for
    /// a short read.
    #[must_use]
    pub fn encoding(&self, key: &EncodingKey) -> Option<Vec<u8>> {
        self.inner.encodings.get(key)
    }

    /// Keeps an encoding, which may be forgotten at any time. Blocks for a short write.
    pub fn keep_encoding(&self, key: &EncodingKey, bytes: &[u8]) {
        self.inner.encodings.put(key, bytes);
    }

    /// The store's folder.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.inner.path
    }

    /// Finishes what is queued and closes the store, for all clones. Blocks for as long as that
    /// takes, milliseconds as a rule: call it from a blocking thread. Closing twice is harmless.
    pub fn close(&self) {
        self.inner.close();
    }

    fn orders(&self) -> Result<mpsc::Sender<writer::Order>, StoreError> {
        let orders = self.inner.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.clone().ok_or(StoreError::Closed)
    }
}

impl Inner {
    fn close(&self) {
        // The writer ends when the queue is empty and nobody can add to it any more.
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("store writer panicked");
        }
        self.tree.close();
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
