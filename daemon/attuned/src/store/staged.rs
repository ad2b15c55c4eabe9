//! The changes of a group of calls, before they are durable.
//!
//! Owns what each [`Write`] means in terms of records. Reads see what was staged before, so a repeat
//! within a call or a group is noticed like any other. It makes nothing durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use attuned_recommender::{Comment, Content, Event, EventId, ItemId, Timestamp, UserId};

use super::key::{CONTEXT_KEY_BYTES_MAX, Key, Kind};
use super::ledger::Ledger;
use super::record::{content, event, item, outbox, shown, staged, state, totals, value};
use super::tree::{Changes, Tree, VALUE_BYTES_MAX};
use super::write::{OutboxMessage, StoredItem, StoredShown, Write, Written};
use super::{StoreError, StoreSettings, envelope};

/// Changes on top of what the tree holds.
pub struct Staged<'a> {
    tree: &'a Arc<Tree>,
    settings: &'a StoreSettings,
    ledger: &'a mut Ledger,
    /// Of the calls before the current one.
    group: Changes,
    /// Of the current call.
    call: Changes,
}

impl<'a> Staged<'a> {
    /// No changes yet.
    pub fn new(tree: &'a Arc<Tree>, settings: &'a StoreSettings, ledger: &'a mut Ledger) -> Staged<'a> {
        Staged { tree, settings, ledger, group: Changes::new(), call: Changes::new() }
    }

    /// Stages all writes of one call, or none of them.
    pub fn call(&mut self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        if writes.len() > self.settings.writes_per_call_max {
            return Err(StoreError::Refused {
                what: "commit".to_owned(),
                found: format!("has {} writes", writes.len()),
                expected: format!("at most {}", self.settings.writes_per_call_max),
            });
        }
        let before = self.ledger.begin();
        let written = writes.into_iter().map(|write| self.stage(write)).collect();
        match written {
            Ok(_) => self.group.append(&mut self.call),
            Err(_) => {
                self.ledger.take_back(before);
                self.call.clear();
            }
        }
        written
    }

    /// Everything that was staged, with the totals that belong to it; empty if nothing changed.
    pub fn finish(mut self) -> Changes {
        if !self.group.is_empty() {
            self.ledger.totals.generation += 1;
            let key = Key::totals();
            let sealed = envelope::seal(&key, totals::VERSION, &totals::encode(&self.ledger.totals));
            self.group.insert(key, Some(sealed));
        }
        self.group
    }

    fn stage(&mut self, write: Write) -> Result<Written, StoreError> {
        match write {
            Write::PutItem(item) => self.put_item(&item),
            Write::RemoveItem(id) => self.remove_item(&id),
            Write::PutContent { item, content } => self.put_content(&item, &content),
            Write::Stage { item, target, content, pending } => {
                self.stage_content(&item, &target, &content, pending)
            }
            Write::Promote { item, target } => self.promote(&item, &target),
            Write::Unstage(item) => self.remove(Kind::Staged, Key::staged(&item)),
            Write::AppendEvent { event, id } => self.append_event(&event, id.as_ref()),
            Write::SetComment { seq, comment } => self.set_comment(seq, comment),
            Write::PutProfile { user, through, state } => {
                let payload = state::encode_user(through, &state);
                self.put(Kind::Profile, Key::profile(&user), state::USER_VERSION, &payload)
            }
            Write::PutHousehold { through, state } => {
                let payload = state::encode_household(through, &state);
                self.put(Kind::Household, Key::household(), state::HOUSEHOLD_VERSION, &payload)
            }
            Write::SetContext { key, value } => self.set_context(&key, value.as_ref()),
            Write::PushOutbox { message, now } => self.push_outbox(&message, now),
            Write::RemoveOutbox(seq) => self.remove_outbox(seq),
            Write::PushShown { request, shown } => self.push_shown(request, &shown),
            Write::ForgetUser(user) => self.forget_user(&user),
        }
    }

    fn put_item(&mut self, stored: &StoredItem) -> Result<Written, StoreError> {
        let id = &stored.item.id;
        self.put(Kind::Item, Key::item(id), item::VERSION, &item::encode(stored))?;
        if stored.content.is_some() || stored.content_pending {
            let payload = content::encode(stored.content.as_ref(), stored.content_pending);
            self.put(Kind::Content, Key::content(id), content::VERSION, &payload)?;
        } else {
            self.remove(Kind::Content, Key::content(id))?;
        }
        Ok(Written::Done)
    }

    fn remove_item(&mut self, id: &ItemId) -> Result<Written, StoreError> {
        self.remove(Kind::Content, Key::content(id))?;
        self.remove(Kind::Staged, Key::staged(id))?;
        self.remove(Kind::Item, Key::item(id))
    }

    fn put_content(&mut self, id: &ItemId, understood: &Content) -> Result<Written, StoreError> {
        if !self.contains(&Key::item(id))? {
            return Ok(Written::Absent);
        }
        let payload = content::encode(Some(understood), false);
        self.put(Kind::Content, Key::content(id), content::VERSION, &payload)
    }

    fn stage_content(
        &mut self,
        id: &ItemId,
        target: &str,
        understood: &Content,
        pending: bool,
    ) -> Result<Written, StoreError> {
        if !self.contains(&Key::item(id))? {
            return Ok(Written::Absent);
        }
        let payload = staged::encode(target, understood, pending);
        self.put(Kind::Staged, Key::staged(id), staged::VERSION, &payload)
    }

    fn promote(&mut self, id: &ItemId, target: &str) -> Result<Written, StoreError> {
        let key = Key::staged(id);
        let Some(value) = self.get(&key)? else { return Ok(Written::Absent) };
        let found = envelope::open(&key, &value).and_then(|o| staged::decode(o.version, o.payload));
        self.remove(Kind::Staged, key)?;
        match found {
            Ok(found) if found.target == target && self.contains(&Key::item(id))? => {
                self.put(Kind::Content, Key::content(id), found.version, &found.content)
            }
            Ok(_) | Err(_) => Ok(Written::Absent),
        }
    }

    fn append_event(&mut self, happened: &Event, id: Option<&EventId>) -> Result<Written, StoreError> {
        let seq = self.ledger.totals.next_event;
        let note = Key::user_event(&happened.user, id, seq);
        if let Some(value) = self.get(&note)? {
            // That there is a note is enough to know that the event was counted.
            let earlier = envelope::open(&note, &value)
                .and_then(|opened| event::decode_note(opened.version, opened.payload));
            return Ok(Written::Duplicate { seq: earlier.unwrap_or(0) });
        }
        self.ledger.totals.next_event += 1;
        self.put(Kind::Event, Key::event(seq), event::VERSION, &event::encode(happened, id))?;
        self.put(Kind::UserEvent, note, event::VERSION, &event::encode_note(seq))?;
        Ok(Written::Event { seq })
    }

    fn set_comment(&mut self, seq: u64, comment: Comment) -> Result<Written, StoreError> {
        let key = Key::event(seq);
        let Some(value) = self.get(&key)? else { return Ok(Written::Absent) };
        let opened = envelope::open(&key, &value).and_then(|o| event::decode(o.version, o.payload));
        let (mut commented, id) = opened.map_err(|reason| damaged(Kind::Event, &key, reason))?;
        commented.comment = Some(comment);
        self.put(Kind::Event, key, event::VERSION, &event::encode(&commented, id.as_ref()))
    }

    fn set_context(
        &mut self,
        text: &str,
        value: Option<&attuned_recommender::Value>,
    ) -> Result<Written, StoreError> {
        let key = Key::context(text).ok_or_else(|| StoreError::Refused {
            what: "context key".to_owned(),
            found: format!("has {} bytes", text.len()),
            expected: format!("1 to {CONTEXT_KEY_BYTES_MAX} bytes without NUL"),
        })?;
        match value {
            Some(value) => self.put(Kind::Context, key, value::VERSION, &value::encode(value)),
            None => self.remove(Kind::Context, key),
        }
    }

    fn push_outbox(&mut self, message: &OutboxMessage, now: Timestamp) -> Result<Written, StoreError> {
        let mut dropped = 0;
        while let Some(seq) = self.ledger.message_to_drop(self.settings.outbox_messages_max, now) {
            self.remove_outbox(seq)?;
            dropped += 1;
        }
        let seq = self.ledger.totals.next_outbox;
        self.ledger.totals.next_outbox += 1;
        self.put(Kind::Outbox, Key::outbox(seq), outbox::VERSION, &outbox::encode(message))?;
        self.ledger.message_in(seq, message.expires_at);
        Ok(Written::Outbox { seq, dropped })
    }

    fn remove_outbox(&mut self, seq: u64) -> Result<Written, StoreError> {
        self.ledger.message_out(seq);
        self.remove(Kind::Outbox, Key::outbox(seq))
    }

    fn push_shown(&mut self, request: u64, shown: &StoredShown) -> Result<Written, StoreError> {
        let max = self.settings.shown_lists_max.max(1);
        let all = Key::found(&[Kind::Shown.letter()]);
        let mut left = match self.ledger.shown {
            Some(count) => count,
            None => self.with_prefix(all.clone())?.len(),
        };
        if left >= max {
            // A tenth at once, so that they are seldom looked through.
            for key in self.with_prefix(all)?.into_keys().take(left - max + max.div_ceil(10)) {
                self.remove(Kind::Shown, key)?;
                left -= 1;
            }
        }
        let key = Key::shown(shown.at.unix_ms(), request);
        left += usize::from(!self.contains(&key)?);
        self.ledger.shown = Some(left);
        self.put(Kind::Shown, key, shown::VERSION, &shown::encode(shown))
    }

    fn forget_user(&mut self, user: &UserId) -> Result<Written, StoreError> {
        let before = self.ledger.totals.events;
        let mut all_found = true;
        for (note, value) in self.with_prefix(Key::user_events(user))? {
            let seq = envelope::open(&note, &value)
                .and_then(|opened| event::decode_note(opened.version, opened.payload));
            match seq {
                Ok(seq) => drop(self.remove(Kind::Event, Key::event(seq))?),
                Err(_) => all_found = false,
            }
            self.remove(Kind::UserEvent, note)?;
        }
        if !all_found {
            self.remove_events_of(user)?;
        }
        for (key, value) in self.with_prefix(Key::found(&[Kind::Shown.letter()]))? {
            let opened = envelope::open(&key, &value).and_then(|o| shown::decode(o.version, o.payload));
            // One that cannot be read may be theirs.
            if opened.map_or(true, |shown| shown.users.contains(user)) {
                self.remove(Kind::Shown, key)?;
            }
        }
        self.ledger.shown = None;
        self.remove(Kind::Profile, Key::profile(user))?;
        Ok(Written::Forgotten { events: before - self.ledger.totals.events })
    }

    /// Looks through all events, for when the notes of a user's events are damaged.
    fn remove_events_of(&mut self, user: &UserId) -> Result<(), StoreError> {
        for (key, value) in self.with_prefix(Key::found(&[Kind::Event.letter()]))? {
            let opened = envelope::open(&key, &value).and_then(|o| event::decode(o.version, o.payload));
            if opened.is_ok_and(|(event, _)| event.user == *user) {
                self.remove(Kind::Event, key)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, kind: Kind, key: Key, version: u8, payload: &[u8]) -> Result<Written, StoreError> {
        let bytes_max = self.settings.record_bytes_max.min(VALUE_BYTES_MAX);
        let value = envelope::seal(&key, version, payload);
        if value.len() > bytes_max {
            return Err(StoreError::Refused {
                what: format!("record `{key}` of {}", kind.name()),
                found: format!("has {} bytes", value.len()),
                expected: format!("at most {bytes_max}"),
            });
        }
        if !self.contains(&key)?
            && let Some(count) = self.ledger.totals.count_mut(kind)
        {
            *count += 1;
        }
        self.call.insert(key, Some(value));
        Ok(Written::Done)
    }

    fn remove(&mut self, kind: Kind, key: Key) -> Result<Written, StoreError> {
        if !self.contains(&key)? {
            return Ok(Written::Absent);
        }
        if let Some(count) = self.ledger.totals.count_mut(kind) {
            *count = count.saturating_sub(1);
        }
        self.call.insert(key, None);
        Ok(Written::Done)
    }

    fn contains(&self, key: &Key) -> Result<bool, StoreError> {
        match self.staged(key) {
            Some(staged) => Ok(staged.is_some()),
            None => self.tree.contains(key),
        }
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match self.staged(key) {
            Some(staged) => Ok(staged.clone()),
            None => self.tree.get(key),
        }
    }

    fn staged(&self, key: &Key) -> Option<&Option<Vec<u8>>> {
        self.call.get(key).or_else(|| self.group.get(key))
    }

    fn with_prefix(&self, prefix: Key) -> Result<BTreeMap<Key, Vec<u8>>, StoreError> {
        let mut found: BTreeMap<Key, Vec<u8>> =
            self.tree.scan(prefix.clone(), None).collect::<Result<_, StoreError>>()?;
        for (key, value) in self.group.iter().chain(&self.call) {
            if key.as_bytes().starts_with(prefix.as_bytes()) {
                match value {
                    Some(value) => found.insert(key.clone(), value.clone()),
                    None => found.remove(key),
                };
            }
        }
        Ok(found)
    }
}

/// The error for a record that is not what was written.
pub fn damaged(kind: Kind, key: &Key, reason: String) -> StoreError {
    StoreError::Damaged { what: format!("record `{key}` of {}", kind.name()), reason }
}
