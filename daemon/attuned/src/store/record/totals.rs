//! How much the store holds. Written with every change, and copied to the manifest from time to
//! time: what is counted at the next start is compared with both.

use serde::{Deserialize, Serialize};

use super::{pack, unknown_version, unpack};
use crate::store::key::Kind;

/// The version that is written.
pub const VERSION: u8 = 1;

/// Counts of records, and the next numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Changes so far: of two totals, the one with more of them is the later.
    pub generation: u64,
    /// The number of the next event.
    pub next_event: u64,
    /// The number of the next outbox message.
    pub next_outbox: u64,
    /// Item documents.
    pub items: u64,
    /// Contents of items.
    pub contents: u64,
    /// Events.
    pub events: u64,
    /// Notes of users' events; one an event.
    pub user_events: u64,
    /// Profiles of users.
    pub profiles: u64,
    /// Profiles of the household: none or one.
    pub households: u64,
    /// Context values.
    pub context_values: u64,
    /// Outbox messages.
    pub outbox_messages: u64,
}

impl Totals {
    /// The totals of an empty store.
    pub const EMPTY: Totals = Totals {
        generation: 0,
        next_event: 1,
        next_outbox: 1,
        items: 0,
        contents: 0,
        events: 0,
        user_events: 0,
        profiles: 0,
        households: 0,
        context_values: 0,
        outbox_messages: 0,
    };

    /// How many records of `kind` there are; the totals themselves are not counted.
    pub fn count(&self, kind: Kind) -> u64 {
        let mut copy = *self;
        copy.count_mut(kind).map_or(0, |count| *count)
    }

    /// The count of `kind`; `None` for the totals themselves, and for what is derived.
    pub fn count_mut(&mut self, kind: Kind) -> Option<&mut u64> {
        match kind {
            Kind::Totals | Kind::Staged | Kind::Shown => None,
            Kind::Item => Some(&mut self.items),
            Kind::Content => Some(&mut self.contents),
            Kind::Event => Some(&mut self.events),
            Kind::UserEvent => Some(&mut self.user_events),
            Kind::Profile => Some(&mut self.profiles),
            Kind::Household => Some(&mut self.households),
            Kind::Context => Some(&mut self.context_values),
            Kind::Outbox => Some(&mut self.outbox_messages),
        }
    }
}

/// The payload of the totals.
pub fn encode(totals: &Totals) -> Vec<u8> {
    pack(totals)
}

/// The totals in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<Totals, String> {
    match version {
        1 => unpack(payload),
        newer => Err(unknown_version(newer, VERSION)),
    }
}
