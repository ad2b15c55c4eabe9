//! People: their events, their profiles, and the circumstances they live in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use attuned_encoders::EncodeError;
use attuned_recommender::{Comment, Embedding, Event, EventType, Input, ItemId, UserId};
use bytes::Bytes;

use super::journal::Step;
use super::understanding::Piece;
use super::{Pipeline, Shared, circumstances, now, reject_by_store};
use crate::document::{
    EventDocument, EventsTaken, ExportDocument, MediaInput, ParsedEvent, Rejection, RejectionCode,
    UserDocument, parse_value,
};
use crate::store::{Write, Written};

/// Longest name of a context value, bytes; topics hold it to the same characters as ids.
const CONTEXT_KEY_BYTES_MAX: usize = 128;
/// Most context values of a household; further new ones are refused.
const CONTEXT_VALUES_MAX: usize = 1024;

impl Pipeline {
    /// Takes events of a person, in order. An event whose id was seen from this person before does
    /// nothing; one that is wrong is named in the answer and costs no other. Durable when it
    /// resolves, and learnt from.
    ///
    /// # Errors
    ///
    /// None could be taken: all are wrong, or nothing can be stored now.
    pub async fn add_events(
        &self,
        user: UserId,
        documents: Vec<Result<EventDocument, Rejection>>,
    ) -> Result<EventsTaken, Rejection> {
        let now = now();
        let generation = self.shared.understanding.generation().await;
        let household = Arc::clone(&self.shared.context.borrow());
        let mut taken = EventsTaken::default();
        let mut steps = Vec::with_capacity(documents.len());
        let mut first_rejection = None;
        for document in documents {
            let parsed = document.and_then(|document| document.parse(&user, now));
            let event = match parsed {
                Ok(parsed) => self.shared.understand_event(parsed).await,
                Err(rejection) => Err(rejection),
            };
            match event {
                Ok((id, mut event)) => {
                    let local = circumstances::local(event.at, &self.shared.settings.timezone);
                    event.context = circumstances::of_event(event.context, &household, event.at, now, &local);
                    let write = Write::AppendEvent { event: event.clone(), id };
                    steps.push(Step { write, input: Some(Input::Event(event)) });
                }
                Err(rejection) => {
                    taken.rejected.push(rejection.message.clone());
                    first_rejection.get_or_insert(rejection);
                }
            }
        }
        if steps.is_empty() {
            return first_rejection.map_or(Ok(taken), Err);
        }
        // What a comment means lies in the shared space of the models that were in use when it was
        // understood; if that changed meanwhile, the comment counts without it.
        let steady = self.shared.understanding.steady(generation).await;
        if steady.is_none() {
            steps.iter_mut().for_each(Step::forget_meaning);
        }
        for written in self.shared.journal.enter(steps).await? {
            match written {
                Written::Event { seq } => {
                    taken.taken += 1;
                    self.shared.events.fetch_max(seq, Ordering::Relaxed);
                }
                _ => taken.duplicates += 1,
            }
        }
        Ok(taken)
    }

    /// Sets or removes a circumstance of the household. Durable when it resolves.
    ///
    /// # Errors
    ///
    /// The key or the value is wrong or over its limit, or it cannot be stored now.
    pub async fn set_context(&self, key: String, json: Option<serde_json::Value>) -> Result<(), Rejection> {
        if key.is_empty() || key.len() > CONTEXT_KEY_BYTES_MAX {
            let bytes = key.len();
            return Err(Rejection::invalid(format!(
                "context key of {bytes} bytes, expected 1 to {CONTEXT_KEY_BYTES_MAX}"
            )));
        }
        let value = match &json {
            Some(json) => parse_value(&format!("context `{key}`"), json)?,
            None => None,
        };
        let context = self.shared.context.borrow().clone();
        if value.is_some() && !context.contains_key(&key) && context.len() >= CONTEXT_VALUES_MAX {
            return Err(Rejection::too_large(format!(
                "context has {CONTEXT_VALUES_MAX} values already, expected no further ones"
            )));
        }
        let write = Write::SetContext { key: key.clone(), value: value.clone() };
        self.shared.journal.write(vec![write]).await?;
        self.shared.context.send_modify(|context| {
            let context = Arc::make_mut(context);
            match value {
                Some(value) => context.insert(key, value),
                None => context.remove(&key),
            };
        });
        Ok(())
    }

