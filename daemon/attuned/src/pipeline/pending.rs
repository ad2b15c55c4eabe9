//! The items that wait to be understood, and those that wait to be understood anew by other models.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use attuned_recommender::ItemId;
use tokio::sync::Notify;

/// Items that wait to be understood. Further ones are marked in the store, and are taken up when
/// these are done.
const PENDING_MAX: usize = 200_000;

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Understand an item.
    Understand(ItemId),
    /// Look into the store for items that did not fit in.
    Refill,
    /// Understand an item by the models that are to be used next.
    Anew(ItemId),
    /// All items are understood anew: use the other models.
    GoOver,
}

/// Items to be understood, each at most once, first come first served. Those that are understood
/// anew come when no others wait.
#[derive(Default)]
pub(super) struct Pending {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    items: Line,
    in_work: usize,
    overflowed: bool,
    anew: Option<Anew>,
    closed: bool,
}

/// Items in line.
#[derive(Default)]
struct Line {
    order: VecDeque<ItemId>,
    known: BTreeSet<ItemId>,
}

#[derive(Default)]
struct Anew {
    line: Line,
    in_work: usize,
    total: usize,
}

impl Pending {
    /// Adds an item; where models are being switched, to both lines.
    pub(super) fn add(&self, item: ItemId) {
        let mut waiting = self.lock();
        if let Some(anew) = &mut waiting.anew {
            anew.line.add(item.clone());
            anew.total = anew.total.max(anew.line.order.len());
        }
        if waiting.items.order.len() < PENDING_MAX {
            waiting.items.add(item);
        } else {
            waiting.overflowed = true;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Begins to understand items anew: those that are left to do, of `total`.
    pub(super) fn begin_anew(&self, items: impl IntoIterator<Item = ItemId>, total: usize) {
        let mut anew = Anew { total, ..Anew::default() };
        items.into_iter().for_each(|item| anew.line.add(item));
        self.lock().anew = Some(anew);
        self.changed.notify_one();
    }

    /// Ends that, done or not.
    pub(super) fn end_anew(&self) {
        self.lock().anew = None;
    }

    /// Whether nothing is left to be understood anew.
    pub(super) fn all_anew(&self) -> bool {
        self.lock().anew.as_ref().is_some_and(|anew| anew.line.order.is_empty())
    }

    /// How many items are understood anew, of how many; `None` if none are to be.
    pub(super) fn progress(&self) -> Option<(usize, usize)> {
        let waiting = self.lock();
        let anew = waiting.anew.as_ref()?;
        Some((anew.total.saturating_sub(anew.line.order.len() + anew.in_work), anew.total))
    }

    /// The next thing to do; `None` when there will be nothing any more.
    pub(super) async fn next(&self) -> Option<Work> {
        loop {
            if let Some(work) = self.lock().take() {
                return work;
            }
            self.changed.notified().await;
        }
    }

    /// The items that come next, at most `max`.
    pub(super) fn in_line(&self, max: usize) -> Vec<ItemId> {
        self.lock().items.first(max)
    }

    /// The items that are understood anew next, at most `max`.
    pub(super) fn in_line_anew(&self, max: usize) -> Vec<ItemId> {
        self.lock().anew.as_ref().map(|anew| anew.line.first(max)).unwrap_or_default()
    }

    /// How many items are still to be understood.
    pub(super) fn len(&self) -> usize {
        let waiting = self.lock();
        waiting.items.order.len() + waiting.in_work
    }

    /// Ends the line.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The next thing to do: `Some(None)` if there will be nothing, `None` if there is nothing yet.
    fn take(&mut self) -> Option<Option<Work>> {
        self.in_work = 0;
        if let Some(anew) = &mut self.anew {
            anew.in_work = 0;
        }
        if self.closed {
            return Some(None);
        }
        if let Some(item) = self.items.take() {
            self.in_work = 1;
            return Some(Some(Work::Understand(item)));
        }
        if std::mem::take(&mut self.overflowed) {
            return Some(Some(Work::Refill));
        }
        let anew = self.anew.as_mut()?;
        Some(Some(match anew.line.take() {
            Some(item) => {
                anew.in_work = 1;
                Work::Anew(item)
            }
            None => Work::GoOver,
        }))
    }
}

impl Line {
    fn add(&mut self, item: ItemId) {
        if self.known.insert(item.clone()) {
            self.order.push_back(item);
        }
    }

    fn first(&self, max: usize) -> Vec<ItemId> {
        self.order.iter().take(max).cloned().collect()
    }

    fn take(&mut self) -> Option<ItemId> {
        let item = self.order.pop_front()?;
        self.known.remove(&item);
        Some(item)
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
        assert_eq!(pending.next().await, Some(Work::Understand(id("b"))));
        assert_eq!(pending.in_line(5), [id("a")]);
        pending.add(id("b"));
        assert_eq!(pending.in_line(1), [id("a")]);
        assert_eq!(pending.len(), 3, "the one in work counts");
        assert_eq!(pending.next().await, Some(Work::Understand(id("a"))));
        assert_eq!(pending.next().await, Some(Work::Understand(id("b"))));
        pending.close();
        assert_eq!(pending.next().await, None);
    }

    #[tokio::test]
    async fn items_are_understood_anew_when_no_others_wait_and_again_if_they_change() {
        let pending = Pending::default();
        pending.begin_anew([id("a"), id("b")], 3);
        assert_eq!(pending.progress(), Some((1, 3)));
        pending.add(id("c"));
        assert_eq!(pending.next().await, Some(Work::Understand(id("c"))));
        assert_eq!(pending.next().await, Some(Work::Anew(id("a"))));
        assert_eq!(pending.progress(), Some((0, 3)), "b and c wait, a is in work");
        assert_eq!(pending.in_line_anew(5), [id("b"), id("c")]);
        assert_eq!(pending.next().await, Some(Work::Anew(id("b"))));
        assert_eq!(pending.next().await, Some(Work::Anew(id("c"))));
        assert!(pending.all_anew());
        assert_eq!(pending.next().await, Some(Work::GoOver));
        pending.add(id("a"));
        assert!(!pending.all_anew());
        assert_eq!(pending.next().await, Some(Work::Understand(id("a"))));
        assert_eq!(pending.next().await, Some(Work::Anew(id("a"))));
        pending.end_anew();
        assert_eq!(pending.progress(), None);
    }

    #[tokio::test]
    async fn what_does_not_fit_in_is_looked_for_in_the_store() {
        let pending = Pending::default();
        for n in 0..=PENDING_MAX {
            pending.add(id(&format!("i{n}")));
        }
        assert_eq!(pending.len(), PENDING_MAX);
        for _ in 0..PENDING_MAX {
            assert!(matches!(pending.next().await, Some(Work::Understand(_))));
        }
        assert_eq!(pending.next().await, Some(Work::Refill));
    }
}
