//! Whether the broker lets the daemon in, and whether it keeps what it acknowledges.
//!
//! It says CONNECT as a client of its own, with a clean session and no will: a second client with
//! the daemon's name would throw the daemon out. The few bytes are written here rather than
//! through the daemon's MQTT module, which subscribes and publishes by design.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{BrokerUrl, Endpoint, MqttConfig};
use crate::doctor::Check;

const NAME: &str = "broker";

/// Longest wait for the connection, and again for the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where Debian's mosquitto is configured.
const MOSQUITTO_FILE: &str = "/etc/mosquitto/mosquitto.conf";

/// Looks at the broker, and at its settings if it is one that this machine configures.
pub async fn examine(mqtt: &MqttConfig, daemon_answers: bool) -> Vec<Check> {
    match &mqtt.url {
        BrokerUrl::Embedded => {
            vec![Check::ok(
                NAME,
                match mqtt.embedded_port {
                    0 => "embedded, on a free port of 127.0.0.1".to_owned(),
                    port => format!("embedded, on 127.0.0.1:{port}"),
                },
            )]
        }
        BrokerUrl::Remote(endpoint) => {
            let mut checks = vec![judge(&mqtt.url, connect(mqtt, endpoint).await, daemon_answers)];
            if is_here(&endpoint.host) {
                checks.extend(examine_mosquitto(Path::new(MOSQUITTO_FILE)));
            }
            checks
        }
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What became of the attempt.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It was let in, or refused with this reason code of CONNACK.
    Answered(u8),
    /// The port answers; what is said there is encrypted and was not tried.
    Encrypted,
    /// The password file cannot be read.
    NoPassword(String),
    /// Nobody is there.
    Unreachable(String),
    /// Somebody is there, who is no broker.
    NotABroker,
}

async fn connect(mqtt: &MqttConfig, endpoint: &Endpoint) -> Found {
    let unreachable = |error: io::Error| Found::Unreachable(error.to_string());
    let password = match mqtt.password_file.as_deref().map(first_line).transpose() {
        Ok(password) => password,
        Err(error) => return Found::NoPassword(crate::cli::input_reason(&error)),
    };
    let address = (endpoint.host.as_str(), endpoint.port);
    let mut stream = match tokio::time::timeout(TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return unreachable(error),
        Err(_) => return Found::Unreachable(format!("no answer within {} s", TIMEOUT.as_secs())),
    };
    if endpoint.tls {
        return Found::Encrypted;
    }
    let packet = connect_packet(mqtt.version, endpoint.user.as_deref(), password.as_deref());
    let answer = async {
        stream.write_all(&packet).await?;
        let mut head = [0_u8; 4];
        stream.read_exact(&mut head).await?;
        // DISCONNECT, so that the broker need not wonder.
        stream.write_all(&[0xE0, 0x00]).await?;
        Ok::<_, io::Error>(head)
    };
    match tokio::time::timeout(TIMEOUT, answer).await {
        // CONNACK: type, length, flags, reason.
        Ok(Ok([0x20, _, _, reason])) => Found::Answered(reason),
        Ok(Ok(_) | Err(_)) | Err(_) => Found::NotABroker,
    }
}

fn first_line(file: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(file)?.lines().next().unwrap_or_default().to_owned())
}

/// CONNECT with a clean session (MQTT 3.1.1, section 3.1; MQTT 5, section 3.1).
fn connect_packet(version: u8, user: Option<&str>, password: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    let text = |body: &mut Vec<u8>, text: &str| {
        let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(text);
    };
    text(&mut body, "MQTT");
    body.push(if version == 3 { 4 } else { 5 });
    let flags =
        0b0000_0010 | if user.is_some() { 0x80 } else { 0 } | if password.is_some() { 0x40 } else { 0 };
    body.push(flags);
    body.extend(10_u16.to_be_bytes());
    if version != 3 {
        body.push(0);
    }
    text(&mut body, &format!("attuned-doctor-{}", std::process::id()));
    for credential in [user, password].into_iter().flatten() {
        text(&mut body, credential);
    }
    let mut packet = vec![0x10];
    let mut length = body.len();
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        packet.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn judge(url: &BrokerUrl, found: Found, daemon_answers: bool) -> Check {
    match found {
        Found::Answered(0) => Check::ok(NAME, format!("{url} lets us in")),
        Found::Answered(reason) => Check::fail(
            NAME,
            format!("{url} refuses: {}", reason_text(reason)),
            "check the user of mqtt.url, mqtt.password_file and mqtt.version",
        ),
        Found::Encrypted if daemon_answers => Check::ok(NAME, format!("{url} is there")),
        Found::Encrypted => {
            Check::ok(NAME, format!("{url} is there; its certificate is checked by the daemon"))
        }
        Found::NoPassword(reason) => Check::fail(
            NAME,
            format!("mqtt.password_file cannot be read: {reason}"),
            "run this as the daemon's user, or mend the path",
        ),
        Found::Unreachable(reason) => Check::fail(
            NAME,
            format!("{url} cannot be reached: {reason}"),
            "start the broker, or set mqtt.url (`embedded` needs none)",
        ),
        Found::NotABroker => Check::fail(
            NAME,
            format!("{url} does not answer as an MQTT broker"),
            "set mqtt.url to the broker's port, or mqtt.version = 3 for an old one",
        ),
    }
}

/// The reason codes of CONNACK, those of MQTT 3.1.1 (1 to 5) and of MQTT 5.
fn reason_text(reason: u8) -> String {
    match reason {
        1 | 0x84 => "it does not speak this version of MQTT".to_owned(),
        2 | 0x85 => "it does not take the client's name".to_owned(),
        3 | 0x88 => "it is not available".to_owned(),
        4 | 0x86 => "wrong user or password".to_owned(),
        5 | 0x87 => "not authorised".to_owned(),
        0x89 => "it is busy".to_owned(),
        0x8A => "this client is banned".to_owned(),
        other => format!("reason code {other:#04x}"),
    }
}

/// Looks at a mosquitto on this machine: what it acknowledges is on its disk only after
/// `autosave_interval`, half an hour by default, and lost if it is killed before.
fn examine_mosquitto(file: &Path) -> Option<Check> {
    const NAME: &str = "mosquitto";
    let text = read_with_includes(file)?;
    let value = |key: &str| {
        text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(' ').map(str::trim))
    };
    let advice = "set `persistence true` and `autosave_interval 1` in its configuration";
    Some(match (value("persistence"), value("autosave_interval")) {
        (Some("true"), Some("1")) => Check::ok(NAME, "it saves what it acknowledges every second"),
        (Some("true"), interval) => Check::warn(
            NAME,
            format!("it saves what it acknowledges every {} s only", interval.unwrap_or("1800")),
            advice,
        ),
        (_, _) => Check::warn(NAME, "it keeps what it acknowledges in memory only", advice),
    })
}

