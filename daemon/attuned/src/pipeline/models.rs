//! Which models are used: switching to others, and going back.
//!
//! A switch never mixes the vectors of two choices of models. While the present ones answer, every
//! item is understood by the others in the background, and what they say is kept beside what is in
//! use. When that is done for all, the stored contents are replaced, then those of the engine at
//! once, and then queries are understood by the other models. Each step is noted before it is taken,
//! so that a start goes on where the program ended.

mod choice;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use attuned_encoders::{Choice, Encoders, FoundModel, ModelState, Purpose};
use attuned_recommender::{Content, ItemId, Modality};

pub use self::choice::{Chosen, choose, names_before, names_of, remembered, target_of, word};
use super::ahead;
use super::items::same_content;
use super::understanding::OWN_MODEL;
use super::{Pipeline, Shared, now, reject_by_store};
use crate::document::{
    Degraded, ModelDocument, ModelStateDocument, ModelsDocument, Rejection, RejectionCode, SwitchDocument,
};
use crate::service::Pulse;
use crate::store::{ModelNames, ModelsRecord, NextModels, Store, StoreError, Write};

/// Contents that are replaced in the store by one write.
const REPLACED_TOGETHER_MAX: usize = 256;
/// How long the switch rests after it could not be stored.
const REST: Duration = Duration::from_secs(5);
/// Most models that one request may name.
const NAMES_MAX: usize = 16;

/// The models that a person, the configuration and the past ask for.
#[derive(Default)]
pub struct ModelsPart {
    /// What is written down.
    pub record: ModelsRecord,
    /// What the configuration prefers.
    pub preferred: Vec<String>,
    /// The models to switch to, if that is under way.
    pub next: Option<Encoders>,
    /// After how long an idle model is unloaded; `None` means never.
    pub idle: Option<Duration>,
}

/// The state of the choice of models.
pub(super) struct Models {
    record: tokio::sync::Mutex<ModelsRecord>,
    preferred: Vec<String>,
    next: Mutex<Option<Next>>,
    /// Why the last switch was given up.
    given_up: Mutex<Option<String>>,
}

/// A switch under way.
#[derive(Clone)]
struct Next {
    encoders: Encoders,
    models: ModelNames,
    /// One word for these models.
    target: String,
}

impl Models {
    pub(super) fn new(record: ModelsRecord, preferred: Vec<String>) -> Models {
        let (next, given_up) = (Mutex::default(), Mutex::default());
        Models { record: tokio::sync::Mutex::new(record), preferred, next, given_up }
    }

    fn next(&self) -> MutexGuard<'_, Option<Next>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given_up(&self) -> MutexGuard<'_, Option<String>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with the choice of models.
    pub(super) fn degraded(&self) -> Option<Degraded> {
        let reason = self.given_up().clone()?;
        Some(Degraded { part: "encoder".to_owned(), name: "switch".to_owned(), reason })
    }
}

impl Pipeline {
    /// Every model, and the switch under way.
    ///
    /// # Errors
    ///
    /// The models' folder cannot be read.
    pub async fn models(&self) -> Result<ModelsDocument, Rejection> {
        self.shared.models_document().await
    }

    /// Switches to models in the background; gives what then is.
    ///
    /// # Errors
    ///
    /// One of them is not there, is refused, or does not go with the others: nothing was changed.
    pub async fn use_models(&self, names: Vec<String>) -> Result<ModelsDocument, Rejection> {
        if names.is_empty() || names.len() > NAMES_MAX {
            let count = names.len();
            return Err(Rejection::invalid(format!("{count} models are named, expected 1 to {NAMES_MAX}")));
        }
        let mut record = self.shared.models.record.lock().await;
        self.shared.choose(&mut record, names, true).await?;
        drop(record);
        self.shared.models_document().await
    }

    /// Goes back to the model that was used for something before; gives what then is.
    ///
    /// # Errors
    ///
    /// No other was used, or it cannot be used now: nothing was changed.
    pub async fn roll_back_model(&self, purpose: Purpose) -> Result<ModelsDocument, Rejection> {
        let mut record = self.shared.models.record.lock().await;
        let mut earlier = record.clone();
        let names = names_before(&mut earlier, purpose)?;
        self.shared.choose(&mut earlier, names, false).await?;
        *record = earlier;
        drop(record);
        self.shared.models_document().await
    }
}

