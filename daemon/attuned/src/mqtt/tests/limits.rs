//! What happens at each limit.

use attuned_recommender::Timestamp;
use rumqttc::v5::mqttbytes::QoS;

use super::*;
use crate::mqtt::connection::PAUSE_MAX;

#[tokio::test]
async fn a_message_over_the_limit_does_not_stop_those_behind_it() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let settings = MqttSettings { packet_bytes_max: 2048, ..settings(broker.port, version) };
        let mut running = Running::ready(settings).await;
        running.link.mark_unchanged();
        let mut device = Device::connect(broker.port, "device").await;
        device.publish("attuned/v1/items/big/media/image", vec![7; 5_000_000]).await;
        device.publish("attuned/v1/items/small/media/image", vec![7; 1000]).await;
        if version == ProtocolVersion::V3 {
            let big = running.next().await;
            let bytes = 5_000_000 + "attuned/v1/items/big/media/image".len();
            assert_eq!(big.topic, Err(DeliveryError::TooLarge { bytes, bytes_max: 2048 }));
            assert_eq!(big.payload.len(), 0);
            big.ack.done();
        }
        let small = running.next().await;
        assert_eq!(
            (small.raw_topic.as_str(), small.payload.len()),
            ("attuned/v1/items/small/media/image", 1000)
        );
        assert!(!running.link.has_changed().unwrap(), "the connection did not break");
    }
}

#[tokio::test]
async fn a_large_picture_within_the_limit_comes_whole() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut running = Running::ready(settings(broker.port, version)).await;
        let mut device = Device::connect(broker.port, "device").await;
        let picture: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        device.publish("attuned/v1/items/big/media/image", picture.clone()).await;
        assert!(running.next_payload().await[..] == picture[..]);
    }
}

#[tokio::test]
async fn messages_that_cannot_be_sent_are_refused_and_do_not_hold_up_others() {
    for version in VERSIONS {
        let configuration = |_: &_| "allow_anonymous true\nmax_packet_size 4000\n".to_owned();
        let Some(broker) = Mosquitto::start_with(configuration) else { return };
        let settings = MqttSettings { packet_bytes_max: 8000, ..settings(broker.port, version) };
        let running = Running::ready(settings).await;
        for topic in ["", "a/+", "a/#", "a\0"] {
            let error = running.publish(message(topic, "{}")).await.unwrap_err();
            assert!(matches!(error, PublishError::Invalid { .. }), "{error}");
        }
        // Only an MQTT 5 broker says how much it takes; with 3.1.1 our own limit has to do.
        let bytes = if version == ProtocolVersion::V5 { 4000 } else { 8000 };
        let large = Outgoing { payload: Bytes::from(vec![b'x'; bytes]), ..message("t", "") };
        let error = running.publish(large).await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("bytes, expected at most {bytes}")), "{error}");
        let expired = Outgoing { expires_at: Some(Timestamp::from_unix_ms(1)), ..message("t", "{}") };
        assert_eq!(running.publish(expired).await, Err(PublishError::Expired { topic: "t".to_owned() }));
        assert_eq!(running.publish(message("t", "{}")).await, Ok(()));
    }
}

#[tokio::test]
async fn more_publishes_than_fit_in_flight_all_arrive() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let running = Running::ready(settings(broker.port, version)).await;
        let mut device = Device::connect(broker.port, "device").await;
        device.subscribe("out").await;
        let publish = async {
            let mut all = tokio::task::JoinSet::new();
            for n in 0..300 {
                let publisher = running.publisher.clone();
                let payload = Bytes::from(n.to_string());
                all.spawn(async move { publisher.publish(Outgoing { payload, ..message("out", "") }).await });
                tokio::task::yield_now().await;
            }
            while let Some(result) = all.join_next().await {
                assert_eq!(result.unwrap(), Ok(()));
            }
        };
        let receive = async {
            let mut received = Vec::new();
            for _ in 0..300 {
                received.push(device.next_text().await.1.parse::<u32>().unwrap());
            }
            received
        };
        let ((), received) = timeout(DEADLINE, async { tokio::join!(publish, receive) }).await.unwrap();
        // Each comes once; publishers that race have no order among them.
        let mut received = received;
        received.sort_unstable();
        assert_eq!(received, (0..300).collect::<Vec<u32>>());
    }
}

