//! A device: a client of the broker that publishes and receives raw bytes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{Packet as PacketV5, PublishProperties};
use rumqttc::{Packet, v5};
use serde_json::Value;

use crate::wait;

/// Messages that are handed over and not sent yet; publishing one more waits.
const QUEUE_MAX: usize = 64;

/// Largest packet that is taken.
const PACKET_BYTES_MAX: u32 = 32 * 1024 * 1024;

/// Between two attempts to reach a broker that is away.
const RECONNECT_EVERY: Duration = Duration::from_millis(100);

/// Which MQTT a device speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MQTT 5.
    V5,
    /// MQTT 3.1.1.
    V3,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// Its correlation data, MQTT 5.
    pub correlation: Option<Vec<u8>>,
    /// Its content type, MQTT 5.
    pub content_type: Option<String>,
}

impl Message {
    /// The payload as a document.
    ///
    /// # Panics
    ///
    /// It is no JSON.
    #[must_use]
    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| {
            panic!("{}: {error}: {}", self.topic, String::from_utf8_lossy(&self.payload))
        })
    }
}

enum Client {
    V5(v5::Client),
    V3(rumqttc::Client),
}

#[derive(Default)]
struct Counts {
    acknowledged: u64,
    subscribed: u64,
    gone: bool,
}

#[derive(Default)]
struct Shared {
    counts: Mutex<Counts>,
    changed: Condvar,
    /// Asked for again after each connect, as the broker may have forgotten them.
    filters: Mutex<BTreeSet<String>>,
}

/// A connected client. It connects again by itself when the broker was away.
pub struct Device {
    client: Client,
    shared: Arc<Shared>,
    heard: Receiver<Message>,
    held: VecDeque<Message>,
    published: u64,
}

impl Device {
    /// Connects to the broker on `port`.
    #[must_use]
    pub fn connect(port: u16, version: Version) -> Device {
        static DEVICES: AtomicUsize = AtomicUsize::new(0);
        let id = format!("device-{}-{}", std::process::id(), DEVICES.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared::default());
        let (tell, heard) = channel();
        let client = match version {
            Version::V5 => connect_v5(&id, port, Arc::clone(&shared), tell),
            Version::V3 => connect_v3(&id, port, Arc::clone(&shared), tell),
        };
        Device { client, shared, heard, held: VecDeque::new(), published: 0 }
    }

    /// Subscribes, and waits until the broker has granted it.
    ///
    /// # Panics
    ///
    /// It is not granted in time.
    pub fn subscribe(&mut self, filter: &str) {
        let before = self.shared.lock().subscribed;
        self.shared.filters.lock().unwrap_or_else(PoisonError::into_inner).insert(filter.to_owned());
        match &self.client {
            Client::V5(client) => {
                client.subscribe(filter, v5::mqttbytes::QoS::AtLeastOnce).expect("a connection");
            }
            Client::V3(client) => client.subscribe(filter, rumqttc::QoS::AtLeastOnce).expect("a connection"),
        }
        self.wait_for_counts(filter, |counts| counts.subscribed > before);
    }

