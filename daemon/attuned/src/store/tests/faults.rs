//! A process that is killed, and a disk that is full: real processes on real files.
//!
//! The other process is this test program once more, told by its environment which part to play.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::store::{StoreError, Written};

const STORE: &str = "ATTUNED_TEST_STORE";
const FROM: &str = "ATTUNED_TEST_FROM";

/// Plays `part` in another process, with its standard output piped.
fn play(mut command: Command, part: &str, store: &Path, from: usize) -> Child {
    command
        .args([&format!("store::tests::faults::{part}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(STORE, store)
        .env(FROM, from.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test program starts")
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("this program has a path"))
}

/// The store to play in, and the first number; `None` when run as a plain test.
fn stage() -> Option<(StoreSettings, usize)> {
    let store = PathBuf::from(std::env::var_os(STORE)?);
    let from = std::env::var(FROM).expect("set with the store").parse().expect("a number");
    Some((StoreSettings::new(store), from))
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").and_then(|()| out.flush()).expect("the other side reads");
}

/// Appends events from three threads until it is killed, and tells what was answered. Does nothing
/// when run as a plain test.
#[test]
fn part_append_until_killed() {
    let Some((settings, from)) = stage() else { return };
    let (store, report) = Store::open(settings).expect("opens");
    assert!(report.degraded().is_empty(), "{report:?}");
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let store = &store;
            scope.spawn(move || {
                for n in (from..).step_by(3) {
                    // Calls of one to five events; they overlap, so that some come twice.
                    let ids: Vec<String> = (n..n + 1 + n % 5).map(|n| format!("{thread}-{n}")).collect();
                    let writes = ids.iter().map(|id| append("anna", "film:1", id)).collect();
                    let written = store.commit_blocking(writes).expect("stored");
                    for (id, written) in ids.iter().zip(written) {
                        let (Written::Event { seq } | Written::Duplicate { seq }) = written else {
                            panic!("{written:?}")
                        };
                        tell(&format!("stored {id} {seq}"));
                    }
                }
            });
        }
    });
}

#[test]
fn what_was_answered_survives_kill_9_and_is_there_once() {
    let folder = folder();
    let store = settings(&folder).path;
    let mut answered: BTreeMap<String, u64> = BTreeMap::new();
    let rounds = 12;
    for round in 0..rounds {
        // It begins a little before the last round's end: as a broker would, it delivers again.
        let from = (round * 60_usize).saturating_sub(20);
        let mut child = play(this_program(), "part_append_until_killed", &store, from);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut left = fastrand::usize(1..150);
        // To the end of what it told, also after it was killed.
        while let Some(Ok(line)) = lines.next() {
            let Some(stored) = line.strip_prefix("stored ") else { continue };
            let Some((id, seq)) = stored.split_once(' ') else { continue };
            let seq = seq.parse().expect("a number");
            let earlier = answered.insert(id.to_owned(), seq);
            assert!(earlier.is_none_or(|earlier| earlier == seq), "{id} was {earlier:?} and is {seq}");
            left -= 1;
            if left == 0 {
                child.kill().expect("it runs");
                break;
            }
        }
        drop(lines);
        child.wait().expect("it ended");

        let (opened, report) = open(&folder);
        assert_eq!(report.degraded(), Vec::<String>::new(), "round {round}");
        let mut there: BTreeMap<String, u64> = BTreeMap::new();
        for stored in opened.events_after(0) {
            let stored = stored.expect("readable");
            let id = stored.id.expect("has an id").to_string();
            assert_eq!(there.insert(id.clone(), stored.seq), None, "{id} is there twice");
        }
        for (id, seq) in &answered {
            assert_eq!(there.get(id), Some(seq), "{id}, answered, in round {round}");
        }
        assert_eq!(report.events, there.len() as u64);
    }
    println!("{} answered events survived {rounds} kills", answered.len());
}

/// Fills a disk that is nearly full, then goes on when there is room. Does nothing when run as a
/// plain test.
#[test]
fn part_fill_the_disk() {
    let Some((settings, _)) = stage() else { return };
    let (store, _) = Store::open(settings.clone()).expect("opens");
    let mut stored = Vec::new();
    let padded = |n: usize| {
        let Write::AppendEvent { mut event, id } = append("anna", "film:1", &n.to_string()) else {
            unreachable!("append appends")
        };
        event.context.insert("pad".to_owned(), Value::Text("x".repeat(3000)));
        Write::AppendEvent { event, id }
    };
    let refused = (0..5000)
        .find_map(|n| match store.commit_blocking(vec![padded(n)]) {
            Ok(written) => {
                stored.extend(written);
                None
            }
            Err(error) => Some((n, error)),
        })
        .expect("the disk becomes full");
    assert!(matches!(refused.1, StoreError::Unavailable { .. }), "{refused:?}");
    tell(&format!("full after {} events: {}", stored.len(), refused.1));
    // Still full, still refused, still alive.
    assert!(matches!(store.commit_blocking(vec![padded(refused.0)]), Err(StoreError::Unavailable { .. })));

    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).expect("a soft limit can be raised");

    let after = store.commit_blocking(vec![padded(refused.0), padded(0)]).expect("stored again");
    assert_eq!(after[1], Written::Duplicate { seq: 1 });
    stored.push(after[0]);
    let expected: Vec<u64> = stored
        .iter()
        .map(|written| match written {
            Written::Event { seq } | Written::Duplicate { seq } => *seq,
            other => panic!("{other:?}"),
        })
        .collect();
    let check = |store: &Store| {
        let there: Vec<u64> = store.events_after(0).map(|event| event.expect("readable").seq).collect();
        assert_eq!(there, expected);
    };
    check(&store);
    drop(store);
    let (store, report) = Store::open(settings).expect("opens again");
    assert_eq!(report.degraded(), Vec::<String>::new());
    check(&store);
    tell("went on");
}

#[test]
fn a_full_disk_refuses_and_later_takes_writes_again() {
    let folder = folder();
    // A soft limit of 1.5 MB on files stands for the full disk: writing beyond it fails, and the
    // process itself can lift it. XFSZ would kill the process; what is ignored stays so over `exec`.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 3000; exec \"$0\" \"$@\""]);
    shell.arg(std::env::current_exe().expect("this program has a path"));
    let child = play(shell, "part_fill_the_disk", &settings(&folder).path, 0);
    let output = child.wait_with_output().expect("it ended");
    let told = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> =
        told.lines().filter(|line| line.starts_with("full") || *line == "went on").collect();
    println!("{lines:?}");
    assert!(output.status.success() && lines.len() == 2 && lines[1] == "went on", "{told}");
}
