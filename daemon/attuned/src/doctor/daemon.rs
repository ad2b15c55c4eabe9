//! Whether a daemon answers, and how it is.

use bytes::Bytes;
use hyper::Method;

use crate::client::{Client, ClientError, Endpoint};
use crate::config::HttpConfig;
use crate::doctor::Check;
use crate::document::{State, StatusDocument};

const NAME: &str = "daemon";

/// What was found out about the daemon.
pub struct Daemon {
    /// Whether one answers; then it has the store open.
    pub answers: bool,
    pub check: Check,
}

pub async fn examine(http: &HttpConfig) -> Daemon {
    let client = Client::new(Endpoint::Unix(http.socket.clone()));
    let answer = client.send(Method::GET, "/v1/status", Bytes::new()).await;
    let answers = !matches!(answer, Err(ClientError::NoDaemon { .. } | ClientError::NotPermitted { .. }));
    Daemon { answers, check: judge(answer) }
}

fn judge(answer: Result<Bytes, ClientError>) -> Check {
    let status = match answer {
        Ok(body) => serde_json::from_slice::<StatusDocument>(&body),
        Err(ClientError::NoDaemon { endpoint }) => {
            return Check::warn(NAME, format!("none answers on {endpoint}"), "start it with `attuned run`");
        }
        Err(error) => return Check::fail(NAME, error.to_string(), "look into its log"),
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            let finding = format!("its status is not what this version expects: {error}");
            return Check::warn(NAME, finding, "run the same version of both");
        }
    };
    let items = status.items.unwrap_or(0);
    let events = status.events.unwrap_or(0);
    match status.state {
        State::Online => Check::ok(NAME, format!("online, {items} items, {events} events")),
        State::Offline => Check::fail(NAME, "it says that it is offline", "start it again"),
        State::Degraded => {
            let missing: Vec<_> = status
                .degraded
                .iter()
                .map(|missing| format!("without {} {}: {}", missing.part, missing.name, missing.reason))
                .collect();
            Check::warn(NAME, missing.join(", "), "it answers without these")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_status_is_told_in_one_line() {
        let check = |json: &'static str, outcome, finding: &str| {
            let got = judge(Ok(Bytes::from_static(json.as_bytes())));
            assert_eq!((got.outcome, got.finding.as_str()), (outcome, finding));
        };
        check(r#"{"state":"online","items":3,"events":7}"#, Outcome::Ok, "online, 3 items, 7 events");
        check(
            r#"{"state":"degraded","degraded":[{"part":"encoder","name":"audio","reason":"no model"}]}"#,
            Outcome::Warn,
            "without encoder audio: no model",
        );
        check(r#"{"state":"offline"}"#, Outcome::Fail, "it says that it is offline");
    }
}
