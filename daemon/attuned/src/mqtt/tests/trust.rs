//! Who is let in, and who is believed; and the broker configuration that we ship.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rumqttc::v5::mqttbytes::v5::PubAckReason;
use tempfile::TempDir;

use super::*;

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--help").output().is_ok();
    if !found {
        println!("skipped: no `{program}`");
    }
    found
}

/// The files of `config/mosquitto`, with the paths changed to those of the test's folder.
fn shipped_configuration(folder: &TempDir) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/mosquitto");
    for (name, password) in [("attuned", "secret"), ("tv", "tv-secret")] {
        let flags: &[&str] = if name == "attuned" { &["-c", "-b"] } else { &["-b"] };
        run("mosquitto_passwd", &[flags, &["attuned.passwd", name, password]].concat(), folder.path());
    }
    fs::copy(shipped.join("attuned.acl"), folder.path().join("attuned.acl")).unwrap();
    let text = fs::read_to_string(shipped.join("attuned.conf")).unwrap();
    let data = folder.path().display();
    format!("{}persistence_location {data}/\n", text.replace("/etc/mosquitto/", &format!("{data}/")))
}

#[tokio::test]
async fn the_shipped_rules_let_devices_ask_and_only_the_daemon_answer() {
    if !installed("mosquitto_passwd") {
        return;
    }
    for version in VERSIONS {
        let Some(broker) = Mosquitto::start_with(shipped_configuration) else { return };
        let anonymous = settings(broker.port, version);
        let mut refused = Running::start(anonymous.clone());
        let down = refused.until(|link| matches!(link, Link::Down { .. })).await;
        assert!(format!("{down:?}").contains("NotAuthorized"), "{down:?}");

        let login = (Some("attuned".to_owned()), Some("secret".to_owned()));
        let mut running =
            Running::ready(MqttSettings { user: login.0, password: login.1, ..anonymous }).await;
        let mut device = Device::connect_as(broker.port, "tv", Some(("tv", "tv-secret"))).await;
        device.subscribe("attuned/v1/recommend/reply/r1").await;
        device.subscribe("devices/tv/answers").await;
        let topics = ["items/a", "items/a/media/image", "users/alice/events", "context/room", "recommend"];
        for topic in topics.map(|topic| format!("attuned/v1/{topic}")) {
            device.publish(&topic, "{}").await;
            let delivery = running.next().await;
            assert_eq!(delivery.raw_topic, topic);
            delivery.ack.done();
        }
        for topic in ["attuned/v1/recommend/reply/r1", "devices/tv/answers"] {
            running.publish(message(topic, "{}")).await.unwrap();
            assert_eq!(device.next_text().await.0, topic);
        }
        for topic in ["attuned/v1/status", "attuned/v1/errors", "attuned/v1/slots/tv"] {
            running.publish(message(topic, "{}")).await.unwrap();
            assert_eq!(device.publish(topic, "{}").await, PubAckReason::NotAuthorized, "{topic}");
        }
        if version == ProtocolVersion::V5 {
            let error = running.publish(message("elsewhere", "{}")).await.unwrap_err();
            assert!(matches!(error, PublishError::Refused { .. }), "{error}");
        }
    }
}

/// A new authority and, signed by it, a certificate for 127.0.0.1 and one for the client.
fn make_certificates(folder: &TempDir) {
    let at = folder.path();
    fs::write(at.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    fs::write(at.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    for authority in ["ca", "other"] {
        let (keyout, out, subject) =
            (format!("{authority}.key"), format!("{authority}.pem"), format!("/CN={authority}"));
        let rest = ["-days", "2", "-subj", &subject, "-keyout", &keyout, "-out", &out];
        run("openssl", &[&["req", "-x509"], &key[..], &rest].concat(), at);
    }
    for name in ["server", "client"] {
        let [keyout, request, subject, out, extensions] =
            [".key", ".csr", "", ".pem", ".ext"].map(|ending| format!("{name}{ending}"));
        let rest = ["-subj", &format!("/CN={subject}"), "-keyout", &keyout, "-out", &request];
        run("openssl", &[&["req"], &key[..], &rest].concat(), at);
        let sign = ["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        run("openssl", &[&sign[..], &["-days", "2", "-extfile", &extensions, "-out", &out]].concat(), at);
    }
}

#[tokio::test]
async fn with_tls_both_sides_are_believed_only_with_a_certificate_of_the_authority() {
    if !installed("openssl") {
        return;
    }
    for version in VERSIONS {
        let configuration = |folder: &TempDir| {
            make_certificates(folder);
            let at = folder.path().display();
            format!(
                "allow_anonymous true\ncafile {at}/ca.pem\ncertfile {at}/server.pem\nkeyfile {at}/server.key\nrequire_certificate true\n"
            )
        };
        let Some(broker) = Mosquitto::start_with(configuration) else { return };
        let file = |name: &str| -> PathBuf { broker.folder.path().join(name) };
        let client =
            || Some(ClientCertificate { certificate_file: file("client.pem"), key_file: file("client.key") });
        let with = |ca: &str, client| {
            let tls = Tls { ca_file: Some(file(ca)), client };
            MqttSettings { tls: Some(tls), ..settings(broker.port, version) }
        };
        let running = Running::ready(with("ca.pem", client())).await;
        running.publish(message("attuned/v1/status", "{}")).await.unwrap();

        let mut deceived = Running::start(with("other.pem", client()));
        let down = deceived.until(|link| matches!(link, Link::Down { .. })).await;
        assert!(format!("{down:?}").contains("certificate"), "{down:?}");

        let mut unknown = Running::start(with("ca.pem", None));
        unknown.until(|link| matches!(link, Link::Down { .. })).await;

        let error = start(with("server.key", None)).map(drop).unwrap_err().to_string();
        assert!(
            error.ends_with("server.key` holds no usable certificate, expected at least one in PEM"),
            "{error}"
        );
        let error = start(with("absent.pem", None)).map(drop).unwrap_err().to_string();
        assert!(error.contains("absent.pem` cannot be read as PEM"), "{error}");
    }
}
