//! Messages on their way to the broker, and which of them it has. Pure: no clock, no connection.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use attuned_recommender::Timestamp;

use super::{Outcome, Outgoing, PublishError};

/// A message, its place in the order, and whom to tell.
#[derive(Debug)]
struct Entry {
    sequence: u64,
    message: Outgoing,
    /// `None` for our own goodbye, which nobody waits for.
    outcome: Option<Outcome>,
}

/// The messages taken over from publishers, each in one of three places: waiting for this
/// connection, handed to it but without a packet id yet, or under its packet id until acknowledged.
///
/// Packet ids belong to a connection, so a lost one puts everything back to waiting, in order.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    next_sequence: u64,
    waiting: VecDeque<Entry>,
    unnamed: VecDeque<Entry>,
    named: HashMap<u16, Entry>,
}

impl Outbound {
    pub fn accept(&mut self, message: Outgoing, outcome: Option<Outcome>) {
        self.waiting.push_back(Entry { sequence: self.next_sequence, message, outcome });
        self.next_sequence += 1;
    }

    pub fn len(&self) -> usize {
        self.waiting.len() + self.in_flight()
    }

    pub fn in_flight(&self) -> usize {
        self.unnamed.len() + self.named.len()
    }

    /// The message to send next and how long it is of use. Those that nobody waits for any more are
    /// dropped on the way, and expired ones are told so.
    pub fn next(&mut self, now: Timestamp) -> Option<(&Outgoing, Option<Duration>)> {
        while let Some(entry) = self.waiting.front() {
            let given_up = entry.outcome.as_ref().is_some_and(Outcome::is_closed);
            let left = entry.message.expires_at.map(|at| at.unix_ms().saturating_sub(now.unix_ms()));
            if given_up {
                self.waiting.pop_front();
            } else if left.is_some_and(|ms| ms <= 0) {
                let topic = entry.message.topic.clone();
                self.refuse_next(PublishError::Expired { topic });
            } else {
                break;
            }
        }
        let message = &self.waiting.front()?.message;
        let left_ms = message.expires_at.map(|at| at.unix_ms().saturating_sub(now.unix_ms()));
        Some((message, left_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)))
    }

    /// The message that [`Outbound::next`] gave went to the connection.
    pub fn sent(&mut self) {
        self.unnamed.extend(self.waiting.pop_front());
    }

    /// The message that [`Outbound::next`] gave cannot be sent.
    pub fn refuse_next(&mut self, error: PublishError) {
        if let Some(entry) = self.waiting.pop_front() {
            tell(entry, Err(error));
        }
    }

    /// The connection gave the oldest message that has none this packet id.
    pub fn named(&mut self, packet_id: u16) {
        if let Some(entry) = self.unnamed.pop_front() {
            self.named.insert(packet_id, entry);
        }
    }

    /// The broker answered for a packet id; an unknown one is ignored.
    pub fn acknowledged(&mut self, packet_id: u16, refused: Option<String>) {
        if let Some(entry) = self.named.remove(&packet_id) {
            let result = match refused {
                None => Ok(()),
                Some(reason) => Err(PublishError::Refused { topic: entry.message.topic.clone(), reason }),
            };
            tell(entry, result);
        }
    }

    /// The connection is gone: everything without an acknowledgement waits again, in its order.
    pub fn lost(&mut self) {
        let mut again: Vec<Entry> =
            self.unnamed.drain(..).chain(self.named.drain().map(|(_, e)| e)).collect();
        again.extend(self.waiting.drain(..));
        again.sort_unstable_by_key(|entry| entry.sequence);
        self.waiting = again.into();
    }
}

fn tell(entry: Entry, result: Result<(), PublishError>) {
    if let Some(outcome) = entry.outcome {
        // A publisher that gave up meanwhile needs no answer.
        drop(outcome.send(result));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tokio::sync::oneshot;

    type Told = oneshot::Receiver<Result<(), PublishError>>;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn accept(outbound: &mut Outbound, topic: &str, expires_at: Option<Timestamp>) -> Told {
        let (outcome, told) = oneshot::channel();
        let message = Outgoing {
            topic: topic.to_owned(),
            payload: Bytes::new(),
            retain: false,
            correlation: None,
            expires_at,
        };
        outbound.accept(message, Some(outcome));
        told
    }

    fn send_all(outbound: &mut Outbound) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some((message, _)) = outbound.next(at(0)) {
            sent.push(message.topic.clone());
            outbound.sent();
        }
        sent
    }

    #[test]
    fn a_lost_connection_sends_again_what_was_not_acknowledged_in_order() {
        let mut outbound = Outbound::default();
        let mut told: Vec<Told> = ["a", "b", "c", "d"].map(|topic| accept(&mut outbound, topic, None)).into();
        assert_eq!(send_all(&mut outbound), ["a", "b", "c", "d"]);
        outbound.named(1);
        outbound.named(2);
        outbound.named(3);
        outbound.acknowledged(2, None);
        assert_eq!(told[1].try_recv(), Ok(Ok(())));
        outbound.lost();
        told.push(accept(&mut outbound, "e", None));
        assert_eq!((outbound.len(), outbound.in_flight()), (4, 0));
        assert_eq!(send_all(&mut outbound), ["a", "c", "d", "e"]);
        assert!(told[0].try_recv().is_err(), "not yet acknowledged");
    }

    #[test]
    fn a_refusal_is_told_with_the_brokers_reason() {
        let mut outbound = Outbound::default();
        let mut told = accept(&mut outbound, "a", None);
        send_all(&mut outbound);
        outbound.named(5);
        outbound.acknowledged(6, None);
        outbound.acknowledged(5, Some("not authorized".to_owned()));
        let refused = PublishError::Refused { topic: "a".to_owned(), reason: "not authorized".to_owned() };
        assert_eq!(told.try_recv(), Ok(Err(refused)));
        assert_eq!(outbound.len(), 0);
    }

    #[test]
    fn expired_and_given_up_messages_are_not_sent() {
        let mut outbound = Outbound::default();
        let mut expired = accept(&mut outbound, "old", Some(at(1000)));
        drop(accept(&mut outbound, "given up", None));
        let _kept = accept(&mut outbound, "fresh", Some(at(4500)));
        let (message, left) = outbound.next(at(1000)).unwrap();
        assert_eq!((message.topic.as_str(), left), ("fresh", Some(Duration::from_millis(3500))));
        assert_eq!(expired.try_recv(), Ok(Err(PublishError::Expired { topic: "old".to_owned() })));
        assert_eq!(outbound.len(), 1);
    }
}