impl Shared {
    /// Chooses models and begins to switch to them; notes what was used so far where it is to be
    /// remembered.
    async fn choose(
        &self,
        record: &mut ModelsRecord,
        names: Vec<String>,
        remember: bool,
    ) -> Result<(), Rejection> {
        if record.next.as_ref().is_some_and(|next| next.replacing) {
            let message = "the models are being switched this moment, expected to be asked again in a moment";
            return Err(Rejection::new(RejectionCode::Unavailable, message));
        }
        let base = self.understanding.encoders().ok_or_else(no_models)?;
        let (preferred, present) = (self.models.preferred.clone(), record.clone());
        let chosen = tokio::task::spawn_blocking(move || choose(&base, &names, &present, &preferred));
        let Chosen { encoders, chosen } =
            chosen.await.map_err(|error| Rejection::internal(error.to_string()))??;
        let (models, space) = target_of(&encoders, record);
        let mut changed = record.clone();
        if remember {
            changed.remember();
        }
        changed.chosen = chosen;
        let differs = models != changed.current;
        changed.next = differs.then_some(NextModels { models, space, replacing: false });
        self.write_models(&mut changed).await?;
        *record = changed;
        *self.models.given_up() = None;
        match record.next.clone() {
            Some(next) => self.begin_switch(encoders, next).await,
            None => {
                *self.models.next() = None;
                self.understanding.pending().end_anew();
                Ok(())
            }
        }
    }

    /// Goes on with a switch, or begins it: of what is staged for it already, nothing is understood
    /// again.
    pub(super) async fn begin_switch(&self, encoders: Encoders, next: NextModels) -> Result<(), Rejection> {
        let target = word(&next.models);
        // No item comes or changes between the look at the store and the beginning.
        let _no_item_changes = self.items.lock().await;
        let store = self.store.clone();
        let wanted = target.clone();
        let lines = tokio::task::spawn_blocking(move || left_to_do(&store, &wanted));
        let (left, total) =
            lines.await.map_err(|error| Rejection::internal(error.to_string()))?.map_err(reject_by_store)?;
        tracing::info!(to = target, items = total, left = left.len(), "switching models");
        *self.models.next() = Some(Next { encoders, models: next.models, target });
        self.understanding.pending().begin_anew(left, total);
        Ok(())
    }

    /// Understands one item by the models that are to be used next.
    pub(super) async fn understand_anew(&self, id: &ItemId, pulse: &Pulse) {
        let Some(next) = self.models.next().clone() else { return };
        if let Err(problem) = next.encoders.check_files() {
            return self.give_up(&next, &problem.to_string()).await;
        }
        let in_line = self.understanding.pending().in_line_anew(ahead::IN_LINE_MAX);
        pulse.beat();
        self.read_ahead(id, &in_line, Some(&next.encoders)).await;
        match self.try_understand_anew(id, &next, pulse).await {
            Ok(None) => {}
            Ok(Some(problem)) => self.give_up(&next, &problem).await,
            Err(rejection) => {
                tracing::warn!(item = %id, reason = %rejection, "item not understood anew, trying again");
                pulse.while_waiting(tokio::time::sleep(REST)).await;
                self.understanding.enqueue(id.clone());
            }
        }
    }

    /// Gives the sentence for which the switch is to be given up, if there is one.
    async fn try_understand_anew(
        &self,
        id: &ItemId,
        next: &Next,
        pulse: &Pulse,
    ) -> Result<Option<String>, Rejection> {
        let Some(stored) = self.stored_item(id)? else { return Ok(None) };
        let understood = self.understand(&stored, Some(&next.encoders), pulse).await;
        let current = self.models.record.lock().await.current.clone();
        for (modality, reason) in understood.lacking {
            let name = modality.name();
            if next.models.get(name) != current.get(name) {
                return Ok(Some(reason));
            }
        }
        for reason in understood.unreadable {
            // The sender was told when the item came.
            tracing::debug!(item = %id, reason, "left out of what is understood anew");
        }
        let _one_at_a_time = self.items.lock().await;
        let Some(now) = self.stored_item(id)? else { return Ok(None) };
        if same_content(&now, &stored) {
            let write = Write::Stage {
                item: id.clone(),
                target: next.target.clone(),
                content: understood.content,
                pending: understood.postponed,
            };
            self.journal.write(vec![write]).await?;
        }
        Ok(None)
    }

