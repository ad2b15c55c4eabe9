//! The end: asked for, with work in flight, and sudden; and what the broker then says of us.

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::tools;
use serde_json::{Value, json};

/// The status that a newcomer is told, once it is `state`.
fn wait_for_status(broker: &Broker, home: &Home, state: &str) -> Value {
    let mut device = Device::connect(broker.port(), Version::V5);
    let topic = home.topic("status");
    device.subscribe(&topic);
    let status = device.receive(&format!("the status {state}"), |message| {
        message.topic == topic && message.document()["state"] == json!(state)
    });
    status.document()
}

#[test]
fn the_status_is_kept_by_the_broker_and_says_offline_after_a_kill() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let daemon = home.start();
    let online = wait_for_status(&broker, &home, "online");
    assert!(online["version"].is_string(), "{online}");
    daemon.kill();
    wait_for_status(&broker, &home, "offline");
    let daemon = home.start();
    wait_for_status(&broker, &home, "online");
    let ended = daemon.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    wait_for_status(&broker, &home, "offline");
}

#[test]
fn a_stop_with_work_in_flight_finishes_it_and_ends_with_0() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::default());
    let daemon = home.start();
    let mut device = Device::connect(broker.port(), Version::V5);
    for number in 0..30 {
        let text = format!("A long story, number {number}, of a house by the sea and its people.");
        device.publish(
            &home.topic(&format!("items/work:{number}")),
            json!({"kind": "work", "text": text}).to_string(),
        );
    }
    for number in 0..300 {
        let event =
            json!({"id": format!("w{number}"), "item": format!("work:{}", number % 30), "type": "like"});
        device.publish(&home.topic("users/wanda/events"), event.to_string());
    }
    device.settle();
    let ended = daemon.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    let daemon = home.start();
    attuned_tests::wait::until("all of it is there, now or then", || {
        let answer = home.send("GET", "/v1/users/wanda/export", b"");
        let events =
            if answer.status == 200 { answer.document()["events"].as_array().map_or(0, Vec::len) } else { 0 };
        assert!(events <= 300, "none twice: {events}");
        (events == 300).then_some(())
    });
    home.wait_until_understood(30);
    assert_eq!(daemon.stop().code, Some(0));
}
