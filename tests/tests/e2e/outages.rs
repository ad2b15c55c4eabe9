//! The broker goes and comes back, and is not there yet.

use attuned_tests::broker::{Broker, StoppedBroker};
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::{tools, wait};
use serde_json::json;

/// Asks with a reply topic until an answer comes: what was sent while nobody was subscribed is lost
/// by the nature of MQTT.
fn wait_for_an_answer(home: &Home, device: &mut Device, name: &str) {
    let reply = home.topic("recommend/reply/+");
    device.subscribe(&reply);
    let start = home.topic("recommend/reply/");
    let mut asked = 0;
    wait::until("an answer over the broker", || {
        asked += 1;
        let request = json!({"request_id": format!("{name}-{asked}"), "kinds": ["any"]});
        device.publish(&home.topic("recommend"), request.to_string());
        device.untaken().any(|message| message.topic.starts_with(&format!("{start}{name}"))).then_some(())
    });
}

#[test]
fn a_broker_that_was_killed_and_comes_back_is_served_again() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    for version in [5, 3] {
        let broker = Broker::start(&mosquitto);
        let home = Home::new(broker.port(), &Setup { mqtt_version: Some(version), ..Setup::default() });
        let daemon = home.start();
        let mut device = Device::connect(broker.port(), Version::V3);
        wait_for_an_answer(&home, &mut device, "before");
        let stopped = broker.kill();
        // Without a broker it still answers over its socket.
        assert_eq!(home.recommend(&json!({"kinds": ["any"]}))["items"], json!([]));
        let broker = stopped.start();
        wait_for_an_answer(&home, &mut device, "after");
        let mut looker = Device::connect(broker.port(), Version::V5);
        let status = home.topic("status");
        looker.subscribe(&status);
        let told = looker.receive("the status", |message| {
            message.topic == status && message.document()["state"] != "offline"
        });
        assert_eq!(told.document()["state"], "online");
        assert_eq!(daemon.stop().code, Some(0), "version {version}");
    }
}

#[test]
fn a_daemon_that_starts_before_the_broker_is_ready_when_the_broker_is() {
    let Some(mosquitto) = tools::mosquitto() else { return };
    let stopped = StoppedBroker::new(&mosquitto, "");
    let home = Home::new(stopped.port(), &Setup::default());
    let daemon = home.launch();
    wait::until("it answers over its socket", || home.socket().exists().then_some(()));
    wait::until("it says what it waits for", || {
        daemon.process().stderr().contains(&format!("{}", stopped.port())).then_some(())
    });
    assert!(!daemon.process().stderr().lines().any(|line| line == "ready"), "{}", daemon.process().stderr());
    let broker = stopped.start();
    daemon.wait_until_ready();
    let mut device = Device::connect(broker.port(), Version::V5);
    wait_for_an_answer(&home, &mut device, "first");
    assert_eq!(daemon.stop().code, Some(0));
}
