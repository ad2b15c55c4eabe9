//! What was understood of pieces of content, by their hash, so that the same piece is not encoded
//! twice.
//!
//! Owns the folder `encodings/` and how much it may hold. All of it is derived: it may be deleted at
//! any time, is not synced, and is no part of a backup. It knows nothing of what an encoding is.
//!
//! Two files at most, by number: entries are added to the newer one; when that has half of what
//! both may have, the older one goes and a new one is begun, so the oldest entries go first. An
//! entry is its length, a CRC-32C, its key, and its bytes; one that is torn is as good as absent.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What every file begins with; one that begins otherwise was written by another version.
const MAGIC: &[u8; 8] = b"attenc01";

/// Most bytes of one entry; an embedding of the most values that are allowed is far below.
const ENTRY_BYTES_MAX: usize = 1 << 20;

/// Length, checksum, key.
const HEAD_BYTES: usize = 4 + 4 + 32;

/// The hash of a piece of content and of what it is understood with.
pub type EncodingKey = [u8; 32];

/// The stored encodings.
pub struct Encodings {
    folder: PathBuf,
    bytes_max: u64,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    /// By number; the last one is written to.
    open: Vec<(u64, File, u64)>,
    /// Number of the file, place and length of the bytes.
    places: HashMap<EncodingKey, (u64, u64, u32)>,
}

impl Encodings {
    /// Opens what is there; what cannot be read is left out. With `bytes_max` 0 nothing is kept.
    pub fn open(store: &Path, bytes_max: u64) -> Encodings {
        let folder = store.join("encodings");
        let files = match read_all(&folder, bytes_max) {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "stored encodings are not used");
                Files::default()
            }
        };
        Encodings { folder, bytes_max, files: Mutex::new(files) }
    }

    /// The bytes that were stored under `key`, unchanged; `None` if there are none.
    pub fn get(&self, key: &EncodingKey) -> Option<Vec<u8>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, place, length) = *files.places.get(key)?;
        let file = files.open.iter().find(|(of, ..)| *of == number).map(|(_, file, _)| file)?;
        let mut entry = vec![0; HEAD_BYTES + length as usize];
        let read = file.read_exact_at(&mut entry, place);
        let (head, bytes) = entry.split_at(HEAD_BYTES);
        if read.is_ok() && head[4..8] == checksum(key, bytes) && head[8..] == key[..] {
            return Some(bytes.to_vec());
        }
        files.places.remove(key);
        None
    }

    /// Stores `bytes` under `key`. If the disk refuses, they are not stored, which costs only time.
    pub fn put(&self, key: &EncodingKey, bytes: &[u8]) {
        if self.bytes_max == 0 || bytes.len() > ENTRY_BYTES_MAX {
            return;
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.places.contains_key(key) {
            return;
        }
        if let Err(error) = self.append(&mut files, key, bytes) {
            tracing::debug!(%error, "encoding not kept");
            // Whatever stands at the end of the file now, nothing more is added behind it.
            if let Some((.., length)) = files.open.last_mut() {
                *length = u64::MAX;
            }
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).places.len()
    }

    fn append(&self, files: &mut Files, key: &EncodingKey, bytes: &[u8]) -> io::Result<()> {
        let mut entry = Vec::with_capacity(HEAD_BYTES + bytes.len());
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        entry.extend_from_slice(&length.to_le_bytes());
        entry.extend_from_slice(&checksum(key, bytes));
        entry.extend_from_slice(key);
        entry.extend_from_slice(bytes);
        let fits = |held: u64| held.saturating_add(entry.len() as u64) <= self.bytes_max / 2;
        if !files.open.last().is_some_and(|(.., held)| fits(*held)) {
            self.begin(files)?;
        }
        let Some((number, file, held)) = files.open.last_mut() else { return Ok(()) };
        file.write_all_at(&entry, *held)?;
        files.places.insert(*key, (*number, *held, length));
        *held += entry.len() as u64;
        Ok(())
    }

    /// Begins a new file, and removes all but the one before it.
    fn begin(&self, files: &mut Files) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        while files.open.len() > 1 {
            let (oldest, ..) = files.open.remove(0);
            files.places.retain(|_, (number, ..)| *number != oldest);
            fs::remove_file(path(&self.folder, oldest))?;
        }
        let number = files.open.last().map_or(1, |(number, ..)| number + 1);
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(path(&self.folder, number))?;
        file.write_all(MAGIC)?;
        files.open.push((number, file, MAGIC.len() as u64));
        Ok(())
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.log"))
}

fn checksum(key: &EncodingKey, bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c_append(crc32c::crc32c(key), bytes).to_le_bytes()
}

