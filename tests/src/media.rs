//! Real pictures and sounds: those of the demo.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tools::tree;

/// The folder that they lie in.
#[must_use]
pub fn folder() -> std::path::PathBuf {
    tree().join("daemon/attuned/demo/media")
}

/// The bytes of one, as `kitten-with-wool.jpg`.
///
/// # Panics
///
/// There is no such file.
#[must_use]
pub fn bytes(name: &str) -> Vec<u8> {
    let file = folder().join(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The bytes as documents carry them.
///
/// # Panics
///
/// There is no such file.
#[must_use]
pub fn base64(name: &str) -> String {
    STANDARD.encode(bytes(name))
}
