//! The life of one connection: greet, subscribe, carry messages both ways, leave.
//!
//! The loop never waits for anybody but the network, with one measured exception: when the queue of
//! deliveries is full it stops reading for up to [`PAUSE_MAX`], so that a burst waits in the broker
//! and the socket. MQTT 5 brokers keep to our receive maximum and do not bring that about with
//! QoS 1; MQTT 3.1.1 and QoS 0 have no such limit. If there is still no room after the pause, it
//! goes on without handing over or acknowledging anything until half of the queue is free, and then
//! connects anew: the broker sends the unacknowledged ones again, in order. QoS 0 is lost then.

use std::future::pending;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use attuned_recommender::Timestamp;
use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep_until, timeout};

use super::inbound::{Ack, AckLine, Message, Verdict};
use super::link::{Keeper, Order};
use super::wire::{self, Clogged, Grant, Requests, Signal, Terms};
use super::{Link, Outgoing, PublishError};
use crate::topic;

/// Most publishes without the broker's acknowledgement.
const IN_FLIGHT_MAX: usize = 32;
/// Longest pause in reading when deliveries are not taken; far below any keep-alive.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How soon we connect anew for a delivery that was dropped without a word.
pub(super) const ABANDONED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Most deliveries without an acknowledgement: there are no more packet ids.
const UNACKNOWLEDGED_MAX: usize = u16::MAX as usize;
/// A connection that shows no sign of life for twice its keep-alive and this is dead: the library
/// cannot notice while it waits for a peer that does not read.
const SILENCE_GRACE: Duration = Duration::from_secs(10);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// As ordered.
    Stopped,
    /// Otherwise; the text is for people. `ready_for` is absent if it never was ready.
    Lost { reason: String, ready_for: Option<Duration> },
}

