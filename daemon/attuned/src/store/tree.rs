//! The file of records: the only code that knows sled.
//!
//! Owns the recipe by which a change is durable, and the splitting of values. It knows nothing of
//! what keys and values mean.
//!
//! - sled's `flush` ends in `sync_file_range`, which survives a killed process but no power cut;
//!   so every change is followed by `fdatasync` of sled's file before it counts as stored.
//! - sled moves pages above a quarter of a segment into files of their own, which it never syncs.
//!   Values are therefore cut into chunks so small that no page grows to that size.
//! - After an I/O error sled refuses all further work until it is opened again; that is done here.
//! - sled panics on some kinds of damage; every call is guarded, and a panic counts as damage.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::StoreError;
use super::key::Key;

#[cfg(not(panic = "unwind"))]
compile_error!("the store turns sled's panics into errors: build with panic = \"unwind\"");

/// Most bytes of a chunk. A page holds at most about 20 entries, and a page of 128 KiB or more
/// would leave the log (sled 0.34: `MINIMUM_ITEMS_PER_SEGMENT`, `should_split`).
const CHUNK_BYTES: usize = 4096;

/// Most chunks of a value, as their number takes two bytes of the key.
const CHUNKS_MAX: usize = 1 << 16;

/// Most bytes a value can have.
pub const VALUE_BYTES_MAX: usize = CHUNK_BYTES * (CHUNKS_MAX - 1);

/// How often sled writes by itself what nobody waits for, in milliseconds (facts: 500 was measured).
const FLUSH_EVERY_MS: u64 = 500;

/// Longest wait for sled's lock. A handle that was just dropped can hold it a little longer, until
/// sled's own threads are done; nobody else has the folder open, as the store's own lock is taken first.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// Records that a scan reads while it keeps writers out, and the bytes after which it stops early.
const SCAN_RECORDS_MAX: usize = 128;
const SCAN_BYTES_MAX: usize = 1 << 20;

/// Values to be written (`Some`) or removed (`None`), atomically.
pub type Changes = BTreeMap<Key, Option<Vec<u8>>>;

/// A key and its value.
pub type Entry = (Key, Vec<u8>);

/// An open file of records. Reads from any thread; `apply` is called by the writer's thread only.
pub struct Tree {
    folder: PathBuf,
    cache_bytes: u64,
    state: RwLock<State>,
}

enum State {
    Open(Open),
    /// It could not be opened again after a failure; the next write tries once more.
    Failed(String),
    Closed,
}

struct Open {
    db: sled::Db,
    /// sled's file once more, for `fdatasync`.
    file: File,
}

impl Tree {
    /// Opens or creates the records in `folder`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`]: set the folder aside and start afresh. Otherwise the daemon cannot
    /// start.
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<Tree, StoreError> {
        let open = open(folder, cache_bytes)?;
        Ok(Tree { folder: folder.to_owned(), cache_bytes, state: RwLock::new(State::Open(open)) })
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be read now, [`StoreError::Damaged`] if what
    /// it holds is no longer what was written, [`StoreError::Closed`].
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|open| {
            let Some(first) = open.db.get(chunk_key(key, 0))? else { return Ok(None) };
            let mut value = first.to_vec();
            let mut index = 0;
            while value.len() == (index + 1) * CHUNK_BYTES {
                index += 1;
                let Some(chunk) = open.db.get(chunk_key(key, index))? else { break };
                value.extend_from_slice(&chunk);
            }
            Ok(Some(value))
        })
    }

    /// Whether there is a value of `key`.
    ///
    /// # Errors
    ///
    /// As for [`Tree::get`].
    pub fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        self.read(|open| open.db.contains_key(chunk_key(key, 0)))
    }

    /// Everything whose key begins with `prefix` and comes after `after`, in the order of keys.
    /// Writers go on meanwhile: what they change may or may not be seen.
    pub fn scan(self: &Arc<Self>, prefix: Key, after: Option<&Key>) -> Scan {
        let next = after.map_or_else(|| prefix.as_bytes().to_vec(), after_key);
        Scan { tree: Arc::clone(self), prefix, next: Some(next), page: VecDeque::new() }
    }

    /// Makes all `changes` durable, or none of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] (e.g. the disk is full) and [`StoreError::Damaged`]: nobody may
    /// be told that the changes are stored. The file is opened again, and a later call may succeed.
    pub fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        // Written under the lock, so that no reader sees some chunks of a value from before and some
        // from after the change; made durable outside of it.
        let written = self.write(|open| open.db.apply_batch(to_batch(&open.db, changes)?));
        let durable = written.and_then(|()| {
            self.read(|open| {
                open.db.flush()?;
                open.file.sync_data()?;
                Ok(())
            })
        });
        if durable.is_err() {
            // What sled has in memory is ahead of its file now: forget it and read the file again.
            self.reopen();
        }
        durable
    }

    /// Opens the file again if an earlier failure left it shut.
    pub fn revive(&self) {
        if matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Failed(_)) {
            self.reopen();
        }
    }

    /// Shuts the file; every later call gives [`StoreError::Closed`].
    pub fn close(&self) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Closed;
    }

    fn reopen(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // sled holds a lock on its file: the old handle goes first.
        *state = State::Failed("is being opened again".to_owned());
        *state = match open(&self.folder, self.cache_bytes) {
            Ok(open) => State::Open(open),
            Err(error) => State::Failed(error.to_string()),
        };
    }

    fn read<T>(&self, work: impl FnOnce(&Open) -> sled::Result<T>) -> Result<T, StoreError> {
        self.run(&self.state.read().unwrap_or_else(PoisonError::into_inner), work)
    }

    fn write<T>(&self, work: impl FnOnce(&Open) -> sled::Result<T>) -> Result<T, StoreError> {
        self.run(&self.state.write().unwrap_or_else(PoisonError::into_inner), work)
    }

    fn run<T>(&self, state: &State, work: impl FnOnce(&Open) -> sled::Result<T>) -> Result<T, StoreError> {
        match state {
            State::Open(open) => guarded(&self.folder, || work(open)),
            State::Failed(reason) => {
                Err(StoreError::Unavailable { path: self.folder.clone(), reason: reason.clone() })
            }
            State::Closed => Err(StoreError::Closed),
        }
    }
}

