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

/// With these, glibc gives the memory of unloaded models back to the system; by itself it keeps most
/// of it. Measured: all models 159 MB instead of 265, and 53 instead of 153 once they are unloaded, for
/// at most a tenth more time in a text of 128 tokens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_ARENA_MAX", "2")];

pub fn run(_: Run, common: &Common, _: &mut Printer) -> Result<(), Failure> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    begin_again_with_allocator();
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

/// Starts the program anew in this process with the settings of [`ALLOCATOR`], which are read only
/// then; returns if any of them is set, as after that, or if the program's file is gone.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_again_with_allocator() {
    use std::os::unix::process::CommandExt;
    if ALLOCATOR.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    again.arg0(arguments.next().unwrap_or_default()).args(arguments).envs(ALLOCATOR);
    // It is worth a smaller process, not a daemon that does not start.
    drop(again.exec());
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