/// Opens the two newest files and notes what is in them; removes the others.
fn read_all(folder: &Path, bytes_max: u64) -> io::Result<Files> {
    let mut files = Files::default();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries?,
    };
    let mut numbers: Vec<u64> = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let kept = if bytes_max == 0 { 0 } else { 2 };
    for number in numbers.drain(..numbers.len().saturating_sub(kept)) {
        fs::remove_file(path(folder, number))?;
    }
    for number in numbers {
        let file = File::options().read(true).write(true).open(path(folder, number))?;
        match read_places(&file, number, &mut files.places) {
            Ok(end) => files.open.push((number, file, end)),
            Err(error) => {
                tracing::debug!(number, %error, "file of encodings removed");
                fs::remove_file(path(folder, number))?;
            }
        }
    }
    Ok(files)
}

/// Notes the entries of one file; gives where the whole ones end, which is where the next goes.
fn read_places(
    file: &File,
    number: u64,
    places: &mut HashMap<EncodingKey, (u64, u64, u32)>,
) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut magic = [0; MAGIC.len()];
    reader.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(io::Error::other("it is of another version"));
    }
    let mut place = MAGIC.len() as u64;
    let mut head = [0; HEAD_BYTES];
    while reader.read_exact(&mut head).is_ok() {
        let bytes = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let end = place + HEAD_BYTES as u64 + u64::from(bytes);
        if bytes as usize > ENTRY_BYTES_MAX || end > length {
            break;
        }
        let mut key = [0; 32];
        key.copy_from_slice(&head[8..]);
        places.insert(key, (number, place, bytes));
        reader.seek_relative(i64::from(bytes))?;
        place = end;
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> EncodingKey {
        [n; 32]
    }

    #[test]
    fn what_was_stored_is_there_after_opening_again() {
        let store = tempfile::tempdir().expect("a folder");
        let encodings = Encodings::open(store.path(), 1 << 20);
        assert_eq!(encodings.get(&key(1)), None);
        encodings.put(&key(1), b"one");
        encodings.put(&key(2), b"");
        encodings.put(&key(1), b"another");
        let check = |encodings: &Encodings| {
            assert_eq!(encodings.get(&key(1)).as_deref(), Some(&b"one"[..]));
            assert_eq!(encodings.get(&key(2)).as_deref(), Some(&b""[..]));
            assert_eq!(encodings.len(), 2);
        };
        check(&encodings);
        drop(encodings);
        check(&Encodings::open(store.path(), 1 << 20));
    }

    #[test]
    fn at_the_limit_the_oldest_go() {
        let store = tempfile::tempdir().expect("a folder");
        let encodings = Encodings::open(store.path(), 10_000);
        for n in 0..100 {
            encodings.put(&key(n), &[n; 500]);
        }
        let there: Vec<u8> = (0..100).filter(|n| encodings.get(&key(*n)).is_some()).collect();
        assert_eq!(there.last(), Some(&99));
        assert!((9..=19).contains(&there.len()), "{there:?}");
        assert!(there.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{there:?}");
        let on_disk: u64 = fs::read_dir(store.path().join("encodings"))
            .expect("the folder")
            .map(|file| file.and_then(|file| file.metadata()).expect("a file").len())
            .sum();
        assert!(on_disk <= 10_000, "{on_disk} bytes");
    }

    #[test]
    fn a_torn_end_and_a_flipped_bit_cost_their_entries_only() {
        let store = tempfile::tempdir().expect("a folder");
        let encodings = Encodings::open(store.path(), 1 << 20);
        for n in 1..=4 {
            encodings.put(&key(n), &[n; 100]);
        }
        drop(encodings);
        let file = store.path().join("encodings/1.log");
        let mut bytes = fs::read(&file).expect("read");
        let entry = HEAD_BYTES + 100;
        bytes[MAGIC.len() + entry + HEAD_BYTES + 50] ^= 1;
        bytes.truncate(bytes.len() - 7);
        fs::write(&file, bytes).expect("written");
        let encodings = Encodings::open(store.path(), 1 << 20);
        let there = |n: u8| encodings.get(&key(n)).is_some();
        assert_eq!([there(1), there(2), there(3), there(4)], [true, false, true, false]);
        encodings.put(&key(4), &[9; 100]);
        encodings.put(&key(2), &[9; 100]);
        drop(encodings);
        let encodings = Encodings::open(store.path(), 1 << 20);
        assert_eq!(encodings.get(&key(4)), Some(vec![9; 100]));
        assert_eq!(encodings.get(&key(2)), Some(vec![9; 100]));
    }

    #[test]
    fn a_file_of_another_version_is_left_out() {
        let store = tempfile::tempdir().expect("a folder");
        fs::create_dir(store.path().join("encodings")).expect("made");
        fs::write(store.path().join("encodings/7.log"), b"attenc99 whatever follows").expect("written");
        let encodings = Encodings::open(store.path(), 1 << 20);
        encodings.put(&key(1), b"one");
        assert_eq!(encodings.get(&key(1)).as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let store = tempfile::tempdir().expect("a folder");
        let encodings = Encodings::open(store.path(), 0);
        encodings.put(&key(1), b"one");
        assert_eq!(encodings.get(&key(1)), None);
        assert!(!store.path().join("encodings").exists());
    }
}
