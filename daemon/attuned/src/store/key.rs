//! The keys of records. Everything lives in one tree, because only what is in one tree can be
//! written atomically; the first byte of a key says what kind of record it is.
//!
//! Owns the layout of keys. It knows nothing of values.
//!
//! No key is the beginning of another one of its kind: sequence numbers have a fixed width, and
//! ids contain no byte 0, with which every id inside a key ends.

use attuned_recommender::{EventId, ItemId, UserId};

/// Most bytes a context key may have; topics and documents keep below it.
pub const CONTEXT_KEY_BYTES_MAX: usize = 256;

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// How many records of each kind there are, and the next sequence numbers.
    Totals,
    /// Item documents.
    Item,
    /// What was understood of items.
    Content,
    /// Events by sequence number.
    Event,
    /// A user's events: recognises repeats, finds what to export or forget.
    UserEvent,
    /// What was learnt about each user.
    Profile,
    /// What was learnt about the household.
    Household,
    /// Context values.
    Context,
    /// Messages that the broker has not confirmed yet.
    Outbox,
    /// What other models understood of items, until all of them are understood anew. Derived: not
    /// counted, and lost without harm.
    Staged,
    /// What was shown where places of lists were left to chance. Not counted: the oldest make room.
    Shown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 11] = [
        Kind::Totals,
        Kind::Item,
        Kind::Content,
        Kind::Event,
        Kind::UserEvent,
        Kind::Profile,
        Kind::Household,
        Kind::Context,
        Kind::Outbox,
        Kind::Staged,
        Kind::Shown,
    ];

    /// The first byte of the keys of this kind. Stored for ever: a letter is never given to another
    /// kind.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Kind::Totals => b't',
            Kind::Item => b'i',
            Kind::Content => b'c',
            Kind::Event => b'e',
            Kind::UserEvent => b'u',
            Kind::Profile => b'p',
            Kind::Household => b'h',
            Kind::Context => b'x',
            Kind::Outbox => b'o',
            Kind::Staged => b's',
            Kind::Shown => b'l',
        }
    }

    /// The plural noun for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Totals => "totals",
            Kind::Item => "items",
            Kind::Content => "contents",
            Kind::Event => "events",
            Kind::UserEvent => "user events",
            Kind::Profile => "profiles",
            Kind::Household => "household",
            Kind::Context => "context values",
            Kind::Outbox => "outbox messages",
            Kind::Staged => "staged contents",
            Kind::Shown => "shown lists",
        }
    }
}

/// The key of one record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    fn new(kind: Kind, parts: &[&[u8]]) -> Key {
        let mut bytes = vec![kind.letter()];
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        Key(bytes)
    }

    /// A key as it was found in the tree.
    pub fn found(bytes: &[u8]) -> Key {
        Key(bytes.to_vec())
    }

    /// The key of [`Kind::Totals`].
    pub fn totals() -> Key {
        Key::new(Kind::Totals, &[])
    }

    /// The key of an item's document.
    pub fn item(id: &ItemId) -> Key {
        Key::new(Kind::Item, &[id.as_str().as_bytes()])
    }

    /// The key of what was understood of an item.
    pub fn content(id: &ItemId) -> Key {
        Key::new(Kind::Content, &[id.as_str().as_bytes()])
    }

    /// The key of what other models understood of an item.
    pub fn staged(id: &ItemId) -> Key {
        Key::new(Kind::Staged, &[id.as_str().as_bytes()])
    }

    /// The key of an event. Big-endian, so that the order of keys is the order of events.
    pub fn event(seq: u64) -> Key {
        Key::new(Kind::Event, &[&seq.to_be_bytes()])
    }

    /// The key under which a user's event is found: by its id if it has one, else by its number.
    pub fn user_event(user: &UserId, id: Option<&EventId>, seq: u64) -> Key {
        match id {
            Some(id) => {
                Key::new(Kind::UserEvent, &[user.as_str().as_bytes(), b"\0i", id.as_str().as_bytes()])
            }
            None => Key::new(Kind::UserEvent, &[user.as_str().as_bytes(), b"\0s", &seq.to_be_bytes()]),
        }
    }

    /// What all keys of a user's events begin with.
    pub fn user_events(user: &UserId) -> Key {
        Key::new(Kind::UserEvent, &[user.as_str().as_bytes(), b"\0"])
    }

    /// The key of what was learnt about a user.
    pub fn profile(user: &UserId) -> Key {
        Key::new(Kind::Profile, &[user.as_str().as_bytes()])
    }

    /// The key of what was learnt about the household.
    pub fn household() -> Key {
        Key::new(Kind::Household, &[])
    }

    /// The key of a context value; `None` if `key` is empty, longer than
    /// [`CONTEXT_KEY_BYTES_MAX`], or has a NUL in it.
    pub fn context(key: &str) -> Option<Key> {
        let fits = !key.is_empty() && key.len() <= CONTEXT_KEY_BYTES_MAX && !key.contains('\0');
        fits.then(|| Key::new(Kind::Context, &[key.as_bytes()]))
    }

    /// The key of an outbox message.
    pub fn outbox(seq: u64) -> Key {
        Key::new(Kind::Outbox, &[&seq.to_be_bytes()])
    }

    /// The key of a list that was shown: by time, so that the first key is that of the oldest, and by the
    /// number of the request.
    pub fn shown(at_ms: i64, request: u64) -> Key {
        Key::new(Kind::Shown, &[&at_ms.max(0).to_be_bytes(), &request.to_be_bytes()])
    }

    /// The bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The sequence number that an event's or an outbox message's key ends with.
    pub fn seq(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.get(1..)?.try_into().ok()?))
    }

    /// The text that follows the kind: an id or a context key.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get(1..)?).ok()
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_letter() {
        let letters: std::collections::BTreeSet<u8> = Kind::ALL.into_iter().map(Kind::letter).collect();
        assert_eq!(letters.len(), Kind::ALL.len());
    }

    #[test]
    fn sequence_numbers_sort_as_numbers() {
        assert!(Key::event(255) < Key::event(256));
        assert_eq!(Key::event(77).seq(), Some(77));
    }

    #[test]
    fn a_context_key_has_bounds() {
        assert!(Key::context("room").is_some());
        for bad in ["", "a\0b", &"x".repeat(CONTEXT_KEY_BYTES_MAX + 1)] {
            assert_eq!(Key::context(bad), None);
        }
    }
}
