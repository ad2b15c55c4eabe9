//! Items: taken, stored, learnt of at once, and understood in the background.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use attuned_encoders::{EncodeError, Encoders, Encoding};
use attuned_recommender::{Content, Embedding, Input, Item, ItemId, Label, Modality, ModelEmbedding};
use bytes::Bytes;

use super::ahead;
use super::fusion::fuse;
use super::journal::Step;
use super::pending::{Pending, Work};
use super::turns::Turn;
use super::understanding::{OWN_MODEL, Piece};
use super::{Pipeline, Shared, reject_by_store};
use crate::document::{ItemDocument, MediaInput, ParsedItem, Rejection, RejectionCode};
use crate::service::Pulse;
use crate::store::{MediaSource, StoredItem, StoredMedia, Write, Written, as_stored};
use crate::topic::Topic;

impl Pipeline {
    /// Takes an item, in place of any earlier one of its id. A document without media keeps the
    /// media that were sent before. Durable when it resolves; the content is understood later.
    ///
    /// # Errors
    ///
    /// The document is wrong, or cannot be stored now: nothing was changed.
    pub async fn put_item(&self, document: ItemDocument) -> Result<(), Rejection> {
        let topic_id = None;
        self.shared.put_item(document.parse(topic_id)?).await
    }

    /// [`Pipeline::put_item`] where the address names the item.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn put_item_at(&self, id: &ItemId, document: ItemDocument) -> Result<(), Rejection> {
        self.shared.put_item(document.parse(Some(id))?).await
    }

    /// Removes an item. What people did with it stays known, as it may come back.
    ///
    /// # Errors
    ///
    /// [`RejectionCode::NotFound`] if it is not known; or it cannot be stored now.
    pub async fn remove_item(&self, id: ItemId) -> Result<(), Rejection> {
        let _one_at_a_time = self.shared.items.lock().await;
        let step = Step { write: Write::RemoveItem(id.clone()), input: Some(Input::RemoveItem(id.clone())) };
        match self.shared.journal.enter(vec![step]).await?.first() {
            Some(Written::Absent) => Err(unknown_item(&id)),
            _ => Ok(()),
        }
    }

    /// Takes a picture, sound or film of an item, in place of those of that modality; no bytes
    /// remove them. Durable when it resolves; understood later.
    ///
    /// # Errors
    ///
    /// The item is not known, the file is too large, or cannot be stored now.
    pub async fn put_media(&self, id: ItemId, modality: Modality, bytes: Bytes) -> Result<(), Rejection> {
        let shared = &self.shared;
        let what = format!("item `{id}` {}", modality.name());
        shared.media.check_size(&what, bytes.len() as u64)?;
        let mut stored = shared.stored_item(&id)?.ok_or_else(|| unknown_item(&id))?;
        let added = if bytes.is_empty() {
            None
        } else {
            Some(MediaSource::Hash(shared.store.put_media(bytes).await.map_err(reject_by_store)?))
        };
        let _one_at_a_time = shared.items.lock().await;
        stored = shared.stored_item(&id)?.ok_or_else(|| unknown_item(&id)).unwrap_or(stored);
        let before = stored.media.clone();
        stored.media.retain(|media| media.modality != modality);
        stored.media.extend(added.map(|source| StoredMedia { modality, source }));
        if stored.media == before {
            return Ok(());
        }
        shared.enter_item(stored).await
    }
}

fn unknown_item(id: &ItemId) -> Rejection {
    Rejection::new(RejectionCode::NotFound, format!("item `{id}` is not known, expected its document first"))
}

impl Shared {
    async fn put_item(&self, parsed: ParsedItem) -> Result<(), Rejection> {
        let ParsedItem { item, media: inputs, embeddings } = parsed;
        let mut media = Vec::with_capacity(inputs.len());
        for (modality, input) in inputs {
            let what = format!("item `{}` {}", item.id, modality.name());
            let source = match input {
                MediaInput::Path(path) => {
                    self.media.resolve(&what, &path)?;
                    MediaSource::Path(path.into())
                }
                MediaInput::Bytes(bytes) => {
                    self.media.check_size(&what, bytes.len() as u64)?;
                    MediaSource::Hash(self.store.put_media(bytes.into()).await.map_err(reject_by_store)?)
                }
            };
            media.push(StoredMedia { modality, source });
        }
        let _one_at_a_time = self.items.lock().await;
        let earlier = self.stored_item(&item.id)?;
        if media.is_empty() {
            media = earlier.iter().flat_map(|earlier| earlier.media.clone()).collect();
        }
        let unchanged = earlier.as_ref().is_some_and(|earlier| {
            !earlier.content_pending
                && text_of(&earlier.item) == text_of(&item)
                && earlier.media == media
                && earlier.own_embeddings == embeddings
        });
        let stored = StoredItem {
            item,
            media,
            own_embeddings: embeddings,
            // What was understood of the earlier document stands until the new one is understood.
            content: earlier.and_then(|earlier| earlier.content),
            content_pending: true,
        };
        if unchanged {
            let content = stored.content.clone().unwrap_or_default();
            let input = Input::PutItem { item: stored.item.clone(), content };
            let write = Write::PutItem(StoredItem { content_pending: false, ..stored });
            self.journal.enter(vec![Step { write, input: Some(input) }]).await?;
            return Ok(());
        }
        self.enter_item(stored).await
    }

