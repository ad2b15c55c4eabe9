//! Writes inputs down, and hands them to the engine in the order in which they were written.
//!
//! One task does both, so that what the engine has learnt is always the log up to one number.

use attuned_recommender::Input;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::engine::Engine;
use super::{now, reject_by_store, stopping};
use crate::document::Rejection;
use crate::service::Pulse;
use crate::store::{Store, StoreError, Write, Written};

/// Entries that wait; whoever brings one more waits too.
const QUEUE_MAX: usize = 256;
/// Entries that are made durable together.
const GROUP_MAX: usize = 64;

/// One write, and what the engine learns once it is durable; nothing is learnt from a write that
/// changed nothing.
pub(super) struct Step {
    pub write: Write,
    pub input: Option<Input>,
}

impl Step {
    /// Drops what a comment means, as a vector that can no longer be compared.
    pub(super) fn forget_meaning(&mut self) {
        let written = match &mut self.write {
            Write::AppendEvent { event, .. } => event.comment.as_mut(),
            _ => None,
        };
        let learnt = match &mut self.input {
            Some(Input::Event(event)) => event.comment.as_mut(),
            _ => None,
        };
        written.into_iter().chain(learnt).for_each(|comment| comment.semantic = None);
    }
}

struct Entry {
    steps: Vec<Step>,
    done: oneshot::Sender<Result<Vec<Written>, StoreError>>,
}

/// The way to the journal. Clones share it.
#[derive(Clone)]
pub(super) struct Journal {
    entries: mpsc::Sender<Entry>,
}

impl Journal {
    /// Makes `steps` durable, all or none, and has the engine learn from them. Resolves with one
    /// answer for each step; whoever asks the engine after that sees their effect.
    pub(super) async fn enter(&self, steps: Vec<Step>) -> Result<Vec<Written>, Rejection> {
        let (done, answer) = oneshot::channel();
        self.entries.send(Entry { steps, done }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?.map_err(reject_by_store)
    }

    /// [`Journal::enter`] for writes that teach nothing.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<Vec<Written>, Rejection> {
        self.enter(writes.into_iter().map(|write| Step { write, input: None }).collect()).await
    }

    /// [`Journal::write`] for what nobody waits for; where it cannot be stored it is lost.
    pub(super) async fn note(&self, writes: Vec<Write>) {
        let steps = writes.into_iter().map(|write| Step { write, input: None }).collect();
        let (done, _) = oneshot::channel();
        drop(self.entries.send(Entry { steps, done }).await);
    }
}

pub(super) fn start(store: Store, engine: Engine, pulse: Pulse) -> (Journal, JoinHandle<()>) {
    let (entries, mut queue) = mpsc::channel(QUEUE_MAX);
    let task = tokio::spawn(async move {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while pulse.while_waiting(queue.recv_many(&mut group, GROUP_MAX)).await > 0 {
            pulse.while_waiting(commit(&store, &engine, std::mem::take(&mut group))).await;
        }
    });
    (Journal { entries }, task)
}

/// Commits a group at once; if the store refuses it, each entry alone, so that one bad entry costs
/// no other.
async fn commit(store: &Store, engine: &Engine, mut group: Vec<Entry>) {
    let writes = group.iter().flat_map(|entry| &entry.steps).map(|step| step.write.clone()).collect();
    match store.commit(writes).await {
        Ok(written) => settle(engine, group, written).await,
        Err(error) if group.len() == 1 => {
            if let Some(entry) = group.pop() {
                drop(entry.done.send(Err(error)));
            }
        }
        Err(_) => {
            for entry in group {
                Box::pin(commit(store, engine, vec![entry])).await;
            }
        }
    }
}

async fn settle(engine: &Engine, group: Vec<Entry>, written: Vec<Written>) {
    let mut written = written.into_iter();
    let mut inputs = Vec::new();
    let mut through = None;
    let mut answers = Vec::with_capacity(group.len());
    for entry in group {
        let own: Vec<Written> = written.by_ref().take(entry.steps.len()).collect();
        for (step, written) in entry.steps.into_iter().zip(&own) {
            if let Written::Event { seq } = written {
                through = Some(*seq);
            }
            let changed = !matches!(written, Written::Duplicate { .. } | Written::Absent);
            inputs.extend(step.input.filter(|_| changed));
        }
        answers.push((entry.done, own));
    }
    if !inputs.is_empty() {
        engine.learn(inputs, through, now()).await;
    }
    for (done, own) in answers {
        // Whoever entered it may have gone; it is stored all the same.
        drop(done.send(Ok(own)));
    }
}
