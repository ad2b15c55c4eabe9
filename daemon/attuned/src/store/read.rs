//! Reading records.
//!
//! Owns the way from a key to a value of the recommender's types. Single reads are quick (below a
//! millisecond, unless a failed file is just being opened again); iterators go through everything of a kind and are for start-up and export, from a
//! thread that may block. A damaged record is an `Err` of that one step: skip it, count it, go on.

use std::collections::HashSet;
use std::sync::Arc;

use attuned_recommender::{EventId, ItemId, UserId, Value};

use super::key::{Key, Kind};
use super::record::totals::Totals;
use super::record::{content, event, item, outbox, shown, staged, state, totals, value};
use super::staged::damaged;
use super::tree::{Entry, Tree};
use super::write::{StoredEvent, StoredHousehold, StoredItem, StoredMessage, StoredProfile, StoredShown};
use super::{MediaHash, Store, StoreError, envelope};

impl Store {
    /// The item of that id; `None` if there is none. If only what was understood of it is damaged,
    /// the item comes without, and as pending.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`]: treat it as absent and report it. [`StoreError::Unavailable`]: try
    /// later.
    pub fn item(&self, id: &ItemId) -> Result<Option<StoredItem>, StoreError> {
        let key = Key::item(id);
        match self.inner.tree.get(&key)? {
            Some(value) => to_item(&self.inner.tree, (key, value)).map(Some),
            None => Ok(None),
        }
    }

    /// All items, by id.
    pub fn items(&self) -> impl Iterator<Item = Result<StoredItem, StoreError>> + use<> {
        let tree = Arc::clone(&self.inner.tree);
        all(&self.inner.tree, Kind::Item, None).map(move |entry| to_item(&tree, entry?))
    }

    /// The event of that number; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As for [`Store::item`].
    pub fn event(&self, seq: u64) -> Result<Option<StoredEvent>, StoreError> {
        let key = Key::event(seq);
        self.inner.tree.get(&key)?.map(|value| to_event((key, value))).transpose()
    }

    /// The events with numbers above `seq`, in order; all of them for 0.
    pub fn events_after(&self, seq: u64) -> impl Iterator<Item = Result<StoredEvent, StoreError>> + use<> {
        all(&self.inner.tree, Kind::Event, Some(&Key::event(seq))).map(|entry| to_event(entry?))
    }

    /// The events of one user, in order.
    ///
    /// # Errors
    ///
    /// As for [`Store::item`]; damage of single events is an `Err` of the iterator instead.
    pub fn events_of(
        &self,
        user: &UserId,
    ) -> Result<impl Iterator<Item = Result<StoredEvent, StoreError>> + use<>, StoreError> {
        let mut seqs = Vec::new();
        let mut problems = Vec::new();
        for entry in self.inner.tree.scan(Key::user_events(user), None) {
            let (key, value) = entry?;
            match decode(Kind::UserEvent, &key, &value, event::decode_note) {
                Ok(seq) => seqs.push(seq),
                Err(error) => problems.push(Err(error)),
            }
        }
        seqs.sort_unstable();
        let store = self.clone();
        let events = seqs.into_iter().filter_map(move |seq| store.event(seq).transpose());
        Ok(problems.into_iter().chain(events))
    }

    /// The number of the earlier event of that user and id; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As for [`Store::item`].
    pub fn event_seq(&self, user: &UserId, id: &EventId) -> Result<Option<u64>, StoreError> {
        let key = Key::user_event(user, Some(id), 0);
        let note = self.inner.tree.get(&key)?;
        note.map(|value| decode(Kind::UserEvent, &key, &value, event::decode_note)).transpose()
    }

    /// What was learnt about each user.
    pub fn profiles(&self) -> impl Iterator<Item = Result<StoredProfile, StoreError>> + use<> {
        all(&self.inner.tree, Kind::Profile, None).map(|entry| to_profile(entry?))
    }

    /// What was learnt about one user; `None` if nothing was stored.
    ///
    /// # Errors
    ///
    /// As for [`Store::item`]; a damaged profile can be learnt again from the events.
    pub fn profile(&self, user: &UserId) -> Result<Option<StoredProfile>, StoreError> {
        let key = Key::profile(user);
        self.inner.tree.get(&key)?.map(|value| to_profile((key, value))).transpose()
    }

    /// What was learnt about the household; `None` if nothing was stored.
    ///
    /// # Errors
    ///
    /// As for [`Store::profile`].
    pub fn household(&self) -> Result<Option<StoredHousehold>, StoreError> {
        let key = Key::household();
        let Some(value) = self.inner.tree.get(&key)? else { return Ok(None) };
        let state::Snapshot { through, state } =
            decode(Kind::Household, &key, &value, state::decode_household)?;
        Ok(Some(StoredHousehold { through, state }))
    }

    /// All context values, by key.
    pub fn context(&self) -> impl Iterator<Item = Result<(String, Value), StoreError>> + use<> {
        all(&self.inner.tree, Kind::Context, None).map(|entry| {
            let (key, value) = entry?;
            let named = key.text().map(str::to_owned);
            let name = named.ok_or_else(|| damaged(Kind::Context, &key, "key is no text".to_owned()))?;
            Ok((name, decode(Kind::Context, &key, &value, value::decode)?))
        })
    }