    /// Stores the item as still to be understood.
    async fn enter_item(&self, mut stored: StoredItem) -> Result<(), Rejection> {
        stored.content_pending = true;
        let mut content = stored.content.clone().unwrap_or_default();
        add_own_embeddings(&mut content, &stored.own_embeddings);
        let id = stored.item.id.clone();
        let input = Input::PutItem { item: stored.item.clone(), content };
        // What other models understood was of the earlier words and media.
        let unstage = Step { write: Write::Unstage(id.clone()), input: None };
        let put = Step { write: Write::PutItem(stored), input: Some(input) };
        self.journal.enter(vec![put, unstage]).await?;
        self.understanding.enqueue(id);
        Ok(())
    }

    pub(super) fn stored_item(&self, id: &ItemId) -> Result<Option<StoredItem>, Rejection> {
        self.store.item(id).map_err(reject_by_store)
    }

    /// Understands one item and stores the result, unless the item has changed meanwhile; then it
    /// is in the queue again already.
    async fn understand_item(&self, id: &ItemId, pulse: &Pulse) -> Result<(), Rejection> {
        let Some(stored) = self.stored_item(id)? else { return Ok(()) };
        let encoders = self.understanding.encoders();
        let understood = self.understand(&stored, encoders.as_ref(), pulse).await;
        let _one_at_a_time = self.items.lock().await;
        let Some(current) = self.stored_item(id)? else { return Ok(()) };
        if !same_content(&current, &stored) {
            return Ok(());
        }
        let content_pending = understood.postponed;
        // The recommender sees what a restart would read back, so that lists stay the same.
        let content = as_stored(&understood.content);
        let input = Input::PutItem { item: current.item.clone(), content };
        let write =
            Write::PutItem(StoredItem { content: Some(understood.content), content_pending, ..current });
        self.journal.enter(vec![Step { write, input: Some(input) }]).await?;
        for reason in understood.unreadable {
            let topic = Topic::Item(id.clone()).render(&self.settings.prefix);
            self.report(&Rejection::invalid(reason), &topic).await?;
        }
        Ok(())
    }

    /// What the encoders say of an item's words and media.
    pub(super) async fn understand(
        &self,
        stored: &StoredItem,
        encoders: Option<&Encoders>,
        pulse: &Pulse,
    ) -> Understood {
        let mut understood = Understood::default();
        let mut pieces: BTreeMap<Modality, Vec<Encoding>> = BTreeMap::new();
        let text = text_of(&stored.item);
        let mut work: Vec<(Modality, Result<Piece, Rejection>)> = Vec::new();
        if !text.is_empty() {
            work.push((Modality::Text, Ok(Piece::Text(text))));
        }
        for media in &stored.media {
            let what = format!("item `{}` {}", stored.item.id, media.modality.name());
            let bytes = match &media.source {
                MediaSource::Hash(hash) => self.store.media(hash).map_err(reject_by_store),
                MediaSource::Path(path) => self.media.read(&what, &path.to_string_lossy()),
            };
            if let Some(piece) = bytes.map(|bytes| Piece::of_media(media.modality, bytes)).transpose() {
                work.push((media.modality, piece));
            }
        }
        for (modality, piece) in work {
            // One piece at most between two beats, so that an encoder that hangs is noticed.
            pulse.beat();
            let encoding = match (piece, encoders) {
                (Ok(piece), Some(encoders)) => {
                    self.understanding.encode_by(encoders, piece, Turn::Background).await
                }
                (Ok(_), None) => {
                    Err(EncodeError::Unavailable { modality, reason: "there are no models".to_owned() })
                }
                (Err(rejection), _) => {
                    understood.unreadable.push(rejection.message);
                    continue;
                }
            };
            match encoding {
                Ok(encoding) => pieces.entry(modality).or_default().push(encoding),
                Err(EncodeError::Unavailable { reason, .. }) => {
                    understood.postponed = true;
                    understood.lacking.insert(modality, reason);
                }
                Err(error @ (EncodeError::Unreadable { .. } | EncodeError::OverLimit { .. })) => {
                    understood.unreadable.push(format!("item `{}`: {error}", stored.item.id));
                }
            }
        }
        for (modality, encodings) in pieces {
            add_mean(&mut understood.content, modality, &encodings);
        }
        if let Some(encoders) = encoders {
            understood.content.fused = fuse(encoders, &understood.content.semantic).await;
        }
        add_own_embeddings(&mut understood.content, &stored.own_embeddings);
        understood
    }

