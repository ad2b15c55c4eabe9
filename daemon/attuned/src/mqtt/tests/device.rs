//! A device of somebody else's: an MQTT 5 client with nothing of ours in it.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::time::timeout;

pub const DEADLINE: Duration = Duration::from_secs(15);

pub struct Device {
    pub client: AsyncClient,
    events: EventLoop,
    received: VecDeque<Publish>,
}

impl Device {
    pub async fn connect(port: u16, name: &str) -> Device {
        Device::connect_as(port, name, None).await
    }

    pub async fn connect_as(port: u16, name: &str, login: Option<(&str, &str)>) -> Device {
        let mut options = MqttOptions::new(name, "127.0.0.1", port);
        options.set_max_packet_size(Some(64 << 20)).set_outgoing_inflight_upper_limit(500);
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        let (client, events) = AsyncClient::new(options, 1000);
        let mut device = Device { client, events, received: VecDeque::new() };
        device.until(|packet| matches!(packet, Packet::ConnAck(_))).await;
        device
    }

    /// Drives the connection until a packet comes that is wanted.
    async fn until(&mut self, wanted: impl Fn(&Packet) -> bool) -> Packet {
        let search = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap() {
                    let found = wanted(&packet);
                    if let Packet::Publish(publish) = &packet {
                        self.received.push_back(publish.clone());
                    }
                    if found {
                        return packet;
                    }
                }
            }
        };
        timeout(DEADLINE, search).await.expect("the device waited in vain")
    }

    pub async fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        self.until(|packet| matches!(packet, Packet::SubAck(_))).await;
    }

    /// Publishes with QoS 1 and waits for the broker; gives its reason.
    pub async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) -> PubAckReason {
        self.publish_with(topic, payload, PublishProperties::default()).await
    }

    pub async fn publish_with(
        &mut self,
        topic: &str,
        payload: impl Into<Vec<u8>>,
        properties: PublishProperties,
    ) -> PubAckReason {
        let payload = payload.into();
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)
            .await
            .unwrap();
        match self.until(|packet| matches!(packet, Packet::PubAck(_))).await {
            Packet::PubAck(puback) => puback.reason,
            other => panic!("{other:?}"),
        }
    }

    /// The next message that came.
    pub async fn next(&mut self) -> Publish {
        if self.received.is_empty() {
            self.until(|packet| matches!(packet, Packet::Publish(_))).await;
        }
        self.received.pop_front().unwrap()
    }

    /// Topic, payload and whether it was kept by the broker, of the next message.
    pub async fn next_text(&mut self) -> (String, String, bool) {
        let publish = self.next().await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&publish.topic), text(&publish.payload), publish.retain)
    }
}
