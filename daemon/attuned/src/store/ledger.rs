//! What the writer knows of the stored records without reading them: their counts, the next
//! numbers, and when outbox messages expire.
//!
//! Owns the choice of which message goes when the outbox is full. It knows nothing of files.

use std::collections::BTreeMap;

use attuned_recommender::Timestamp;

use super::record::totals::Totals;

/// Counts, next numbers, and the outbox's expiry times by message number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub totals: Totals,
    /// How many lists that were shown are kept; absent until it is looked.
    pub shown: Option<usize>,
    outbox: BTreeMap<u64, Option<Timestamp>>,
    /// How to take back what the current call did to `outbox`: what was there before.
    undo: Vec<(u64, Option<Option<Timestamp>>)>,
}

impl Ledger {
    /// The ledger of a store with these totals and outbox messages.
    pub fn new(totals: Totals, outbox: BTreeMap<u64, Option<Timestamp>>) -> Ledger {
        Ledger { totals, shown: None, outbox, undo: Vec::new() }
    }

    /// Begins a call: what came before stays.
    pub fn begin(&mut self) -> Totals {
        self.undo.clear();
        self.totals
    }

    /// Takes the current call back.
    pub fn take_back(&mut self, before: Totals) {
        self.totals = before;
        self.shown = None;
        for (seq, earlier) in self.undo.drain(..).rev() {
            match earlier {
                Some(expires_at) => self.outbox.insert(seq, expires_at),
                None => self.outbox.remove(&seq),
            };
        }
    }

    /// Notes a message that enters the outbox.
    pub fn message_in(&mut self, seq: u64, expires_at: Option<Timestamp>) {
        let earlier = self.outbox.insert(seq, expires_at);
        self.undo.push((seq, earlier));
    }

    /// Notes a message that leaves the outbox.
    pub fn message_out(&mut self, seq: u64) {
        if let Some(earlier) = self.outbox.remove(&seq) {
            self.undo.push((seq, Some(earlier)));
        }
    }

    /// Which message has to go before another one enters an outbox of `messages_max`: of those that
    /// have expired, the one that expired first; if none has, the oldest. `None` if there is room.
    pub fn message_to_drop(&self, messages_max: usize, now: Timestamp) -> Option<u64> {
        if self.outbox.len() < messages_max {
            return None;
        }
        let expired = self
            .outbox
            .iter()
            .filter_map(|(seq, expires_at)| expires_at.filter(|at| *at <= now).map(|at| (at, *seq)))
            .min();
        expired.map(|(_, seq)| seq).or_else(|| self.outbox.keys().next().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outbox: &[(u64, Option<i64>)], messages_max: usize, expected: Option<u64>) {
        let at = Timestamp::from_unix_ms;
        let outbox = outbox.iter().map(|(seq, expires_ms)| (*seq, expires_ms.map(at))).collect();
        let ledger = Ledger::new(Totals::EMPTY, outbox);
        assert_eq!(ledger.message_to_drop(messages_max, at(1000)), expected);
    }

    #[test]
    fn nothing_is_dropped_while_there_is_room() {
        check(&[(1, Some(0)), (2, None)], 3, None);
    }

    #[test]
    fn the_message_that_expired_first_goes_first() {
        check(&[(1, None), (2, Some(900)), (3, Some(800)), (4, Some(2000))], 4, Some(3));
        check(&[(1, None), (2, Some(800)), (3, Some(800))], 3, Some(2));
    }

    #[test]
    fn if_none_has_expired_the_oldest_goes() {
        check(&[(7, None), (8, Some(1001))], 2, Some(7));
    }
}
