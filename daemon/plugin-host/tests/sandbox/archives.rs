//! What is taken as a package, and what its signature proves.

use std::fs;
use std::path::PathBuf;

use attuned_plugin_host::{Origin, Package, SecretKey, limits};
use tempfile::TempDir;

use crate::house::{HOSTILE_MANIFEST, hostile, package};

/// A folder with a package of the hostile guest and one fixture.
fn sound() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    package(folder.path(), HOSTILE_MANIFEST, &hostile());
    fs::create_dir(folder.path().join("tests")).expect("made");
    fs::write(folder.path().join("tests/one.toml"), "expected-order = []\n").expect("written");
    fs::write(folder.path().join("README.md"), "# hostile\n").expect("written");
    folder
}

fn write(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let file = folder.path().join("it.attuned");
    fs::write(&file, bytes).expect("written");
    file
}

/// Packs these entries (name, kind, bytes) after those of a sound package and expects this refusal.
fn check(name: &str, kind: tar::EntryType, bytes: &[u8], expected: &str) {
    let folder = sound();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    // The library itself refuses to write some of these names.
    header.as_gnu_mut().expect("gnu").name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    archive.append(&header, bytes).expect("memory takes all");
    let mut whole = archive.into_inner().expect("memory takes all");
    whole.truncate(whole.len() - 1024);
    whole.extend(Package::read_folder(folder.path()).expect("a package").to_archive());
    let error = Package::read(&write(&folder, &whole)).expect_err("refused").to_string();
    assert_eq!(error, format!("plugin `it.attuned`: {expected}"));
}

#[test]
fn a_package_is_read_as_it_was_packed() {
    let folder = sound();
    let mut from_folder = Package::read_folder(folder.path()).expect("a package");
    assert_eq!(from_folder.file_name(), "hostile-1.0.0.attuned");
    assert_eq!(from_folder.origin().expect("none"), Origin::Unsigned);
    let key = SecretKey::generate().expect("a key");
    from_folder.sign(&key);
    let bytes = from_folder.to_archive();
    let read = Package::read(&write(&folder, &bytes)).expect("a package");
    assert_eq!(read.digest(), from_folder.digest());
    assert_eq!(read.origin().expect("a signature"), Origin::SignedBy(key.public()));
    assert_eq!(read.to_archive(), bytes);
}

#[test]
fn what_is_no_file_of_a_package_is_refused() {
    let foreign =
        "is no file of a package, expected plugin.toml, rule.wasm, README.md, SIGNATURE and tests/*.toml";
    let regular = tar::EntryType::Regular;
    for name in
        ["../plugin.toml", "/etc/passwd", "tests/../x.toml", "tests/a/b.toml", "src/lib.rs", "tests/.x.toml"]
    {
        check(name, regular, b"x", &format!("entry `{name}` {foreign}"));
    }
    let plain = "is no plain file, expected nothing else";
    check("rule.wasm", tar::EntryType::Symlink, b"", &format!("entry `rule.wasm` {plain}"));
    check("plugin.toml", tar::EntryType::Link, b"", &format!("entry `plugin.toml` {plain}"));
    check("x", tar::EntryType::GNULongName, b"a long name", &format!("entry `x` {plain}"));
    check("x", tar::EntryType::XHeader, b"8 path=x", &format!("entry `x` {plain}"));
    check("plugin.toml", regular, b"x", "has two entries `plugin.toml`, expected one");
}

#[test]
fn an_archive_has_limits() {
    let regular = tar::EntryType::Regular;
    let large = vec![0; limits::PACKAGE_TEXT_BYTES as usize + 1];
    check("README.md", regular, &large, "entry `README.md` has 262145 bytes, expected at most 262144");
    let folder = sound();
    for n in 0..=limits::FIXTURES_MAX {
        fs::write(folder.path().join(format!("tests/f{n}.toml")), "").expect("written");
    }
    let error = Package::read_folder(folder.path()).expect_err("too many").to_string();
    assert!(error.ends_with("has 66 fixtures, expected at most 64"), "{error}");
    let mut archive = tar::Builder::new(Vec::new());
    for _ in 0..=limits::PACKAGE_ENTRIES_MAX {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, "tests/", &b""[..]).expect("memory takes all");
    }
    let error = Package::read(&write(&folder, &archive.into_inner().expect("memory"))).expect_err("too many");
    assert_eq!(error.to_string(), "plugin `it.attuned`: has more than 69 entries, expected at most that");
}

#[test]
fn an_archive_that_was_cut_is_refused() {
    let folder = sound();
    let whole = Package::read_folder(folder.path()).expect("a package").to_archive();
    for at in (1..whole.len() - 1024).step_by(whole.len() / 40) {
        // A cut between two entries leaves an archive without the component or the manifest.
        let error = Package::read(&write(&folder, &whole[..at])).expect_err("cut").to_string();
        assert!(!error.is_empty(), "{at}");
    }
}

/// One flipped bit in any file of a signed package is noticed, wherever it is.
#[test]
fn a_signature_proves_every_file() {
    let folder = sound();
    let mut signed = Package::read_folder(folder.path()).expect("a package");
    signed.sign(&SecretKey::generate().expect("a key"));
    let whole = signed.to_archive();
    let find = |text: &str| whole.windows(text.len()).position(|bytes| bytes == text.as_bytes()).expect(text);
    for text in ["Does what rules must not do", "# hostile", "expected-order = []", "max-boost = 0.5"] {
        let mut changed = whole.clone();
        changed[find(text) + text.len() - 1] ^= 1;
        // What is no longer a manifest is refused before the signature is looked at.
        let refused = match Package::read(&write(&folder, &changed)) {
            Err(error) => error.to_string(),
            Ok(package) => package.origin().expect_err("changed").to_string(),
        };
        assert!(
            refused.contains("the signature by ed25519:") || refused.contains("plugin.toml: "),
            "{refused}"
        );
    }
}
