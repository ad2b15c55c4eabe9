//! The connection against real brokers, each test with its own.

mod device;
mod faults;
mod limits;
mod mosquitto;
mod trust;

use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use self::device::{DEADLINE, Device};
use self::mosquitto::Mosquitto;
use super::*;
use crate::broker::EmbeddedBroker;
use crate::topic::Topic;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::V5, ProtocolVersion::V3];

fn settings(port: u16, version: ProtocolVersion) -> MqttSettings {
    MqttSettings { version, ..MqttSettings::new("127.0.0.1", port, Prefix::default()) }
}

/// The connection under test, and what it gives.
struct Running {
    mqtt: Mqtt,
    publisher: Publisher,
    deliveries: mpsc::Receiver<Delivery>,
    link: watch::Receiver<Link>,
}

impl Running {
    fn start(settings: MqttSettings) -> Running {
        let (mqtt, deliveries, link) = start(settings).unwrap();
        let publisher = mqtt.publisher();
        Running { mqtt, publisher, deliveries, link }
    }

    async fn ready(settings: MqttSettings) -> Running {
        let mut running = Running::start(settings);
        running.until(|link| *link == Link::Ready).await;
        running
    }

    async fn until(&mut self, wanted: impl FnMut(&Link) -> bool) -> Link {
        timeout(DEADLINE, self.link.wait_for(wanted))
            .await
            .expect("the link did not get there")
            .unwrap()
            .clone()
    }

    async fn next(&mut self) -> Delivery {
        timeout(DEADLINE, self.deliveries.recv()).await.expect("no delivery").unwrap()
    }

    /// The payload of the next delivery, acknowledged.
    async fn next_payload(&mut self) -> Bytes {
        let delivery = self.next().await;
        delivery.ack.done();
        delivery.payload
    }

    async fn publish(&self, message: Outgoing) -> Result<(), PublishError> {
        timeout(DEADLINE, self.publisher.publish(message)).await.expect("the publish did not end")
    }

    /// Ends like a crash, and waits until the connection is closed.
    async fn crash(self) {
        drop(self.mqtt);
        let mut link = self.link;
        let gone = async { while link.changed().await.is_ok() {} };
        timeout(DEADLINE, gone).await.expect("the connection did not end");
    }
}

fn message(topic: &str, payload: &'static str) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        payload: Bytes::from_static(payload.as_bytes()),
        retain: false,
        correlation: None,
        expires_at: None,
    }
}

fn retained(topic: &str, payload: &'static str) -> Outgoing {
    Outgoing { retain: true, ..message(topic, payload) }
}

