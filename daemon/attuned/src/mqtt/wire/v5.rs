//! MQTT 5.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, Filter, LastWill, LastWillProperties, Packet, PubAckReason, Publish,
    PublishProperties, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{Outgoing as Written, Transport};

use super::{
    CONNECT_TIMEOUT, CONTENT_TYPE, Clogged, Grant, LIBRARY_IN_FLIGHT_MAX, Message, MqttSettings, OFFLINE,
    Outgoing, PACKET_BYTES_LARGEST, REQUESTS_MAX, Signal, Terms,
};

pub fn open(settings: &MqttSettings, host: String, transport: Transport) -> (AsyncClient, EventLoop) {
    let mut properties = ConnectProperties::new();
    let expiry_s = u32::try_from(settings.session_expiry.as_secs()).unwrap_or(u32::MAX);
    properties.session_expiry_interval = Some(expiry_s);
    properties.receive_maximum = Some(settings.inbound_queue_max);
    properties.max_packet_size = Some(settings.packet_bytes_max);
    // The library mishandles topic aliases after a reconnect.
    properties.topic_alias_max = Some(0);

    let will_properties = LastWillProperties {
        delay_interval: None,
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: Some(CONTENT_TYPE.to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    let status = super::status_topic(settings);
    let will = LastWill::new(status, OFFLINE, QoS::AtLeastOnce, true, Some(will_properties));

    let mut options = MqttOptions::new(settings.client_id.clone(), host, settings.port);
    options
        .set_transport(transport)
        .set_keep_alive(settings.keep_alive)
        .set_clean_start(false)
        .set_manual_acks(true)
        .set_connect_properties(properties)
        .set_connection_timeout(CONNECT_TIMEOUT.as_secs())
        .set_outgoing_inflight_upper_limit(LIBRARY_IN_FLIGHT_MAX)
        .set_last_will(will);
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some(user) = &settings.user {
        options.set_credentials(user.clone(), settings.password.clone().unwrap_or_default());
    }
    AsyncClient::new(options, REQUESTS_MAX)
}

pub fn subscribe(client: &AsyncClient, filters: &[String]) -> Result<(), Clogged> {
    let filters = filters.iter().map(|filter| Filter::new(filter.clone(), QoS::AtLeastOnce));
    client.try_subscribe_many(filters).map_err(|_| Clogged)
}

pub fn publish(client: &AsyncClient, message: &Outgoing, expiry: Option<Duration>) -> Result<(), Clogged> {
    let topic = message.topic.clone();
    let properties = properties(message, expiry);
    client
        .try_publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            message.retain,
            message.payload.clone(),
            properties,
        )
        .map_err(|_| Clogged)
}

fn properties(message: &Outgoing, expiry: Option<Duration>) -> PublishProperties {
    let seconds = expiry.map(|left| u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX));
    PublishProperties {
        payload_format_indicator: None,
        message_expiry_interval: seconds,
        topic_alias: None,
        response_topic: None,
        correlation_data: message.correlation.clone(),
        user_properties: Vec::new(),
        subscription_identifiers: Vec::new(),
        content_type: (!message.payload.is_empty()).then(|| CONTENT_TYPE.to_owned()),
    }
}

/// Bytes of the whole packet, counting an expiry even if there is none.
pub fn packet_bytes(message: &Outgoing) -> usize {
    let properties = properties(message, Some(Duration::from_secs(1)));
    let mut publish =
        Publish::new(message.topic.clone(), QoS::AtLeastOnce, message.payload.clone(), Some(properties));
    publish.pkid = 1;
    publish.size()
}

pub fn acknowledge(client: &AsyncClient, packet_id: u16) -> Result<(), Clogged> {
    let publish = Publish { pkid: packet_id, qos: QoS::AtLeastOnce, ..Publish::default() };
    client.try_ack(&publish).map_err(|_| Clogged)
}

pub fn signal(event: Event, settings: &MqttSettings) -> Signal {
    match event {
        Event::Incoming(Packet::ConnAck(connack)) => Signal::Connected(terms(&connack, settings)),
        Event::Incoming(Packet::SubAck(suback)) => {
            Signal::Subscribed(suback.return_codes.into_iter().map(grant).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => {
            let properties = publish.properties.unwrap_or_default();
            Signal::Message(Message {
                topic: publish.topic,
                payload: publish.payload,
                retained: publish.retain,
                response_topic: properties.response_topic,
                correlation: properties.correlation_data,
                packet_id: publish.pkid,
            })
        }
        Event::Incoming(Packet::PubAck(puback)) => {
            let refused = match puback.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => None,
                reason => Some(format!("{reason:?}")),
            };
            Signal::Acknowledged(puback.pkid, refused)
        }
        Event::Outgoing(Written::Publish(packet_id)) => Signal::Named(packet_id),
        Event::Outgoing(Written::PubAck(_) | Written::Subscribe(_)) => Signal::Written,
        Event::Outgoing(Written::Disconnect) => Signal::Left,
        Event::Incoming(_) | Event::Outgoing(_) => Signal::Quiet,
    }
}

fn terms(connack: &ConnAck, settings: &MqttSettings) -> Terms {
    let properties = connack.properties.as_ref();
    let receive_max = properties.and_then(|p| p.receive_max).unwrap_or(u16::MAX);
    let packet_bytes_max =
        properties.and_then(|p| p.max_packet_size).map_or(PACKET_BYTES_LARGEST, |max| max as usize);
    let keep_alive = properties
        .and_then(|p| p.server_keep_alive)
        .map_or(settings.keep_alive, |seconds| Duration::from_secs(seconds.into()));
    Terms {
        session_present: connack.session_present,
        in_flight_max: receive_max,
        packet_bytes_max,
        keep_alive,
    }
}

fn grant(code: SubscribeReasonCode) -> Grant {
    match code {
        SubscribeReasonCode::Success(QoS::AtMostOnce) => Grant::AtMostOnce,
        SubscribeReasonCode::Success(QoS::AtLeastOnce | QoS::ExactlyOnce) => Grant::AtLeastOnce,
        refused => Grant::Refused(format!("{refused:?}")),
    }
}
