//! What stands between the pipeline and the encoders: which models are in use, whose turn it is, and
//! what is known already.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attuned_encoders::{EncodeError, Encoders, Encoding};
use attuned_recommender::{ItemId, Modality};
use bytes::Bytes;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::fusion::is_of_another;
use super::pending::Pending;
use super::recall::{self, Known, Recall, key_of};
use super::turns::{Turn, Turns};
use crate::document::{Degraded, EncodedDocument};
use crate::store::{Store, StoredItem};

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
    current: Mutex<Option<Encoders>>,
    /// How often other models came into use. Read by those whose vectors must be of the models of
    /// the index, for as long as it takes to compare them; written by who changes both.
    generation: RwLock<u64>,
    turns: Turns,
    recall: Recall,
    store: Store,
    pending: Arc<Pending>,
}

/// As long as this is held, the models in use stay the same.
pub(super) type Steady<'a> = RwLockReadGuard<'a, u64>;

pub(super) fn start(encoders: Option<Encoders>, store: Store) -> (Understanding, Arc<Pending>) {
    let pending = Arc::new(Pending::default());
    let understanding = Understanding {
        current: Mutex::new(encoders),
        generation: RwLock::new(0),
        turns: Turns::new(),
        recall: Recall::default(),
        store,
        pending: Arc::clone(&pending),
    };
    (understanding, pending)
}

impl Understanding {
    /// The encoders in use; `None` if the models' folder cannot be read.
    pub(super) fn encoders(&self) -> Option<Encoders> {
        self.lock().clone()
    }

    /// Encodes one piece that somebody waits for by the models in use. It is not written down.
    pub(super) async fn encode(&self, piece: Piece) -> Result<Encoding, EncodeError> {
        let encoders = self.encoders().ok_or_else(|| EncodeError::Unavailable {
            modality: piece.modality(),
            reason: "there are no models".to_owned(),
        })?;
        self.encode_by(&encoders, piece, Turn::Asked).await
    }

    /// Encodes one piece on a thread for blocking work, unless that was done before. Pieces of the
    /// background are kept in the store.
    pub(super) async fn encode_by(
        &self,
        encoders: &Encoders,
        piece: Piece,
        turn: Turn,
    ) -> Result<Encoding, EncodeError> {
        let modality = piece.modality();
        let failed = |_| EncodeError::Unavailable { modality, reason: "the encoder failed on it".to_owned() };
        let signature = encoders.signature(modality);
        let (hashed, store) = (piece.clone(), self.store.clone());
        let found = move || {
            let key = key_of(&signature, &hashed);
            (key, store.encoding(&key).and_then(|bytes| recall::decode(&bytes)))
        };
        let (key, found) = tokio::task::spawn_blocking(found).await.map_err(failed)?;
        if let Some(found) = found {
            if !self.recall.was_ahead(&key) {
                self.recall.spared();
            }
            return Ok(found);
        }
        let mut ran = false;
        let place = self.recall.place(&key);
        let encoding = place.get_or_try_init(async || {
            let turn = self.turns.take(turn).await;
            ran = true;
            self.recall.ran();
            let encoders = encoders.clone();
            let encoding = tokio::task::spawn_blocking(move || {
                let encoding = match &piece {
                    Piece::Text(text) => encoders.encode_text(text),
                    Piece::Image(bytes) => encoders.encode_image(bytes),
                    Piece::Audio(bytes) => encoders.encode_audio(bytes),
                    Piece::Video(bytes) => encoders.encode_video(bytes),
                };
                drop(turn);
                encoding
            });
            encoding.await.map_err(failed)?.map(Known::of)
        });
        let known = encoding.await?.clone();
        if !ran {
            self.recall.spared();
        }
        if turn == Turn::Background {
            let (store, bytes) = (self.store.clone(), known.bytes);
            let keep = move || store.keep_encoding(&key, &bytes);
            tokio::task::spawn_blocking(keep).await.map_err(failed)?;
        }
        Ok(known.encoding)
    }

    /// Whether a text's encoding is kept in the store. Blocks for a short read.
    pub(super) fn is_kept(&self, encoders: &Encoders, text: &str) -> bool {
        let key = key_of(&encoders.signature(Modality::Text), &Piece::Text(text.to_owned()));
        self.store.encoding(&key).is_some()
    }