    /// Ends the switch, as its models cannot be used.
    async fn give_up(&self, next: &Next, reason: &str) {
        let sentence = format!("the switch to {} was given up: {reason}", next.target);
        tracing::warn!(reason = sentence, "models are not switched");
        let mut record = self.models.record.lock().await;
        let mut changed = record.clone();
        changed.next = None;
        for (purpose, id) in &next.models {
            match changed.current.get(purpose) {
                Some(present) if present == id => {}
                Some(present) => drop(changed.chosen.insert(purpose.clone(), present.clone())),
                None => drop(changed.chosen.remove(purpose)),
            }
        }
        if let Err(rejection) = self.write_models(&mut changed).await {
            tracing::warn!(reason = %rejection, "that is not noted, the next start tries the switch again");
        }
        *record = changed;
        *self.models.next() = None;
        *self.models.given_up() = Some(sentence);
        self.understanding.pending().end_anew();
    }

    /// Uses the other models, as every item is understood by them.
    pub(super) async fn go_over(&self, pulse: &Pulse) {
        let next = self.models.next().clone();
        let Some(next) = next else { return self.understanding.pending().end_anew() };
        if let Err(rejection) = self.try_go_over(next, pulse).await {
            tracing::warn!(reason = %rejection, "models not switched yet, trying again");
            pulse.while_waiting(tokio::time::sleep(REST)).await;
        }
    }

    async fn try_go_over(&self, next: Next, pulse: &Pulse) -> Result<(), Rejection> {
        let mut record = self.models.record.lock().await;
        let _no_item_changes = self.items.lock().await;
        if !self.understanding.pending().all_anew() {
            return Ok(());
        }
        let mut changed = record.clone();
        if let Some(noted) = &mut changed.next {
            noted.replacing = true;
        }
        self.write_models(&mut changed).await?;
        *record = changed.clone();
        let store = self.store.clone();
        let target = next.target.clone();
        let promoted = tokio::task::spawn_blocking(move || promote(&store, &target));
        pulse
            .while_waiting(promoted)
            .await
            .map_err(|error| Rejection::internal(error.to_string()))?
            .map_err(reject_by_store)?;
        let halted = self.understanding.halt().await;
        let other_space = changed.next.as_ref().is_some_and(|noted| noted.space != changed.space);
        let in_use: HashSet<String> = next.models.values().cloned().collect();
        let contents = self.store.items().flatten().map(move |stored| {
            let content = stored.content.map(|content| comparable(content, &in_use));
            (stored.item, content.unwrap_or_default())
        });
        let replaced =
            pulse.while_waiting(self.engine.replace(Box::new(contents), other_space, now())).await?;
        changed.go_over(self.events.load(std::sync::atomic::Ordering::Relaxed));
        let written = self.write_models(&mut changed).await;
        self.understanding.use_now(next.encoders, halted);
        *self.models.next() = None;
        self.understanding.pending().end_anew();
        *record = changed;
        tracing::info!(to = next.target, items = replaced, "models switched");
        if other_space && let Err(rejection) = self.save_snapshot().await {
            tracing::debug!(reason = %rejection, "what was learnt is not written down yet");
        }
        // It is in use; if that could not be noted, a start replaces what is replaced already.
        written
    }

    pub(super) async fn models_document(&self) -> Result<ModelsDocument, Rejection> {
        let current = self.understanding.encoders().ok_or_else(no_models)?;
        let next = self.models.next().clone();
        let names: Vec<String> = current.models().iter().map(|model| model.id()).collect();
        let listed = next.as_ref().map_or_else(|| current.clone(), |next| next.encoders.clone());
        let rescanned = tokio::task::spawn_blocking(move || {
            listed.rescan(&Choice { wanted: Vec::new(), remembered: names })
        });
        let found = rescanned
            .await
            .map_err(|error| Rejection::internal(error.to_string()))?
            .map_err(|error| Rejection::new(RejectionCode::Unavailable, error.to_string()))?
            .found();
        let next_models = next.as_ref().map(|next| next.encoders.models()).unwrap_or_default();
        let is_next = |id: &str| {
            next_models.iter().any(|model| model.id() == id) && !current.models().iter().any(|m| m.id() == id)
        };
        let models = found.iter().map(|found| document_of(found, is_next)).collect();
        Ok(ModelsDocument { models, switch: self.switch(), problem: self.models.given_up().clone() })
    }

