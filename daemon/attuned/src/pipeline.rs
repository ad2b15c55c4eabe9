//! The order in which things happen, from an input to its effect and from a request to its answer.
//!
//! ```text
//! input ─ parse ─ journal (store, durable) ─ engine (learns) ─ answered
//!                      └─ items: understanding (encoders) ─ journal ─ engine
//! request ─ parse ─ understanding (query) ─ engine: shortlist ─ rules (plugins) ─ engine: rank ─ answer
//! ```
//!
//! [`Pipeline`] is the one way in: MQTT, HTTP and the demo call the same functions. The recommender
//! is owned by the engine's thread, plugins by the rules' thread, writing by the journal; each is
//! reached through a bounded queue and holds no lock of another.

mod ahead;
mod answers;
mod circumstances;
mod engine;
mod fusion;
mod intake;
mod items;
mod journal;
mod media;
mod models;
mod outbox;
mod pending;
mod people;
mod plugins;
mod rankers;
mod recall;
mod rules;
mod snapshot;
mod tally;
mod turns;
mod understanding;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use attuned_encoders::Encoders;
use attuned_plugin_host::PluginHost;
use attuned_recommender::{Context, Recommender, Settings, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{RecommendConfig, TuneConfig};
use crate::document::{Degraded, Rejection, RejectionCode, State, StatusDocument};
use crate::plugins::{Breakers, Plugins};
use crate::service::Progress;
use crate::store::{OutboxMessage, Rankers, Store, StoreError};

pub use circumstances::{FACETS, Facet, Known};
pub use intake::run_intake;
pub(crate) use items::{add_mean, text_of};
pub use models::{
    ModelsPart, choose, document_of, names_before, names_of, promote, remembered, target_of, word,
};
pub use outbox::run_outbox;

/// What the pipeline is made of, all of it open and checked.
pub struct Parts {
    /// Ground truth.
    pub store: Store,
    /// The recommender, restored from the store.
    pub recommender: Recommender,
    /// The number of the last event that the recommender has learnt from.
    pub through: u64,
    /// What understands content; `None` if the models' folder cannot be read.
    pub encoders: Option<Encoders>,
    /// Which models are asked for.
    pub models: ModelsPart,
    /// Which ranker makes the lists; the recommender has it in use.
    pub rankers: Rankers,
    /// Which plugins run.
    pub plugins: Plugins,
    /// The sandbox that they run in.
    pub rules: PluginHost,
    /// Which of them failed too often.
    pub breakers: Breakers,
    /// Context values of the household, as stored.
    pub context: Context,
    /// What is already known to be missing.
    pub degraded: Vec<Degraded>,
    /// The pulses of the loops.
    pub progress: Progress,
}

/// How the pipeline behaves.
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// Sizes of lists.
    pub recommend: RecommendConfig,
    /// The engine's settings, by which a better ranker is looked for.
    pub engine: Settings,
    /// What becomes of a better ranker.
    pub tune: TuneConfig,
    /// Folders that media paths may lie in, as configured.
    pub media_folders: Vec<PathBuf>,
    /// Largest picture, sound or film, bytes.
    pub media_bytes_max: u64,
    /// Decides what is evening.
    pub timezone: jiff::tz::TimeZone,
    /// What rules are told of the house.
    pub known: Known,
    /// Milliseconds that all plugins of a request may take together.
    pub chain_ms_max: u32,
    /// Prefix of the topics, for the topics named in rejections.
    pub prefix: crate::topic::Prefix,
}

/// The one way in. Clones share everything.
#[derive(Clone)]
pub struct Pipeline {
    shared: Arc<Shared>,
}

struct Shared {
    settings: PipelineSettings,
    media: media::MediaFolders,
    store: Store,
    engine: engine::Engine,
    journal: journal::Journal,
    rules: rules::Rules,
    plugins: plugins::Reloads,
    understanding: understanding::Understanding,
    models: models::Models,
    rankers: rankers::Choice,
    context: watch::Sender<Arc<Context>>,
    degraded: watch::Sender<Vec<Degraded>>,
    outbox: outbox::Outbox,
    /// Items are read, changed and written back one at a time.
    items: tokio::sync::Mutex<()>,
    events: AtomicU64,
    requests: AtomicU64,
    tally: tally::Tally,
}

/// The loops of a running pipeline; they end when every [`Pipeline`] is gone.
pub struct Loops {
    tasks: Vec<JoinHandle<()>>,
    /// They sleep most of the time, and are not waited for.
    sleepers: Vec<JoinHandle<()>>,
    /// What the outbox task sends, in order.
    pub outgoing: outbox::Outgoing,
}

