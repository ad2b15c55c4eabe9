//! Messages that came in: what the pipeline gets of them, and how it acknowledges.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc::OwnedPermit;

use crate::topic::{self, Prefix, Topic, TopicError};

/// One message of the broker.
#[derive(Debug)]
pub struct Delivery {
    /// Which input it is; an error means: reject it with that text, then acknowledge it.
    pub topic: Result<Topic, DeliveryError>,
    /// The topic as it came, for the document that rejects it.
    pub raw_topic: String,
    /// The payload; empty if it was over the limit.
    pub payload: Bytes,
    /// The broker had kept it: it was sent because we subscribed, and may be old.
    pub retained: bool,
    /// Where the sender wants its answer (MQTT 5); `None` if it named no place.
    pub reply: Option<Reply>,
    /// Tells the broker that the message is safe.
    pub ack: Ack,
}

/// Where a request wants its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The topic to publish to.
    pub topic: String,
    /// To be sent back unchanged; `None` if the request had none.
    pub correlation: Option<Bytes>,
}

/// Why a message is no input. Reject it and acknowledge it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The topic names no input.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// It is larger than the configuration allows.
    #[error("message of {bytes} bytes, expected at most {bytes_max}")]
    TooLarge {
        /// Bytes of topic and payload.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The answer is wanted where it must not go.
    #[error("response topic `{0}`, expected one without wildcards that is no topic of this daemon's own")]
    ResponseTopic(String),
}

/// A message as the wire gave it.
#[derive(Debug)]
pub(super) struct Message {
    pub topic: Bytes,
    pub payload: Bytes,
    pub retained: bool,
    pub response_topic: Option<String>,
    pub correlation: Option<Bytes>,
    /// 0 for QoS 0, which is not acknowledged.
    pub packet_id: u16,
}

impl Message {
    pub fn into_delivery(self, prefix: &Prefix, bytes_max: usize, ack: Ack) -> Delivery {
        let bytes = self.topic.len() + self.payload.len();
        let raw_topic = String::from_utf8_lossy(&self.topic).into_owned();
        let foreign_reply =
            self.response_topic.as_deref().filter(|reply| !topic::may_be_replied_to(prefix, reply));
        let (topic, payload) = if bytes > bytes_max {
            (Err(DeliveryError::TooLarge { bytes, bytes_max }), Bytes::new())
        } else if let Some(reply) = foreign_reply {
            (Err(DeliveryError::ResponseTopic(reply.to_owned())), self.payload)
        } else {
            (Topic::parse(prefix, &raw_topic).map_err(DeliveryError::from), self.payload)
        };
        let reply = match (&topic, self.response_topic) {
            (Err(DeliveryError::ResponseTopic(_)), _) | (_, None) => None,
            (_, Some(topic)) => Some(Reply { topic, correlation: self.correlation }),
        };
        Delivery { topic, raw_topic, payload, retained: self.retained, reply, ack }
    }
}

/// What the taker of a delivery says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is safe.
    Done(u16),
    /// It was dropped without a word: the broker shall send it again.
    Abandoned(u16),
}

/// The duty to acknowledge one delivery.
///
/// Dropped without [`Ack::done`], the broker sends the message again after the next connection,
/// which is brought about soon. For a connection that is gone it says nothing to anybody: the broker
/// sends the message again there anyway.
#[derive(Debug)]
#[must_use = "dropping it asks the broker to send the message again"]
pub struct Ack {
    // The slot was reserved when the message came, so that saying it can neither wait nor fail.
    slot: Option<(OwnedPermit<Verdict>, u16)>,
}

impl Ack {
    pub(super) fn new(slot: OwnedPermit<Verdict>, packet_id: u16) -> Ack {
        Ack { slot: Some((slot, packet_id)) }
    }

    /// For QoS 0, which the broker wants no word about.
    pub(super) fn none() -> Ack {
        Ack { slot: None }
    }

    /// Says that the delivery is safe. Never waits.
    pub fn done(mut self) {
        if let Some((slot, packet_id)) = self.slot.take() {
            slot.send(Verdict::Done(packet_id));
        }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        if let Some((slot, packet_id)) = self.slot.take() {
            slot.send(Verdict::Abandoned(packet_id));
        }
    }
}

