//! The thread that owns the recommender. Everything that learns or ranks passes through its one
//! queue, in order.

use std::time::Instant;

use attuned_recommender::ruling::Adjustment;
use attuned_recommender::{
    Content, Explored, Filter, HouseholdState, Input, Item, ItemId, Match, ProfileView, Query, Ranked,
    Recommender, Request, Shortlist, Timestamp, Tuning, UserId, UserState,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::stopping;
use crate::document::Rejection;
use crate::service::Pulse;

/// Questions and lessons that wait; whoever brings one more waits too.
const QUEUE_MAX: usize = 256;

/// What was worked out, and the milliseconds that it took.
type Timed<T> = (T, f64);
/// Each with the item that it is about.
type WithItems<T> = Vec<(T, Arc<Item>)>;

/// What the engine is asked; one row for each thing that it can do.
enum Ask {
    /// Learn, in the order of the log. `through` is the number of the last event among them.
    Learn { inputs: Vec<Input>, through: Option<u64>, now: Timestamp },
    /// Find and score candidates.
    Shortlist { request: Box<Request>, now: Timestamp, answer: oneshot::Sender<Timed<Shortlist>> },
    /// Put them in their final order.
    Rank { parts: Box<RankParts>, answer: oneshot::Sender<Timed<Listed>> },
    /// Make lists by another tuning from now on, and compare it with a shadow.
    SetRankers { current: Box<Tuning>, shadow: Option<Box<Tuning>>, answer: oneshot::Sender<()> },
    /// Find what matches a query.
    Search { parts: Box<SearchParts>, answer: oneshot::Sender<Timed<Searched>> },
    /// Tell what is known of a person.
    Profile { user: UserId, answer: oneshot::Sender<Option<ProfileView>> },
    /// Look up an item.
    Item { id: ItemId, answer: oneshot::Sender<Option<Arc<Item>>> },
    /// Count the items.
    ItemsLen { answer: oneshot::Sender<usize> },
    /// Put other contents in the place of those of all items, at once for whoever asks.
    Replace { contents: Contents, forget_meanings: bool, now: Timestamp, answer: oneshot::Sender<usize> },
    /// Hand out what was learnt since the last snapshot.
    Snapshot { answer: oneshot::Sender<Snapshot> },
}

/// Items and what was understood of them, as they are read from the store.
pub(super) type Contents = Box<dyn Iterator<Item = (Item, Content)> + Send>;

/// Everything that the final order depends on.
pub(super) struct RankParts {
    pub shortlist: Shortlist,
    pub adjustments: Vec<Adjustment>,
    pub request: Request,
    pub now: Timestamp,
}

/// A list, and what was shown at its places that were left to chance.
pub(super) struct Listed {
    pub ranked: WithItems<Ranked>,
    pub explored: Vec<Explored>,
}

/// Everything that a search depends on.
pub(super) struct SearchParts {
    pub query: Query,
    pub kinds: Vec<String>,
    pub filter: Filter,
    pub n: usize,
    pub now: Timestamp,
}

/// What a search found.
pub(super) struct Searched {
    pub found: WithItems<Match>,
    /// Whether there were items to choose from, and none of them matches.
    pub unmatched: bool,
}

/// What was learnt, as of one point of the log.
pub(super) struct Snapshot {
    /// The number of the last event in it.
    pub through: u64,
    /// The people of whom something was learnt since the last snapshot.
    pub users: Vec<(UserId, UserState)>,
    /// The household.
    pub household: HouseholdState,
}

/// The way to the engine. Clones share it.
#[derive(Clone)]
pub(super) struct Engine {
    asks: mpsc::Sender<Ask>,
}

/// Starts the engine on a thread of its own; the handle resolves when it has ended.
pub(super) fn start(recommender: Recommender, through: u64, pulse: Pulse) -> (Engine, JoinHandle<()>) {
    let (asks, mut queue) = mpsc::channel(QUEUE_MAX);
    let runtime = tokio::runtime::Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        let mut state = State { recommender, through, changed: BTreeSet::new(), pulse: pulse.clone() };
        // The runtime's timer lets the idle loop beat; the work itself is never awaited.
        while let Some(ask) = runtime.block_on(pulse.while_waiting(queue.recv())) {
            state.serve(ask);
            pulse.beat();
        }
    });
    (Engine { asks }, task)
}

struct State {
    recommender: Recommender,
    through: u64,
    changed: BTreeSet<UserId>,
    pulse: Pulse,
}

