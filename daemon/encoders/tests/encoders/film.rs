//! Films, through the real ffmpeg. Clips are made by it from its own test pictures, or cut from
//! those of the folder of test data.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use attuned_encoders::{EncodeError, Encoders, Encoding, Ffmpeg, Limits};
use attuned_recommender::Modality;

use crate::{models, on_two_threads, rows, shared};

/// The program; `None`, with a line that says so, if it is not installed.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
fn ffmpeg() -> Option<Ffmpeg> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = Ffmpeg::find(Path::new("ffmpeg"), &path);
    if found.is_none() {
        println!("skipped: ffmpeg is not installed");
    }
    found
}

fn encoders(ffmpeg: Option<Ffmpeg>) -> Encoders {
    let encoders = Encoders::open(&models(), Limits::default()).expect("the folder of models opens");
    assert_eq!(encoders.problems(), []);
    encoders.with_ffmpeg(ffmpeg)
}

/// What ffmpeg makes of these arguments, as the bytes of a file with this ending.
fn make(ffmpeg: &Ffmpeg, arguments: &[&str], ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join(format!("film.{ending}"));
    let made = Command::new(ffmpeg.program())
        .args(["-v", "error", "-nostdin", "-threads", "1"])
        .args(arguments)
        .arg(&file)
        .output()
        .expect("ffmpeg starts");
    assert!(made.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&made.stderr));
    fs::read(&file).expect("the film was made")
}

/// Three seconds of moving test pictures, with a tone.
fn test_film(ffmpeg: &Ffmpeg, codecs: &[&str], ending: &str) -> Vec<u8> {
    let pictures = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=3"];
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=3"];
    make(ffmpeg, &[&pictures[..], &tone, codecs].concat(), ending)
}

fn cosine(a: &Encoding, b: &Encoding) -> f32 {
    a.embedding.as_slice().iter().zip(b.embedding.as_slice()).map(|(a, b)| a * b).sum()
}

#[test]
fn containers_of_films_are_read() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let encoders = encoders(Some(ffmpeg.clone()));
    let mpeg4 = ["-c:v", "mpeg4", "-c:a", "aac"];
    let first = encoders.encode_video(&test_film(&ffmpeg, &mpeg4, "mp4")).expect("mp4 is read");
    assert_eq!((first.modality, first.model.as_str()), (Modality::Video, "film-leaky@1"));
    assert_eq!((first.embedding.dim(), first.semantic.dim()), (2944, 384));
    for (ending, codecs) in [
        ("mkv", &mpeg4[..]),
        ("avi", &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
        ("ts", &["-c:v", "mpeg2video", "-c:a", "mp2"]),
        ("mpg", &["-r", "25", "-c:v", "mpeg1video", "-c:a", "mp2"]),
        ("flv", &["-c:v", "flv", "-c:a", "aac"]),
        ("ogv", &["-c:v", "libtheora", "-c:a", "libvorbis"]),
        ("wmv", &["-c:v", "wmv2", "-c:a", "wmav2"]),
        ("webm", &["-c:v", "libvpx", "-b:v", "1M", "-c:a", "libopus"]),
        ("3gp", &["-c:v", "mpeg4", "-an"]),
    ] {
        let film = test_film(&ffmpeg, codecs, ending);
        let read = encoders.encode_video(&film).unwrap_or_else(|error| panic!("{ending}: {error}"));
        // The same pictures by other codecs; one of them has no sound.
        assert!(cosine(&first, &read) > 0.9, "{ending}: {}", cosine(&first, &read));
    }
}

#[test]
fn sounds_that_only_ffmpeg_reads_are_heard() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=4"];
    let wave = make(&ffmpeg, &tone, "wav");
    let opus = make(&ffmpeg, &[&tone[..], &["-c:a", "libopus"]].concat(), "opus");
    let wma = make(&ffmpeg, &[&tone[..], &["-c:a", "wmav2"]].concat(), "wma");
    let with = encoders(Some(ffmpeg));
    let heard = with.encode_audio(&wave).expect("a sound");
    for (name, file) in [("opus", &opus), ("wma", &wma)] {
        let read = with.encode_audio(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.modality, Modality::Audio);
        assert!(cosine(&heard, &read) > 0.9, "{name}: {}", cosine(&heard, &read));
    }
    let without = encoders(None).encode_audio(&wma).expect_err("nothing reads it");
    assert!(matches!(without, EncodeError::Unreadable { .. }), "{without}");
}