const OFFLINE: (&str, &str) = ("attuned/v1/status", r#"{"state":"offline"}"#);

fn text(topic_and_payload: (&str, &str), retained: bool) -> (String, String, bool) {
    (topic_and_payload.0.to_owned(), topic_and_payload.1.to_owned(), retained)
}

/// One request and its answer by response topic, a retained message, and both kinds of goodbye.
async fn talk(settings: MqttSettings, device_port: u16) {
    let mut running = Running::ready(settings.clone()).await;
    let mut device = Device::connect(device_port, "device").await;
    device.subscribe("tv/answers").await;

    let correlation = Bytes::from_static(b"\x00\xff\x01");
    let properties = PublishProperties {
        response_topic: Some("tv/answers".to_owned()),
        correlation_data: Some(correlation.clone()),
        ..PublishProperties::default()
    };
    device.publish_with("attuned/v1/recommend", br#"{"users":["alice"]}"#, properties).await;
    let request = running.next().await;
    assert_eq!(request.topic, Ok(Topic::Recommend));
    assert_eq!(request.raw_topic, "attuned/v1/recommend");
    assert_eq!(&request.payload[..], br#"{"users":["alice"]}"#);
    let reply = match settings.version {
        ProtocolVersion::V5 => request.reply.unwrap(),
        ProtocolVersion::V3 => {
            assert_eq!(request.reply, None, "3.1.1 has no response topic");
            Reply { topic: "tv/answers".to_owned(), correlation: None }
        }
    };
    let answer =
        Outgoing { correlation: reply.correlation.clone(), ..message(&reply.topic, r#"{"items":[]}"#) };
    running.publish(answer).await.unwrap();
    request.ack.done();
    let answer = device.next().await;
    assert_eq!((&answer.topic[..], &answer.payload[..]), (&b"tv/answers"[..], &br#"{"items":[]}"#[..]));
    if settings.version == ProtocolVersion::V5 {
        let properties = answer.properties.unwrap();
        assert_eq!(properties.correlation_data, Some(correlation));
        assert_eq!(properties.content_type.as_deref(), Some("application/json"));
    }

    running.publish(retained("attuned/v1/status", r#"{"state":"online"}"#)).await.unwrap();
    let mut watcher = Device::connect(device_port, "watcher").await;
    watcher.subscribe("attuned/v1/status").await;
    assert_eq!(watcher.next_text().await, text(("attuned/v1/status", r#"{"state":"online"}"#), true));
    running.crash().await;
    assert_eq!(watcher.next_text().await, text(OFFLINE, false), "the last will");

    let running = Running::ready(settings).await;
    running.publish(retained("attuned/v1/status", r#"{"state":"online"}"#)).await.unwrap();
    assert_eq!(watcher.next_text().await, text(("attuned/v1/status", r#"{"state":"online"}"#), false));
    timeout(DEADLINE, running.mqtt.stop(Duration::from_secs(10))).await.unwrap();
    assert_eq!(watcher.next_text().await, text(OFFLINE, false), "an orderly goodbye");
    let mut late = Device::connect(device_port, "late").await;
    late.subscribe("attuned/v1/status").await;
    assert_eq!(late.next_text().await, text(OFFLINE, true));
}

#[tokio::test]
async fn requests_answers_and_goodbyes_pass_through_mosquitto() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        talk(settings(broker.port, version), broker.port).await;
    }
}

#[tokio::test]
async fn requests_answers_and_goodbyes_pass_through_the_embedded_broker() {
    let broker = EmbeddedBroker::start(ProtocolVersion::V5, 0, 1 << 20).unwrap();
    talk(settings(broker.port(), ProtocolVersion::V5), broker.port()).await;
}

#[tokio::test]
async fn inputs_of_two_devices_come_once_each_and_in_order() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut running = Running::ready(settings(broker.port, version)).await;
        let send = async |name: &str| {
            let mut device = Device::connect(broker.port, name).await;
            for n in 0..100 {
                device.publish(&format!("attuned/v1/users/{name}/events"), format!("{name} {n}")).await;
            }
        };
        let take = async {
            let mut taken = [Vec::new(), Vec::new()];
            for _ in 0..200 {
                let delivery = running.next().await;
                let Ok(Topic::Events(user)) = &delivery.topic else { panic!("{delivery:?}") };
                taken[usize::from(user.as_str() == "bob")]
                    .push(String::from_utf8(delivery.payload.to_vec()).unwrap());
                delivery.ack.done();
            }
            taken
        };
        let ((), (), [alice, bob]) = tokio::join!(send("alice"), send("bob"), take);
        let expected = |name: &str| (0..100).map(|n| format!("{name} {n}")).collect::<Vec<String>>();
        assert_eq!((alice, bob), (expected("alice"), expected("bob")));
        assert!(running.deliveries.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_topic_that_is_no_input_is_handed_over_with_the_reason() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut running = Running::ready(settings(broker.port, ProtocolVersion::V5)).await;
    let mut device = Device::connect(broker.port, "device").await;
    device.publish("attuned/v1/users/alice/event", "{}").await;
    let delivery = running.next().await;
    assert_eq!(delivery.raw_topic, "attuned/v1/users/alice/event");
    let error = delivery.topic.unwrap_err().to_string();
    assert!(error.starts_with("topic `attuned/v1/users/alice/event` names no input"), "{error}");
    delivery.ack.done();
    let properties = PublishProperties {
        response_topic: Some("attuned/v1/status".to_owned()),
        ..PublishProperties::default()
    };
    device.publish_with("attuned/v1/recommend", "{}", properties).await;
    let delivery = running.next().await;
    assert_eq!(delivery.topic, Err(DeliveryError::ResponseTopic("attuned/v1/status".to_owned())));
    assert_eq!(delivery.reply, None);
    delivery.ack.done();
}

#[tokio::test]
async fn context_kept_by_the_broker_comes_with_every_start() {
    let Some(broker) = Mosquitto::start() else { return };
    let mut device = Device::connect(broker.port, "device").await;
    let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    device.client.publish("attuned/v1/context/room", qos, true, r#""living""#).await.unwrap();
    device.subscribe("attuned/v1/context/room").await;
    device.next().await;
    for _ in 0..2 {
        let mut running = Running::ready(settings(broker.port, ProtocolVersion::V5)).await;
        let delivery = running.next().await;
        assert_eq!(delivery.topic, Ok(Topic::Context("room".to_owned())));
        assert_eq!((&delivery.payload[..], delivery.retained), (&br#""living""#[..], true));
        delivery.ack.done();
        timeout(DEADLINE, running.mqtt.stop(Duration::from_secs(10))).await.unwrap();
    }
}
