//! A broker inside the process, for `demo` and for `mqtt.url = "embedded"`. It listens on loopback
//! only, asks for no password, and keeps nothing over a restart: neither sessions nor retained
//! messages. Knows nothing of topics.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::mqtt::ProtocolVersion;

/// Most clients at a time: a household's devices, with room to spare.
const CONNECTIONS_MAX: usize = 128;
/// Most unacknowledged messages towards one client.
const IN_FLIGHT_MAX: usize = 100;
/// The broker keeps the newest messages of each topic in memory, in this many segments of that size,
/// until slow subscribers have read them.
const SEGMENTS_MAX: usize = 4;
const SEGMENT_BYTES_MAX: usize = 8 << 20;
/// Longest time for the listener to answer.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// Somebody else may take a free port between our finding it and the broker's binding it.
const ATTEMPTS_MAX: u32 = 3;

/// Why there is no broker. The caller stops.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No free port or no thread.
    #[error("the embedded broker cannot start: {0}")]
    Io(#[from] io::Error),
    /// It was started and nobody answers on its ports.
    #[error("the embedded broker does not answer on 127.0.0.1:{port} after {} s", START_TIMEOUT.as_secs())]
    Silent {
        /// The port that was tried last.
        port: u16,
    },
}

/// A running broker.
///
/// It speaks one protocol version. Its library can listen for both, but a message with MQTT 5
/// properties that goes to a 3.1.1 subscriber panics there and takes the listener with it.
///
/// The library has no way to stop: its threads run until the process ends, also when this value is
/// dropped. So a process starts one at most, and tests may leave theirs behind.
#[derive(Debug)]
pub struct EmbeddedBroker {
    port: u16,
}

impl EmbeddedBroker {
    /// Starts a broker on that port of 127.0.0.1, or on a free one for 0, and returns when it
    /// answers. Takes packets of up to `packet_bytes_max`; a client that sends a larger one is
    /// disconnected.
    ///
    /// # Errors
    ///
    /// [`BrokerError`]: there is no broker, for example because the port is taken; stop.
    pub fn start(
        version: ProtocolVersion,
        port: u16,
        packet_bytes_max: u32,
    ) -> Result<EmbeddedBroker, BrokerError> {
        let mut tried = port;
        for _ in 0..ATTEMPTS_MAX {
            // The library calls a port that it cannot bind no error. So it is bound here first, and
            // then only an answer counts.
            tried = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?.port();
            let mut broker = Broker::new(config(version, tried, packet_bytes_max as usize));
            thread::Builder::new().name("mqtt-broker".to_owned()).spawn(move || {
                if let Err(error) = broker.start() {
                    tracing::error!(%error, "the embedded broker ended");
                }
            })?;
            if answers(tried, version, Instant::now() + START_TIMEOUT) {
                return Ok(EmbeddedBroker { port: tried });
            }
        }
        Err(BrokerError::Silent { port: tried })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn config(version: ProtocolVersion, port: u16, packet_bytes_max: usize) -> Config {
    let server = ServerSettings {
        name: "mqtt-listener".to_owned(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 10_000,
            max_payload_size: packet_bytes_max,
            max_inflight_count: IN_FLIGHT_MAX,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let servers = Some(HashMap::from([(server.name.clone(), server)]));
    let (v5, v4) = match version {
        ProtocolVersion::V5 => (servers, None),
        ProtocolVersion::V3 => (None, servers),
    };
    Config {
        router: RouterConfig {
            max_connections: CONNECTIONS_MAX,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES_MAX,
            max_segment_count: SEGMENTS_MAX,
            ..RouterConfig::default()
        },
        v4,
        v5,
        ..Config::default()
    }
}

/// Whether an MQTT broker greets back on that port before the deadline.
fn answers(port: u16, version: ProtocolVersion, deadline: Instant) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        if TcpStream::connect_timeout(&address, left)
            .and_then(|stream| greet(stream, version, left))
            .unwrap_or(false)
        {
            return true;
        }
        thread::sleep(Duration::from_millis(5).min(left));
    }
}

/// Sends CONNECT (clean session, keep-alive of 10 s, client id `probe`) and waits for CONNACK.
fn greet(mut stream: TcpStream, version: ProtocolVersion, timeout: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(timeout))?;
    let variable: &[u8] = match version {
        // Level, flags, keep-alive, and with MQTT 5 the length of the properties.
        ProtocolVersion::V5 => &[5, 0b10, 0, 10, 0],
        ProtocolVersion::V3 => &[4, 0b10, 0, 10],
    };
    let body = [&b"\x00\x04MQTT"[..], variable, b"\x00\x05probe"].concat();
    let mut packet = vec![0x10, u8::try_from(body.len()).map_err(io::Error::other)?];
    packet.extend_from_slice(&body);
    stream.write_all(&packet)?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    stream.write_all(&[0xE0, 0])?; // DISCONNECT
    Ok(first == [0x20])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_in_its_version_on_the_port_it_was_given() {
        for version in [ProtocolVersion::V5, ProtocolVersion::V3] {
            let broker = EmbeddedBroker::start(version, 0, 1 << 20).unwrap();
            assert!(answers(broker.port(), version, Instant::now() + START_TIMEOUT));
        }
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = EmbeddedBroker::start(ProtocolVersion::V5, port, 1 << 20).unwrap_err();
        assert!(matches!(error, BrokerError::Io(ref e) if e.kind() == io::ErrorKind::AddrInUse), "{error}");
    }
}
