//! What other models understood of items, until all of them are understood anew.

use attuned_recommender::Content;
use serde::{Deserialize, Serialize};

use super::{content, pack, unknown_version, unpack};

/// The version that is written.
pub const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct StagedV1 {
    target: String,
    /// The version and the payload of a record of content, which is what it becomes.
    version: u8,
    content: Vec<u8>,
}

/// A record of content that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// What it was understood for.
    pub target: String,
    /// The version of the record of content.
    pub version: u8,
    /// Its payload.
    pub content: Vec<u8>,
}

/// The payload of what was understood for `target`.
pub fn encode(target: &str, understood: &Content, pending: bool) -> Vec<u8> {
    pack(&StagedV1 {
        target: target.to_owned(),
        version: content::VERSION,
        content: content::encode(Some(understood), pending),
    })
}

/// What waits in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<Staged, String> {
    match version {
        1 => {
            let StagedV1 { target, version, content } = unpack(payload)?;
            Ok(Staged { target, version, content })
        }
        newer => Err(unknown_version(newer, VERSION)),
    }
}