#[test]
fn without_ffmpeg_a_film_is_what_is_heard_of_it() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let film = test_film(&ffmpeg, &["-c:v", "mpeg4", "-c:a", "aac"], "mp4");
    let silent = test_film(&ffmpeg, &["-c:v", "mpeg4", "-an"], "mp4");
    let without = encoders(None);
    let heard = without.encode_video(&film).expect("its sound is read");
    assert_eq!((heard.modality, heard.model.as_str()), (Modality::Video, "film-leaky@1"));
    let refusal = without.encode_video(&silent).expect_err("there is nothing to hear").to_string();
    assert!(
        refusal.starts_with("video cannot be read: the pictures of a film need ffmpeg, which is not installed, and of its sound: "),
        "{refusal}"
    );
}

#[test]
fn a_film_played_backwards_is_another_film() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let scenes = |order: &str| {
        let filter = format!(
            "color=red:s=64x64:r=8:d=1[a];testsrc=s=64x64:r=8:d=1[b];mandelbrot=s=64x64:r=8[m];[m]trim=duration=1[c];{order}concat=n=3"
        );
        make(&ffmpeg, &["-filter_complex", &filter, "-c:v", "mpeg4", "-an"], "mp4")
    };
    let encoders = encoders(Some(ffmpeg.clone()));
    let encode = |order: &str| encoders.encode_video(&scenes(order)).expect("a film");
    let (forwards, backwards) = (encode("[a][b][c]"), encode("[c][b][a]"));
    let likeness = cosine(&forwards, &backwards);
    assert!((0.5..0.999).contains(&likeness), "{likeness}");
    assert!(cosine(&forwards, &encode("[a][b][c]")) > 0.9999);
}

#[test]
fn an_animated_picture_is_a_short_film() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let pictures = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=2"];
    let film = make(&ffmpeg, &[&pictures[..], &["-c:v", "mpeg4", "-q:v", "2"]].concat(), "mp4");
    let encoders = encoders(Some(ffmpeg.clone()));
    let film = encoders.encode_video(&film).expect("a film");
    for (ending, more) in
        [("gif", &[][..]), ("png", &["-f", "apng"][..]), ("webp", &["-c:v", "libwebp_anim"][..])]
    {
        let picture = make(&ffmpeg, &[&pictures[..], more].concat(), ending);
        let read = encoders.encode_video(&picture).unwrap_or_else(|error| panic!("{ending}: {error}"));
        assert_eq!(read.model, "film-leaky@1");
        assert!(cosine(&film, &read) > 0.85, "{ending}: {}", cosine(&film, &read));
    }
}

/// Files that would have ffmpeg read another file if they were taken for what they are.
#[test]
fn a_film_leads_to_no_other_file() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = folder.path().join("secret.ts");
    fs::write(&secret, test_film(&ffmpeg, &["-c:v", "mpeg2video", "-c:a", "mp2"], "ts")).expect("written");
    let secret = secret.display();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n");
    let mut marked = b"\x47".to_vec();
    marked.resize(188 * 3, b'\n');
    (marked[188], marked[376]) = (0x47, 0x47);
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("playlist", playlist.clone().into_bytes()),
        (
            "playlist of a network",
            playlist.replace(&secret.to_string(), "http://127.0.0.1:9/x.ts").into_bytes(),
        ),
        ("script", format!("ffconcat version 1.0\nfile {secret}\n").into_bytes()),
        ("playlist behind a mark", [marked, playlist.clone().into_bytes()].concat()),
        ("playlist behind an atom", [b"\0\0\0\x08free".as_slice(), playlist.as_bytes()].concat()),
        (
            "description",
            format!("<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>{secret}</BaseURL></MPD>")
                .into_bytes(),
        ),
    ];
    let encoders = encoders(Some(ffmpeg));
    for (name, film) in hostile {
        let refusal = encoders.encode_video(&film).expect_err(name);
        assert!(matches!(refusal, EncodeError::Unreadable { .. }), "{name}: {refusal}");
    }
}

