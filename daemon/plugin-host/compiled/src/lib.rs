//! Compiled components, kept so that each is compiled once.
//!
//! Owns a folder of its own and everything that makes it safe to run what lies there; knows nothing
//! of plugins. An entry's name is the hash of the component and of the engine that compiled it, its
//! first bytes are a keyed hash of the rest. The bytes are read once, checked, and only then given to
//! the engine: the file is not mapped, as it could change between the check and its use. Whatever is
//! not as it should be is as if it were not there, and the component is compiled again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Entries that are kept; at the limit the one that was written first goes.
pub const ENTRIES_MAX: usize = 128;

/// Bytes of one entry that are read: machine code of the largest component that a host takes has
/// about five times its size.
pub const ENTRY_BYTES_MAX: u64 = 256 << 20;

const MAC_BYTES: usize = 32;

/// The ending of the entries' names.
const ENDING: &str = "compiled";

/// The file of the key, made by the first that opens the folder.
const KEY: &str = "key";

/// Separates what is hashed here from anything else that is hashed.
const NAME_CONTEXT: &str = "attuned 2026-11 name of a compiled component";

/// A folder of compiled components.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder, or makes it, for this user alone.
    ///
    /// # Errors
    ///
    /// Go on without a cache: the folder or its key cannot be read or made, or others than this user
    /// could write there.
    pub fn open(folder: &Path) -> io::Result<Cache> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => own(folder, &fs::symlink_metadata(folder)?, 0o700)?,
        }
        Ok(Cache { key: key(&folder.join(KEY))?, folder: folder.to_owned() })
    }

    /// The component that was compiled from these bytes by an engine like this one; `None` if it is
    /// not there or in any doubt.
    #[must_use]
    pub fn get(&self, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        let path = self.path(engine, wasm);
        let mut entry = Vec::new();
        File::open(&path).ok()?.take(ENTRY_BYTES_MAX).read_to_end(&mut entry).ok()?;
        let name = self.name(engine, wasm);
        let (mac, code) = entry.split_at_checked(MAC_BYTES)?;
        // The comparison of two hashes takes the same time wherever they differ.
        if self.mac(&name, code) != blake3::Hash::from_slice(mac).ok()? {
            tracing::warn!(path = %path.display(), "compiled plugin is not as it was written, it is compiled again");
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "the bytes are those that `put` got from an engine of the same hash: only who holds the key \
                      could have made their keyed hash, which also covers the names of component and engine"
        )]
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!(%error, "compiled plugin is compiled again")).ok()
    }

    /// Keeps what an engine compiled from these bytes.
    ///
    /// # Errors
    ///
    /// It is not kept, and will be compiled again; nothing else is lost.
    pub fn put(&self, engine: &Engine, wasm: &[u8], component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        if code.len() as u64 > ENTRY_BYTES_MAX - MAC_BYTES as u64 {
            return Err(io::Error::other(format!(
                "{} bytes, expected less than {ENTRY_BYTES_MAX}",
                code.len()
            )));
        }
        self.make_room()?;
        let mac = self.mac(&self.name(engine, wasm), &code);
        // Two processes may write the same entry: each has a file of its own, and the last one stays.
        let new = self.folder.join(format!("new-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(mac.as_bytes())?;
        file.write_all(&code)?;
        file.sync_all()?;
        fs::rename(new, self.path(engine, wasm))
    }

    fn make_room(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|ending| ending == ENDING) {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort();
        let too_many = (entries.len() + 1).saturating_sub(ENTRIES_MAX);
        entries.iter().take(too_many).try_for_each(|(_, path)| fs::remove_file(path))
    }

    fn path(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", self.name(engine, wasm).to_hex()))
    }

    /// What an entry is called: the component and everything about the engine that its code depends
    /// on, in one hash.
    fn name(&self, engine: &Engine, wasm: &[u8]) -> blake3::Hash {
        let mut hasher = Digest(blake3::Hasher::new_derive_key(NAME_CONTEXT));
        hasher.write(blake3::hash(wasm).as_bytes());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.0.finalize()
    }

    fn mac(&self, name: &blake3::Hash, code: &[u8]) -> blake3::Hash {
        // The name has a fixed length, so no two pairs give the same bytes.
        blake3::Hasher::new_keyed(&self.key).update(name.as_bytes()).update(code).finalize()
    }
}

/// A cryptographic hash for what only knows the standard library's interface.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(std::array::from_fn(|n| hash.as_bytes()[n]))
    }
}

