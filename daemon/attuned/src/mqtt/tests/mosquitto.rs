//! A real mosquitto for one test: own port, own configuration, own data folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub struct Mosquitto {
    pub port: u16,
    pub folder: TempDir,
    child: Child,
}

impl Mosquitto {
    /// Starts one that anybody may use; `None`, with the reason printed, where it is not installed.
    pub fn start() -> Option<Mosquitto> {
        Mosquitto::start_with(|_| "allow_anonymous true\n".to_owned())
    }

    /// Starts one with more configuration, which may name files in the test's folder.
    pub fn start_with(configuration: impl FnOnce(&TempDir) -> String) -> Option<Mosquitto> {
        let Some(program) = program() else {
            println!("skipped: no `mosquitto` in PATH or /usr/sbin");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        // As root, mosquitto would become its own user, which cannot read the folder.
        let text = format!("listener {port} 127.0.0.1\nuser root\n{}", configuration(&folder));
        fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        let child = spawn(&program, &folder);
        let mut broker = Mosquitto { port, folder, child };
        broker.wait_until_listening();
        Some(broker)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.child = spawn(&program().unwrap(), &self.folder);
        self.wait_until_listening();
    }

    /// Freezes it: it neither reads nor answers until killed.
    pub fn freeze(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    fn wait_until_listening(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "mosquitto ended: {}", self.log());
            assert!(Instant::now() < deadline, "mosquitto does not listen: {}", self.log());
            std::thread::yield_now();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join("mosquitto")).find(|program| program.is_file())
}

fn spawn(program: &PathBuf, folder: &TempDir) -> Child {
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.path().join("mosquitto.conf"));
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