/// The deliveries of one connection that the broker waits for, in the order in which they came.
///
/// MQTT wants acknowledgements in that order (5.0 section 4.6, MQTT-4.6.0-2), and some brokers close
/// the connection otherwise, but deliveries may become safe in any. One that was abandoned holds
/// back all that came after it, until the broker sends them all again.
#[derive(Debug, Default)]
pub(super) struct AckLine {
    waiting: VecDeque<(u16, bool)>,
}

impl AckLine {
    pub fn came(&mut self, packet_id: u16) {
        self.waiting.push_back((packet_id, false));
    }

    /// Notes that a delivery is safe; an unknown one is ignored.
    pub fn done(&mut self, packet_id: u16) {
        if let Some(entry) = self.waiting.iter_mut().find(|(id, _)| *id == packet_id) {
            entry.1 = true;
        }
    }

    /// The next packet id to acknowledge, if its turn has come.
    pub fn next(&mut self) -> Option<u16> {
        self.waiting.pop_front_if(|(_, done)| *done).map(|(packet_id, _)| packet_id)
    }

    pub fn has_next(&self) -> bool {
        self.waiting.front().is_some_and(|(_, done)| *done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn message(topic: &[u8], response_topic: Option<&str>) -> Message {
        Message {
            topic: Bytes::copy_from_slice(topic),
            payload: Bytes::from_static(b"{}"),
            retained: false,
            response_topic: response_topic.map(str::to_owned),
            correlation: Some(Bytes::from_static(b"\x00\xff")),
            packet_id: 0,
        }
    }

    fn delivery(topic: &[u8], response_topic: Option<&str>, bytes_max: usize) -> Delivery {
        message(topic, response_topic).into_delivery(&Prefix::default(), bytes_max, Ack::none())
    }

    #[test]
    fn a_request_keeps_its_response_topic_and_correlation_bytes() {
        let delivery = delivery(b"attuned/v1/recommend", Some("tv/answers"), 100);
        assert_eq!(delivery.topic, Ok(Topic::Recommend));
        let correlation = Some(Bytes::from_static(b"\x00\xff"));
        assert_eq!(delivery.reply, Some(Reply { topic: "tv/answers".to_owned(), correlation }));
    }

    #[test]
    fn what_is_no_input_says_why() {
        let error =
            |topic: &[u8], reply, bytes_max| delivery(topic, reply, bytes_max).topic.unwrap_err().to_string();
        assert_eq!(error(b"attuned/v1/recommend", None, 21), "message of 22 bytes, expected at most 21");
        assert_eq!(
            error(b"attuned/v1/recommend", Some("attuned/v1/items/x"), 100),
            "response topic `attuned/v1/items/x`, expected one without wildcards that is no topic of this daemon's own"
        );
        assert_eq!(
            error(b"attuned/v1/context/\xff", None, 100),
            "topic `attuned/v1/context/\u{fffd}`: id `\u{fffd}` has '\u{fffd}', expected 1 to 128 of [A-Za-z0-9._:@-]"
        );
    }

    #[test]
    fn acknowledgements_leave_in_the_order_of_arrival() {
        let mut line = AckLine::default();
        [7, 3, 9].into_iter().for_each(|id| line.came(id));
        line.done(9);
        line.done(1000);
        assert_eq!(line.next(), None);
        line.done(7);
        assert_eq!(line.next(), Some(7));
        assert_eq!(line.next(), None);
        line.done(3);
        assert_eq!([line.next(), line.next(), line.next()], [Some(3), Some(9), None]);
    }

    #[test]
    fn a_dropped_ack_asks_for_the_message_again() {
        let (sender, mut verdicts) = mpsc::channel(2);
        let slot = || sender.clone().try_reserve_owned().unwrap();
        let (first, second) = (Ack::new(slot(), 1), Ack::new(slot(), 2));
        drop(first);
        second.done();
        assert_eq!(verdicts.try_recv(), Ok(Verdict::Abandoned(1)));
        assert_eq!(verdicts.try_recv(), Ok(Verdict::Done(2)));
    }
}