    /// The ids of all items.
    pub fn item_ids(&self) -> impl Iterator<Item = Result<ItemId, StoreError>> + use<> {
        all(&self.inner.tree, Kind::Item, None).map(|entry| item_id(Kind::Item, &entry?.0))
    }

    /// The items of which something is staged, and for what.
    pub fn staged(&self) -> impl Iterator<Item = Result<(ItemId, String), StoreError>> + use<> {
        all(&self.inner.tree, Kind::Staged, None).map(|entry| {
            let (key, value) = entry?;
            let found = decode(Kind::Staged, &key, &value, staged::decode)?;
            Ok((item_id(Kind::Staged, &key)?, found.target))
        })
    }

    /// The lists that were shown with places left to chance, oldest first.
    pub fn shown(&self) -> impl Iterator<Item = Result<StoredShown, StoreError>> + use<> {
        all(&self.inner.tree, Kind::Shown, None).map(|entry| {
            let (key, value) = entry?;
            decode(Kind::Shown, &key, &value, shown::decode)
        })
    }

    /// The messages of the outbox with numbers above `seq`, in order; all of them for 0.
    pub fn outbox_after(&self, seq: u64) -> impl Iterator<Item = Result<StoredMessage, StoreError>> + use<> {
        all(&self.inner.tree, Kind::Outbox, Some(&Key::outbox(seq))).map(|entry| to_message(&entry?))
    }
}

/// The totals that the tree holds; `None` in an empty store.
pub fn totals(tree: &Tree) -> Result<Option<Totals>, StoreError> {
    let key = Key::totals();
    tree.get(&key)?.map(|value| decode(Kind::Totals, &key, &value, totals::decode)).transpose()
}

/// The media files that items refer to.
pub fn media_in_use(tree: &Arc<Tree>) -> Result<HashSet<MediaHash>, StoreError> {
    let mut in_use = HashSet::new();
    for entry in all(tree, Kind::Item, None) {
        in_use.extend(to_document(&entry?)?.media_hashes());
    }
    Ok(in_use)
}

fn item_id(kind: Kind, key: &Key) -> Result<ItemId, StoreError> {
    let id = key.text().and_then(|text| ItemId::parse(text).ok());
    id.ok_or_else(|| damaged(kind, key, "key is no id".to_owned()))
}

/// All records of a kind.
pub fn all(
    tree: &Arc<Tree>,
    kind: Kind,
    after: Option<&Key>,
) -> impl Iterator<Item = Result<Entry, StoreError>> + use<> {
    tree.scan(Key::found(&[kind.letter()]), after)
}

/// The document of an item.
pub fn to_document((key, value): &Entry) -> Result<item::Document, StoreError> {
    decode(Kind::Item, key, value, item::decode)
}

/// A message of the outbox.
pub fn to_message((key, value): &Entry) -> Result<StoredMessage, StoreError> {
    let message = decode(Kind::Outbox, key, value, outbox::decode)?;
    let seq = key.seq().ok_or_else(|| damaged(Kind::Outbox, key, "key is no number".to_owned()))?;
    Ok(StoredMessage { seq, message })
}

fn to_item(tree: &Tree, entry: Entry) -> Result<StoredItem, StoreError> {
    let item::Document { item, media, own_embeddings } = to_document(&entry)?;
    let key = Key::content(&item.id);
    let understanding = match tree.get(&key)? {
        None => content::Understanding::default(),
        // What was understood can be understood again.
        Some(value) => decode(Kind::Content, &key, &value, content::decode)
            .unwrap_or(content::Understanding { content: None, pending: true }),
    };
    Ok(StoredItem {
        item,
        media,
        own_embeddings,
        content: understanding.content,
        content_pending: understanding.pending,
    })
}

fn to_profile((key, value): Entry) -> Result<StoredProfile, StoreError> {
    let state::Snapshot { through, state } = decode(Kind::Profile, &key, &value, state::decode_user)?;
    let user = key.text().and_then(|text| UserId::parse(text).ok());
    let user = user.ok_or_else(|| damaged(Kind::Profile, &key, "key is no user".to_owned()))?;
    Ok(StoredProfile { user, through, state })
}

fn to_event((key, value): Entry) -> Result<StoredEvent, StoreError> {
    let (event, id) = decode(Kind::Event, &key, &value, event::decode)?;
    let seq = key.seq().ok_or_else(|| damaged(Kind::Event, &key, "key is no number".to_owned()))?;
    Ok(StoredEvent { seq, id, event })
}

fn decode<T>(
    kind: Kind,
    key: &Key,
    value: &[u8],
    decode: impl FnOnce(u8, &[u8]) -> Result<T, String>,
) -> Result<T, StoreError> {
    envelope::open(key, value)
        .and_then(|opened| decode(opened.version, opened.payload))
        .map_err(|reason| damaged(kind, key, reason))
}
