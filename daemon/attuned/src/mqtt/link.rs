//! Keeps the link up: one connection after the other, with waits between. Knows when to give up
//! (when told to stop) and what outlives a connection: the messages that the broker has not yet.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::backoff;
use super::connection::{self, End};
use super::outbound::Outbound;
use super::{Delivery, Link, MqttSettings, Outcome, Outgoing};

/// What outlives a connection. One task owns it.
pub(super) struct Keeper {
    pub settings: MqttSettings,
    pub tls: Option<Arc<ClientConfig>>,
    /// Closed by a stop; what was in it by then is still published.
    pub publishes: mpsc::Receiver<(Outgoing, Outcome)>,
    pub deliveries: mpsc::Sender<Delivery>,
    pub link: watch::Sender<Link>,
    pub stop: Stop,
    pub outbound: Outbound,
}

/// Whether we were told to stop.
pub(super) enum Stop {
    /// Not yet; the order comes here.
    NotYet(oneshot::Receiver<Duration>),
    /// Yes: leave in order, by then at the latest.
    By(Instant),
}

/// What a stop order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Leave in order.
    Leave,
    /// The owner vanished: end at once.
    Vanish,
}

impl Stop {
    /// Waits for the order to stop, which comes once; then waits for ever.
    pub async fn ordered(&mut self) -> Order {
        match self {
            Stop::NotYet(order) => match order.await {
                Ok(grace) => {
                    *self = Stop::By(Instant::now() + grace);
                    Order::Leave
                }
                Err(_) => Order::Vanish,
            },
            Stop::By(_) => std::future::pending().await,
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Stop::NotYet(_) => None,
            Stop::By(deadline) => Some(*deadline),
        }
    }

    pub fn is_ordered(&self) -> bool {
        self.deadline().is_some()
    }
}

impl Keeper {
    pub fn new(
        settings: MqttSettings,
        tls: Option<Arc<ClientConfig>>,
        publishes: mpsc::Receiver<(Outgoing, Outcome)>,
        deliveries: mpsc::Sender<Delivery>,
        link: watch::Sender<Link>,
        stop: oneshot::Receiver<Duration>,
    ) -> Keeper {
        let stop = Stop::NotYet(stop);
        Keeper { settings, tls, publishes, deliveries, link, stop, outbound: Outbound::default() }
    }

    /// Runs until stopped or until the owner is gone. Whoever still waits for a publish then is told
    /// so, as the messages are dropped.
    pub async fn run(mut self) {
        let mut failures = 0;
        let mut known_reason = None;
        loop {
            self.link.send_replace(Link::Connecting);
            let end = connection::keep(&mut self).await;
            self.outbound.lost();
            let (reason, ready_for) = match end {
                End::Stopped => break,
                End::Lost { reason, ready_for } => (reason, ready_for),
            };
            // A stop makes one attempt to say goodbye, and this was it.
            if self.stop.is_ordered() {
                break;
            }
            if ready_for.is_some() || known_reason.as_ref() != Some(&reason) {
                tracing::warn!(host = %self.settings.host, port = self.settings.port, %reason, "no connection to the broker; trying again");
            } else {
                tracing::debug!(%reason, failures, "still no connection to the broker");
            }
            self.link.send_replace(Link::Down { reason: reason.clone() });
            known_reason = Some(reason);
            if ready_for.is_some_and(|held| held >= backoff::STABLE_AFTER) {
                failures = 0;
            }
            let wait = backoff::wait(failures, fastrand::f64());
            failures = failures.saturating_add(1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                order = self.stop.ordered() => match order {
                    Order::Leave => self.publishes.close(),
                    Order::Vanish => break,
                },
            }
        }
        self.link.send_replace(Link::Down { reason: "stopped".to_owned() });
    }
}
