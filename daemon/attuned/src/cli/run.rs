//! `attuned run`.

use std::io;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::app::App;
use crate::cli::session::configuration;
use crate::cli::{Common, Failure, Printer, logging};
use crate::config::Config;
use crate::service;

/// Start the daemon, and answer until it is stopped.
#[derive(Debug, Args)]
#[command(after_long_help = "\
It prints `ready` on standard error once it can answer, and finishes what is in work when it is
stopped by SIGTERM or Ctrl-C. What is logged is set by `service.log` or by RUST_LOG.

Examples:
  attuned run --config attuned.toml
  ATTUNED__MQTT__URL=embedded attuned run          with a broker of its own
  systemctl start attuned                          as a service")]
pub struct Run {}

pub fn run(_: Run, common: &Common, _: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    logging::start(&config.service.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Fault(format!("no event loop: {error}")))?;
    runtime.block_on(serve(&config))
}

async fn serve(config: &Config) -> Result<(), Failure> {
    // Listened to before anything is opened, so that a stop during the start is heard.
    let mut stop = Stop::listen().map_err(|error| Failure::Fault(format!("no signals: {error}")))?;
    info!(version = env!("CARGO_PKG_VERSION"), broker = %config.mqtt.url, "starting");
    let app = service::while_starting("opening the store and the models", App::start(config)).await?;
    let watchdog = tokio::spawn(service::feed_watchdog(app.progress().clone()));
    let waiting = format!("waiting for the broker {}", config.mqtt.url);
    tokio::select! {
        () = service::while_starting(&waiting, app.ready()) => {
            // Scripts wait for this word on standard error, whatever is logged.
            tell_ready();
            info!(socket = %config.http.socket.display(), page = ?app.page(), "ready");
            service::ready("answering");
            stop.asked().await;
        }
        () = stop.asked() => {}
    }
    info!("stopping");
    service::stopping("finishing what is in work");
    let grace = Duration::from_secs(u64::from(config.service.grace_s));
    tokio::select! {
        () = app.stop(grace) => {}
        // Whoever asks twice does not want to wait.
        () = stop.asked() => info!("asked to stop again, not waiting"),
    }
    watchdog.abort();
    info!("stopped");
    Ok(())
}

fn tell_ready() {
    use std::io::Write;
    // A standard error that nobody reads is no reason not to serve.
    drop(io::stderr().write_all(b"ready\n"));
}

/// SIGTERM and SIGINT.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Takes both signals over from the system, which would end the program.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves when one of them comes.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