    /// What was learnt of a person.
    ///
    /// # Errors
    ///
    /// [`RejectionCode::NotFound`] if nothing is known of them.
    pub async fn user(&self, user: UserId) -> Result<UserDocument, Rejection> {
        let profile = self.shared.engine.profile(user.clone()).await?;
        let Some(profile) = profile else {
            let message = format!("user `{user}` is not known, no event came from them");
            return Err(Rejection::new(RejectionCode::NotFound, message));
        };
        let named = |(item, weight): &(ItemId, f32)| (item.clone(), *weight);
        let mut titles = BTreeMap::new();
        for (item, _) in profile.interests.iter().chain(&profile.avoided).map(named) {
            if let Some(known) = self.shared.engine.item(item.clone()).await?
                && let Some(title) = &known.title
            {
                titles.insert(item, title.clone());
            }
        }
        Ok(UserDocument::of(&user, &profile, &titles))
    }

    /// Everything that is stored of a person.
    ///
    /// # Errors
    ///
    /// [`RejectionCode::NotFound`] if nothing is known of them, or the store cannot be read.
    pub async fn export(&self, user: UserId) -> Result<ExportDocument, Rejection> {
        let profile = self.user(user.clone()).await?;
        let store = self.shared.store.clone();
        let of = user.clone();
        let events = tokio::task::spawn_blocking(move || {
            store
                .events_of(&of)?
                .map(|stored| stored.map(|stored| EventDocument::of(stored.id.as_ref(), &stored.event)))
                .collect::<Result<Vec<_>, _>>()
        });
        let events = events.await.map_err(|error| Rejection::internal(error.to_string()))?;
        Ok(ExportDocument { user: user.to_string(), events: events.map_err(reject_by_store)?, profile })
    }

    /// Deletes everything that is stored of a person and everything that was learnt from them.
    /// Answers with the number of events that were deleted.
    ///
    /// # Errors
    ///
    /// It cannot be stored now.
    pub async fn forget(&self, user: UserId) -> Result<u64, Rejection> {
        let step = Step { write: Write::ForgetUser(user.clone()), input: Some(Input::ForgetUser(user)) };
        match self.shared.journal.enter(vec![step]).await?.first() {
            Some(Written::Forgotten { events }) => Ok(*events),
            _ => Ok(0),
        }
    }
}

impl Shared {
    /// Adds what a comment says: what all of it is about, and what its words think of it, unless the
    /// event's value says that. It is understood before it is stored, so that what is stored is
    /// whole; a model that is missing costs the understanding, not the event.
    async fn understand_event(
        &self,
        parsed: ParsedEvent,
    ) -> Result<(Option<attuned_recommender::EventId>, Event), Rejection> {
        let ParsedEvent { id, mut event, text, media } = parsed;
        if event.event_type != EventType::Comment {
            return Ok((id, event));
        }
        let mut pieces: Vec<Piece> =
            text.filter(|text| !text.trim().is_empty()).map(Piece::Text).into_iter().collect();
        for (modality, input) in media {
            let what = format!("comment on `{}` {}", event.item, modality.name());
            let bytes = match input {
                MediaInput::Path(path) => self.media.read(&what, &path)?,
                MediaInput::Bytes(bytes) => Bytes::from(bytes),
            };
            self.media.check_size(&what, bytes.len() as u64)?;
            pieces.extend(Piece::of_media(modality, bytes));
        }
        let mut sum: Vec<f32> = Vec::new();
        let mut sentiment = event.value;
        for piece in pieces {
            let words = match &piece {
                Piece::Text(words) => Some(words.clone()),
                Piece::Image(_) | Piece::Audio(_) | Piece::Video(_) => None,
            };
            let encoding = self.understanding.encode(piece).await;
            if let Some(words) = words {
                let said = || self.understanding.sentiment(&words, encoding.as_ref().ok());
                sentiment = sentiment.or_else(said);
            }
            match encoding {
                Ok(encoding) => {
                    sum.resize(encoding.semantic.dim(), 0.0);
                    for (sum, value) in sum.iter_mut().zip(encoding.semantic.as_slice()) {
                        *sum += value;
                    }
                }
                Err(EncodeError::Unavailable { .. }) => {}
                Err(error @ (EncodeError::Unreadable { .. } | EncodeError::OverLimit { .. })) => {
                    return Err(Rejection::invalid(format!("comment on `{}`: {error}", event.item)));
                }
            }
        }
        event.comment = Some(Comment { sentiment, semantic: Embedding::from_values(sum).ok() });
        Ok((id, event))
    }
}
