//! The thread that owns the plugins. A request that it does not answer in time goes on without it.
//! Plugins are loaded elsewhere, and put in place here between two requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_plugin_host::{ChainOutcome, Loaded, LogLine, PluginHost, PluginSummary};
use attuned_recommender::ruling::{Adjustment, Batch, RuleContext};
use attuned_recommender::{PluginId, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::document::{Degraded, Rejection, RejectionCode};
use crate::plugins::Breakers;
use crate::service::Pulse;

/// Requests that wait for the plugins; one more goes without them.
const QUEUE_MAX: usize = 32;
/// What the way there and back may take beyond the plugins' own time.
const SLACK: Duration = Duration::from_millis(25);

enum Ask {
    Rank(Call),
    Replace(Vec<(PluginId, Option<Loaded>)>, oneshot::Sender<()>),
    List(oneshot::Sender<Vec<PluginSummary>>),
    Log(PluginId, oneshot::Sender<Vec<LogLine>>),
}

struct Call {
    batch: Arc<Batch>,
    context: Arc<RuleContext>,
    now: Timestamp,
    answer: oneshot::Sender<ChainOutcome>,
}

/// The ids of the plugins that run, in order.
#[derive(Default)]
struct Names {
    /// Those whose word counts.
    applied: Vec<String>,
    all: Vec<String>,
}

/// The way to the plugins.
pub(super) struct Rules {
    asks: mpsc::Sender<Ask>,
    names: watch::Receiver<Names>,
    patience: Duration,
}

/// What the plugins changed, what failed, and how long it took in milliseconds.
#[derive(Default)]
pub(super) struct Rulings {
    pub adjustments: Vec<Adjustment>,
    pub degraded: Vec<Degraded>,
    pub ms: f64,
}

pub(super) fn start(
    mut host: PluginHost,
    mut breakers: Breakers,
    chain_ms_max: u32,
    pulse: Pulse,
) -> (Rules, JoinHandle<()>) {
    host.restore_breakers(breakers.kept());
    let (named, names) = watch::channel(names(&host));
    let (asks, mut queue) = mpsc::channel::<Ask>(QUEUE_MAX);
    let runtime = tokio::runtime::Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        while let Some(ask) = runtime.block_on(pulse.while_waiting(queue.recv())) {
            // Whoever asked may have given up meanwhile.
            match ask {
                // Such a request is not worth the plugins' time.
                Ask::Rank(call) if call.answer.is_closed() => {}
                Ask::Rank(call) => {
                    let outcome = host.rank(&call.batch, &call.context, call.now);
                    drop(call.answer.send(outcome));
                    // Nobody waits for plugins in shadow.
                    host.rank_in_shadow(!queue.is_empty());
                    host.warm();
                    breakers.keep(host.breakers());
                }
                Ask::Replace(chain, done) => {
                    host.replace(chain);
                    named.send_replace(self::names(&host));
                    breakers.keep(host.breakers());
                    done.send(()).ok();
                }
                Ask::List(answer) => drop(answer.send(host.plugins())),
                Ask::Log(plugin, answer) => drop(answer.send(host.log(&plugin))),
            }
            pulse.beat();
        }
    });
    let patience = Duration::from_millis(u64::from(chain_ms_max)) + SLACK;
    (Rules { asks, names, patience }, task)
}

fn names(host: &PluginHost) -> Names {
    let mut names = Names::default();
    for plugin in host.plugins() {
        if plugin.shadow.is_none() {
            names.applied.push(plugin.id.to_string());
        }
        names.all.push(plugin.id.to_string());
    }
    names
}

impl Rules {
    /// The ids of the plugins whose word counts, in the order in which they run.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.borrow().applied.clone()
    }

    /// The ids of all plugins that run, those in shadow too.
    pub(super) fn all_names(&self) -> Vec<String> {
        self.names.borrow().all.clone()
    }

    /// Makes these the plugins that run. Requests that were asked before are answered by the old
    /// ones.
    pub(super) async fn replace(&self, chain: Vec<(PluginId, Option<Loaded>)>) -> Result<(), Rejection> {
        self.answer(|answer| Ask::Replace(chain, answer)).await
    }

    /// All plugins that run, in order.
    pub(super) async fn list(&self) -> Result<Vec<PluginSummary>, Rejection> {
        self.answer(Ask::List).await
    }

    /// The newest lines of a plugin's log, oldest first.
    pub(super) async fn log(&self, plugin: PluginId) -> Result<Vec<LogLine>, Rejection> {
        self.answer(|answer| Ask::Log(plugin, answer)).await
    }

    async fn answer<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Rejection> {
        let ended = || Rejection::new(RejectionCode::Internal, "the plugins' thread has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        self.asks.send(ask(answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())
    }

    /// Asks all plugins. Never fails: without an answer in time there is no change, and what was
    /// left out is named.
    pub(super) async fn ask(&self, batch: Batch, context: RuleContext, now: Timestamp) -> Rulings {
        if self.names.borrow().all.is_empty() || batch.items.is_empty() {
            return Rulings::default();
        }
        let started = Instant::now();
        let (answer, answered) = oneshot::channel();
        let call = Call { batch: Arc::new(batch), context: Arc::new(context), now, answer };
        let outcome = match self.asks.try_send(Ask::Rank(call)) {
            Ok(()) => match tokio::time::timeout(self.patience, answered).await {
                Ok(Ok(outcome)) => Ok(outcome),
                Ok(Err(_)) => Err("the plugins' thread has ended".to_owned()),
                Err(_) => Err(format!("no answer within {} ms", self.patience.as_millis())),
            },
            Err(_) => Err(format!("{QUEUE_MAX} requests wait for the plugins already")),
        };
        let ms = started.elapsed().as_secs_f64() * 1e3;
        match outcome {
            Ok(outcome) => {
                let degraded = outcome.degraded.into_iter().map(|failed| Degraded {
                    part: "plugin".to_owned(),
                    name: failed.plugin.to_string(),
                    reason: format!("{}: {}", failed.cause.name(), failed.message),
                });
                Rulings { adjustments: outcome.adjustments, degraded: degraded.collect(), ms }
            }
            Err(reason) => {
                let left_out = |name: &String| Degraded {
                    part: "plugin".to_owned(),
                    name: name.clone(),
                    reason: reason.clone(),
                };
                Rulings { adjustments: Vec::new(), degraded: self.names().iter().map(left_out).collect(), ms }
            }
        }
    }
}
