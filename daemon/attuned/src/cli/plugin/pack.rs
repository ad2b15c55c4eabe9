//! `attuned plugin pack` and `attuned plugin keygen`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use attuned_plugin_host::{Fixture, KEY_TEXT_BYTES_MAX, Package, SecretKey};
use serde_json::json;

use crate::cli::{Failure, Printer};

pub fn run(folder: &Path, key: Option<&Path>, printer: &mut Printer) -> Result<(), Failure> {
    let mut package = Package::read_folder(folder)?;
    for (name, text) in package.fixtures() {
        Fixture::parse(&text).map_err(|reason| Failure::Input(format!("tests/{name}: {reason}")))?;
    }
    let key = key.map(read_key).transpose()?;
    if let Some(key) = &key {
        package.sign(key);
    }
    let (file, bytes) = (package.file_name(), package.to_archive());
    fs::write(&file, &bytes).map_err(|error| Failure::Input(format!("{file} cannot be written: {error}")))?;
    let signer = key.map(|key| key.public().to_string());
    if printer.is_json() {
        return printer.object(&json!({
            "file": file,
            "bytes": bytes.len(),
            "id": package.id().as_str(),
            "version": package.version(),
            "digest": package.digest(),
            "signer": signer,
        }));
    }
    let signed = signer.map_or_else(
        || "unsigned: who installs it needs --allow-unsigned".to_owned(),
        |signer| format!("signed by {signer}"),
    );
    printer.text(format_args!("{file}: {} bytes, {signed}", bytes.len()))
}

/// Makes a key in a new file that only this user can read.
pub fn keygen(file: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let key = SecretKey::generate().map_err(Failure::Fault)?;
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    written
        .and_then(|mut opened| writeln!(opened, "{}", key.to_text()))
        .map_err(|error| cannot(file, &error))?;
    let public = key.public().to_string();
    if printer.is_json() {
        return printer.object(&json!({ "file": file, "public_key": public }));
    }
    printer.text(format_args!(
        "{} holds the secret key, keep it to yourself; who installs your packages adds to the configuration:\n\
         [plugins]\ntrusted_keys = [\"{public}\"]",
        file.display()
    ))
}

fn read_key(file: &Path) -> Result<SecretKey, Failure> {
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(|error| cannot(file, &error))?;
    opened.take(KEY_TEXT_BYTES_MAX).read_to_string(&mut text).map_err(|error| cannot(file, &error))?;
    text.parse().map_err(|reason| Failure::Input(format!("{} {reason}", file.display())))
}

fn cannot(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Input(format!("{}: {error}", file.display()))
}
