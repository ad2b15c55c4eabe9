//! What stands between the pipeline and the encoders: a bounded number of threads that encode, and
//! the list of items that are still to be understood.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use attuned_encoders::{EncodeError, Encoders, Encoding};
use attuned_recommender::{Embedding, FusedContent, ItemId, Modality};
use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

use super::fusion::{self, is_of_another};
use crate::document::Degraded;
use crate::store::StoredItem;

/// Pieces of content that are encoded at once: one for items in the background, one for a query
/// that somebody waits for.
const ENCODING_MAX: usize = 2;
/// Items that wait to be understood. Further ones are marked in the store and taken up at the next
/// start.
const PENDING_MAX: usize = 200_000;

/// The model name of vectors that came with an item.
pub(super) const OWN_MODEL: &str = "device";

/// One piece of content.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    Image(Bytes),
    Audio(Bytes),
    Video(Bytes),
}

pub(super) struct Understanding {
    encoders: Option<Arc<Encoders>>,
    /// Names and versions of the models in use.
    models: BTreeSet<String>,
    permits: Arc<Semaphore>,
    pending: Arc<Pending>,
}

pub(super) fn start(encoders: Option<Arc<Encoders>>) -> (Understanding, Arc<Pending>) {
    let pending = Arc::new(Pending::default());
    let models = encoders.iter().flat_map(|encoders| encoders.models()).map(|model| model.id()).collect();
    let permits = Arc::new(Semaphore::new(ENCODING_MAX));
    (Understanding { encoders, models, permits, pending: Arc::clone(&pending) }, pending)
}

impl Understanding {
    /// Encodes one piece on a thread for blocking work.
    pub(super) async fn encode(&self, piece: Piece) -> Result<Encoding, EncodeError> {
        let modality = piece.modality();
        let unavailable = |reason: &str| EncodeError::Unavailable { modality, reason: reason.to_owned() };
        let encoders = self.encoders.clone().ok_or_else(|| unavailable("there are no models"))?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| unavailable("stopping"))?;
        let encoding = tokio::task::spawn_blocking(move || {
            let encoding = match &piece {
                Piece::Text(text) => encoders.encode_text(text),
                Piece::Image(bytes) => encoders.encode_image(bytes),
                Piece::Audio(bytes) => encoders.encode_audio(bytes),
                Piece::Video(bytes) => encoders.encode_video(bytes),
            };
            drop(permit);
            encoding
        });
        encoding.await.map_err(|_| unavailable("the encoder failed on it"))?
    }

    /// Joins the vectors of an item's media.
    pub(super) async fn fuse(&self, parts: &BTreeMap<Modality, Embedding>) -> Option<Box<FusedContent>> {
        fusion::fuse(self.encoders.as_ref()?, parts).await
    }

    /// What cannot be understood for now, and why.
    pub(super) fn degraded(&self) -> Vec<Degraded> {
        let lacking = |name: &str, reason: String| Degraded {
            part: "encoder".to_owned(),
            name: name.to_owned(),
            reason,
        };
        match &self.encoders {
            None => vec![lacking("models", "there are no models".to_owned())],
            Some(encoders) => {
                encoders.problems().iter().map(|problem| lacking("models", problem.to_string())).collect()
            }
        }
    }

    /// Whether what was understood of the item came from a model that is no longer in use.
    pub(super) fn is_outdated(&self, item: &StoredItem) -> bool {
        let content = item.content.as_ref();
        if let (Some(content), Some(encoders)) = (content, &self.encoders)
            && is_of_another(content, encoders)
        {
            return true;
        }
        !self.models.is_empty()
            && item
                .content
                .iter()
                .flat_map(|content| content.embeddings.values())
                .any(|made| made.model != OWN_MODEL && !self.models.contains(&made.model))
    }

    /// Notes that an item is to be understood.
    pub(super) fn enqueue(&self, item: ItemId) {
        self.pending.add(item);
    }

    /// How many items are still to be understood.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }
}

impl Drop for Understanding {
    fn drop(&mut self) {
        self.pending.close();
    }
}

impl Piece {
    /// A picture, sound or film; `None` for text, which has no file.
    pub(super) fn of_media(modality: Modality, bytes: Bytes) -> Option<Piece> {
        match modality {
            Modality::Text => None,
            Modality::Image => Some(Piece::Image(bytes)),
            Modality::Audio => Some(Piece::Audio(bytes)),
            Modality::Video => Some(Piece::Video(bytes)),
        }
    }

    fn modality(&self) -> Modality {
        match self {
            Piece::Text(_) => Modality::Text,
            Piece::Image(_) => Modality::Image,
            Piece::Audio(_) => Modality::Audio,
            Piece::Video(_) => Modality::Video,
        }
    }
}

/// Items to be understood, each at most once, first come first served.
#[derive(Default)]
pub(super) struct Pending {
    items: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<ItemId>,
    known: BTreeSet<ItemId>,
    in_work: usize,
    closed: bool,
}

impl Pending {
    fn add(&self, item: ItemId) {
        let mut waiting = self.lock();
        if waiting.order.len() < PENDING_MAX && waiting.known.insert(item.clone()) {
            waiting.order.push_back(item);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next item; `None` when there will be none any more.
    pub(super) async fn next(&self) -> Option<ItemId> {
        loop {
            {
                let mut waiting = self.lock();
                waiting.in_work = 0;
                if waiting.closed {
                    return None;
                }
                if let Some(item) = waiting.order.pop_front() {
                    waiting.known.remove(&item);
                    waiting.in_work = 1;
                    return Some(item);
                }
            }
            self.changed.notified().await;
        }
    }

    fn len(&self) -> usize {
        let waiting = self.lock();
        waiting.order.len() + waiting.in_work
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ItemId {
        ItemId::parse(text).expect("an id")
    }

    #[tokio::test]
    async fn an_item_waits_once_and_in_order() {
        let pending = Pending::default();
        for item in ["b", "a", "b"] {
            pending.add(id(item));
        }
        assert_eq!(pending.len(), 2);
        assert_eq!(pending.next().await, Some(id("b")));
        pending.add(id("b"));
        assert_eq!(pending.len(), 3, "the one in work counts");
        assert_eq!(pending.next().await, Some(id("a")));
        assert_eq!(pending.next().await, Some(id("b")));
        pending.close();
        assert_eq!(pending.next().await, None);
    }
}
