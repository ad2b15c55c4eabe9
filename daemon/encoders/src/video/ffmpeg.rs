//! The `ffmpeg` program as a child process within hard limits.
//!
//! The child reads one file: a sealed copy of the film in memory, which is its standard input. It
//! is given no network protocol, one named demuxer, no shell, no environment and no terminal, may
//! write no file, and ends by a kill when its time is over. Before it has opened the film, the
//! kernel bounds its memory, processor time, files and core dumps.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};

use super::container;
use crate::error::one_line;
use crate::limits::{Deadline, Limits};

/// Most bytes of the program's messages that are kept; more are read and dropped.
const MESSAGES_BYTES_MAX: usize = 16 << 10;

/// Most address space, bytes. The libraries of a full build take 300 MB of it without using them,
/// so this only stops what is absurd; what is used is bounded by the limit on data.
const ADDRESS_BYTES_MAX: u64 = 2 << 30;

/// Most files the program may have open: its libraries one by one, the film and the pipes.
const FILES_MAX: u64 = 64;

/// How long to wait between two looks whether the program has ended, once it has closed its pipes.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The program that decodes films.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    program: PathBuf,
}

/// A film where the program can read it, and nothing else.
#[derive(Debug)]
pub(super) struct FilmFile {
    file: File,
    demuxer: &'static str,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Run {
    /// Absent if it was killed because its time was over, or its reader had enough.
    pub status: Option<ExitStatus>,
    /// Whether its time was over.
    pub late: bool,
    /// The first of what it said, as one text of several lines.
    pub messages: String,
}

impl Ffmpeg {
    /// Looks for the program: a path as it is, a name in the folders of `path`, a list as in the
    /// environment's `PATH`. `None` if there is no such file that may be executed.
    #[must_use]
    pub fn find(name: &Path, path: &OsStr) -> Option<Ffmpeg> {
        use std::os::unix::fs::PermissionsExt;
        let runs = |file: &Path| {
            file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        if name.components().count() > 1 {
            return runs(name).then(|| Ffmpeg { program: name.to_owned() });
        }
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|file| runs(file))
            .map(|program| Ffmpeg { program })
    }

    /// Where the program is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs the program over the film until it ends, `take` gives `false`, or the deadline passes.
    /// `take` gets the output piece by piece. `input` and `output` stand before and after the film
    /// on the command line.
    ///
    /// # Errors
    ///
    /// A sentence if the program cannot be started or bounded.
    pub(super) fn run(
        &self,
        film: &FilmFile,
        input: &[&str],
        output: &[&str],
        bounds: (&Limits, Deadline),
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<Run, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let (limits, deadline) = bounds;
        let child = Command::new(&self.program)
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .args(["-hide_banner", "-nostdin", "-nostats", "-max_alloc"])
            .arg((limits.film_memory_bytes_max / 2).to_string())
            .args(["-threads", "1", "-filter_threads", "1"])
            // Of protocols only that of files, of which the film's own is the only one named; of
            // formats only that of its mark, and none that a container could refer to.
            .args(["-protocol_whitelist", "file", "-format_whitelist", film.demuxer, "-f", film.demuxer])
            .args(input)
            .args(["-i", "file:/proc/self/fd/0"])
            .args(output)
            // A group of its own, so that what it starts, if it is a script, ends with it.
            .process_group(0)
            .stdin(Stdio::from(film.file.try_clone().map_err(failed)?))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut child = Ended(child);
        bound(&child.0, limits).map_err(|error| format!("ffmpeg's limits cannot be set: {error}"))?;
        let drained = drain(&mut child.0, deadline, &mut take);
        let status = match drained.end {
            End::Closed => child.wait(deadline).map_err(failed)?,
            End::Enough | End::Late => None,
        };
        let late = status.is_none() && drained.end != End::Enough;
        Ok(Run { status, late, messages: String::from_utf8_lossy(&drained.messages).into_owned() })
    }
}

