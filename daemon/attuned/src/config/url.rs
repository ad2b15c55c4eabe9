//! The broker's address.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no broker address. Stop and show it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no broker address, expected mqtt://[user@]host[:port], mqtts://[user@]host[:port] or embedded"
)]
pub struct UrlError(String);

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerUrl {
    /// In this process, on loopback.
    Embedded,
    /// Elsewhere.
    Remote(Endpoint),
}

/// A broker outside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Who we are; absent means anonymous.
    pub user: Option<String>,
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl BrokerUrl {
    /// `mqtt://localhost:1883`
    #[must_use]
    pub fn local() -> Self {
        BrokerUrl::Remote(Endpoint { tls: false, user: None, host: "localhost".to_owned(), port: 1883 })
    }

    /// Parses `mqtt://[user@]host[:port]`, `mqtts://…` (port 8883 unless given) or `embedded`.
    /// Passwords do not belong into it, as configuration is shown; see `mqtt.password_file`.
    ///
    /// # Errors
    ///
    /// The text is none of these: stop and show it.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(text.to_owned());
        if text == "embedded" {
            return Ok(BrokerUrl::Embedded);
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, address) = match rest.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, rest),
        };
        if user.as_deref().is_some_and(|user| user.is_empty() || user.contains([':', '/'])) {
            return Err(wrong());
        }
        // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match address.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, None),
            },
        };
        let port = match port {
            Some(port) => port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
            None if tls => 8883,
            None => 1883,
        };
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        Ok(BrokerUrl::Remote(Endpoint { tls, user, host: host.to_owned(), port }))
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokerUrl::Embedded => f.write_str("embedded"),
            BrokerUrl::Remote(endpoint) => {
                let scheme = if endpoint.tls { "mqtts" } else { "mqtt" };
                let user = endpoint.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let host = if endpoint.host.contains(':') {
                    format!("[{}]", endpoint.host)
                } else {
                    endpoint.host.clone()
                };
                write!(f, "{scheme}://{user}{host}:{}", endpoint.port)
            }
        }
    }
}

impl Serialize for BrokerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BrokerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BrokerUrl::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match BrokerUrl::parse(text) {
            Ok(url) => url.to_string(),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn addresses_are_read_and_printed() {
        check("embedded", "embedded");
        check("mqtt://broker", "mqtt://broker:1883");
        check("mqtt://broker/", "mqtt://broker:1883");
        check("mqtts://broker", "mqtts://broker:8883");
        check("mqtt://tv@192.168.1.2:1884", "mqtt://tv@192.168.1.2:1884");
        check("mqtt://[::1]:1884", "mqtt://[::1]:1884");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "broker",
            "http://broker",
            "mqtt://",
            "mqtt://broker:0",
            "mqtt://broker:x",
            "mqtt://u:secret@broker",
        ] {
            check(text, "refused");
        }
    }
}
