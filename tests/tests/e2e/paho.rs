//! A client of another make, in another language: paho-mqtt.

use std::process::Command;
use std::time::Duration;

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Home, Setup};
use attuned_tests::{process, tools};

#[test]
fn a_paho_client_gets_its_answers_under_mqtt_5_and_3() {
    let (Some(mosquitto), Some(python)) = (tools::mosquitto(), tools::python_with_paho()) else { return };
    let broker = Broker::start(&mosquitto);
    let home = Home::new(broker.port(), &Setup::with_family_night());
    let daemon = home.start();
    let mut command = Command::new(python);
    command.arg(tools::tree().join("tests/paho/attuned_client.py"));
    command.args(["--port", &broker.port().to_string(), "--prefix", home.prefix(), "--timeout", "240"]);
    // Bytecode is not written into the tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = process::run_within(Duration::from_secs(500), "attuned_client.py", &command, b"");
    assert_eq!(ended.code, Some(0), "{}\n{}\n{}", ended.stdout, ended.stderr, daemon.process().stderr());
    assert!(ended.stdout.contains("with its correlation data"), "{}", ended.stdout);
    assert!(ended.stdout.contains("on its reply topic"), "{}", ended.stdout);
    assert_eq!(daemon.stop().code, Some(0));
}
