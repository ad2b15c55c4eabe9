//! Encodings by what they are of, so that the same piece of content is not encoded twice.
//!
//! Those of items are kept in the store; those of queries and comments are not written down, as they
//! are people's own, and are remembered for a while only. All are rounded to half precision, as
//! stored vectors are, so that it makes no difference where one comes from.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use attuned_encoders::Encoding;
use attuned_recommender::{Embedding, Label, Modality};
use half::f16;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::understanding::Piece;
use crate::document::EncodedDocument;
use crate::store::EncodingKey;

/// Encodings that are remembered in memory, about 8 KB each.
const RECENT_MAX: usize = 256;

/// Encodings made before their turn of which it is remembered that they were. Of those that are
/// forgotten, as their items were taken away meanwhile, one too many counts as reused.
const AHEAD_MAX: usize = 256;

/// The layout that is written; others are as good as absent.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct EncodingV1 {
    modality: String,
    model: String,
    embedding: Vec<u16>,
    /// Absent if it is the embedding.
    semantic: Option<Vec<u16>>,
    labels: Vec<(String, f32)>,
}

/// What is remembered, and how often that helped.
#[derive(Default)]
pub(super) struct Recall {
    recent: Mutex<Recent>,
    /// What was encoded before its turn, and was not asked for since.
    ahead: Mutex<HashSet<EncodingKey>>,
    runs: AtomicU64,
    runs_ahead: AtomicU64,
    reused: AtomicU64,
}

#[derive(Default)]
struct Recent {
    cells: HashMap<EncodingKey, Arc<OnceCell<Known>>>,
    /// Oldest first.
    order: VecDeque<EncodingKey>,
}

impl Recall {
    /// The place of an encoding in memory; whoever comes first fills it while the others wait.
    pub(super) fn place(&self, key: &EncodingKey) -> Arc<OnceCell<Known>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = recent.cells.get(key) {
            return Arc::clone(cell);
        }
        if recent.order.len() >= RECENT_MAX
            && let Some(oldest) = recent.order.pop_front()
        {
            recent.cells.remove(&oldest);
        }
        recent.order.push_back(*key);
        Arc::clone(recent.cells.entry(*key).or_default())
    }

    /// Counts a run of an encoder.
    pub(super) fn ran(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a run of an encoder before the turn of what it is for.
    pub(super) fn ran_ahead(&self, key: EncodingKey) {
        self.ran();
        self.runs_ahead.fetch_add(1, Ordering::Relaxed);
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.len() >= AHEAD_MAX {
            ahead.clear();
        }
        ahead.insert(key);
    }

    /// Whether the turn of what was encoded ahead has come: true once.
    pub(super) fn was_ahead(&self, key: &EncodingKey) -> bool {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    /// Counts a run that was spared.
    pub(super) fn spared(&self) {
        self.reused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many runs there were, and how many were spared.
    pub(super) fn counts(&self) -> EncodedDocument {
        let [runs, reused, ahead] =
            [&self.runs, &self.reused, &self.runs_ahead].map(|count| count.load(Ordering::Relaxed));
        EncodedDocument { runs, reused, ahead }
    }
}

/// The key of a piece under a signature of encoders.
pub(super) fn key_of(signature: &str, piece: &Piece) -> EncodingKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(signature.len() as u64).to_le_bytes());
    hasher.update(signature.as_bytes());
    hasher.update(piece.bytes());
    *hasher.finalize().as_bytes()
}

/// An encoding, and the bytes that it is read back from.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub encoding: Encoding,
    pub bytes: Arc<[u8]>,
}

impl Known {
    /// Rounds an encoding as it will be read back from its bytes.
    pub(super) fn of(encoding: Encoding) -> Known {
        let bytes = encode(&encoding);
        // A vector whose values all round to 0 cannot be, as `store::as_stored` shows.
        let encoding = decode(&bytes).unwrap_or(encoding);
        Known { encoding, bytes: bytes.into() }
    }
}

fn encode(encoding: &Encoding) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(
        postcard::to_stdvec(&to_v1(encoding)).expect("an encoding holds nothing that postcard cannot write"),
    );
    bytes
}