/// 3.1.1 has no receive maximum: a broker may send more than we have room for.
#[tokio::test]
async fn deliveries_that_nobody_takes_come_again_in_order_when_there_is_room() {
    let configuration = |_: &_| "allow_anonymous true\nmax_inflight_messages 0\n".to_owned();
    let Some(broker) = Mosquitto::start_with(configuration) else { return };
    let settings = MqttSettings { inbound_queue_max: 4, ..settings(broker.port, ProtocolVersion::V3) };
    let mut running = Running::ready(settings).await;
    running.link.mark_unchanged();
    let mut device = Device::connect(broker.port, "device").await;
    device.subscribe("out").await;
    for n in 0..60 {
        device.publish("attuned/v1/items/a", n.to_string()).await;
    }
    // Nobody takes anything, for longer than the pause: messages go out all the same.
    let waits_until = tokio::time::Instant::now() + PAUSE_MAX;
    while tokio::time::Instant::now() < waits_until {
        running.publish(message("out", "{}")).await.unwrap();
        device.next().await;
    }
    assert_eq!(running.deliveries.len(), 4);
    assert!(!running.link.has_changed().unwrap(), "it waits for room before it connects anew");
    let mut first_seen = Vec::new();
    while first_seen.len() < 60 {
        let payload = running.next_payload().await;
        if !first_seen.contains(&payload) {
            first_seen.push(payload);
        }
    }
    assert_eq!(first_seen, (0..60).map(|n: u32| Bytes::from(n.to_string())).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_broker_of_version_5_keeps_to_our_receive_maximum() {
    let configuration = |_: &_| "allow_anonymous true\nmax_inflight_messages 0\n".to_owned();
    let Some(broker) = Mosquitto::start_with(configuration) else { return };
    let settings = MqttSettings { inbound_queue_max: 4, ..settings(broker.port, ProtocolVersion::V5) };
    let mut running = Running::ready(settings).await;
    running.link.mark_unchanged();
    let mut device = Device::connect(broker.port, "device").await;
    for n in 0..60 {
        device.publish("attuned/v1/items/a", n.to_string()).await;
    }
    let mut held: Vec<Delivery> = Vec::new();
    for _ in 0..4 {
        held.push(running.next().await);
    }
    // A round trip: what the broker would have sent before it has come by then.
    running.publish(message("out", "{}")).await.unwrap();
    assert!(running.deliveries.try_recv().is_err(), "a fifth without an acknowledgement");
    // In any order: the connection puts them in the order of arrival.
    held.into_iter().rev().for_each(|delivery| delivery.ack.done());
    for n in 4..60 {
        assert_eq!(running.next_payload().await, Bytes::from(n.to_string()));
    }
    assert!(!running.link.has_changed().unwrap(), "one connection for all of them");
}

#[tokio::test]
async fn a_burst_of_qos_0_waits_in_the_socket_while_deliveries_are_taken() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let settings = MqttSettings { inbound_queue_max: 2, ..settings(broker.port, version) };
        let mut running = Running::ready(settings).await;
        let mut device = Device::connect(broker.port, "device").await;
        for n in 0..300 {
            let payload = n.to_string();
            device.client.publish("attuned/v1/items/a", QoS::AtMostOnce, false, payload).await.unwrap();
        }
        device.publish("elsewhere", "the broker has them all").await;
        for n in 0..300 {
            assert_eq!(running.next_payload().await, Bytes::from(n.to_string()));
        }
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    let base = || MqttSettings::new("broker", 1883, Prefix::default());
    let check = |settings: MqttSettings, expected: &str| {
        assert_eq!(settings.checked().unwrap_err().to_string(), expected);
    };
    check(MqttSettings { host: String::new(), ..base() }, "mqtt host is ``, expected a name or an address");
    check(
        MqttSettings { client_id: String::new(), ..base() },
        "mqtt client id is ``, expected 1 to 65535 bytes",
    );
    check(
        MqttSettings { packet_bytes_max: 1023, ..base() },
        "mqtt largest packet is `1023`, expected 1024 to 268435455 bytes",
    );
    check(
        MqttSettings { inbound_queue_max: 0, ..base() },
        "mqtt inbound queue is `0`, expected 1 to 65535 deliveries",
    );
    let short = MqttSettings { keep_alive: Duration::ZERO, ..base() }.checked().unwrap();
    assert_eq!(short.keep_alive, Duration::from_secs(5));
}
