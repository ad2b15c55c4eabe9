//! Damaged and hostile files, given to the real program as everything they could be: each ends in
//! a result or in one sentence that names the file, in time and within memory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use attuned_tests::tools::{attuned, skip, tree};
use tempfile::TempDir;

/// Most memory of the program, and of a child, at any moment, KiB.
const MEMORY_KIB_MAX: u64 = 256 << 10;

/// A medium's inputs are encoded one after another; more for each than this is a hang.
const FILE_TIME_MAX: Duration = Duration::from_secs(2);

/// What the program said to a run over many files.
struct Answers {
    /// Files that gave a line of JSON.
    read: usize,
    /// Lines of standard error.
    sentences: Vec<String>,
    took: Duration,
    memory_kib: u64,
}

/// Runs `encode` over these files, as pictures, sounds or films, with this `ffmpeg`.
fn encode(medium: &str, files: &[PathBuf], ffmpeg: &str) -> Answers {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (stdout, stderr) = (folder.path().join("out"), folder.path().join("err"));
    let mut command = Command::new(attuned());
    command
        .args(["encode", "--json"])
        .env("ATTUNED__MEDIA__FFMPEG", ffmpeg)
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(fs::File::create(&stdout).expect("a file"))
        .stderr(fs::File::create(&stderr).expect("a file"));
    for file in files {
        command.arg(format!("--{medium}")).arg(file);
    }
    let started = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut memory_kib = 0;
    let status = loop {
        memory_kib = memory_kib.max(memory(child.id()));
        if let Some(status) = child.try_wait().expect("the program is waited for") {
            break status;
        }
        assert!(started.elapsed() < Duration::from_secs(600), "{medium}: it hangs");
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = started.elapsed();
    let lines = |path: &Path| -> Vec<String> {
        let text = String::from_utf8_lossy(&fs::read(path).expect("what it said")).into_owned();
        text.lines().map(str::to_owned).collect()
    };
    let (read, sentences) = (lines(&stdout).len(), lines(&stderr));
    let code = status.code().unwrap_or_else(|| panic!("{medium}: {status}, {:?}", sentences.last()));
    assert!(matches!(code, 0 | 64), "{medium}: exit code {code}, {:?}", sentences.last());
    Answers { read, sentences, took, memory_kib }
}

/// The memory of a process at this moment, or of its largest child if that is more, KiB. They share
/// the pages of libraries, so a sum would count these twice.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let own = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let own = own.and_then(|size| size.trim().strip_suffix(" kB")).and_then(|size| size.parse().ok());
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
    });
    children.map(memory).max().unwrap_or(0).max(own.unwrap_or(0))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Small files of the project's own that are cut, overwritten or no media at all.
fn own(folder: &TempDir) -> Vec<PathBuf> {
    let media = tree().join("daemon/attuned/demo/media");
    let mut made = Vec::new();
    let mut write = |name: String, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        made.push(path);
    };
    for file in
        files(&media).iter().filter(|file| file.extension().is_some_and(|ending| ending != "md")).take(6)
    {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let whole = fs::read(file).expect("a file of the demo");
        write(format!("cut-{name}"), &whole[..whole.len() / 3]);
        let mut damaged = whole.clone();
        damaged.iter_mut().skip(64).step_by(97).for_each(|byte| *byte = !*byte);
        write(format!("damaged-{name}"), &damaged);
    }
    write("empty.mp4".to_owned(), b"");
    write("playlist.mp4".to_owned(), b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n");
    write("atoms.mp4".to_owned(), &b"\0\0\0\x18ftypisom\0\0\0\0isommp42".repeat(40));
    write(
        "matroska.mkv".to_owned(),
        &[b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff".as_slice(), &[0x55; 4096]].concat(),
    );
    made
}

fn check(files: &[PathBuf], mediums: &[(&str, &str)]) {
    for (medium, ffmpeg) in mediums {
        let answers = encode(medium, files, ffmpeg);
        let many = u32::try_from(files.len()).expect("a few");
        assert!(answers.took < FILE_TIME_MAX * many.max(10), "{medium}: {:?} for {many} files", answers.took);
        assert!(answers.memory_kib < MEMORY_KIB_MAX, "{medium}: {} KiB", answers.memory_kib);
        let mut refused = 0;
        for file in files {
            let named = format!("attuned: {}: ", file.display());
            let of_it = answers.sentences.iter().filter(|line| line.starts_with(&named)).count();
            assert!(of_it <= 1, "{medium} {named} {of_it} sentences");
            refused += of_it;
        }
        assert_eq!(
            answers.read + refused,
            files.len(),
            "{medium}: each file is read or named: {:?}",
            answers.sentences.last()
        );
        let panicked = answers.sentences.iter().find(|line| line.contains("panicked"));
        assert_eq!(panicked, None, "{medium}");
        writeln!(
            std::io::stderr(),
            "{medium}, ffmpeg {ffmpeg}: {} read, {refused} refused, {:?}, at most {} MiB",
            answers.read,
            answers.took,
            answers.memory_kib >> 10
        )
        .expect("standard error");
    }
}

const MEDIUMS: [(&str, &str); 5] =
    [("image", "none"), ("audio", "none"), ("video", "none"), ("audio", "ffmpeg"), ("video", "ffmpeg")];

#[test]
fn damaged_files_end_in_a_result_or_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    check(&own(&folder), &MEDIUMS);
}

#[test]
fn the_shared_malformed_files_end_in_a_result_or_a_sentence() {
    let beside = tree().join("../shared");
    let shared = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from).join("data/malformed");
    if !shared.is_dir() {
        return skip("shared", &format!("{} is absent", shared.display()));
    }
    let media: Vec<PathBuf> = ["image-rs", "pillow", "audio-mutagen", "video-decord"]
        .iter()
        .flat_map(|folder| files(&shared.join(folder)))
        .collect();
    check(&media, &MEDIUMS);
}
