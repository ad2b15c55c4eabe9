//! Programs that tests start: their output is kept, and they do not outlive the tests.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::wait;

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Lines>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

#[derive(Default)]
struct Lines {
    seen: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

type Job = (Command, Sender<std::io::Result<Child>>);

/// The thread that starts all programs. The kernel ends a program started with `--pdeathsig` when
/// the *thread* that started it ends, and this one lives as long as the tests.
static STARTER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (jobs, queue) = channel::<Job>();
    std::thread::spawn(move || {
        for (mut command, answer) in queue {
            if answer.send(command.spawn()).is_err() {
                return;
            }
        }
    });
    Mutex::new(jobs)
});

/// The same command, to be killed with the tests, however they end.
fn tied_to_us(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

fn spawn(name: &str, command: Command) -> Child {
    let (answer, spawned) = channel();
    STARTER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .expect("the starter lives");
    let child = spawned.recv().expect("the starter answers");
    child.unwrap_or_else(|error| panic!("{name} cannot be started by setpriv (of util-linux): {error}"))
}

impl Process {
    /// Starts a program that goes on until it is stopped. Its standard error is kept by lines, its
    /// standard output is thrown away.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn start(name: &str, command: &Command) -> Process {
        let mut command = tied_to_us(command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = spawn(name, command);
        let stderr = child.stderr.take().expect("a pipe was asked for");
        let lines = Arc::new(Lines::default());
        let keeper = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n') {
                let Ok(line) = line else { break };
                keeper.lock().0.push(String::from_utf8_lossy(&line).into_owned());
                keeper.changed.notify_all();
            }
            keeper.lock().1 = true;
            keeper.changed.notify_all();
        });
        Process { name: name.to_owned(), child, lines }
    }

    /// Waits for a line of standard error.
    ///
    /// # Panics
    ///
    /// It did not come within `patience`, or the program ended; what it said is shown.
    pub fn wait_for_line(&self, what: &str, patience: Duration, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + patience;
        let mut seen = self.lines.lock();
        loop {
            if seen.0.iter().any(|line| wanted(line)) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!seen.1, "{} ended before {what}:\n{}", self.name, seen.0.join("\n"));
            assert!(!left.is_zero(), "{}: {what} not within {patience:?}:\n{}", self.name, seen.0.join("\n"));
            seen = self.lines.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What it said on standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.lines.lock().0.join("\n")
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as `TERM`.
    ///
    /// # Panics
    ///
    /// There is no such process.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()), "{} cannot be sent {signal}", self.name);
    }

    /// Whether it is still running.
    ///
    /// # Panics
    ///
    /// The kernel does not say.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the child's state").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// It did not end within `patience`; what it said is shown.
    pub fn wait_for_end(&mut self, patience: Duration) -> Ended {
        let deadline = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child's state") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not end within {patience:?}:\n{}",
                self.name,
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut seen = self.lines.lock();
        while !seen.1 {
            seen = self.lines.changed.wait(seen).unwrap_or_else(PoisonError::into_inner);
        }
        ended(status, String::new(), seen.0.join("\n"))
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Panics
    ///
    /// It cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("a signal to a child");
        self.child.wait().expect("the end of a child that was killed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Lines {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Vec<String>, bool)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a program to its end, with `input` on its standard input.
///
/// # Panics
///
/// It cannot be started, or does not end within [`wait::PATIENCE`] twice over.
#[must_use]
pub fn run(name: &str, command: &Command, input: &[u8]) -> Ended {
    run_within(2 * wait::PATIENCE, name, command, input)
}

/// [`run`] with a patience of its own.
///
/// # Panics
///
/// It cannot be started, or does not end in time.
#[must_use]
pub fn run_within(patience: Duration, name: &str, command: &Command, input: &[u8]) -> Ended {
    let mut given = tempfile::tempfile().expect("a file for the input");
    given.write_all(input).and_then(|()| given.rewind()).expect("the input written");
    let mut command = tied_to_us(command);
    // A file, as a pipe would have to be written by a thread of its own.
    command.stdin(given).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(name, command);
    let stdout = read_all(child.stdout.take().expect("a pipe was asked for"));
    let stderr = read_all(child.stderr.take().expect("a pipe was asked for"));
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child's state") {
            break status;
        }
        if Instant::now() >= deadline {
            drop(child.kill());
            panic!("{name} did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    ended(status, stdout.join().expect("read"), stderr.join().expect("read"))
}

fn read_all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn ended(status: ExitStatus, stdout: String, stderr: String) -> Ended {
    Ended { code: status.code(), signal: status.signal(), stdout, stderr }
}
