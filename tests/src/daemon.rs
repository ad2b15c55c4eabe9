//! The program under test: its configuration, its store, and how it is started and ended.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Answer, Connection};
use crate::process::{Ended, Process};
use crate::{tools, wait};

/// How long the program may take from its start until it can answer, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// How long it may take to end when it is asked to: its grace period and something on top.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Everything that outlives one run of the daemon: configuration, store, socket.
pub struct Home {
    folder: TempDir,
    prefix: String,
}

/// How a home differs from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// 5 unless it says 3.
    pub mqtt_version: Option<u8>,
    /// What else stands in `[mqtt]`, as TOML.
    pub mqtt: String,
    /// What stands in `[plugins]`, as TOML; nothing means that none is enabled.
    pub plugins: String,
    /// Further parts of the configuration, as TOML.
    pub more: String,
}

impl Setup {
    /// With the plugin that ships, granted what it asks for.
    #[must_use]
    pub fn with_family_night() -> Setup {
        let plugins = "enabled = [{ id = \"org.attuned.family-night\", max_boost = 0.3, max_scale = 2.0, exclude = true }]";
        Setup { plugins: plugins.to_owned(), ..Setup::default() }
    }
}

impl Home {
    /// A home at the broker that listens on `port`, with a prefix of its own, so that homes share a
    /// broker without meeting.
    ///
    /// # Panics
    ///
    /// There is no room for it.
    #[must_use]
    pub fn new(port: u16, setup: &Setup) -> Arc<Home> {
        static HOMES: AtomicUsize = AtomicUsize::new(0);
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("attuned-test-{}-{number}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        let prefix = format!("{name}/v1");
        let version = setup.mqtt_version.unwrap_or(5);
        let Setup { mqtt, plugins, more, .. } = setup;
        let text = format!(
            "[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\nprefix = \"{prefix}\"\nclient_id = \"{name}\"\nversion = {version}\n\
             {mqtt}\n[store]\npath = \"{path}/store\"\n[http]\nsocket = \"{path}/attuned.sock\"\n[plugins]\npath = \"{path}/plugins\"\n{plugins}\n{more}\n"
        );
        std::fs::write(folder.path().join("attuned.toml"), text).expect("the configuration");
        Arc::new(Home { folder, prefix })
    }

    /// The prefix of its topics.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A topic under its prefix.
    #[must_use]
    pub fn topic(&self, rest: &str) -> String {
        format!("{}/{rest}", self.prefix)
    }

    /// The configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("attuned.toml")
    }

    /// The store's folder.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The socket that it answers on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("attuned.sock")
    }

    /// `attuned` with this home's configuration and with `arguments`.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.arg("--config").arg(self.configuration());
        command
    }

    /// Starts the daemon, and does not wait for it.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn launch(self: &Arc<Self>) -> Daemon {
        Daemon { home: Arc::clone(self), process: Process::start("attuned", &self.command(&["run"])) }
    }

    /// Starts the daemon, and waits until it can answer.
    ///
    /// # Panics
    ///
    /// It is not ready in time.
    #[must_use]
    pub fn start(self: &Arc<Self>) -> Daemon {
        let daemon = self.launch();
        daemon.wait_until_ready();
        daemon
    }

    /// A connection to the running daemon.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    #[must_use]
    pub fn connect(&self) -> Connection {
        let socket = self.socket();
        Connection::open(&socket).unwrap_or_else(|error| panic!("{}: {error}", socket.display()))
    }

    /// Sends a request to the running daemon on a connection of its own.
    ///
    /// # Panics
    ///
    /// There was no answer.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.connect().send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Puts an item, durably.
    ///
    /// # Panics
    ///
    /// It is refused.
    pub fn put(&self, item: &Value) {
        let id = item["id"].as_str().expect("an id");
        let answer = self.send("PUT", &format!("/v1/items/{id}"), item.to_string().as_bytes());
        assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
    }

    /// Sends events of a person, durably.
    ///
    /// # Panics
    ///
    /// One is refused.
    pub fn tell(&self, user: &str, events: &Value) -> Value {
        let answer = self.send("POST", &format!("/v1/users/{user}/events"), events.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let taken = answer.document();
        assert_eq!(taken.get("rejected"), None, "{taken}");
        taken
    }

    /// Asks for a list.
    ///
    /// # Panics
    ///
    /// The request is refused.
    #[must_use]
    pub fn recommend(&self, request: &Value) -> Value {
        let answer = self.send("POST", "/v1/recommend", request.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.document()
    }

    /// The document at a path.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, b"");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.document()
    }

    /// Waits until all of `items` items are stored and understood.
    ///
    /// # Panics
    ///
    /// They are not in time.
    pub fn wait_until_understood(&self, items: u64) {
        let mut before = false;
        wait::until_within(3 * wait::PATIENCE, "all items understood", || {
            let status = self.get("/v1/status");
            let done = status["items"].as_u64() >= Some(items) && status["pending"] == 0;
            // An item is counted a moment before it waits to be understood: look twice.
            let settled = done && before;
            before = done;
            settled.then_some(())
        });
    }
}

/// `attuned` with `arguments`, and nothing of this machine's configuration.
#[must_use]
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(tools::attuned());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ATTUNED__") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").args(arguments);
    command
}

/// A running daemon; dropped, it is killed.
pub struct Daemon {
    home: Arc<Home>,
    process: Process,
}

impl Daemon {
    /// Waits until it says that it can answer.
    ///
    /// # Panics
    ///
    /// It does not in time.
    pub fn wait_until_ready(&self) {
        self.process.wait_for_line("`ready`", READY_WITHIN, |line| line == "ready");
    }

    /// The running program.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its home.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Panics
    ///
    /// It cannot be killed.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    ///
    /// It does not end in time.
    pub fn stop(mut self) -> Ended {
        self.process.signal("TERM");
        self.process.wait_for_end(END_WITHIN)
    }

    /// Memory in use, and the most that was, in kilobytes.
    ///
    /// # Panics
    ///
    /// It has ended.
    #[must_use]
    pub fn memory_kb(&self) -> (u64, u64) {
        memory_kb(Path::new(&format!("/proc/{}/status", self.process.id())))
    }
}

fn memory_kb(status: &Path) -> (u64, u64) {
    let text = std::fs::read_to_string(status).expect("the kernel's account of the process");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line of the account");
        line.trim().trim_end_matches(" kB").parse().expect("a number of kilobytes")
    };
    (value("VmRSS:"), value("VmHWM:"))
}