/// Reads the key, or makes one.
fn key(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            File::open("/dev/urandom")?.read_exact(&mut key)?;
            file.write_all(&key)?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut file = File::open(path)?;
            own(path, &file.metadata()?, 0o600)?;
            if let Err(error) = file.read_exact(&mut key) {
                // A power cut while it was made left a part of it, which is a key of nobody.
                fs::remove_file(path)?;
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(key)
}

/// Whether a file or folder belongs to this user, and nobody else has a right to it.
fn own(path: &Path, metadata: &fs::Metadata, mode: u32) -> io::Result<()> {
    let (user, rights) = (rustix::process::geteuid().as_raw(), metadata.mode() & 0o777);
    if metadata.file_type().is_symlink() || metadata.uid() != user || rights & !mode != 0 {
        let path = path.display();
        return Err(io::Error::other(format!(
            "{path} has owner {} and rights {rights:o}, expected owner {user} and rights {mode:o}",
            metadata.uid()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Both engines: one component's code is no use to the other.
    fn engines() -> [Engine; 2] {
        let mut pulley = wasmtime::Config::new();
        pulley
            .target(if cfg!(target_pointer_width = "64") { "pulley64" } else { "pulley32" })
            .expect("known");
        [Engine::new(&pulley).expect("an engine"), Engine::default()]
    }

    fn wasm(value: u32) -> Vec<u8> {
        let text = format!(
            r#"(component (core module $m (func (export "f") (result i32) i32.const {value}))
               (core instance $i (instantiate $m)) (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
        );
        wat::parse_str(text).expect("a component")
    }

    fn entries(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some()).collect()
    }

    /// Keeps a compiled component in both engines, does `damage` to the folder, and expects that it
    /// is as if nothing had been kept, also for a cache that is opened anew.
    fn check(damage: impl Fn(&Path)) {
        for engine in engines() {
            let folder = tempfile::tempdir().expect("a folder");
            let folder = folder.path().join("compiled");
            let cache = Cache::open(&folder).expect("a cache");
            let compiled = Component::from_binary(&engine, &wasm(7)).expect("compiled");
            assert!(cache.get(&engine, &wasm(7)).is_none());
            cache.put(&engine, &wasm(7), &compiled).expect("kept");
            assert!(cache.get(&engine, &wasm(7)).is_some());
            assert!(Cache::open(&folder).expect("a cache").get(&engine, &wasm(7)).is_some());
            damage(&folder);
            let opened = Cache::open(&folder).expect("a cache");
            assert!(opened.get(&engine, &wasm(7)).is_none());
            // What was compiled again is kept again.
            opened.put(&engine, &wasm(7), &compiled).expect("kept");
            assert!(opened.get(&engine, &wasm(7)).is_some());
        }
    }

    #[test]
    fn a_flipped_byte_anywhere_is_noticed() {
        check(|folder| {
            let [entry] = entries(folder).try_into().expect("one entry");
            let sound = fs::read(&entry).expect("bytes");
            let cache = Cache::open(folder).expect("a cache");
            for at in (0..sound.len()).step_by(sound.len() / 50).chain([sound.len() - 1]) {
                let mut flipped = sound.clone();
                flipped[at] ^= 1;
                fs::write(&entry, flipped).expect("written");
                assert!(engines().iter().all(|engine| cache.get(engine, &wasm(7)).is_none()), "byte {at}");
            }
        });
    }

    #[test]
    fn a_cut_or_empty_file_is_noticed() {
        for len in [0, 31, 32, 1000] {
            check(|folder| {
                let [entry] = entries(folder).try_into().expect("one entry");
                let file = OpenOptions::new().write(true).open(entry).expect("open");
                file.set_len(len).expect("cut");
            });
        }
    }

    #[test]
    fn an_entry_of_another_component_or_engine_in_its_place_is_noticed() {
        check(|folder| {
            let [entry] = entries(folder).try_into().expect("one entry");
            let cache = Cache::open(folder).expect("a cache");
            for engine in engines() {
                let other = Component::from_binary(&engine, &wasm(8)).expect("compiled");
                cache.put(&engine, &wasm(8), &other).expect("kept");
                // Sound, and made with the right key, but of something else.
                fs::copy(cache.path(&engine, &wasm(8)), &entry).expect("replaced");
                assert!(engines().iter().all(|engine| cache.get(engine, &wasm(7)).is_none()));
            }
        });
    }

    #[test]
    fn an_entry_made_with_another_key_is_noticed() {
        check(|folder| {
            let [entry] = entries(folder).try_into().expect("one entry");
            let elsewhere = tempfile::tempdir().expect("a folder");
            let foreign = Cache::open(&elsewhere.path().join("compiled")).expect("a cache");
            for engine in engines() {
                let same = Component::from_binary(&engine, &wasm(7)).expect("compiled");
                foreign.put(&engine, &wasm(7), &same).expect("kept");
                if foreign.path(&engine, &wasm(7)).file_name() == entry.file_name() {
                    fs::copy(foreign.path(&engine, &wasm(7)), &entry).expect("replaced");
                }
            }
        });
        check(|folder| fs::write(folder.join(KEY), [1; 32]).expect("replaced"));
    }

    #[test]
    fn a_folder_or_key_that_others_can_reach_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("compiled");
        Cache::open(&folder).expect("a cache");
        assert_eq!(fs::metadata(&folder).expect("there").permissions().mode() & 0o777, 0o700);
        let open_to =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        open_to(&folder, 0o770);
        let error = Cache::open(&folder).expect_err("open to a group").to_string();
        assert!(error.contains("rights 770, expected owner") && error.ends_with("rights 700"), "{error}");
        open_to(&folder, 0o700);
        open_to(&folder.join(KEY), 0o644);
        assert!(Cache::open(&folder).is_err());
        fs::write(folder.join(KEY), "half").expect("written");
        open_to(&folder.join(KEY), 0o600);
        assert!(Cache::open(&folder).is_err());
        Cache::open(&folder).expect("the half key is gone");
    }

    #[test]
    fn entries_have_a_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("compiled");
        let cache = Cache::open(&folder).expect("a cache");
        for n in 0..ENTRIES_MAX + 3 {
            fs::write(folder.join(format!("{n}.{ENDING}")), "").expect("written");
        }
        let [engine, _] = engines();
        let compiled = Component::from_binary(&engine, &wasm(7)).expect("compiled");
        cache.put(&engine, &wasm(7), &compiled).expect("kept");
        assert_eq!(entries(&folder).len(), ENTRIES_MAX);
        assert!(cache.get(&engine, &wasm(7)).is_some());
    }
}
