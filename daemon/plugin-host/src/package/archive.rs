//! The tar archive of a package. It is read entry by entry: names, kinds and sizes are checked before
//! a byte of an entry is, and nothing is ever written where the archive says.

use std::collections::BTreeMap;
use std::io::Read;

use super::{TESTS, bytes_max};
use crate::limits::{PACKAGE_BYTES, PACKAGE_ENTRIES_MAX};

/// Packs files in the order of their names, without owners and times.
pub(super) fn pack(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive
            .append_data(&mut header, name, bytes.as_slice())
            .expect("a name of a package fits a header, and memory takes all");
    }
    archive.into_inner().expect("memory takes all")
}

/// The files of an archive; an error is one sentence that says what was expected.
pub(super) fn unpack(archive: impl Read) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let broken = |error: std::io::Error| format!("is no whole tar archive: {error}");
    let mut archive = tar::Archive::new(archive.take(PACKAGE_BYTES));
    let mut files = BTreeMap::new();
    // Raw entries: the extensions for long names and sparse files are never followed.
    for (count, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
        let mut entry = entry.map_err(broken)?;
        if count == PACKAGE_ENTRIES_MAX {
            return Err(format!("has more than {PACKAGE_ENTRIES_MAX} entries, expected at most that"));
        }
        let path = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&path).escape_debug().take(120).collect::<String>();
        let kind = entry.header().entry_type();
        if kind == tar::EntryType::Directory && path == TESTS.as_bytes() {
            continue;
        }
        if kind != tar::EntryType::Regular {
            return Err(format!("entry `{shown}` is no plain file, expected nothing else"));
        }
        let name = String::from_utf8(path).unwrap_or_default();
        let Some(bytes_max) = bytes_max(&name) else {
            return Err(format!(
                "entry `{shown}` is no file of a package, expected plugin.toml, rule.wasm, README.md, \
                 SIGNATURE and tests/*.toml"
            ));
        };
        let size = entry.header().entry_size().map_err(broken)?;
        if size > bytes_max {
            return Err(format!("entry `{shown}` has {size} bytes, expected at most {bytes_max}"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() as u64 != size {
            return Err(format!("entry `{shown}` has {} of its {size} bytes, expected all", bytes.len()));
        }
        if files.insert(name, bytes).is_some() {
            return Err(format!("has two entries `{shown}`, expected one"));
        }
    }
    Ok(files)
}