impl Pipeline {
    /// Starts the loops. Items that were not understood before the last stop are taken up again.
    ///
    /// # Errors
    ///
    /// The store cannot be read: the daemon cannot start.
    pub fn start(settings: PipelineSettings, parts: Parts) -> Result<(Pipeline, Loops), StoreError> {
        let Parts {
            store,
            recommender,
            through,
            encoders,
            models,
            rankers,
            plugins,
            rules,
            breakers,
            context,
            degraded,
            progress,
        } = parts;
        let (engine, engine_task) = engine::start(recommender, through, progress.register("engine"));
        let (journal, journal_task) =
            journal::start(store.clone(), engine.clone(), progress.register("journal"));
        let pulse = progress.register("rules");
        let (rules, rules_task) = rules::start(rules, breakers, settings.chain_ms_max, pulse);
        let (understanding, pending) = understanding::start(encoders, store.clone());
        let ModelsPart { record, preferred, next, idle } = models;
        let switch = next.zip(record.next.clone());
        let (outbox, outgoing) = outbox::open(&store)?;
        let shared = Arc::new(Shared {
            media: media::MediaFolders::new(&settings.media_folders, settings.media_bytes_max),
            settings,
            engine,
            journal,
            rules,
            plugins: plugins::Reloads::new(plugins),
            understanding,
            models: models::Models::new(record, preferred),
            rankers: rankers::Choice::new(rankers),
            context: watch::Sender::new(Arc::new(context)),
            degraded: watch::Sender::new(degraded),
            outbox,
            items: tokio::sync::Mutex::new(()),
            events: AtomicU64::new(through),
            requests: AtomicU64::new(0),
            tally: tally::Tally::default(),
            store,
        });
        for item in shared.store.items() {
            // Damaged items were reported when the store was opened.
            if let Ok(item) = item
                && (item.content_pending || shared.understanding.is_outdated(&item))
            {
                shared.understanding.enqueue(item.item.id.clone());
            }
        }
        let worker = tokio::spawn(items::understand_items(
            Arc::downgrade(&shared),
            pending,
            progress.register("understanding"),
        ));
        let mut sleepers = vec![
            tokio::spawn(snapshot::run(Arc::downgrade(&shared))),
            tokio::spawn(plugins::watch(Arc::downgrade(&shared))),
            tokio::spawn(rankers::run(Arc::downgrade(&shared))),
        ];
        if let Some(idle) = idle {
            sleepers.push(tokio::spawn(models::unload_idle(Arc::downgrade(&shared), idle)));
        }
        if let Some((encoders, next)) = switch {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                if let Err(rejection) = shared.begin_switch(encoders, next).await {
                    tracing::warn!(reason = %rejection, "models are not switched before the next start");
                }
            });
        }
        let pipeline = Pipeline { shared };
        let tasks = vec![engine_task, journal_task, rules_task, worker];
        Ok((pipeline, Loops { tasks, sleepers, outgoing }))
    }

    /// How the daemon is.
    ///
    /// # Errors
    ///
    /// The engine is gone: our own fault.
    pub async fn status(&self) -> Result<StatusDocument, Rejection> {
        let items = self.shared.engine.items_len().await?;
        let mut degraded = self.shared.degraded.borrow().clone();
        degraded.extend(self.shared.understanding.degraded());
        degraded.extend(self.shared.models.degraded());
        degraded.sort();
        degraded.dedup();
        Ok(StatusDocument {
            state: if degraded.is_empty() { State::Online } else { State::Degraded },
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            items: Some(items as u64),
            events: Some(self.shared.events.load(Ordering::Relaxed)),
            pending: Some(self.shared.understanding.pending().len() as u64),
            encoded: Some(self.shared.understanding.counts()),
            switch: self.shared.switch(),
            plugins: self.shared.rules.names(),
            degraded,
        })
    }

    /// Publishes a message on the broker, as soon as there is one; it survives a restart.
    ///
    /// # Errors
    ///
    /// The store cannot take it.
    pub async fn publish(&self, message: OutboxMessage) -> Result<(), Rejection> {
        self.shared.publish(message).await
    }

    /// Writes down what was learnt, so that the next start has little to learn again. Called when
    /// nothing comes in any more.
    ///
    /// # Errors
    ///
    /// The store cannot take it; the events themselves are stored, so nothing is lost.
    pub async fn save(&self) -> Result<(), Rejection> {
        self.shared.save_snapshot().await
    }
}

impl Loops {
    /// Waits until every loop has ended, which they do once every [`Pipeline`] is gone.
    pub async fn ended(self) {
        // What the snapshots would save is saved when the program stops.
        self.sleepers.iter().for_each(JoinHandle::abort);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a loop of the pipeline failed");
            }
        }
    }

    /// Takes the messages to send out of the loops, for [`run_outbox`].
    pub fn take_outgoing(&mut self) -> outbox::Outgoing {
        std::mem::take(&mut self.outgoing)
    }
}

/// The one place where the program asks for the time of day.
fn now() -> Timestamp {
    Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond())
}

/// A store that refuses an input tells the sender; one that cannot write asks to be tried again.
fn reject_by_store(error: StoreError) -> Rejection {
    let code = match &error {
        StoreError::Refused { .. } => RejectionCode::TooLarge,
        StoreError::Unavailable { .. } | StoreError::Closed => RejectionCode::Unavailable,
        StoreError::Damaged { .. } | StoreError::InUse { .. } | StoreError::TooNew { .. } => {
            RejectionCode::Internal
        }
    };
    Rejection::new(code, error.to_string())
}

/// What is answered when a loop has ended, which happens only while the program stops.
fn stopping() -> Rejection {
    Rejection::new(RejectionCode::Unavailable, "the daemon is stopping, expected to be asked again later")
}
