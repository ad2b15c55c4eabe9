//! What was understood of items.

use attuned_recommender::{Content, FusedContent, Label, ModelEmbedding};
use serde::{Deserialize, Serialize};

use super::{from_halved, halved, modality, pack, unknown_version, unpack};

/// The version that is written.
pub const VERSION: u8 = 2;

#[derive(Serialize, Deserialize)]
struct ContentV1 {
    pending: bool,
    content: Option<UnderstoodV1>,
}

#[derive(Serialize, Deserialize)]
struct UnderstoodV1 {
    /// Modality, model, values in half precision.
    embeddings: Vec<(String, String, Vec<u16>)>,
    semantic: Vec<(String, Vec<u16>)>,
    labels: Vec<(String, Vec<(String, f32)>)>,
}

#[derive(Serialize, Deserialize)]
struct ContentV2 {
    pending: bool,
    content: Option<UnderstoodV2>,
}

#[derive(Serialize, Deserialize)]
struct UnderstoodV2 {
    parts: UnderstoodV1,
    fused: Option<FusedV2>,
}

#[derive(Serialize, Deserialize)]
struct FusedV2 {
    model: String,
    embedding: Vec<u16>,
    shares: Vec<(String, f32)>,
}

/// The content of an item, and whether it is still to be understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Understanding {
    pub content: Option<Content>,
    pub pending: bool,
}

/// The payload of an item's content.
pub fn encode(content: Option<&Content>, pending: bool) -> Vec<u8> {
    pack(&ContentV2 { pending, content: content.map(to_v2) })
}

/// The content in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<Understanding, String> {
    match version {
        1 => {
            let record: ContentV1 = unpack(payload)?;
            Ok(Understanding { content: record.content.map(from_v1).transpose()?, pending: record.pending })
        }
        2 => {
            let record: ContentV2 = unpack(payload)?;
            Ok(Understanding { content: record.content.map(from_v2).transpose()?, pending: record.pending })
        }
        newer => Err(unknown_version(newer, VERSION)),
    }
}

/// `content` as it will be read back: its vectors rounded to half precision, 11 significant bits a
/// value. Give the recommender this one when it is stored, and it ranks the same after a restart as
/// before.
#[must_use]
pub fn as_stored(content: &Content) -> Content {
    // A vector whose values all round to 0 cannot be: one of at most 4096 values of a unit vector is
    // at least 1/64, and half precision reaches down to 6e-8.
    from_v2(to_v2(content)).expect("unit vectors keep a direction in half precision")
}

fn to_v2(content: &Content) -> UnderstoodV2 {
    let Content { embeddings, semantic, labels, fused } = content;
    let parts = UnderstoodV1 {
        embeddings: embeddings
            .iter()
            .map(|(modality, vector)| {
                (modality.name().to_owned(), vector.model.clone(), halved(&vector.embedding))
            })
            .collect(),
        semantic: semantic
            .iter()
            .map(|(modality, vector)| (modality.name().to_owned(), halved(vector)))
            .collect(),
        labels: labels
            .iter()
            .map(|(modality, labels)| {
                let labels = labels.iter().map(|label| (label.name.clone(), label.score)).collect();
                (modality.name().to_owned(), labels)
            })
            .collect(),
    };
    let to_fused = |FusedContent { model, embedding, shares }: &FusedContent| FusedV2 {
        model: model.clone(),
        embedding: halved(embedding),
        shares: shares.iter().map(|(modality, share)| (modality.name().to_owned(), *share)).collect(),
    };
    let fused = fused.as_deref().map(to_fused);
    UnderstoodV2 { parts, fused }
}

fn from_v2(record: UnderstoodV2) -> Result<Content, String> {
    let to_fused = |FusedV2 { model, embedding, shares }: FusedV2| {
        let shares = shares.into_iter().map(|(name, share)| Ok((modality(&name)?, share)));
        let shares = shares.collect::<Result<_, String>>()?;
        let embedding = from_halved(&embedding)?;
        Ok::<_, String>(Box::new(FusedContent { model, embedding, shares }))
    };
    Ok(Content { fused: record.fused.map(to_fused).transpose()?, ..from_v1(record.parts)? })
}

fn from_v1(record: UnderstoodV1) -> Result<Content, String> {
    let to_embedding = |(name, model, bits): (String, String, Vec<u16>)| {
        Ok((modality(&name)?, ModelEmbedding { model, embedding: from_halved(&bits)? }))
    };
    let to_semantic = |(name, bits): (String, Vec<u16>)| Ok((modality(&name)?, from_halved(&bits)?));
    let to_labels = |(name, labels): (String, Vec<(String, f32)>)| {
        let labels = labels.into_iter().map(|(name, score)| Label { name, score }).collect();
        Ok((modality(&name)?, labels))
    };
    Ok(Content {
        embeddings: record.embeddings.into_iter().map(to_embedding).collect::<Result<_, String>>()?,
        semantic: record.semantic.into_iter().map(to_semantic).collect::<Result<_, String>>()?,
        labels: record.labels.into_iter().map(to_labels).collect::<Result<_, String>>()?,
        fused: None,
    })
}