    /// The switch under way.
    pub(super) fn switch(&self) -> Option<SwitchDocument> {
        let next = self.models.next().clone()?;
        let (done, total) = self.understanding.pending().progress()?;
        let current: Vec<String> =
            self.understanding.encoders().iter().flat_map(Encoders::models).map(|model| model.id()).collect();
        let to = next.models.into_values().filter(|id| !current.contains(id)).collect();
        Some(SwitchDocument { to, done: done as u64, total: total as u64 })
    }

    async fn write_models(&self, record: &mut ModelsRecord) -> Result<(), Rejection> {
        let (store, mut copy) = (self.store.path().to_owned(), record.clone());
        tokio::task::spawn_blocking(move || copy.write(&store))
            .await
            .map_err(|error| Rejection::internal(error.to_string()))?
            .map_err(reject_by_store)
    }
}

/// Lets go of idle models until the pipeline is gone.
pub(super) async fn unload_idle(shared: Weak<Shared>, idle: Duration) {
    let every = (idle / 4).clamp(Duration::from_millis(100), Duration::from_secs(15));
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = shared.upgrade() else { return };
        if let Some(encoders) = shared.understanding.encoders() {
            let unloaded = encoders.unload_idle(idle);
            if unloaded > 0 {
                tracing::debug!(unloaded, "idle models unloaded");
            }
        }
    }
}

/// Puts everything that is staged for the models in the place of what is in use, and drops what was
/// staged for others. Blocks.
///
/// # Errors
///
/// The store cannot be written; what was replaced stays so.
pub fn promote(store: &Store, target: &str) -> Result<(), StoreError> {
    let mut writes = Vec::with_capacity(REPLACED_TOGETHER_MAX);
    for staged in store.staged() {
        let (item, of) = staged?;
        writes.push(if of == target { Write::Promote { item, target: of } } else { Write::Unstage(item) });
        if writes.len() == REPLACED_TOGETHER_MAX {
            store.commit_blocking(std::mem::take(&mut writes))?;
        }
    }
    if writes.is_empty() { Ok(()) } else { store.commit_blocking(writes).map(drop) }
}

/// The content without what models made that are not in use: an item that could not be staged.
fn comparable(mut content: Content, in_use: &HashSet<String>) -> Content {
    let foreign: Vec<Modality> = content
        .embeddings
        .iter()
        .filter(|(_, made)| made.model != OWN_MODEL && !in_use.contains(&made.model))
        .map(|(modality, _)| *modality)
        .collect();
    for modality in foreign {
        content.embeddings.remove(&modality);
        content.semantic.remove(&modality);
        content.labels.remove(&modality);
    }
    content.fused = content.fused.filter(|fused| in_use.contains(&fused.model));
    content
}

/// The items of which nothing is staged for the target, and how many items there are.
fn left_to_do(store: &Store, target: &str) -> Result<(Vec<ItemId>, usize), StoreError> {
    let done: HashSet<ItemId> =
        store.staged().flatten().filter(|(_, of)| of == target).map(|(item, _)| item).collect();
    let mut left = Vec::new();
    let mut total = 0;
    for id in store.item_ids() {
        let id = id?;
        total += 1;
        if !done.contains(&id) {
            left.push(id);
        }
    }
    Ok((left, total))
}

/// A model as `attuned model list` shows it.
pub fn document_of(found: &FoundModel, is_next: impl Fn(&str) -> bool) -> ModelDocument {
    let summary = found.summary.as_ref();
    let (state, reason) = match &found.state {
        ModelState::InUse => (ModelStateDocument::InUse, None),
        ModelState::Available => (ModelStateDocument::Available, None),
        ModelState::Refused(reason) => (ModelStateDocument::Refused, Some(reason.clone())),
    };
    let next = summary.is_some_and(|model| is_next(&model.id()));
    ModelDocument {
        folder: found.folder.clone(),
        name: summary.map(|model| model.name.clone()),
        version: summary.map(|model| model.version.clone()),
        modality: summary.map(|model| model.purpose.name().to_owned()),
        dim: summary.map(|model| model.dim as u64),
        bytes: summary.map(|model| model.bytes),
        licence: summary.map(|model| model.licence.clone()),
        space: summary.map(|model| model.space.clone()),
        optional: summary.is_some_and(|model| model.optional),
        languages: summary.map(|model| model.languages.clone()).unwrap_or_default(),
        state: if next { ModelStateDocument::Next } else { state },
        reason: reason.filter(|_| !next),
        loaded: summary.is_some_and(|model| model.loaded),
    }
}

fn no_models() -> Rejection {
    Rejection::new(RejectionCode::Unavailable, "there are no models, see models.path")
}