/// The encoding in bytes; `None` if they are of another version, or no encoding.
pub(super) fn decode(bytes: &[u8]) -> Option<Encoding> {
    let (version, payload) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    from_v1(postcard::from_bytes(payload).ok()?)
}

fn to_v1(encoding: &Encoding) -> EncodingV1 {
    let Encoding { modality, model, embedding, semantic, labels } = encoding;
    EncodingV1 {
        modality: modality.name().to_owned(),
        model: model.clone(),
        embedding: halved(embedding),
        semantic: (semantic != embedding).then(|| halved(semantic)),
        labels: labels.iter().map(|label| (label.name.clone(), label.score)).collect(),
    }
}

fn from_v1(record: EncodingV1) -> Option<Encoding> {
    let embedding = from_halved(&record.embedding)?;
    let semantic = match &record.semantic {
        Some(bits) => from_halved(bits)?,
        None => embedding.clone(),
    };
    Some(Encoding {
        modality: Modality::from_name(&record.modality)?,
        model: record.model,
        embedding,
        semantic,
        labels: record.labels.into_iter().map(|(name, score)| Label { name, score }).collect(),
    })
}

fn halved(embedding: &Embedding) -> Vec<u16> {
    embedding.as_slice().iter().map(|value| f16::from_f32(*value).to_bits()).collect()
}

fn from_halved(bits: &[u16]) -> Option<Embedding> {
    Embedding::from_values(bits.iter().map(|bits| f16::from_bits(*bits).to_f32()).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(semantic: Vec<f32>) -> Encoding {
        let direction = |values| Embedding::from_values(values).expect("a direction");
        Encoding {
            modality: Modality::Image,
            model: "eyes@1".to_owned(),
            embedding: direction(vec![0.123, -0.5, 0.77]),
            semantic: direction(semantic),
            labels: vec![Label { name: "cat".to_owned(), score: 0.75 }],
        }
    }

    #[test]
    fn an_encoding_is_read_back_as_it_was_rounded() {
        for semantic in [vec![0.123, -0.5, 0.77], vec![1.0, 2.0]] {
            let encoding = encoding(semantic);
            let known = Known::of(encoding.clone());
            assert!(known.encoding.embedding.cosine(&encoding.embedding) > 0.999_999);
            assert_eq!(decode(&known.bytes), Some(known.encoding));
        }
    }

    #[test]
    fn bytes_that_are_none_are_absent() {
        let bytes = encode(&encoding(vec![1.0]));
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[&[VERSION + 1], &bytes[1..]].concat()), None);
        assert_eq!(decode(&bytes[..bytes.len() / 2]), None);
    }

    #[test]
    fn the_same_content_under_other_models_or_of_another_kind_is_another() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let key = key_of("a", &text("bc"));
        assert_eq!(key, key_of("a", &text("bc")));
        assert_ne!(key, key_of("ab", &text("c")));
        assert_ne!(key, key_of("a", &text("bd")));
    }

    fn key(n: usize) -> EncodingKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_le_bytes());
        key
    }

    #[test]
    fn what_was_encoded_before_its_turn_is_spared_once_it_was_used() {
        let recall = Recall::default();
        recall.ran();
        recall.ran_ahead(key(0));
        assert!(recall.was_ahead(&key(0)), "its turn has come");
        assert!(!recall.was_ahead(&key(0)), "it is used again");
        recall.spared();
        assert_eq!(recall.counts(), EncodedDocument { runs: 2, reused: 1, ahead: 1 });
        (0..=AHEAD_MAX).for_each(|n| recall.ran_ahead(key(n)));
        assert!(!recall.was_ahead(&key(0)), "so many whose turn never comes are not remembered");
        assert!(recall.was_ahead(&key(AHEAD_MAX)));
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let recall = Recall::default();
        let first = recall.place(&key(0));
        assert!(Arc::ptr_eq(&first, &recall.place(&key(0))));
        (1..=RECENT_MAX).for_each(|n| drop(recall.place(&key(n))));
        assert!(!Arc::ptr_eq(&first, &recall.place(&key(0))));
    }
}
