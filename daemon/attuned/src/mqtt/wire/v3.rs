//! MQTT 3.1.1.

use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing as Written, Packet, Publish, QoS,
    SubscribeFilter, SubscribeReasonCode, Transport,
};

use super::{
    CONNECT_TIMEOUT, Clogged, Grant, LIBRARY_IN_FLIGHT_MAX, Message, MqttSettings, OFFLINE, Outgoing,
    PACKET_BYTES_LARGEST, REQUESTS_MAX, Signal, Terms,
};

pub fn open(settings: &MqttSettings, host: String, transport: Transport) -> (AsyncClient, EventLoop) {
    let will = LastWill::new(super::status_topic(settings), OFFLINE, QoS::AtLeastOnce, true);
    let mut options = MqttOptions::new(settings.client_id.clone(), host, settings.port);
    options
        .set_transport(transport)
        .set_keep_alive(settings.keep_alive)
        .set_clean_session(false)
        .set_manual_acks(true)
        // Nothing in 3.1.1 keeps a large packet away, and one that the library refuses would come
        // again on every connection, for ever. So it is read whatever its size, and rejected by us.
        .set_max_packet_size(PACKET_BYTES_LARGEST, PACKET_BYTES_LARGEST)
        .set_inflight(LIBRARY_IN_FLIGHT_MAX)
        .set_last_will(will);
    if let Some(user) = &settings.user {
        options.set_credentials(user.clone(), settings.password.clone().unwrap_or_default());
    }
    let (client, mut event_loop) = AsyncClient::new(options, REQUESTS_MAX);
    event_loop.network_options.set_tcp_nodelay(true);
    event_loop.network_options.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
    (client, event_loop)
}

pub fn subscribe(client: &AsyncClient, filters: &[String]) -> Result<(), Clogged> {
    let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
    client.try_subscribe_many(filters).map_err(|_| Clogged)
}

pub fn publish(client: &AsyncClient, message: &Outgoing) -> Result<(), Clogged> {
    let topic = message.topic.clone();
    client.try_publish(topic, QoS::AtLeastOnce, message.retain, message.payload.clone()).map_err(|_| Clogged)
}

/// Bytes of the whole packet: type, length of up to four bytes, topic, packet id, payload.
pub fn packet_bytes(message: &Outgoing) -> usize {
    1 + 4 + 2 + message.topic.len() + 2 + message.payload.len()
}

pub fn acknowledge(client: &AsyncClient, packet_id: u16) -> Result<(), Clogged> {
    let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
    publish.pkid = packet_id;
    client.try_ack(&publish).map_err(|_| Clogged)
}

pub fn signal(event: Event, settings: &MqttSettings) -> Signal {
    match event {
        Event::Incoming(Packet::ConnAck(connack)) => Signal::Connected(Terms {
            session_present: connack.session_present,
            in_flight_max: u16::MAX,
            packet_bytes_max: PACKET_BYTES_LARGEST,
            keep_alive: settings.keep_alive,
        }),
        Event::Incoming(Packet::SubAck(suback)) => {
            Signal::Subscribed(suback.return_codes.into_iter().map(grant).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => Signal::Message(Message {
            topic: publish.topic.into(),
            payload: publish.payload,
            retained: publish.retain,
            response_topic: None,
            correlation: None,
            packet_id: publish.pkid,
        }),
        Event::Incoming(Packet::PubAck(puback)) => Signal::Acknowledged(puback.pkid, None),
        Event::Outgoing(Written::Publish(packet_id)) => Signal::Named(packet_id),
        Event::Outgoing(Written::PubAck(_) | Written::Subscribe(_)) => Signal::Written,
        Event::Outgoing(Written::Disconnect) => Signal::Left,
        Event::Incoming(_) | Event::Outgoing(_) => Signal::Quiet,
    }
}

fn grant(code: SubscribeReasonCode) -> Grant {
    match code {
        SubscribeReasonCode::Success(QoS::AtMostOnce) => Grant::AtMostOnce,
        SubscribeReasonCode::Success(QoS::AtLeastOnce | QoS::ExactlyOnce) => Grant::AtLeastOnce,
        SubscribeReasonCode::Failure => Grant::Refused("failure".to_owned()),
    }
}
