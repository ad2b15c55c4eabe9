//! The thread that owns the plugins. A request that it does not answer in time goes on without it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_plugin_host::{ChainOutcome, PluginHost};
use attuned_recommender::Timestamp;
use attuned_recommender::ruling::{Adjustment, Batch, RuleContext};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::document::Degraded;
use crate::service::Pulse;

/// Requests that wait for the plugins; one more goes without them.
const QUEUE_MAX: usize = 32;
/// What the way there and back may take beyond the plugins' own time.
const SLACK: Duration = Duration::from_millis(25);

struct Call {
    batch: Arc<Batch>,
    context: Arc<RuleContext>,
    now: Timestamp,
    answer: oneshot::Sender<ChainOutcome>,
}

/// The way to the plugins.
pub(super) struct Rules {
    calls: mpsc::Sender<Call>,
    names: Vec<String>,
    patience: Duration,
}

/// What the plugins changed, what failed, and how long it took in milliseconds.
#[derive(Default)]
pub(super) struct Rulings {
    pub adjustments: Vec<Adjustment>,
    pub degraded: Vec<Degraded>,
    pub ms: f64,
}

pub(super) fn start(mut host: PluginHost, chain_ms_max: u32, pulse: Pulse) -> (Rules, JoinHandle<()>) {
    let names = host.plugins().into_iter().map(|plugin| plugin.id.to_string()).collect();
    let (calls, mut queue) = mpsc::channel::<Call>(QUEUE_MAX);
    let runtime = tokio::runtime::Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        while let Some(call) = runtime.block_on(pulse.while_waiting(queue.recv())) {
            // A request that gave up meanwhile is not worth the plugins' time.
            if !call.answer.is_closed() {
                let outcome = host.rank(&call.batch, &call.context, call.now);
                drop(call.answer.send(outcome));
            }
            pulse.beat();
        }
    });
    let patience = Duration::from_millis(u64::from(chain_ms_max)) + SLACK;
    (Rules { calls, names, patience }, task)
}

impl Rules {
    /// The plugins' ids, in the order in which they run.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Asks all plugins. Never fails: without an answer in time there is no change, and what was
    /// left out is named.
    pub(super) async fn ask(&self, batch: Batch, context: RuleContext, now: Timestamp) -> Rulings {
        if self.names.is_empty() || batch.items.is_empty() {
            return Rulings::default();
        }
        let started = Instant::now();
        let (answer, answered) = oneshot::channel();
        let call = Call { batch: Arc::new(batch), context: Arc::new(context), now, answer };
        let outcome = match self.calls.try_send(call) {
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
                Rulings { adjustments: Vec::new(), degraded: self.names.iter().map(left_out).collect(), ms }
            }
        }
    }
}