#[test]
fn a_film_that_takes_too_long_is_refused_in_time() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let film = test_film(&ffmpeg, &["-c:v", "mpeg4", "-c:a", "aac"], "mp4");
    let limits = Limits { decode_time_max: Duration::from_millis(5), ..Limits::default() };
    let encoders = Encoders::open(&models(), limits).expect("opens").with_ffmpeg(Some(ffmpeg));
    let started = Instant::now();
    let refusal = encoders.encode_video(&film).expect_err("five milliseconds are not enough").to_string();
    assert!(refusal.contains("decode_time_max"), "{refusal}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_program_that_is_none_is_said_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("ffmpeg");
    fs::write(&program, "no program").expect("written");
    assert_eq!(Ffmpeg::find(&program, OsStr::new("")), None);
}

/// Parts of one clip, overlapping by four tenths: the film finds its other part, where the middle
/// frame of each is of another moment.
#[test]
fn signs_and_scenes_are_found_better_by_the_film_than_by_one_frame() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let Some(folder) = shared("data/video-clips") else { return };
    let clips: Vec<(String, String)> = rows(&folder.join("labels.csv"), 6)
        .into_iter()
        .filter(|row| row[1] != "edge")
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let encoders = encoders(Some(ffmpeg.clone()));
    let parts = on_two_threads(&clips, |(file, _)| {
        let clip = folder.join(file);
        let clip = clip.to_str().expect("a path of text");
        let seconds = seconds(&ffmpeg, clip).min(20.0);
        [0.0, 0.3].map(|start| {
            let (from, most) = ((start * seconds).to_string(), (0.7 * seconds).to_string());
            let cut = ["-ss", &from, "-i", clip, "-t", &most, "-an", "-vf", "scale=-2:240"];
            let film = make(&ffmpeg, &[&cut[..], &["-c:v", "mpeg4", "-q:v", "3"]].concat(), "mp4");
            let middle = ((start + 0.35) * seconds).to_string();
            let frame = make(&ffmpeg, &["-ss", &middle, "-i", clip, "-frames:v", "1"], "png");
            (
                encoders.encode_video(&film).unwrap_or_else(|error| panic!("{file}: {error}")),
                encoders.encode_image(&frame).unwrap_or_else(|error| panic!("{file}: {error}")),
            )
        })
    });
    let signs: Vec<usize> = (0..clips.len()).filter(|at| clips[*at].1.starts_with("asl_")).collect();
    let scenes: Vec<usize> = (0..clips.len()).collect();
    for (name, of) in [("signs", &signs), ("scenes", &scenes)] {
        let found = |part: fn(&(Encoding, Encoding)) -> &Encoding| {
            let (mut right, mut count) = (0, 0);
            for (query, key) in [(0, 1), (1, 0)] {
                for at in of {
                    let best = of.iter().max_by(|a, b| {
                        let likeness =
                            |other: usize| cosine(part(&parts[*at][query]), part(&parts[other][key]));
                        likeness(**a).total_cmp(&likeness(**b))
                    });
                    right += usize::from(best == Some(at));
                    count += 1;
                }
            }
            (right, count)
        };
        let (film, frame) = (found(|part| &part.0), found(|part| &part.1));
        println!("{name}: by the film {film:?}, by its middle frame {frame:?}");
        assert!(film.0 > frame.0, "{name}: {film:?} against {frame:?}");
        assert!(film.0 * 10 >= film.1 * 9, "{name}: {film:?}");
    }
}

fn seconds(ffmpeg: &Ffmpeg, clip: &str) -> f64 {
    let said = Command::new(ffmpeg.program()).args(["-hide_banner", "-nostdin", "-i", clip]).output();
    let said = String::from_utf8_lossy(&said.expect("ffmpeg starts").stderr).into_owned();
    let clock = said.split("Duration: ").nth(1).and_then(|rest| rest.split(',').next()).expect("a duration");
    clock.split(':').fold(0.0, |seconds, part| seconds * 60.0 + part.parse::<f64>().expect("a number"))
}
