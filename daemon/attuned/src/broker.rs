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
/// Longest time for the listeners to answer.
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
/// Its library has no way to stop: the threads run until the process ends, also when this value is
/// dropped. So a process starts one at most, and tests may leave theirs behind.
#[derive(Debug)]
pub struct EmbeddedBroker {
    port_v5: u16,
    port_v3: u16,
}

impl EmbeddedBroker {
    /// Starts a broker on two free ports of 127.0.0.1 and returns when both answer. Takes packets of
    /// up to `packet_bytes_max`; a client that sends a larger one is disconnected.
    ///
    /// # Errors
    ///
    /// [`BrokerError`]: there is no broker; stop.
    pub fn start(packet_bytes_max: u32) -> Result<EmbeddedBroker, BrokerError> {
        let mut silent = 0;
        for _ in 0..ATTEMPTS_MAX {
            let (port_v5, port_v3) = two_free_ports()?;
            let mut broker = Broker::new(config(port_v5, port_v3, packet_bytes_max as usize));
            thread::Builder::new().name("mqtt-broker".to_owned()).spawn(move || {
                if let Err(error) = broker.start() {
                    tracing::error!(%error, "the embedded broker ended");
                }
            })?;
            // A port that cannot be bound is no error to the library, so only an answer counts.
            let deadline = Instant::now() + START_TIMEOUT;
            match [(port_v5, 5), (port_v3, 4)]
                .into_iter()
                .find(|(port, level)| !answers(*port, *level, deadline))
            {
                None => return Ok(EmbeddedBroker { port_v5, port_v3 }),
                Some((port, _)) => silent = port,
            }
        }
        Err(BrokerError::Silent { port: silent })
    }

    /// The port on 127.0.0.1 that speaks that version.
    #[must_use]
    pub fn port(&self, version: ProtocolVersion) -> u16 {
        match version {
            ProtocolVersion::V5 => self.port_v5,
            ProtocolVersion::V3 => self.port_v3,
        }
    }
}

fn two_free_ports() -> io::Result<(u16, u16)> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((first.local_addr()?.port(), second.local_addr()?.port()))
}

fn config(port_v5: u16, port_v3: u16, packet_bytes_max: usize) -> Config {
    let server = |name: &str, port: u16| ServerSettings {
        name: name.to_owned(),
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
    let listening = |name: &str, port: u16| Some(HashMap::from([(name.to_owned(), server(name, port))]));
    Config {
        router: RouterConfig {
            max_connections: CONNECTIONS_MAX,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES_MAX,
            max_segment_count: SEGMENTS_MAX,
            ..RouterConfig::default()
        },
        v4: listening("mqtt-3", port_v3),
        v5: listening("mqtt-5", port_v5),
        ..Config::default()
    }
}

/// Whether an MQTT broker greets back on that port before the deadline.
fn answers(port: u16, level: u8, deadline: Instant) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        if TcpStream::connect_timeout(&address, left)
            .and_then(|stream| greet(stream, level, left))
            .unwrap_or(false)
        {
            return true;
        }
        thread::sleep(Duration::from_millis(5).min(left));
    }
}

/// Sends CONNECT (clean session, keep-alive of 10 s, client id `probe`) and waits for CONNACK.
fn greet(mut stream: TcpStream, level: u8, timeout: Duration) -> io::Result<bool> {
    stream.set_read_timeout(Some(timeout))?;
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, 0b10, 0, 10];
    if level == 5 {
        body.push(0); // no properties
    }
    body.extend_from_slice(b"\x00\x05probe");
    let mut packet = vec![0x10, u8::try_from(body.len()).map_err(io::Error::other)?];
    packet.extend_from_slice(&body);
    stream.write_all(&packet)?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    stream.write_all(&[0xE0, 0])?; // DISCONNECT
    Ok(first == [0x20])
}