impl State {
    fn serve(&mut self, ask: Ask) {
        let started = Instant::now();
        let ms = || started.elapsed().as_secs_f64() * 1e3;
        // Whoever asked may have gone; then nobody wants the answer.
        match ask {
            Ask::Learn { inputs, through, now } => self.learn(inputs, through, now),
            Ask::Shortlist { request, now, answer } => {
                let shortlist = self.recommender.shortlist(&request, now);
                drop(answer.send((shortlist, ms())));
            }
            Ask::Rank { parts, answer } => {
                let RankParts { shortlist, adjustments, request, now } = *parts;
                let kept = request.explore.then(|| shortlist.clone());
                let ranked = self.recommender.rank(shortlist, &adjustments, &request, now);
                let explored =
                    kept.map(|kept| self.recommender.explored(&ranked, &kept, &adjustments, &request, now));
                let with_items = ranked
                    .into_iter()
                    .filter_map(|ranked| {
                        self.recommender.item(&ranked.item).cloned().map(|item| (ranked, item))
                    })
                    .collect();
                let listed = Listed { ranked: with_items, explored: explored.unwrap_or_default() };
                drop(answer.send((listed, ms())));
            }
            Ask::SetRankers { current, shadow, answer } => {
                self.recommender.set_tuning(*current);
                self.recommender.set_shadow(shadow.map(|shadow| *shadow));
                if answer.send(()).is_err() {
                    tracing::debug!("whoever changed the rankers has gone");
                }
            }
            Ask::Search { parts, answer } => {
                let SearchParts { query, kinds, filter, n, now } = *parts;
                let found = self.recommender.search(&query, &kinds, &filter, n, now);
                let with_items = found
                    .matches
                    .into_iter()
                    .filter_map(|found| self.recommender.item(&found.item).cloned().map(|item| (found, item)))
                    .collect();
                drop(answer.send((Searched { found: with_items, unmatched: found.unmatched }, ms())));
            }
            Ask::Profile { user, answer } => drop(answer.send(self.recommender.profile(&user))),
            Ask::Item { id, answer } => drop(answer.send(self.recommender.item(&id).cloned())),
            Ask::ItemsLen { answer } => drop(answer.send(self.recommender.items_len())),
            Ask::Replace { contents, forget_meanings, now, answer } => {
                self.replace(contents, forget_meanings, now, answer);
            }
            Ask::Snapshot { answer } => drop(answer.send(self.snapshot())),
        }
    }

    fn learn(&mut self, inputs: Vec<Input>, through: Option<u64>, now: Timestamp) {
        for input in inputs {
            match &input {
                Input::Event(event) => {
                    self.changed.insert(event.user.clone());
                }
                Input::ForgetUser(user) => {
                    self.changed.remove(user);
                }
                Input::PutItem { .. } | Input::RemoveItem(_) | Input::ForgetMeanings => {}
            }
            self.recommender.apply(input, now);
        }
        self.through = through.unwrap_or(self.through);
    }

    fn replace(
        &mut self,
        contents: Contents,
        forget_meanings: bool,
        now: Timestamp,
        answer: oneshot::Sender<usize>,
    ) {
        let mut replaced = 0;
        for (item, content) in contents {
            self.recommender.apply(Input::PutItem { item, content }, now);
            self.pulse.beat();
            replaced += 1;
        }
        if forget_meanings {
            self.recommender.apply(Input::ForgetMeanings, now);
            self.changed.extend(self.recommender.users().cloned());
        }
        if answer.send(replaced).is_err() {
            tracing::debug!("whoever had the contents replaced has gone");
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let changed = std::mem::take(&mut self.changed);
        let users = changed
            .into_iter()
            .filter_map(|user| self.recommender.user_state(&user).map(|state| (user, state)))
            .collect();
        Snapshot { through: self.through, users, household: self.recommender.household_state() }
    }
}

impl Engine {
    pub(super) async fn learn(&self, inputs: Vec<Input>, through: Option<u64>, now: Timestamp) {
        // The queue closes only when the program stops; what was stored is learnt at the next start.
        drop(self.asks.send(Ask::Learn { inputs, through, now }).await);
    }

    pub(super) async fn shortlist(
        &self,
        request: Request,
        now: Timestamp,
    ) -> Result<Timed<Shortlist>, Rejection> {
        self.ask(|answer| Ask::Shortlist { request: Box::new(request), now, answer }).await
    }

    pub(super) async fn rank(&self, parts: RankParts) -> Result<Timed<Listed>, Rejection> {
        self.ask(|answer| Ask::Rank { parts: Box::new(parts), answer }).await
    }

    pub(super) async fn set_rankers(&self, current: Tuning, shadow: Option<Tuning>) -> Result<(), Rejection> {
        let (current, shadow) = (Box::new(current), shadow.map(Box::new));
        self.ask(|answer| Ask::SetRankers { current, shadow, answer }).await
    }

    pub(super) async fn search(&self, parts: SearchParts) -> Result<Timed<Searched>, Rejection> {
        self.ask(|answer| Ask::Search { parts: Box::new(parts), answer }).await
    }

    pub(super) async fn profile(&self, user: UserId) -> Result<Option<ProfileView>, Rejection> {
        self.ask(|answer| Ask::Profile { user, answer }).await
    }

    pub(super) async fn item(&self, id: ItemId) -> Result<Option<Arc<Item>>, Rejection> {
        self.ask(|answer| Ask::Item { id, answer }).await
    }

    pub(super) async fn items_len(&self) -> Result<usize, Rejection> {
        self.ask(|answer| Ask::ItemsLen { answer }).await
    }

    /// Puts `contents` in the place of those of all items; gives how many there were. Everything
    /// else waits meanwhile, so that nobody sees some of before and some of after.
    pub(super) async fn replace(
        &self,
        contents: Contents,
        forget_meanings: bool,
        now: Timestamp,
    ) -> Result<usize, Rejection> {
        self.ask(|answer| Ask::Replace { contents, forget_meanings, now, answer }).await
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, Rejection> {
        self.ask(|answer| Ask::Snapshot { answer }).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Rejection> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(ask(answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())
    }
}
