//! The daemon's side of MQTT: brings inputs in, takes messages out, and keeps the connection up.
//!
//! Owns the session with the broker: subscribing on every connection, acknowledging an input only
//! when whoever took it says it is stored, publishing again what a broken connection lost, the last
//! will, and waiting between attempts. It knows topics but neither documents nor the store.
//!
//! QoS 1 only, in and out. One task polls the connection; it parses and hands over, and never waits
//! for anybody: acknowledgements and publishes reach it through bounded channels.

mod backoff;
mod connection;
mod inbound;
mod link;
mod outbound;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::time::Duration;

use attuned_recommender::Timestamp;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use inbound::{Ack, Delivery, DeliveryError, Reply};
pub use tls::{ClientCertificate, Tls, TlsError};

use crate::topic::Prefix;

/// Publishes that may wait for room in flight; callers beyond wait in [`Publisher::publish`].
const PUBLISH_QUEUE_MAX: usize = 32;

/// Shortest and longest keep-alive. The client library refuses less than 5 s; MQTT has 16 bits.
const KEEP_ALIVE_S: (u64, u64) = (5, 65_535);

/// Which MQTT the broker is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// MQTT 5: response topics, message expiry, and a broker that keeps to our limits.
    V5,
    /// MQTT 3.1.1.
    V3,
}

/// How to reach the broker, and the limits towards it.
#[derive(Debug, Clone)]
pub struct MqttSettings {
    /// Name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How to trust the broker; `None` speaks in the clear.
    pub tls: Option<Tls>,
    /// User name; `None` for none.
    pub user: Option<String>,
    /// Password; only used with a user name.
    pub password: Option<String>,
    /// Names the session at the broker. Must stay the same over restarts and be unique there.
    pub client_id: String,
    /// Protocol version.
    pub version: ProtocolVersion,
    /// First levels of every topic.
    pub prefix: Prefix,
    /// Largest packet taken in or sent, in bytes, at least 1024. With MQTT 5 the broker keeps larger
    /// ones away; with 3.1.1 nothing can, so they are read (up to the protocol's 256 MiB) and rejected.
    pub packet_bytes_max: u32,
    /// How long the broker keeps our session, and what is queued in it, while we are away
    /// (MQTT 5; with 3.1.1 the broker's own settings decide).
    pub session_expiry: Duration,
    /// Most deliveries that wait to be taken, and, with MQTT 5, most that are not acknowledged. So
    /// inputs hold at most this many times `packet_bytes_max` of memory. At least 1.
    pub inbound_queue_max: u16,
    /// How often the connection is checked when it is idle; held within 5 to 65535 s.
    pub keep_alive: Duration,
}

impl MqttSettings {
    /// The defaults: MQTT 5 in the clear, no user, client id `attuned`, packets of up to 16 MiB, a
    /// session of a week, 32 waiting deliveries, keep-alive of 30 s.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, prefix: Prefix) -> MqttSettings {
        MqttSettings {
            host: host.into(),
            port,
            tls: None,
            user: None,
            password: None,
            client_id: "attuned".to_owned(),
            version: ProtocolVersion::V5,
            prefix,
            packet_bytes_max: 16 << 20,
            session_expiry: Duration::from_secs(7 * 24 * 3600),
            inbound_queue_max: 32,
            keep_alive: Duration::from_secs(30),
        }
    }

    fn checked(mut self) -> Result<MqttSettings, MqttError> {
        let wrong = |name, value: String, expected| Err(MqttError::Setting { name, value, expected });
        if self.host.is_empty() {
            return wrong("host", self.host, "a name or an address");
        }
        if self.client_id.is_empty() || self.client_id.len() > 65_535 {
            return wrong("client id", self.client_id, "1 to 65535 bytes");
        }
        if self.packet_bytes_max < 1024 || self.packet_bytes_max as usize > wire::PACKET_BYTES_LARGEST {
            return wrong("largest packet", self.packet_bytes_max.to_string(), "1024 to 268435455 bytes");
        }
        if self.inbound_queue_max == 0 {
            return wrong("inbound queue", "0".to_owned(), "1 to 65535 deliveries");
        }
        let seconds = self.keep_alive.as_secs().clamp(KEEP_ALIVE_S.0, KEEP_ALIVE_S.1);
        self.keep_alive = Duration::from_secs(seconds);
        Ok(self)
    }
}

