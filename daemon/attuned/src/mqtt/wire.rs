//! One connection as the client library sees it, in the two protocol versions behind one shape.
//! Knows packets and their properties; decides nothing about retries or order.
//!
//! A connection gets a fresh event loop of the library. Its own memory of packets from the last one
//! is of no use to us: it forgets them on a new session, and we publish again by ourselves.

mod v3;
mod v5;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::inbound::Message;
use super::{MqttSettings, Outgoing, ProtocolVersion};
use crate::topic;

/// Largest packet there can be in MQTT: a remaining length of four bytes of seven bits.
pub(super) const PACKET_BYTES_LARGEST: usize = 268_435_455;

/// Most requests that may wait inside the library. The caller keeps count, see [`Signal::frees`].
pub(super) const REQUESTS_MAX: usize = 64;

/// More packets in flight than the caller ever has, so that the library never holds back our
/// acknowledgements because of our publishes.
const LIBRARY_IN_FLIGHT_MAX: u16 = 128;

/// Longest time to connect and greet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The last will, and the goodbye of an orderly stop.
pub(super) const OFFLINE: &str = r#"{"state":"offline"}"#;

/// What every non-empty payload of ours is.
const CONTENT_TYPE: &str = "application/json";

/// Whether the broker grants one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    AtLeastOnce,
    AtMostOnce,
    Refused(String),
}

/// What the broker said when it took the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub session_present: bool,
    /// Most publishes of ours without its acknowledgement.
    pub in_flight_max: u16,
    /// Largest packet it takes.
    pub packet_bytes_max: usize,
    pub keep_alive: Duration,
}

/// One thing that happened on the connection.
#[derive(Debug)]
pub(super) enum Signal {
    Connected(Terms),
    Subscribed(Vec<Grant>),
    Message(Message),
    /// The oldest publish without a packet id got this one.
    Named(u16),
    /// The broker has answered for a publish; with a reason if it refused.
    Acknowledged(u16, Option<String>),
    /// Another request has been written.
    Written,
    /// The goodbye has been written.
    Left,
    /// Nothing of interest.
    Quiet,
}

impl Signal {
    /// Whether a request of ours has left the library's queue.
    pub fn frees(&self) -> bool {
        matches!(self, Signal::Named(_) | Signal::Written | Signal::Left)
    }
}

/// The library's queue did not take a request, which the caller's count should prevent.
#[derive(Debug, thiserror::Error)]
#[error("the queue of requests to the connection is full")]
pub(super) struct Clogged;

/// The side of the connection that requests go in at. Every call takes one place of the queue.
pub(super) enum Requests {
    V5(rumqttc::v5::AsyncClient),
    V3(rumqttc::AsyncClient),
}

/// The side of the connection that is polled.
pub(super) enum Wire {
    V5(Box<rumqttc::v5::EventLoop>),
    V3(Box<rumqttc::EventLoop>),
}

/// Prepares a connection; the first poll makes it.
pub(super) fn open(settings: &MqttSettings, tls: Option<&Arc<ClientConfig>>) -> (Requests, Wire) {
    let transport = match tls {
        None => rumqttc::Transport::Tcp,
        Some(config) => rumqttc::Transport::Tls(rumqttc::TlsConfiguration::Rustls(Arc::clone(config))),
    };
    // The library joins host and port by a colon, which an IPv6 address needs brackets for.
    let is_ipv6 = settings.host.parse::<std::net::Ipv6Addr>().is_ok();
    let host = if is_ipv6 && tls.is_none() { format!("[{}]", settings.host) } else { settings.host.clone() };
    match settings.version {
        ProtocolVersion::V5 => {
            let (client, event_loop) = v5::open(settings, host, transport);
            (Requests::V5(client), Wire::V5(Box::new(event_loop)))
        }
        ProtocolVersion::V3 => {
            let (client, event_loop) = v3::open(settings, host, transport);
            (Requests::V3(client), Wire::V3(Box::new(event_loop)))
        }
    }
}

impl Wire {
    /// Waits for the next signal. An error ends the connection; its text is for people.
    pub async fn poll(&mut self, settings: &MqttSettings) -> Result<Signal, String> {
        match self {
            Wire::V5(event_loop) => match event_loop.poll().await {
                Ok(event) => Ok(v5::signal(event, settings)),
                Err(error) => Err(error.to_string()),
            },
            Wire::V3(event_loop) => match event_loop.poll().await {
                Ok(event) => Ok(v3::signal(event, settings)),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

impl Requests {
    pub fn subscribe(&self, filters: &[String]) -> Result<(), Clogged> {
        match self {
            Requests::V5(client) => v5::subscribe(client, filters),
            Requests::V3(client) => v3::subscribe(client, filters),
        }
    }

    /// Publishes with QoS 1; the broker may drop it after `expiry`.
    pub fn publish(&self, message: &Outgoing, expiry: Option<Duration>) -> Result<(), Clogged> {
        match self {
            Requests::V5(client) => v5::publish(client, message, expiry),
            Requests::V3(client) => v3::publish(client, message),
        }
    }

    pub fn acknowledge(&self, packet_id: u16) -> Result<(), Clogged> {
        match self {
            Requests::V5(client) => v5::acknowledge(client, packet_id),
            Requests::V3(client) => v3::acknowledge(client, packet_id),
        }
    }

    pub fn disconnect(&self) -> Result<(), Clogged> {
        match self {
            Requests::V5(client) => client.try_disconnect().map_err(|_| Clogged),
            Requests::V3(client) => client.try_disconnect().map_err(|_| Clogged),
        }
    }

    /// Why a message can never be sent; such a one would end every connection that tried.
    pub fn objection(&self, message: &Outgoing, packet_bytes_max: usize) -> Option<String> {
        let topic_bytes = message.topic.len();
        if topic_bytes == 0 || topic_bytes > 65_535 || message.topic.contains(['+', '#', '\0']) {
            return Some("expected a topic of 1 to 65535 bytes without wildcards".to_owned());
        }
        let bytes = match self {
            Requests::V5(_) => v5::packet_bytes(message),
            Requests::V3(_) => v3::packet_bytes(message),
        };
        (bytes > packet_bytes_max)
            .then(|| format!("packet of {bytes} bytes, expected at most {packet_bytes_max}"))
    }
}

fn status_topic(settings: &MqttSettings) -> String {
    topic::status(&settings.prefix)
}