    /// Looks for items that are marked in the store and did not fit into the line.
    fn refill(&self) {
        for item in self.store.items().flatten().filter(|item| item.content_pending) {
            self.understanding.enqueue(item.item.id);
        }
    }
}

/// Whether there is the same to be understood of both.
pub(super) fn same_content(a: &StoredItem, b: &StoredItem) -> bool {
    a.media == b.media && text_of(&a.item) == text_of(&b.item) && a.own_embeddings == b.own_embeddings
}

#[derive(Default)]
pub(super) struct Understood {
    pub content: Content,
    /// One sentence for each medium that is no such content.
    pub unreadable: Vec<String>,
    /// A model is missing: what it would have understood is taken up at the next start.
    pub postponed: bool,
    /// Which, and why.
    pub lacking: BTreeMap<Modality, String>,
}

/// Takes work from the queue until the pipeline is gone.
pub(super) async fn understand_items(shared: Weak<Shared>, pending: Arc<Pending>, pulse: Pulse) {
    while let Some(work) = pulse.while_waiting(pending.next()).await {
        let Some(shared) = shared.upgrade() else { return };
        match work {
            Work::Understand(id) => {
                let encoders = shared.understanding.encoders();
                let in_line = pending.in_line(ahead::IN_LINE_MAX);
                pulse.beat();
                shared.read_ahead(&id, &in_line, encoders.as_ref()).await;
                if let Err(rejection) = shared.understand_item(&id, &pulse).await {
                    tracing::warn!(item = %id, reason = %rejection, "item not understood, it stays marked for the next start");
                }
            }
            Work::Refill => {
                let refill = Arc::clone(&shared);
                drop(tokio::task::spawn_blocking(move || refill.refill()).await);
            }
            Work::Anew(id) => shared.understand_anew(&id, &pulse).await,
            Work::GoOver => shared.go_over(&pulse).await,
        }
    }
}

/// The words of an item, as the text encoder reads them: title, text, tags.
pub(crate) fn text_of(item: &Item) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(item.title.iter().chain(&item.text).map(|part| part.trim().to_owned()));
    if !item.tags.is_empty() {
        parts.push(item.tags.join(", "));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(". ")
}

/// Vectors of a device stand in place of those of a model.
fn add_own_embeddings(content: &mut Content, own: &BTreeMap<Modality, Embedding>) {
    for (modality, embedding) in own {
        let made = ModelEmbedding { model: OWN_MODEL.to_owned(), embedding: embedding.clone() };
        content.embeddings.insert(*modality, made);
    }
}

/// Adds several pieces of one modality as their mean direction; labels are kept at their best score.
pub(crate) fn add_mean(content: &mut Content, modality: Modality, encodings: &[Encoding]) {
    let Some(first) = encodings.first() else { return };
    let same_model: Vec<&Encoding> =
        encodings.iter().filter(|encoding| encoding.model == first.model).collect();
    let mean = |vector: fn(&Encoding) -> &Embedding| {
        let mut sum = vec![0.0_f32; vector(first).dim()];
        for encoding in &same_model {
            for (sum, value) in sum.iter_mut().zip(vector(encoding).as_slice()) {
                *sum += value;
            }
        }
        // Opposite directions cancel out; then the first speaks for all.
        Embedding::from_values(sum).unwrap_or_else(|_| vector(first).clone())
    };
    let mut labels: BTreeMap<&str, f32> = BTreeMap::new();
    for label in same_model.iter().flat_map(|encoding| &encoding.labels) {
        let best = labels.entry(&label.name).or_insert(label.score);
        *best = best.max(label.score);
    }
    let mut labels: Vec<Label> =
        labels.into_iter().map(|(name, score)| Label { name: name.to_owned(), score }).collect();
    labels.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
    labels.truncate(attuned_encoders::LABELS_MAX);
    let embedding = mean(|encoding| &encoding.embedding);
    content.embeddings.insert(modality, ModelEmbedding { model: first.model.clone(), embedding });
    content.semantic.insert(modality, mean(|encoding| &encoding.semantic));
    if !labels.is_empty() {
        content.labels.insert(modality, labels);
    }
}
