//! The store's settings, each a limit or a place.

use std::path::PathBuf;

/// Where the store is and how much it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The store's folder; created if absent.
    pub path: PathBuf,
    /// Bytes of sled's page cache. Measured as enough for a home: 16 to 32 MiB.
    pub cache_bytes: u64,
    /// Calls of `commit` that may wait; later ones wait for room. Each holds its writes in memory.
    pub calls_queued_max: usize,
    /// Most writes one call of `commit` may have.
    pub writes_per_call_max: usize,
    /// Most bytes of one record, encoded. The largest are profiles.
    pub record_bytes_max: usize,
    /// Most messages in the outbox. At the limit, expired messages are dropped, the one that expired
    /// first before the others, and if there is none, the oldest message.
    pub outbox_messages_max: usize,
    /// Most lists kept of those with places left to chance, a few hundred bytes each. At the limit, the
    /// oldest tenth goes.
    pub shown_lists_max: usize,
    /// Most bytes of one media file.
    pub media_file_bytes_max: u64,
    /// Most bytes of all media files together. At the limit, files that no item refers to are
    /// removed; if that does not make room, the new file is refused.
    pub media_bytes_max: u64,
    /// Most bytes of stored encodings. At the limit, the older half goes; 0 keeps none.
    pub encodings_bytes_max: u64,
}

impl StoreSettings {
    /// The documented defaults, for a store in `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> StoreSettings {
        StoreSettings {
            path: path.into(),
            cache_bytes: 24 << 20,
            calls_queued_max: 1024,
            writes_per_call_max: 4096,
            record_bytes_max: 4 << 20,
            outbox_messages_max: 10_000,
            shown_lists_max: 10_000,
            media_file_bytes_max: 64 << 20,
            media_bytes_max: 8 << 30,
            encodings_bytes_max: 64 << 20,
        }
    }
}
