//! A device of the home: an MQTT client that knows the topics and JSON, and nothing of the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::app::AppError;

/// How long an answer, or the broker's acknowledgement, may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Packets between the device and its connection.
const QUEUE_MAX: usize = 64;

/// Answers that are waited for, by their correlation data.
type Waiting = Arc<Mutex<BTreeMap<Vec<u8>, oneshot::Sender<Value>>>>;

pub(super) struct Device {
    client: AsyncClient,
    connection: JoinHandle<()>,
    prefix: String,
    replies: String,
    waiting: Waiting,
}

impl Device {
    pub(super) async fn connect(name: &str, port: u16, prefix: &str) -> Result<Device, AppError> {
        let mut options = MqttOptions::new(format!("demo-{name}"), "127.0.0.1", port);
        options.set_max_packet_size(Some(16 << 20));
        let (client, mut events) = AsyncClient::new(options, QUEUE_MAX);
        let replies = format!("demo/{name}/replies");
        let waiting = Waiting::default();
        let answered = Arc::clone(&waiting);
        let subscribed = Arc::new(Notify::new());
        let is_subscribed = Arc::clone(&subscribed);
        let connection = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => is_subscribed.notify_one(),
                    Event::Incoming(Packet::Publish(publish)) => {
                        let correlation = publish
                            .properties
                            .and_then(|properties| properties.correlation_data)
                            .unwrap_or_default();
                        let waiting = answered
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .remove(correlation.as_ref());
                        if let (Some(waiting), Ok(answer)) =
                            (waiting, serde_json::from_slice(&publish.payload))
                        {
                            drop(waiting.send(answer));
                        }
                    }
                    _ => {}
                }
            }
        });
        client.subscribe(&replies, QoS::AtLeastOnce).await.map_err(gone)?;
        tokio::time::timeout(ANSWER_WITHIN, subscribed.notified())
            .await
            .map_err(|_| AppError::Failed(format!("the broker did not answer the {name}")))?;
        Ok(Device { client, connection, prefix: prefix.to_owned(), replies, waiting })
    }

    /// Publishes a document below the prefix.
    pub(super) async fn publish(&self, topic: &str, document: &Value, retain: bool) -> Result<(), AppError> {
        let payload = document.to_string();
        let topic = format!("{}/{topic}", self.prefix);
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await.map_err(gone)
    }

    /// Publishes a request and waits for the answer on the device's own response topic.
    pub(super) async fn ask(&self, request: &Value) -> Result<Value, AppError> {
        let correlation = request["request_id"].as_str().unwrap_or("demo").as_bytes().to_vec();
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(correlation.clone(), answer);
        let properties = PublishProperties {
            response_topic: Some(self.replies.clone()),
            correlation_data: Some(correlation.into()),
            ..PublishProperties::default()
        };
        let topic = format!("{}/recommend", self.prefix);
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, request.to_string(), properties)
            .await
            .map_err(gone)?;
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(AppError::Failed(format!("no answer came to {request}"))),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn gone(error: rumqttc::v5::ClientError) -> AppError {
    AppError::Failed(format!("the broker is gone: {error}"))
}
