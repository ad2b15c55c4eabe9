//! The daemon's HTTP interface: the documents of MQTT over a Unix socket and, if wanted, TCP.
//!
//! Owns the listeners, the connections and their limits. What a request means is said in
//! [`routes`]; what it does is the pipeline's.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::pipeline::Pipeline;

mod answer;
mod guard;
mod page;
mod routes;

/// Most connections at a time, over all listeners; further ones wait in the system's queue.
pub const CONNECTIONS_MAX: usize = 64;

/// Longest wait for a request's head, the pause between two requests of a connection included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after the system refused a connection, e.g. because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Read and write for the owner and the group, nothing for others: whoever may talk to the daemon
/// is in its group.
const SOCKET_MODE: u32 = 0o660;

/// Where to listen, and the largest body.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The Unix socket; absent means none.
    pub socket: Option<PathBuf>,
    /// The TCP address; absent means none. There is no password: it is for the loopback, or for a
    /// network whose every device is trusted.
    pub listen: Option<SocketAddr>,
    /// Largest body of a request in bytes. Items may carry their media in base64.
    pub body_bytes_max: usize,
}

/// Why the daemon cannot listen. The caller ends with the sentence: a person must act.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Another process answers on the socket.
    #[error("http.socket `{}` is answered by another process, expected a path that only this daemon uses", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else than a socket stands at the path.
    #[error("http.socket `{}` exists and is no socket, expected a free path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The system refused the Unix socket.
    #[error("http.socket `{}` cannot be opened: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused the TCP address.
    #[error("http.listen `{address}` cannot be opened: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Open listeners that nobody is served on yet.
#[derive(Debug)]
pub struct Listeners {
    unix: Option<(UnixListener, PathBuf)>,
    tcp: Option<TcpListener>,
    body_bytes_max: usize,
}

impl Listeners {
    /// Opens what `settings` names. A socket file that a killed daemon left is replaced.
    ///
    /// # Errors
    ///
    /// End with the sentence: the socket or the address is taken, or not permitted.
    pub async fn bind(settings: HttpSettings) -> Result<Listeners, HttpError> {
        let unix = match settings.socket {
            Some(path) => Some((bind_unix(&path)?, path)),
            None => None,
        };
        let tcp = match settings.listen {
            Some(address) => {
                let listener = TcpListener::bind(address).await;
                Some(listener.map_err(|source| HttpError::Listen { address, source })?)
            }
            None => None,
        };
        Ok(Listeners { unix, tcp, body_bytes_max: settings.body_bytes_max })
    }

    /// The TCP address that was opened; with a configured port of 0 the system chose one.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `shutdown` resolves; then takes no more connections, lets requests in work be
    /// answered for at most `grace`, and removes the socket file.
    pub async fn serve(self, pipeline: Pipeline, shutdown: impl Future<Output = ()>, grace: Duration) {
        let Listeners { unix, tcp, body_bytes_max } = self;
        let (unix, path) = unix.unzip();
        let router = routes::router(pipeline, body_bytes_max);
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(unix.as_ref(), tcp.as_ref(), Arc::clone(&places)) => accepted,
            };
            let (stream, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(match &stream {
                Stream::Unix(_) => router.clone(),
                Stream::Tcp(_) => guard::against_foreign_pages(router.clone()),
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream.into_io()), service);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop((unix, tcp));
        if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
            warn!(grace_ms = grace.as_millis(), "requests in work were cut off");
        }
        if let Some(path) = path {
            remove_socket(&path);
        }
    }
}

enum Stream {
    Unix(tokio::net::UnixStream),
    Tcp(tokio::net::TcpStream),
}

/// What a connection is read from and written to.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Stream {
    fn into_io(self) -> Box<dyn Io> {
        match self {
            Stream::Unix(stream) => Box::new(stream),
            Stream::Tcp(stream) => Box::new(stream),
        }
    }
}

async fn accept(
    unix: Option<&UnixListener>,
    tcp: Option<&TcpListener>,
    places: Arc<Semaphore>,
) -> io::Result<(Stream, OwnedSemaphorePermit)> {
    let place = places.acquire_owned().await.expect("the semaphore is never closed");
    let unix = async {
        match unix {
            Some(listener) => listener.accept().await,
            None => std::future::pending().await,
        }
    };
    let tcp = async {
        match tcp {
            Some(listener) => listener.accept().await,
            None => std::future::pending().await,
        }
    };
    let stream = tokio::select! {
        accepted = unix => Stream::Unix(accepted?.0),
        accepted = tcp => Stream::Tcp(accepted?.0),
    };
    Ok((stream, place))
}

fn bind_unix(path: &Path) -> Result<UnixListener, HttpError> {
    let refused = |source| HttpError::Socket { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(HttpError::NotASocket { path: path.to_owned() });
        }
        // A connection that succeeds proves a living owner. One that is refused proves that there
        // is none, so that the file is a leftover and nobody is cut off by its removal.
        Ok(_) => match UnixStream::connect(path) {
            Ok(_) => return Err(HttpError::Taken { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(refused)?;
            }
            Err(error) => return Err(refused(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(refused)?;
            }
        }
        Err(error) => return Err(refused(error)),
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(refused)?;
    Ok(listener)
}

fn remove_socket(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(socket = %path.display(), %error, "the socket file stays behind");
    }
}

#[cfg(test)]
mod tests;
