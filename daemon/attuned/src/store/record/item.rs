//! Item documents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attuned_recommender::{Embedding, Item, ItemId, Modality, Timestamp};
use serde::{Deserialize, Serialize};

use super::value::{ValueV1, from_named, named};
use super::{exact, from_exact, modality, pack, unknown_version, unpack};
use crate::store::{MediaHash, MediaSource, StoredItem, StoredMedia};

/// The version that is written.
pub const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct ItemV1 {
    id: String,
    kind: String,
    title: Option<String>,
    text: Option<String>,
    tags: Vec<String>,
    attributes: Vec<(String, ValueV1)>,
    published_at_ms: Option<i64>,
    expires_at_ms: Option<i64>,
    provider: Option<String>,
    media: Vec<(String, MediaV1)>,
    own_embeddings: Vec<(String, Vec<f32>)>,
}

#[derive(Serialize, Deserialize)]
enum MediaV1 {
    Hash([u8; 32]),
    Path(PathBuf),
}

/// An item's document, its media and its own embeddings: a [`StoredItem`] without what was
/// understood of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub item: Item,
    pub media: Vec<StoredMedia>,
    pub own_embeddings: BTreeMap<Modality, Embedding>,
}

impl Document {
    /// The media files that it refers to.
    pub fn media_hashes(&self) -> impl Iterator<Item = MediaHash> {
        self.media.iter().filter_map(|medium| match &medium.source {
            MediaSource::Hash(hash) => Some(*hash),
            MediaSource::Path(_) => None,
        })
    }
}

/// The payload of an item's document; its content is a record of its own.
pub fn encode(stored: &StoredItem) -> Vec<u8> {
    let StoredItem { item, media, own_embeddings, content: _, content_pending: _ } = stored;
    let to_medium = |medium: &StoredMedia| {
        let source = match &medium.source {
            MediaSource::Hash(hash) => MediaV1::Hash(hash.to_bytes()),
            MediaSource::Path(path) => MediaV1::Path(path.clone()),
        };
        (medium.modality.name().to_owned(), source)
    };
    pack(&ItemV1 {
        id: item.id.to_string(),
        kind: item.kind.clone(),
        title: item.title.clone(),
        text: item.text.clone(),
        tags: item.tags.clone(),
        attributes: named(&item.attributes),
        published_at_ms: item.published_at.map(Timestamp::unix_ms),
        expires_at_ms: item.expires_at.map(Timestamp::unix_ms),
        provider: item.provider.clone(),
        media: media.iter().map(to_medium).collect(),
        own_embeddings: own_embeddings
            .iter()
            .map(|(modality, embedding)| (modality.name().to_owned(), exact(embedding)))
            .collect(),
    })
}

/// The document in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<Document, String> {
    match version {
        1 => from_v1(unpack(payload)?),
        newer => Err(unknown_version(newer, VERSION)),
    }
}

fn from_v1(record: ItemV1) -> Result<Document, String> {
    let item = Item {
        id: ItemId::parse(&record.id).map_err(|error| error.to_string())?,
        kind: record.kind,
        title: record.title,
        text: record.text,
        tags: record.tags,
        attributes: from_named(record.attributes),
        published_at: record.published_at_ms.map(Timestamp::from_unix_ms),
        expires_at: record.expires_at_ms.map(Timestamp::from_unix_ms),
        provider: record.provider,
    };
    let to_medium = |(name, source): (String, MediaV1)| {
        let source = match source {
            MediaV1::Hash(bytes) => MediaSource::Hash(MediaHash::from_bytes(bytes)),
            MediaV1::Path(path) => MediaSource::Path(path),
        };
        Ok(StoredMedia { modality: modality(&name)?, source })
    };
    Ok(Document {
        item,
        media: record.media.into_iter().map(to_medium).collect::<Result<_, String>>()?,
        own_embeddings: record
            .own_embeddings
            .into_iter()
            .map(|(name, values)| Ok((modality(&name)?, from_exact(values)?)))
            .collect::<Result<_, String>>()?,
    })
}