    /// Encodes texts in one turn of the background and keeps what comes of it in the store, for whoever
    /// encodes one of them next. Those that cannot be encoded are left out.
    pub(super) async fn encode_ahead(&self, encoders: &Encoders, texts: Vec<String>) {
        let signature = encoders.signature(Modality::Text);
        let turn = self.turns.take(Turn::Background).await;
        let (encoders, store) = (encoders.clone(), self.store.clone());
        let keys = tokio::task::spawn_blocking(move || {
            let all: Vec<&str> = texts.iter().map(String::as_str).collect();
            let encodings = encoders.encode_texts(&all);
            drop(turn);
            let kept = texts.into_iter().zip(encodings).filter_map(|(text, encoding)| {
                let key = key_of(&signature, &Piece::Text(text));
                store.keep_encoding(&key, &Known::of(encoding.ok()?).bytes);
                Some(key)
            });
            kept.collect::<Vec<_>>()
        });
        // If it failed, each text is tried again when its turn comes.
        for key in keys.await.unwrap_or_default() {
            self.recall.ran_ahead(key);
        }
    }

    /// What words say of their subject, in `[-1, 1]`; `None` if that cannot be told.
    pub(super) fn sentiment(&self, text: &str, encoding: Option<&Encoding>) -> Option<f32> {
        self.encoders()?.sentiment(text, encoding)
    }

    /// What cannot be understood for now, and why.
    pub(super) fn degraded(&self) -> Vec<Degraded> {
        let lacking = |name: &str, reason: String| Degraded {
            part: "encoder".to_owned(),
            name: name.to_owned(),
            reason,
        };
        match &*self.lock() {
            None => vec![lacking("models", "there are no models".to_owned())],
            Some(encoders) => {
                encoders.problems().iter().map(|problem| lacking("models", problem.to_string())).collect()
            }
        }
    }

    /// How often an encoder ran, and how often that was spared.
    pub(super) fn counts(&self) -> EncodedDocument {
        self.recall.counts()
    }

    /// The number of the models in use, to be compared by [`Understanding::steady`].
    pub(super) async fn generation(&self) -> u64 {
        *self.generation.read().await
    }

    /// Keeps the models in use as they are; `None` if they are others than those of `generation` by
    /// now, and what was encoded since then is to be encoded again. To be held for milliseconds.
    pub(super) async fn steady(&self, generation: u64) -> Option<Steady<'_>> {
        let steady = self.generation.read().await;
        (*steady == generation).then_some(steady)
    }

    /// Waits until nobody compares anything, and keeps them from it.
    pub(super) async fn halt(&self) -> RwLockWriteGuard<'_, u64> {
        self.generation.write().await
    }

    /// Uses other models from now on.
    pub(super) fn use_now(&self, encoders: Encoders, mut halted: RwLockWriteGuard<'_, u64>) {
        *self.lock() = Some(encoders);
        *halted += 1;
    }

    /// Whether what was understood of the item came from a model that is no longer in use.
    pub(super) fn is_outdated(&self, item: &StoredItem) -> bool {
        let Some(encoders) = self.encoders() else { return false };
        if item.content.as_ref().is_some_and(|content| is_of_another(content, &encoders)) {
            return true;
        }
        let in_use: BTreeSet<String> = encoders.models().iter().map(|model| model.id()).collect();
        let made = item.content.iter().flat_map(|content| content.embeddings.values());
        !in_use.is_empty()
            && made.into_iter().any(|made| made.model != OWN_MODEL && !in_use.contains(&made.model))
    }

    /// Notes that an item is to be understood.
    pub(super) fn enqueue(&self, item: ItemId) {
        self.pending.add(item);
    }

    /// The items that wait.
    pub(super) fn pending(&self) -> &Pending {
        &self.pending
    }

    fn lock(&self) -> MutexGuard<'_, Option<Encoders>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub(super) fn modality(&self) -> Modality {
        match self {
            Piece::Text(_) => Modality::Text,
            Piece::Image(_) => Modality::Image,
            Piece::Audio(_) => Modality::Audio,
            Piece::Video(_) => Modality::Video,
        }
    }

    /// The words or the file.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Piece::Text(text) => text.as_bytes(),
            Piece::Image(bytes) | Piece::Audio(bytes) | Piece::Video(bytes) => bytes,
        }
    }
}