    /// Publishes, and does not wait for the broker: see [`Device::settle`].
    ///
    /// # Panics
    ///
    /// The connection has ended.
    pub fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload.into(), false, None);
    }

    /// Publishes for the broker to keep.
    ///
    /// # Panics
    ///
    /// The connection has ended.
    pub fn publish_retained(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload.into(), true, None);
    }

    /// Publishes with a response topic and correlation data; MQTT 5 only.
    ///
    /// # Panics
    ///
    /// The connection has ended, or is of MQTT 3.1.1.
    pub fn ask(
        &mut self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        response_topic: &str,
        correlation: &[u8],
    ) {
        let properties = PublishProperties {
            response_topic: Some(response_topic.to_owned()),
            correlation_data: Some(correlation.to_vec().into()),
            ..PublishProperties::default()
        };
        self.send(topic, payload.into(), false, Some(properties));
    }

    fn send(&mut self, topic: &str, payload: Vec<u8>, retain: bool, properties: Option<PublishProperties>) {
        self.published += 1;
        match (&self.client, properties) {
            (Client::V5(client), None) => {
                client
                    .publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload)
                    .expect("a connection");
            }
            (Client::V5(client), Some(properties)) => client
                .publish_with_properties(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload, properties)
                .expect("a connection"),
            (Client::V3(client), None) => {
                client.publish(topic, rumqttc::QoS::AtLeastOnce, retain, payload).expect("a connection");
            }
            (Client::V3(_), Some(_)) => panic!("MQTT 3.1.1 has no properties"),
        }
    }

    /// How many messages the broker has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.lock().acknowledged
    }

    /// Waits until the broker has acknowledged all that was published.
    ///
    /// # Panics
    ///
    /// It has not in time.
    pub fn settle(&self) {
        let published = self.published;
        self.wait_for_counts("the broker's acknowledgements", |counts| counts.acknowledged >= published);
    }

    fn wait_for_counts(&self, what: &str, reached: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + wait::PATIENCE;
        let mut counts = self.shared.lock();
        while !reached(&counts) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: not within {:?}", wait::PATIENCE);
            counts = self.shared.changed.wait_timeout(counts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next message that is wanted; others are kept for whoever wants them.
    ///
    /// # Panics
    ///
    /// It does not come in time.
    pub fn receive(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        self.receive_within(wait::PATIENCE, what, wanted)
    }

    /// [`Device::receive`] with a patience of its own.
    ///
    /// # Panics
    ///
    /// It does not come in time.
    pub fn receive_within(
        &mut self,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&Message) -> bool,
    ) -> Message {
        if let Some(place) = self.held.iter().position(&wanted) {
            return self.held.remove(place).expect("it is there");
        }
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => self.held.push_back(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let held: Vec<String> = self.held.iter().map(|message| message.topic.clone()).collect();
                    panic!("{what}: did not come within {patience:?}; what came: {held:?}");
                }
            }
        }
    }

    /// What came so far and nobody has taken.
    pub fn untaken(&mut self) -> impl Iterator<Item = &Message> {
        while let Ok(message) = self.heard.try_recv() {
            self.held.push_back(message);
        }
        self.held.iter()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.shared.lock().gone = true;
        match &self.client {
            // A broker that is away needs no goodbye.
            Client::V5(client) => drop(client.try_disconnect()),
            Client::V3(client) => drop(client.try_disconnect()),
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn filters(&self) -> Vec<String> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Pauses after an error; false if the device is gone.
    fn pause(&self) -> bool {
        let gone = self.lock().gone;
        if !gone {
            std::thread::sleep(RECONNECT_EVERY);
        }
        !gone
    }
}

fn connect_v5(id: &str, port: u16, shared: Arc<Shared>, tell: Sender<Message>) -> Client {
    let mut options = v5::MqttOptions::new(id, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(Some(PACKET_BYTES_MAX));
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let (client, mut connection) = v5::Client::new(options, QUEUE_MAX);
    let again = client.clone();
    std::thread::spawn(move || {
        for event in connection.iter() {
            match event {
                Ok(v5::Event::Incoming(PacketV5::ConnAck(_))) => {
                    for filter in shared.filters() {
                        drop(again.try_subscribe(filter, v5::mqttbytes::QoS::AtLeastOnce));
                    }
                }
                Ok(v5::Event::Incoming(PacketV5::SubAck(_))) => shared.count(|counts| counts.subscribed += 1),
                Ok(v5::Event::Incoming(PacketV5::PubAck(_))) => {
                    shared.count(|counts| counts.acknowledged += 1)
                }
                Ok(v5::Event::Incoming(PacketV5::Publish(publish))) => {
                    let properties = publish.properties.unwrap_or_default();
                    let message = Message {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        correlation: properties.correlation_data.map(|data| data.to_vec()),
                        content_type: properties.content_type,
                    };
                    if tell.send(message).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) if shared.pause() => {}
                Err(_) => return,
            }
        }
    });
    Client::V5(client)
}

fn connect_v3(id: &str, port: u16, shared: Arc<Shared>, tell: Sender<Message>) -> Client {
    let mut options = rumqttc::MqttOptions::new(id, "127.0.0.1", port);
    let bytes_max = PACKET_BYTES_MAX as usize;
    options.set_keep_alive(Duration::from_secs(30)).set_max_packet_size(bytes_max, bytes_max);
    let (client, mut connection) = rumqttc::Client::new(options, QUEUE_MAX);
    connection.eventloop.network_options.set_tcp_nodelay(true);
    let again = client.clone();
    std::thread::spawn(move || {
        for event in connection.iter() {
            match event {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                    for filter in shared.filters() {
                        drop(again.try_subscribe(filter, rumqttc::QoS::AtLeastOnce));
                    }
                }
                Ok(rumqttc::Event::Incoming(Packet::SubAck(_))) => {
                    shared.count(|counts| counts.subscribed += 1)
                }
                Ok(rumqttc::Event::Incoming(Packet::PubAck(_))) => {
                    shared.count(|counts| counts.acknowledged += 1)
                }
                Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                    let message = Message {
                        topic: publish.topic,
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        correlation: None,
                        content_type: None,
                    };
                    if tell.send(message).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) if shared.pause() => {}
                Err(_) => return,
            }
        }
    });
    Client::V3(client)
}