/// Makes one connection and keeps it until it ends.
pub(super) async fn keep(keeper: &mut Keeper) -> End {
    let (requests, mut wire) = wire::open(&keeper.settings, keeper.tls.as_ref());
    let mut connection = Connection::new(requests);
    let settings = keeper.settings.clone();
    let ended = loop {
        let keep_alive = connection.terms.as_ref().map_or(settings.keep_alive, |terms| terms.keep_alive);
        let dead_at = Instant::now() + keep_alive * 2 + SILENCE_GRACE;
        // The poll is kept until it gives a signal: the library loses its place when it is dropped.
        let mut poll = pin!(wire.poll(&settings));
        let signal = loop {
            if connection.pump(keeper).is_err() {
                break Err(Clogged.to_string());
            }
            let room = keeper.outbound.len() < IN_FLIGHT_MAX && !connection.publishers_gone;
            let half = keeper.deliveries.max_capacity().div_ceil(2);
            let stop_by = keeper.stop.deadline();
            tokio::select! {
                signal = &mut poll => break signal,
                Some(verdict) = connection.verdicts.recv() => connection.judge(verdict, keeper),
                publish = keeper.publishes.recv(), if room => match publish {
                    Some((message, outcome)) => keeper.outbound.accept(message, Some(outcome)),
                    None => connection.publishers_gone = true,
                },
                order = keeper.stop.ordered() => match order {
                    Order::Leave => keeper.publishes.close(),
                    Order::Vanish => return End::Stopped,
                },
                Ok(_) = keeper.deliveries.reserve_many(half), if connection.overrun => {
                    connection.leave("deliveries were not taken in time");
                }
                () = at(connection.again_at) => connection.leave("a delivery was not acknowledged"),
                () = at(stop_by) => return End::Stopped,
                () = sleep_until(dead_at) => break Err("no sign of life".to_owned()),
            }
        };
        let outcome = match signal {
            Ok(signal) => connection.on(signal, keeper).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = outcome {
            break reason;
        }
    };
    match connection.leaving {
        Leaving::Goodbye if connection.left => End::Stopped,
        _ => End::Lost { reason: ended, ready_for: connection.ready_since.map(|since| since.elapsed()) },
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Whether this connection is about to be closed from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// To come back at once, for that reason.
    ToReturn(&'static str),
    /// For good: `offline` is published and everything else is through.
    Goodbye,
}

struct Connection {
    requests: Requests,
    /// Requests inside the library.
    queued: usize,
    terms: Option<Terms>,
    ready_since: Option<Instant>,
    verdict_slots: mpsc::Sender<Verdict>,
    verdicts: mpsc::Receiver<Verdict>,
    acks: AckLine,
    overrun: bool,
    again_at: Option<Instant>,
    publishers_gone: bool,
    offline_accepted: bool,
    leaving: Leaving,
    disconnect_queued: bool,
    left: bool,
}

impl Connection {
    fn new(requests: Requests) -> Connection {
        let (verdict_slots, verdicts) = mpsc::channel(UNACKNOWLEDGED_MAX);
        Connection {
            requests,
            queued: 0,
            terms: None,
            ready_since: None,
            verdict_slots,
            verdicts,
            acks: AckLine::default(),
            overrun: false,
            again_at: None,
            publishers_gone: false,
            offline_accepted: false,
            leaving: Leaving::No,
            disconnect_queued: false,
            left: false,
        }
    }

    fn leave(&mut self, reason: &'static str) {
        self.overrun = false;
        self.again_at = None;
        if self.leaving == Leaving::No {
            self.leaving = Leaving::ToReturn(reason);
        }
    }

    fn has_room(&self) -> bool {
        self.queued < wire::REQUESTS_MAX
    }

    /// Moves what can be moved towards the broker, without waiting.
    fn pump(&mut self, keeper: &mut Keeper) -> Result<(), Clogged> {
        while let Ok(verdict) = self.verdicts.try_recv() {
            self.judge(verdict, keeper);
        }
        while self.has_room()
            && let Some(packet_id) = self.acks.next()
        {
            self.requests.acknowledge(packet_id)?;
            self.queued += 1;
        }
        if self.ready_since.is_some() && self.leaving == Leaving::No {
            self.publish(keeper)?;
            if keeper.stop.is_ordered() && self.publishers_gone && keeper.outbound.len() == 0 {
                if self.offline_accepted {
                    self.leaving = Leaving::Goodbye;
                } else {
                    self.offline_accepted = true;
                    keeper.outbound.accept(offline(keeper), None);
                    self.publish(keeper)?;
                }
            }
        }
        if self.leaving != Leaving::No && !self.disconnect_queued && self.has_room() && !self.acks.has_next()
        {
            self.requests.disconnect()?;
            self.queued += 1;
            self.disconnect_queued = true;
        }
        Ok(())
    }

    fn publish(&mut self, keeper: &mut Keeper) -> Result<(), Clogged> {
        let Some(terms) = &self.terms else { return Ok(()) };
        // One less than the broker allows: at its limit the library holds acknowledgements back too.
        let in_flight_max = usize::from(terms.in_flight_max.saturating_sub(1).max(1)).min(IN_FLIGHT_MAX);
        let packet_bytes_max = terms.packet_bytes_max.min(keeper.settings.packet_bytes_max as usize);
        while self.has_room()
            && keeper.outbound.in_flight() < in_flight_max
            && let Some((message, expiry)) = keeper.outbound.next(now())
        {
            if let Some(reason) = self.requests.objection(message, packet_bytes_max) {
                let topic = message.topic.clone();
                keeper.outbound.refuse_next(PublishError::Invalid { topic, reason });
            } else {
                self.requests.publish(message, expiry)?;
                keeper.outbound.sent();
                self.queued += 1;
            }
        }
        Ok(())
    }

    fn judge(&mut self, verdict: Verdict, keeper: &Keeper) {
        match verdict {
            Verdict::Done(packet_id) => self.acks.done(packet_id),
            // While we overrun or nobody takes deliveries any more, they are dropped on purpose.
            Verdict::Abandoned(_) if self.overrun || keeper.deliveries.is_closed() => {}
            Verdict::Abandoned(_) => {
                self.again_at.get_or_insert_with(|| Instant::now() + ABANDONED_AGAIN_AFTER);
            }
        }
    }

    /// Takes one signal. An error ends the connection.
    async fn on(&mut self, signal: Signal, keeper: &mut Keeper) -> Result<(), String> {
        if signal.frees() {
            self.queued = self.queued.saturating_sub(1);
        }
        match signal {
            Signal::Connected(terms) => {
                tracing::debug!(session_present = terms.session_present, "connected; subscribing");
                self.terms = Some(terms);
                let filters = topic::subscriptions(&keeper.settings.prefix);
                self.requests.subscribe(&filters).map_err(|error| error.to_string())?;
                self.queued += 1;
            }
            Signal::Subscribed(grants) => {
                check_grants(&topic::subscriptions(&keeper.settings.prefix), &grants)?;
                self.ready_since = Some(Instant::now());
                tracing::info!(host = %keeper.settings.host, port = keeper.settings.port, "connected to the broker");
                keeper.link.send_replace(Link::Ready);
            }
            Signal::Message(message) => self.hand_over(message, keeper).await,
            Signal::Named(packet_id) => keeper.outbound.named(packet_id),
            Signal::Acknowledged(packet_id, refused) => keeper.outbound.acknowledged(packet_id, refused),
            Signal::Left => {
                self.left = true;
                return Err(match self.leaving {
                    Leaving::ToReturn(reason) => reason.to_owned(),
                    Leaving::No | Leaving::Goodbye => "left".to_owned(),
                });
            }
            Signal::Written | Signal::Quiet => {}
        }
        Ok(())
    }

    async fn hand_over(&mut self, message: Message, keeper: &Keeper) {
        if self.overrun || self.leaving != Leaving::No {
            return;
        }
        let ack = if message.packet_id == 0 {
            Ack::none()
        } else {
            match self.verdict_slots.clone().try_reserve_owned() {
                Ok(slot) => {
                    self.acks.came(message.packet_id);
                    Ack::new(slot, message.packet_id)
                }
                Err(_) => return self.leave("the broker sent more than there are packet ids"),
            }
        };
        let bytes_max = keeper.settings.packet_bytes_max as usize;
        let delivery = message.into_delivery(&keeper.settings.prefix, bytes_max, ack);
        match keeper.deliveries.try_send(delivery) {
            // Without a taker the daemon is stopping; the broker keeps the message for the next start.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(delivery)) => {
                match timeout(PAUSE_MAX, keeper.deliveries.reserve()).await {
                    Ok(Ok(place)) => place.send(delivery),
                    Ok(Err(_closed)) => {}
                    Err(_elapsed) => {
                        tracing::warn!(
                            "deliveries are not taken in time; asking the broker for them again later"
                        );
                        self.overrun = true;
                    }
                }
            }
        }
    }
}

fn check_grants(filters: &[String], grants: &[Grant]) -> Result<(), String> {
    if filters.len() != grants.len() {
        return Err(format!(
            "the broker answered {} subscriptions, expected {}",
            grants.len(),
            filters.len()
        ));
    }
    for (filter, grant) in filters.iter().zip(grants) {
        match grant {
            Grant::AtLeastOnce => {}
            Grant::AtMostOnce => {
                return Err(format!("the broker granted QoS 0 for `{filter}`, expected QoS 1"));
            }
            Grant::Refused(reason) => {
                return Err(format!("the broker refused the subscription to `{filter}`: {reason}"));
            }
        }
    }
    Ok(())
}

fn offline(keeper: &Keeper) -> Outgoing {
    Outgoing {
        topic: topic::status(&keeper.settings.prefix),
        payload: Bytes::from_static(wire::OFFLINE.as_bytes()),
        retain: true,
        correlation: None,
        expires_at: None,
    }
}

/// The time by the system's clock; only used for expiry.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscription_must_be_granted_at_least_once_delivery() {
        let filters = ["a/#".to_owned(), "b".to_owned()];
        let check = |grants: &[Grant]| check_grants(&filters, grants);
        assert_eq!(check(&[Grant::AtLeastOnce, Grant::AtLeastOnce]), Ok(()));
        assert_eq!(
            check(&[Grant::AtLeastOnce, Grant::AtMostOnce]),
            Err("the broker granted QoS 0 for `b`, expected QoS 1".to_owned())
        );
        assert_eq!(
            check(&[Grant::Refused("NotAuthorized".to_owned()), Grant::AtLeastOnce]),
            Err("the broker refused the subscription to `a/#`: NotAuthorized".to_owned())
        );
        assert_eq!(
            check(&[Grant::AtLeastOnce]),
            Err("the broker answered 1 subscriptions, expected 2".to_owned())
        );
    }
}
