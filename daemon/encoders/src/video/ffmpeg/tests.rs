//! The limits on the child, each tried by a script in ffmpeg's place that breaks it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use tempfile::TempDir;

use super::*;

/// A script in ffmpeg's place, in a folder that lives as long as it.
fn script(lines: &str) -> (Ffmpeg, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("ffmpeg");
    fs::write(&program, format!("#!/bin/sh\n{lines}\n")).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("may be run");
    (Ffmpeg::find(&program, OsStr::new("")).expect("is there"), folder)
}

/// Runs a script for at most so long; how it ended, and what it gave.
fn run(lines: &str, time: Duration) -> (Run, Vec<u8>) {
    let (ffmpeg, _folder) = script(lines);
    let limits = Limits { decode_time_max: time, film_memory_bytes_max: 32 << 20, ..Limits::default() };
    let film = FilmFile::of(b"OggS, say").expect("there is memory").expect("a container");
    let mut given = Vec::new();
    let ended = ffmpeg.run(&film, &[], &[], (&limits, limits.deadline()), |piece| {
        given.extend_from_slice(piece);
        given.len() < 1 << 20
    });
    (ended.expect("it starts"), given)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn it_reads_the_film_and_nothing_tells_it_of_us() {
    let (ended, given) = run("cat /proc/self/fd/0; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= >&2", LONG);
    assert_eq!(given, b"OggS, say");
    assert_eq!(ended.messages, "LC_ALL=C\n");
    assert!(ended.status.is_some() && !ended.late);
}

#[test]
fn the_film_cannot_be_changed_by_it() {
    let (_, given) = run("echo changed > /proc/self/fd/0 2>/dev/null; cat /proc/self/fd/0", LONG);
    assert_eq!(given, b"OggS, say");
}

#[test]
fn it_is_told_one_container_and_no_network() {
    let (_, given) = run("echo \"$@\"", LONG);
    let arguments = String::from_utf8(given).expect("text");
    assert!(
        arguments.contains("-protocol_whitelist file -format_whitelist ogg -f ogg -i file:/proc/self/fd/0"),
        "{arguments}"
    );
}

#[test]
fn its_time_ends() {
    for endless in ["while :; do :; done", "sleep 60", "exec >&- 2>&-; sleep 60", "trap '' TERM; sleep 60"] {
        let started = Instant::now();
        let (ended, _) = run(endless, Duration::from_millis(300));
        assert!(ended.late && ended.status.is_none(), "{endless}: {ended:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{endless}: {:?}", started.elapsed());
    }
}

#[test]
fn its_output_ends_when_there_is_enough() {
    let (ended, given) = run("while :; do echo more and more; done", LONG);
    assert!(!ended.late && (1 << 20..2 << 20).contains(&given.len()), "{} bytes", given.len());
}

#[test]
fn its_messages_are_read_and_few_are_kept() {
    let (ended, given) = run("head -c 1000000 /dev/zero | tr '\\0' e >&2; echo done", LONG);
    assert_eq!((ended.messages.len(), given.as_slice()), (MESSAGES_BYTES_MAX, &b"done\n"[..]));
}

#[test]
fn its_memory_ends() {
    let (ended, given) = run("a=aaaaaaaaaaaaaaaa; while :; do a=$a$a; done; echo not reached", LONG);
    assert!(ended.status.is_some_and(|status| !status.success()), "{ended:?}");
    assert_eq!(given, b"");
}

#[test]
fn it_can_write_no_file() {
    // A script is ready at once, so it waits for its limits; ffmpeg's libraries take long to load.
    let (_, given) =
        run("sleep 1; f=$(dirname $0)/x; (echo kept > $f) 2>/dev/null; cat $f 2>/dev/null; echo done", LONG);
    assert_eq!(given, b"done\n");
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    let (_, folder) = script("");
    let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).expect("a list of folders");
    let found = Ffmpeg::find(Path::new("ffmpeg"), &path).expect("in the second folder");
    assert_eq!(found.program(), folder.path().join("ffmpeg"));
    assert_eq!(Ffmpeg::find(Path::new("ffmpeg"), OsStr::new("/nowhere")), None);
    assert_eq!(Ffmpeg::find(folder.path(), OsStr::new("")), None);
}

#[test]
fn a_reason_is_the_last_thing_said() {
    let run = |messages: &str| Run { status: None, late: false, messages: messages.to_owned() };
    assert_eq!(
        run("[mov] moov atom not found\nfile:/proc/self/fd/0: Invalid data found when processing input\n\n")
            .reason(),
        "Invalid data found when processing input"
    );
    assert_eq!(run(" \n").reason(), "ffmpeg was stopped");
}