/// Settings that cannot work whatever the broker does. The caller refuses the configuration.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// One value is out of range.
    #[error("mqtt {name} is `{value}`, expected {expected}")]
    Setting {
        /// Which value.
        name: &'static str,
        /// What it is.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Where the connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Trying to connect, or connected and not yet subscribed.
    Connecting,
    /// Connected, and the broker has granted every subscription.
    Ready,
    /// Not connected; the next attempt comes by itself.
    Down {
        /// Why, for people.
        reason: String,
    },
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Full topic, from the functions of [`crate::topic`] or a [`Reply`].
    pub topic: String,
    /// Payload; JSON, or empty to clear a retained message.
    pub payload: Bytes,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// Correlation data of the request it answers; not sent with MQTT 3.1.1.
    pub correlation: Option<Bytes>,
    /// After this it is no longer of use and is dropped, here or (MQTT 5) at the broker.
    pub expires_at: Option<Timestamp>,
}

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No connection can ever carry it. Drop it.
    #[error("cannot publish to `{topic}`: {reason}")]
    Invalid {
        /// Where it was to go.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The broker refused it, as it would again. Drop it and tell a person: its rules may be wrong.
    #[error("the broker refused `{topic}`: {reason}")]
    Refused {
        /// Where it was to go.
        topic: String,
        /// The broker's reason.
        reason: String,
    },
    /// It expired before the broker had it. Drop it.
    #[error("`{topic}` expired before the broker took it")]
    Expired {
        /// Where it was to go.
        topic: String,
    },
    /// The connection has been stopped. Keep the message for the next start.
    #[error("the connection to the broker has been stopped")]
    Stopped,
}

/// What became of one message, told once.
pub(crate) type Outcome = oneshot::Sender<Result<(), PublishError>>;

/// Publishes messages; any number may exist.
#[derive(Debug, Clone)]
pub struct Publisher {
    queue: mpsc::Sender<(Outgoing, Outcome)>,
}

impl Publisher {
    /// Publishes with QoS 1 and returns when the broker has acknowledged.
    ///
    /// Waits while the broker is away, and publishes again what a lost connection left without an
    /// acknowledgement, so the broker may see a message twice. Messages of one caller that awaits
    /// each keep their order. Dropping the future gives the message up: it may or may not be sent.
    ///
    /// # Errors
    ///
    /// [`PublishError::Stopped`]: keep the message. All others: drop it.
    pub async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        let (outcome, published) = oneshot::channel();
        self.queue.send((message, outcome)).await.map_err(|_| PublishError::Stopped)?;
        published.await.map_err(|_| PublishError::Stopped)?
    }
}

/// The running connection. Dropped without [`Mqtt::stop`] it ends like a crash: the broker publishes
/// the last will.
#[derive(Debug)]
pub struct Mqtt {
    publisher: Publisher,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Mqtt {
    /// A handle to publish with.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Publishes `offline`, retained, after all messages that are already waiting, disconnects and
    /// ends. What is not through after `grace` is given up: its publishers get
    /// [`PublishError::Stopped`], and the broker publishes the last will instead.
    pub async fn stop(self, grace: Duration) {
        if self.stop.send(grace).is_err() {
            tracing::debug!("the mqtt task had ended before it was stopped");
        }
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the mqtt task ended badly");
        }
    }
}

/// Starts the connection on the current tokio runtime.
///
/// Gives the deliveries, in the broker's order, and where the connection stands. Each delivery must
/// be acknowledged with [`Ack::done`] once it is safe.
///
/// # Errors
///
/// [`MqttError`] for settings that cannot work; a broker that is away is no error.
pub fn start(
    settings: MqttSettings,
) -> Result<(Mqtt, mpsc::Receiver<Delivery>, watch::Receiver<Link>), MqttError> {
    let settings = settings.checked()?;
    let tls = settings.tls.as_ref().map(tls::client_config).transpose()?;
    let (publish_sender, publishes) = mpsc::channel(PUBLISH_QUEUE_MAX);
    let (deliveries, delivery_receiver) = mpsc::channel(usize::from(settings.inbound_queue_max));
    let (link, link_receiver) = watch::channel(Link::Connecting);
    let (stop, stop_receiver) = oneshot::channel();
    let keeper = link::Keeper::new(settings, tls, publishes, deliveries, link, stop_receiver);
    let task = tokio::spawn(keeper.run());
    let publisher = Publisher { queue: publish_sender };
    Ok((Mqtt { publisher, stop, task }, delivery_receiver, link_receiver))
}
