//! Crashes, ours and the broker's.

use super::*;

#[tokio::test]
async fn an_input_comes_again_until_it_is_acknowledged() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut device = Device::connect(broker.port, "device").await;

        let mut first = Running::ready(settings(broker.port, version)).await;
        device.publish("attuned/v1/users/alice/events", r#"{"id":"1"}"#).await;
        let delivery = first.next().await;
        assert_eq!(&delivery.payload[..], br#"{"id":"1"}"#);
        first.crash().await;
        // Of a connection that is gone: says nothing to anybody.
        delivery.ack.done();

        device.publish("attuned/v1/users/alice/events", r#"{"id":"2"}"#).await;
        let mut second = Running::ready(settings(broker.port, version)).await;
        assert_eq!(&second.next_payload().await[..], br#"{"id":"1"}"#);
        assert_eq!(&second.next_payload().await[..], br#"{"id":"2"}"#);
        timeout(DEADLINE, second.mqtt.stop(Duration::from_secs(10))).await.unwrap();

        let mut third = Running::ready(settings(broker.port, version)).await;
        device.publish("attuned/v1/users/alice/events", r#"{"id":"3"}"#).await;
        assert_eq!(&third.next_payload().await[..], br#"{"id":"3"}"#);
    }
}

#[tokio::test]
async fn a_delivery_dropped_without_a_word_comes_again_soon() {
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start() else { return };
        let mut device = Device::connect(broker.port, "device").await;
        let mut running = Running::ready(settings(broker.port, version)).await;
        device.publish("attuned/v1/items/a", "first").await;
        device.publish("attuned/v1/items/a", "second").await;
        drop(running.next().await);
        // What came after it is held back with it, so that the order stays.
        assert_eq!(&running.next_payload().await[..], b"second");
        assert_eq!(&running.next_payload().await[..], b"first");
        assert_eq!(&running.next_payload().await[..], b"second");
    }
}

#[tokio::test]
async fn a_killed_broker_finds_us_subscribed_and_publishing_again() {
    for version in VERSIONS {
        // Without persistence, the session and all it held are gone with the broker.
        let Some(mut broker) = Mosquitto::start() else { return };
        let mut running = Running::ready(settings(broker.port, version)).await;
        // The frozen broker reads nothing: what is published now is in flight when it dies.
        broker.freeze();
        let pending: Vec<_> = (0..40)
            .map(|n| {
                let publisher = running.publisher.clone();
                let topic = format!("attuned/v1/slots/slot-{n:02}");
                tokio::spawn(async move { publisher.publish(retained(&topic, "[]")).await })
            })
            .collect();
        broker.kill();
        running.until(|link| matches!(link, Link::Down { .. })).await;
        let while_down = tokio::spawn({
            let publisher = running.publisher.clone();
            async move { publisher.publish(retained("attuned/v1/slots/while-down", "[]")).await }
        });
        broker.restart();
        for publish in pending.into_iter().chain([while_down]) {
            assert_eq!(timeout(DEADLINE, publish).await.expect("still unpublished").unwrap(), Ok(()));
        }
        running.until(|link| *link == Link::Ready).await;

        let mut device = Device::connect(broker.port, "device").await;
        device.subscribe("attuned/v1/slots/+").await;
        let mut kept = Vec::new();
        for _ in 0..41 {
            kept.push(device.next_text().await.0);
        }
        kept.sort();
        let expected = (0..40).map(|n| format!("attuned/v1/slots/slot-{n:02}"));
        assert_eq!(kept, expected.chain(["attuned/v1/slots/while-down".to_owned()]).collect::<Vec<_>>());

        device.publish("attuned/v1/items/a", "after the restart").await;
        assert_eq!(&running.next_payload().await[..], b"after the restart");
    }
}

#[tokio::test]
async fn a_broker_that_comes_late_is_found() {
    let Some(mut broker) = Mosquitto::start() else { return };
    broker.kill();
    let mut running = Running::start(settings(broker.port, ProtocolVersion::V5));
    let down = running.until(|link| matches!(link, Link::Down { .. })).await;
    assert!(format!("{down:?}").contains("refused"), "{down:?}");
    let early = tokio::spawn({
        let publisher = running.publisher.clone();
        async move { publisher.publish(retained("attuned/v1/status", "{}")).await }
    });
    broker.restart();
    assert_eq!(timeout(DEADLINE, early).await.unwrap().unwrap(), Ok(()));
    assert_eq!(*running.link.borrow_and_update(), Link::Ready);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_broker_that_is_gone() {
    let Some(mut broker) = Mosquitto::start() else { return };
    let mut running = Running::ready(settings(broker.port, ProtocolVersion::V5)).await;
    broker.kill();
    running.until(|link| matches!(link, Link::Down { .. })).await;
    let unpublished = tokio::spawn({
        let publisher = running.publisher.clone();
        async move { publisher.publish(message("attuned/v1/errors", "{}")).await }
    });
    let publisher = running.publisher.clone();
    timeout(DEADLINE, running.mqtt.stop(Duration::from_secs(3600))).await.expect("stop waits");
    assert_eq!(timeout(DEADLINE, unpublished).await.unwrap().unwrap(), Err(PublishError::Stopped));
    assert_eq!(publisher.publish(message("attuned/v1/errors", "{}")).await, Err(PublishError::Stopped));
}

#[tokio::test]
async fn a_stop_ends_with_its_grace_when_the_broker_hangs() {
    let Some(broker) = Mosquitto::start() else { return };
    let running = Running::ready(settings(broker.port, ProtocolVersion::V5)).await;
    broker.freeze();
    let stop = running.mqtt.stop(Duration::from_millis(200));
    timeout(DEADLINE, stop).await.expect("stop waits for ever");
}