impl FilmFile {
    /// Puts the film where the program can read it, and seek in it; `None` if it is of no
    /// container that is read.
    ///
    /// # Errors
    ///
    /// A sentence if there is no memory for it.
    pub fn of(bytes: &[u8]) -> Result<Option<FilmFile>, String> {
        let Some(demuxer) = container::demuxer(bytes) else { return Ok(None) };
        let copied = || -> std::io::Result<File> {
            let descriptor: OwnedFd = memfd_create("film", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
            let mut file = File::from(descriptor);
            file.write_all(bytes)?;
            fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
            Ok(file)
        };
        let file = copied().map_err(|error| format!("it cannot be handed to ffmpeg: {error}"))?;
        Ok(Some(FilmFile { file, demuxer }))
    }
}

impl Run {
    /// The last thing the program said, which is mostly why it gave up, or how it ended.
    pub fn reason(&self) -> String {
        let said = self.messages.lines().map(str::trim).rfind(|line| !line.is_empty());
        match (said, self.status) {
            // Its own name for the film says nothing to anybody.
            (Some(said), _) => one_line(&said.replace("file:/proc/self/fd/0: ", "")),
            (None, Some(status)) => format!("ffmpeg ended with {status}"),
            (None, None) => "ffmpeg was stopped".to_owned(),
        }
    }
}

/// A child that does not outlive its use: it is killed and reaped whatever happens.
struct Ended(Child);

impl Ended {
    /// Waits for the end; `None` if it has not come by the deadline.
    fn wait(&mut self, deadline: Deadline) -> std::io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if deadline.left().is_zero() {
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // They fail only if nothing of it is left.
        kill_process_group(Pid::from_child(&self.0), Signal::KILL).ok();
        self.0.wait().ok();
    }
}

/// Has the kernel hold the child to its limits. It has not opened the film yet, as its libraries
/// take far longer to load than this; and what is set cannot be undone by it.
fn bound(child: &Child, limits: &Limits) -> std::io::Result<()> {
    let seconds = limits.decode_time_max.as_secs() + 1;
    for (resource, most) in [
        (Resource::Data, limits.film_memory_bytes_max),
        (Resource::As, ADDRESS_BYTES_MAX),
        (Resource::Cpu, seconds),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES_MAX),
        (Resource::Core, 0),
    ] {
        prlimit(Some(Pid::from_child(child)), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Why nothing more came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The child closed its output and its messages.
    Closed,
    /// There was enough of it.
    Enough,
    /// Its time was over.
    Late,
}

struct Drained {
    end: End,
    messages: Vec<u8>,
}

/// Reads the child's output and its messages until both end, `take` gives `false`, or the deadline
/// passes; in the last two cases the child is killed.
fn drain(child: &mut Child, deadline: Deadline, take: &mut impl FnMut(&[u8]) -> bool) -> Drained {
    let group = Pid::from_child(child);
    // It has not been reaped, so nobody else has its number.
    let kill = || kill_process_group(group, Signal::KILL).ok();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let (over, wait) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let late = wait.recv_timeout(deadline.left()) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                kill();
            }
            late
        });
        let messages = scope.spawn(move || {
            let mut kept = Vec::new();
            pieces(stderr, |piece| {
                kept.extend(&piece[..piece.len().min(MESSAGES_BYTES_MAX - kept.len())]);
                true
            });
            kept
        });
        let enough = !pieces(stdout, take);
        if enough {
            kill();
        }
        let messages = messages.join().expect("reading does not panic");
        drop(over);
        let late = watch.join().expect("waiting does not panic");
        Drained {
            end: if enough {
                End::Enough
            } else if late {
                End::Late
            } else {
                End::Closed
            },
            messages,
        }
    })
}

/// Hands over what comes until it ends, or `take` gives `false`, which is then given back. An
/// error ends it too.
fn pieces(pipe: Option<impl Read>, mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let Some(mut pipe) = pipe else { return true };
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return true,
            Ok(length) if !take(&buffer[..length]) => return false,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests;