/// Records in the order of their keys. Ends after the first error.
pub struct Scan {
    tree: Arc<Tree>,
    prefix: Key,
    /// Where the next page begins; `None` once the end was reached.
    next: Option<Vec<u8>>,
    page: VecDeque<Entry>,
}

impl Iterator for Scan {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() {
            let from = self.next.take()?;
            match self.tree.read(|open| page(&open.db, &self.prefix, &from)) {
                Ok(page) => {
                    self.next = page.back().map(|(key, _)| after_key(key));
                    self.page = page;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front().map(Ok)
    }
}

fn page(db: &sled::Db, prefix: &Key, from: &[u8]) -> sled::Result<VecDeque<Entry>> {
    let mut page: VecDeque<Entry> = VecDeque::new();
    let mut bytes = 0;
    for entry in db.range::<&[u8], _>((Bound::Included(from), Bound::Unbounded)) {
        let (chunk_key, chunk) = entry?;
        if !chunk_key.starts_with(prefix.as_bytes()) {
            break;
        }
        let (key, _) = chunk_key.split_at(chunk_key.len().saturating_sub(CHUNK_SUFFIX_BYTES));
        bytes += chunk.len();
        let full = page.len() == SCAN_RECORDS_MAX || bytes > SCAN_BYTES_MAX;
        match page.back_mut() {
            Some((last, value)) if last.as_bytes() == key => value.extend_from_slice(&chunk),
            Some(_) if full => break,
            Some(_) | None => page.push_back((Key::found(key), chunk.to_vec())),
        }
    }
    Ok(page)
}

/// A chunk's key is the record's key, a byte 0 and the number of the chunk.
const CHUNK_SUFFIX_BYTES: usize = 3;

fn chunk_key(key: &Key, index: usize) -> Vec<u8> {
    let index = u16::try_from(index).expect("values are at most VALUE_BYTES_MAX long");
    [key.as_bytes(), &[0], &index.to_be_bytes()].concat()
}

/// The first key behind all chunks of `key`.
fn after_key(key: &Key) -> Vec<u8> {
    [key.as_bytes(), &[1]].concat()
}

fn to_batch(db: &sled::Db, changes: &Changes) -> sled::Result<sled::Batch> {
    let mut batch = sled::Batch::default();
    for (key, value) in changes {
        let mut chunks = 0;
        if let Some(value) = value {
            assert!(value.len() <= VALUE_BYTES_MAX, "the writer refuses longer values");
            for chunk in value.chunks(CHUNK_BYTES) {
                batch.insert(chunk_key(key, chunks), chunk);
                chunks += 1;
            }
        }
        // The chunks of a longer predecessor.
        while chunks < CHUNKS_MAX && db.contains_key(chunk_key(key, chunks))? {
            batch.remove(chunk_key(key, chunks));
            chunks += 1;
        }
    }
    Ok(batch)
}

fn open(folder: &Path, cache_bytes: u64) -> Result<Open, StoreError> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .use_compression(false);
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    guarded(folder, || {
        let db = loop {
            match config.open() {
                Err(sled::Error::Io(error)) if is_locked(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => break opened?,
            }
        };
        let file = File::open(folder.join("db"))?;
        // A fresh file must still be there, by its name, after a power cut.
        File::open(folder)?.sync_all()?;
        Ok(Open { db, file })
    })
}

/// sled has no variant of its own for a file that somebody else has open.
fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

/// Runs `work` and names its failure by what can be done about it.
fn guarded<T>(folder: &Path, work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    let damaged =
        |reason: String| StoreError::Damaged { what: format!("folder `{}`", folder.display()), reason };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => {
            Err(StoreError::Unavailable { path: folder.to_owned(), reason: error.to_string() })
        }
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(panic) => Err(damaged(panic_text(panic.as_ref()))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(work: impl FnOnce() -> sled::Result<()>, expected: &str) {
        assert_eq!(guarded(Path::new("records"), work).expect_err("fails").to_string(), expected);
    }

    #[test]
    fn a_failure_is_named_by_what_can_be_done_about_it() {
        let full = || Err(sled::Error::Io(std::io::Error::other("no space left")));
        check(full, "store `records` is unavailable: no space left");
        check(
            || panic!("index {} out of range", 7),
            "stored folder `records` is damaged: index 7 out of range",
        );
        let corrupt = || Err(sled::Error::Corruption { at: None, bt: () });
        check(
            corrupt,
            "stored folder `records` is damaged: Read corrupted data at file offset None backtrace ()",
        );
    }
}