/// The configuration with the files of its `include_dir`; `None` if it cannot be read.
fn read_with_includes(file: &Path) -> Option<String> {
    let mut text = fs::read_to_string(file).ok()?;
    let folders: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("include_dir ").map(|folder| folder.trim().to_owned()))
        .collect();
    for folder in folders {
        let mut files: Vec<_> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        for included in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "conf")) {
            text.push('\n');
            text.push_str(&fs::read_to_string(included).unwrap_or_default());
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn connect_is_what_the_standard_says() {
        let packet = connect_packet(3, Some("tv"), Some("pw"));
        let id = format!("attuned-doctor-{}", std::process::id());
        let mut expected = vec![0x10, (10 + 2 + id.len() + 8) as u8];
        expected.extend(b"\x00\x04MQTT\x04\xC2\x00\x0A\x00");
        expected.push(id.len() as u8);
        expected.extend(id.as_bytes());
        expected.extend(b"\x00\x02tv\x00\x02pw");
        assert_eq!(packet, expected);
        assert_eq!(&connect_packet(5, None, None)[2..13], b"\x00\x04MQTT\x05\x02\x00\x0A\x00");
    }

    /// A broker that answers with `answer` to whatever it is told.
    async fn check(answer: &'static [u8], expected: &str) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut packet = [0; 256];
            let length = stream.read(&mut packet).await.expect("a packet");
            assert_eq!(packet[0], 0x10);
            assert!(length > 10);
            stream.write_all(answer).await.expect("written");
        });
        let url = BrokerUrl::parse(&format!("mqtt://127.0.0.1:{port}")).expect("an address");
        let BrokerUrl::Remote(endpoint) = &url else { panic!("it is remote") };
        let mqtt = MqttConfig { url: url.clone(), ..MqttConfig::default() };
        let found = judge(&url, connect(&mqtt, endpoint).await, false);
        server.await.expect("the server ends");
        assert_eq!(found.finding, expected.replace("URL", &url.to_string()));
    }

    #[tokio::test]
    async fn what_the_broker_answers_is_said_in_words() {
        check(b"\x20\x03\x00\x00\x00", "URL lets us in").await;
        check(b"\x20\x03\x00\x86\x00", "URL refuses: wrong user or password").await;
        check(b"\x20\x02\x00\x05", "URL refuses: not authorised").await;
        check(b"HTTP/1.1 400", "URL does not answer as an MQTT broker").await;
        check(b"", "URL does not answer as an MQTT broker").await;
    }

    #[test]
    fn mosquitto_is_asked_to_save_every_second() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, included) = (folder.path().join("mosquitto.conf"), folder.path().join("conf.d"));
        fs::create_dir(&included).expect("made");
        let check = |text: &str, more: &str, outcome: Outcome| {
            fs::write(&file, format!("{text}\ninclude_dir {}\n", included.display())).expect("written");
            fs::write(included.join("a.conf"), more).expect("written");
            let check = examine_mosquitto(&file).expect("it is there");
            assert_eq!(check.outcome, outcome, "{check:?}");
        };
        check("persistence true", "autosave_interval 1", Outcome::Ok);
        check("persistence true", "", Outcome::Warn);
        check("persistence true", "#autosave_interval 1", Outcome::Warn);
        check("", "autosave_interval 1", Outcome::Warn);
        assert_eq!(examine_mosquitto(&folder.path().join("absent")), None);
    }
}
