//! The command line's side of the daemon's HTTP interface.
//!
//! Knows how to reach the daemon and how to read its refusals; documents pass through as bytes.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Longest wait for an answer, longer than the daemon itself takes before it gives up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// Largest answer in bytes; an export of years of events fits.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// On a Unix socket.
    Unix(PathBuf),
    /// On a TCP address.
    Tcp(SocketAddr),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "{}", path.display()),
            Endpoint::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// Why there is no answer, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens. Start the daemon.
    #[error("no daemon answers on {endpoint}, start it with `attuned run`")]
    NoDaemon {
        /// Where it should be.
        endpoint: Endpoint,
    },
    /// The caller may not open the socket. Join the daemon's group.
    #[error(
        "{endpoint} may not be opened by this user, expected a member of the socket's group \
         (or `sudo attuned …`)"
    )]
    NotPermitted {
        /// The socket.
        endpoint: Endpoint,
    },
    /// The connection or the answer broke off, or took too long. Try again.
    #[error("the daemon on {endpoint} gave no answer: {reason}")]
    NoAnswer {
        /// Where it is.
        endpoint: Endpoint,
        /// What happened.
        reason: String,
    },
    /// The daemon does not accept the input. Correct it.
    #[error("{message}")]
    Refused {
        /// The daemon's sentence.
        message: String,
    },
    /// The daemon cannot do it now. Try again later.
    #[error("{message}")]
    Unavailable {
        /// The daemon's sentence.
        message: String,
    },
    /// The daemon failed, or does not speak our language.
    #[error("{message}")]
    Fault {
        /// The daemon's sentence.
        message: String,
    },
}

/// A daemon to ask. Each request has its own connection.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
}

/// The part of a refusal that people read.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Client {
    /// Asks the daemon at `endpoint`; nothing is opened yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Sends one request and gives the body of the answer.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]: each variant says what to do.
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let answer = match &self.endpoint {
            Endpoint::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.map_err(|error| self.not_connected(&error))?;
                tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(stream, method, path, body)).await
            }
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(|error| self.not_connected(&error))?;
                tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(stream, method, path, body)).await
            }
        };
        let (status, body) = match answer {
            Ok(answer) => answer?,
            Err(_) => {
                return Err(self.no_answer(format!("{} seconds have passed", ANSWER_TIMEOUT.as_secs())));
            }
        };
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let no_answer = |error: hyper::Error| self.no_answer(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
        let host = match &self.endpoint {
            Endpoint::Unix(_) => "localhost".to_owned(),
            Endpoint::Tcp(address) => address.to_string(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.no_answer(error.to_string()))?;
        let asked = async {
            let answer = sender.send_request(request).await.map_err(no_answer)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.no_answer(error.to_string()))?;
            Ok((status, body.to_bytes()))
        };
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            answer = &mut asked => answer,
            ended = connection => match ended {
                // The answer may have come whole with the end of the connection.
                Ok(()) => asked.await,
                Err(error) => Err(no_answer(error)),
            },
        }
    }

    fn not_connected(&self, error: &io::Error) -> ClientError {
        let endpoint = self.endpoint.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NoDaemon { endpoint },
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted { endpoint },
            _ => self.no_answer(error.to_string()),
        }
    }

    fn no_answer(&self, reason: String) -> ClientError {
        ClientError::NoAnswer { endpoint: self.endpoint.clone(), reason }
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> ClientError {
    let message = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => format!("the daemon answered {status} without a reason"),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        ClientError::Unavailable { message }
    } else if status.is_client_error() {
        ClientError::Refused { message }
    } else {
        ClientError::Fault { message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    /// Answers one connection with `wire` bytes, as any server could, and reports what the client
    /// then says.
    async fn check(wire: &'static [u8], expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bound");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 1024];
            let length = stream.read(&mut head).await.expect("a request");
            assert!(head[..length].starts_with(b"POST /v1/recommend HTTP/1.1\r\n"));
            stream.write_all(wire).await.expect("written");
        });
        let client = Client::new(Endpoint::Unix(socket.clone()));
        let got = match client.send(Method::POST, "/v1/recommend", Bytes::from_static(b"{}")).await {
            Ok(body) => format!("ok {}", String::from_utf8_lossy(&body)),
            Err(error) => error.to_string().replace(&socket.display().to_string(), "SOCKET"),
        };
        server.await.expect("the server ends");
        assert_eq!(got, expected);
    }

    #[tokio::test]
    async fn answers_and_refusals_are_read() {
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "ok {}").await;
        check(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 17\r\n\r\n{\"message\":\"bad\"}", "bad").await;
        check(
            b"HTTP/1.1 500 Oh\r\ncontent-length: 1\r\n\r\n?",
            "the daemon answered 500 Internal Server Error without a reason",
        )
        .await;
    }

    #[tokio::test]
    async fn a_connection_that_breaks_off_is_no_answer() {
        check(b"", "the daemon on SOCKET gave no answer: connection closed before message completed").await;
    }

    #[tokio::test]
    async fn no_daemon_is_said_in_words() {
        let client = Client::new(Endpoint::Unix("/nonexistent/attuned.sock".into()));
        let error = client.send(Method::GET, "/v1/status", Bytes::new()).await.expect_err("nobody");
        assert_eq!(
            error.to_string(),
            "no daemon answers on /nonexistent/attuned.sock, start it with `attuned run`"
        );
    }
}
