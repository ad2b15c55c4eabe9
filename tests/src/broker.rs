//! Debian's mosquitto, with a configuration and a data folder of its own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::Process;
use crate::wait;

/// A running broker on a port of loopback that nothing else uses.
pub struct Broker {
    program: PathBuf,
    port: u16,
    folder: TempDir,
    process: Process,
}

impl Broker {
    /// Starts `mosquitto`, see [`crate::tools::mosquitto`].
    ///
    /// # Panics
    ///
    /// It does not listen in time.
    #[must_use]
    pub fn start(mosquitto: &Path) -> Broker {
        StoppedBroker::new(mosquitto, "").start()
    }

    /// [`Broker::start`] with further lines of configuration.
    ///
    /// # Panics
    ///
    /// It does not listen in time.
    #[must_use]
    pub fn start_with(mosquitto: &Path, more: &str) -> Broker {
        StoppedBroker::new(mosquitto, more).start()
    }

    /// Where it listens on 127.0.0.1, before and after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, and gives back what is needed to start it again.
    #[must_use]
    pub fn kill(mut self) -> StoppedBroker {
        self.process.kill();
        StoppedBroker { program: self.program, port: self.port, folder: self.folder }
    }
}

/// A broker that is to run later, or again.
pub struct StoppedBroker {
    program: PathBuf,
    port: u16,
    folder: TempDir,
}

impl StoppedBroker {
    /// A broker that has not run yet, with `more` lines of configuration.
    ///
    /// # Panics
    ///
    /// There is no room for its configuration.
    #[must_use]
    pub fn new(mosquitto: &Path, more: &str) -> StoppedBroker {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        write_configuration(folder.path(), port, more);
        StoppedBroker { program: mosquitto.to_owned(), port, folder }
    }

    /// Where it will listen.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// It does not listen in time.
    #[must_use]
    pub fn start(self) -> Broker {
        let process = launch(&self.program, self.folder.path(), self.port);
        Broker { program: self.program, port: self.port, folder: self.folder, process }
    }
}

/// A port that nothing listens on. Another program may take it before the broker does; the kernel
/// hands ports out in turn, so that this is unlikely.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Anonymous, on loopback only, and without the limit of queued messages, which a test that stops
/// the daemon for a while would pass.
fn write_configuration(folder: &Path, port: u16, more: &str) {
    let configuration = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
         autosave_interval 1\nmax_queued_messages 0\nuser root\nlog_dest stderr\nlog_type error\nlog_type warning\n{more}\n",
        folder.display()
    );
    std::fs::write(folder.join("mosquitto.conf"), configuration).expect("the broker's configuration");
}

fn launch(mosquitto: &Path, folder: &Path, port: u16) -> Process {
    let mut command = Command::new(mosquitto);
    command.arg("-c").arg(folder.join("mosquitto.conf"));
    let mut process = Process::start("mosquitto", &command);
    wait::until("the broker listens", || {
        assert!(process.is_running(), "mosquitto ended: {}", process.stderr());
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    process
}
