//! What goes into the store and comes out of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attuned_recommender::{
    Comment, Content, Embedding, Event, EventId, Explored, HouseholdState, Item, ItemId, Modality, Timestamp,
    UserId, UserState, Value,
};

use super::MediaHash;

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredItem {
    /// The document.
    pub item: Item,
    /// Its media.
    pub media: Vec<StoredMedia>,
    /// Embeddings that came with the document, one a modality, in the device's own space. Kept in
    /// full precision.
    pub own_embeddings: BTreeMap<Modality, Embedding>,
    /// What was understood; absent if nothing was yet. Its vectors are kept in half precision: see
    /// [`as_stored`](super::as_stored).
    pub content: Option<Content>,
    /// Whether its media and words are still to be understood.
    pub content_pending: bool,
}

/// One medium of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMedia {
    /// What kind it is.
    pub modality: Modality,
    /// Where it is.
    pub source: MediaSource,
}

/// Where a medium is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// In the store.
    Hash(MediaHash),
    /// In one of the configured media folders, as the document names it.
    Path(PathBuf),
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number, from 1, in the order in which events were stored. Numbers are never given twice;
    /// those of forgotten events stay unused.
    pub seq: u64,
    /// The sender's id; absent if there was none.
    pub id: Option<EventId>,
    /// The event.
    pub event: Event,
}

/// A message that the broker has to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// Correlation data of the request that it answers.
    pub correlation: Option<Vec<u8>>,
    /// From when on nobody wants it any more; absent means never.
    pub expires_at: Option<Timestamp>,
}

/// What was learnt about a user, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProfile {
    /// Who.
    pub user: UserId,
    /// The number of the last event that it contains.
    pub through: u64,
    /// What was learnt.
    pub state: UserState,
}

/// What was learnt about the household, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredHousehold {
    /// The number of the last event that it contains.
    pub through: u64,
    /// What was learnt.
    pub state: HouseholdState,
}

/// A message and its number in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number; messages go out in the order of their numbers.
    pub seq: u64,
    /// The message.
    pub message: OutboxMessage,
}

/// A list of which some places were left to chance.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredShown {
    /// When it was made.
    pub at: Timestamp,
    /// For whom.
    pub users: Vec<UserId>,
    /// The number of the ranker that made it.
    pub ranker: u32,
    /// The number of the shadow that was compared with it; absent if there was none.
    pub shadow: Option<u32>,
    /// The places that were left to chance.
    pub explored: Vec<Explored>,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores the item as it is given, in place of any earlier one: content included, so `None`
    /// removes what was understood before.
    PutItem(StoredItem),
    /// Removes the item and what was understood of it. Media files that nothing else refers to go
    /// at the next start.
    RemoveItem(ItemId),
    /// Stores what was understood of an item; it is no longer pending.
    PutContent {
        /// Which item.
        item: ItemId,
        /// What was understood.
        content: Content,
    },
    /// Keeps what other models understood of an item beside what is in use.
    Stage {
        /// Which item.
        item: ItemId,
        /// What it was understood for: one word a switch.
        target: String,
        /// What was understood.
        content: Content,
        /// Whether something of it is still to be understood.
        pending: bool,
    },
    /// Puts what was staged for `target` in the place of what is in use.
    Promote {
        /// Which item.
        item: ItemId,
        /// What it must have been staged for.
        target: String,
    },
    /// Drops what was staged of an item.
    Unstage(ItemId),
    /// Adds an event at the end of the log, unless the user has an event of that id already.
    AppendEvent {
        /// The event.
        event: Event,
        /// The sender's id; an event without one is never a duplicate.
        id: Option<EventId>,
    },
    /// Attaches what was understood of a comment to its event.
    SetComment {
        /// The event's number.
        seq: u64,
        /// What was understood.
        comment: Comment,
    },
    /// Stores what was learnt about a user, in place of what was stored before.
    PutProfile {
        /// Who.
        user: UserId,
        /// The number of the last event of the log that it contains; later ones are to be replayed
        /// at the next start.
        through: u64,
        /// What was learnt.
        state: UserState,
    },
    /// Stores what was learnt about the household, in place of what was stored before.
    PutHousehold {
        /// The number of the last event of the log that it contains.
        through: u64,
        /// What was learnt.
        state: HouseholdState,
    },
    /// Stores a context value, or removes it.
    SetContext {
        /// Its key: 1 to [`CONTEXT_KEY_BYTES_MAX`](super::CONTEXT_KEY_BYTES_MAX) bytes without NUL.
        key: String,
        /// Its value; `None` removes it.
        value: Option<Value>,
    },
    /// Adds a message at the end of the outbox.
    PushOutbox {
        /// The message.
        message: OutboxMessage,
        /// Which messages have expired is judged by this time.
        now: Timestamp,
    },
    /// Takes a message out of the outbox, as the broker has it.
    RemoveOutbox(u64),
    /// Notes what was shown, under the number of its request; of more than
    /// `shown_lists_max` the oldest go.
    PushShown {
        /// The number of the request, which tells lists of the same moment apart.
        request: u64,
        /// What was shown.
        shown: StoredShown,
    },
    /// Deletes the user's events, the memory of their ids, the lists that were shown to them, and the profile: no record mentions the
    /// user any more. Their bytes may stay in unused parts of sled's file until these are written
    /// over.
    ForgetUser(UserId),
}

/// What became of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Done,
    /// The item, event or message that it refers to is not there: nothing was changed.
    Absent,
    /// The event has this number.
    Event {
        /// The number, from 1.
        seq: u64,
    },
    /// The user has an event of that id already; nothing was changed.
    Duplicate {
        /// The number of the earlier event; 0 if the note of it is unreadable.
        seq: u64,
    },
    /// The message has this number.
    Outbox {
        /// The number, from 1.
        seq: u64,
        /// How many messages were dropped to make room, 0 as a rule.
        dropped: u32,
    },
    /// The user is forgotten.
    Forgotten {
        /// How many events were deleted.
        events: u64,
    },
}
