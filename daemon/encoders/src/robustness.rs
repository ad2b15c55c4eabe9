//! Properties of the decoders: whatever the bytes, there is a result or a sentence, in time, and
//! no panic.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::image::{DynamicImage, ImageFormat, RgbImage};
use attuned_recommender::Modality;
use proptest::prelude::*;

use crate::audio::decode::{self as sound, tests::wav};
use crate::error::EncodeError;
use crate::image::decode as picture;
use crate::limits::Limits;
use crate::model::{Document, Model};
use crate::network::Runtime;
use crate::text::TextModel;

#[path = "../../../tests/fuzz/src/mutate.rs"]
mod mutate;

/// The longest that decoding one file may take here; the machine may be busy.
const FILE_TIME_MAX: Duration = Duration::from_secs(2);

fn limits() -> Limits {
    Limits { decode_time_max: FILE_TIME_MAX, pixels_max: 20_000_000, ..Limits::default() }
}

/// Small whole files of every kind that can be written here, and the first bytes of the others.
fn seeds() -> Vec<Vec<u8>> {
    use ImageFormat::{Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tga, Tiff, WebP};
    let art =
        RgbImage::from_fn(24, 17, |x, y| ::image::Rgb([(x * 10) as u8, (y * 15) as u8, ((x ^ y) * 7) as u8]));
    let pictures = [Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tga, Tiff, WebP].map(|format| {
        let mut bytes = Cursor::new(Vec::new());
        let art = DynamicImage::from(art.clone());
        let art = if format == Ico { DynamicImage::from(art.into_rgba8()) } else { art };
        art.write_to(&mut bytes, format).expect("a picture is written");
        bytes.into_inner()
    });
    let samples: Vec<i16> = (0..2000).map(|at| (at * 37 % 4000) as i16).collect();
    let mut seeds = pictures.to_vec();
    seeds.push(wav(8000, 2, &samples));
    for head in [
        &b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x40\xf0\0\0\0\0"[..],
        b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis\0\0\0\0\x02\x44\xac\0\0",
        b"ID3\x04\0\0\0\0\0\x0aTIT2\0\0\0\x02\0\0\0a\xff\xfb\x90\x64\0\0\0\0\0\0\0\0",
        b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\0\x40moov\0\0\0\x38mvhd\0\0\0\0",
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm",
        b"FORM\0\0\0\x40AIFFCOMM\0\0\0\x12\0\x01\0\0\0\x10\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND\0\0\0\x20",
        b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20\x40\xe5\x88\x80\0\0\0\0lpcm\0\0\0\0\0\0\0\x02",
    ] {
        let mut seed = head.to_vec();
        seed.resize(512, 0x55);
        seeds.push(seed);
    }
    seeds
}

/// Decodes as everything it could be; gives the errors, and whether it was anything.
fn decode(bytes: &[u8]) -> (Vec<EncodeError>, bool) {
    let limits = limits();
    let sound = sound::sound(Modality::Audio, bytes, 16_000, &limits, limits.deadline());
    if let Ok(sound) = &sound {
        assert!(!sound.is_empty() && sound.iter().all(|sample| sample.is_finite()));
    }
    let picture = picture::picture(bytes, &limits);
    let understood = picture.is_ok() || sound.is_ok();
    let errors = [picture.err(), picture::frames(bytes, &limits, |_| {}).err(), sound.err()];
    (errors.into_iter().flatten().collect(), understood)
}

fn check_sentence(error: &EncodeError) {
    let sentence = error.to_string();
    assert!(!sentence.contains('\n') && !sentence.ends_with('.') && sentence.len() < 400, "{sentence:?}");
    assert!(!matches!(error, EncodeError::Unavailable { .. }), "{sentence}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_result_or_a_sentence(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode(&bytes).0.iter().for_each(check_sentence);
    }

    #[test]
    fn damaged_files_give_a_result_or_a_sentence(
        seed in 0..18_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        keep in 0.0..1.3_f64,
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        decode(&bytes).0.iter().for_each(check_sentence);
    }
}

/// The folder of test files beside the repository; `None`, with a line that says so, if absent.
fn shared(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn malformed_files_give_a_result_or_a_sentence_in_time() {
    for kind in ["image-rs", "pillow", "audio-mutagen", "video-decord"] {
        let Some(folder) = shared(&format!("data/malformed/{kind}")) else { return };
        let (mut read, mut refused) = (0, 0);
        for path in files(&folder) {
            let bytes = fs::read(&path).expect("a test file is read");
            let started = Instant::now();
            let (errors, understood) = decode(&bytes);
            // Three decoders ran one after another.
            assert!(started.elapsed() < 3 * FILE_TIME_MAX, "{}: {:?}", path.display(), started.elapsed());
            errors.iter().for_each(check_sentence);
            if understood { read += 1 } else { refused += 1 }
        }
        println!("{kind}: {read} read, {refused} refused");
        assert!(read + refused > 0, "{kind} is empty");
    }
}

/// The seeds that can be made here, the project's own files, and those of the shared folder.
fn all_seeds(kinds: &[&str], own: &str) -> Vec<Vec<u8>> {
    let mut seeds = seeds();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(own).join("golden");
    let shared = kinds.iter().filter_map(|kind| shared(&format!("data/malformed/{kind}")));
    let paths = files(&golden).into_iter().chain(shared.flat_map(|folder| files(&folder)));
    seeds.extend(paths.map(|path| fs::read(path).expect("a seed")).filter(|seed| seed.len() < 100_000));
    seeds
}

/// Keeps what gave a finding, and says where.
fn finding(name: &str, bytes: &[u8], what: &str) {
    let path = std::env::temp_dir().join(format!("attuned-fuzz-{name}-{:08x}", crc(bytes)));
    fs::write(&path, bytes).expect("written");
    panic!("{name}: {what}: {}", path.display());
}

fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Whatever the damage, there is a result or a sentence, in time. Panics in decoders of others, which
/// are guarded and come of sums that overflow, are counted: there is nothing to mend here.
fn fuzz(name: &str, seeds: &[Vec<u8>], decode: impl Fn(&[u8]) -> Result<(), EncodeError>) {
    let mut guarded = 0;
    let count = mutate::fuzz(seeds, |bytes| {
        let started = Instant::now();
        if let Err(error) = decode(bytes) {
            guarded += u32::from(error.to_string().contains("made the decoder fail"));
            check_sentence(&error);
        }
        // Far above the limit on decoding, as the machine may be busy.
        if started.elapsed() > 15 * FILE_TIME_MAX {
            finding(name, bytes, "too slow");
        }
    });
    println!("{name}: {count} damaged files, {guarded} guarded panics");
}

#[test]
fn fuzz_pictures() {
    let limits = limits();
    fuzz("picture", &all_seeds(&["image-rs", "pillow"], "efficientnet-lite0"), |bytes| {
        picture::picture(bytes, &limits).map(drop)
    });
}

#[test]
fn fuzz_animations() {
    let limits = limits();
    let mut seeds = all_seeds(&["image-rs", "pillow"], "efficientnet-lite0");
    let animated = |seed: &Vec<u8>| {
        seed.starts_with(b"GIF8") || seed.starts_with(b"RIFF") || seed.starts_with(b"\x89PNG")
    };
    seeds.retain(animated);
    fuzz("animation", &seeds, |bytes| picture::frames(bytes, &limits, |_| {}).map(drop));
}

#[test]
fn fuzz_sounds() {
    let limits = Limits { seconds_max: 5, ..limits() };
    fuzz("sound", &all_seeds(&["audio-mutagen", "video-decord"], "yamnet"), |bytes| {
        sound::sound(Modality::Audio, bytes, 16_000, &limits, limits.deadline()).map(drop)
    });
}

#[test]
fn fuzz_films_without_ffmpeg() {
    let limits = Limits { seconds_max: 5, ..limits() };
    let seeds = all_seeds(&["audio-mutagen", "video-decord"], "yamnet");
    fuzz("film", &seeds, |bytes| {
        crate::video::fuzz(bytes);
        let film = crate::video::Film::open(bytes, None, 64, &limits)?;
        if film.may_sound {
            sound::sound(Modality::Video, bytes, 16_000, &limits, limits.deadline())?;
        }
        Ok(())
    });
}

#[test]
fn fuzz_texts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-v2");
    let model = TextModel::load(&Model::read(&folder).expect("a model"), Runtime::Cpu).expect("it loads");
    let sentences = fs::read(folder.join("../train/golden_sentences.txt")).expect("sentences");
    let mut seeds: Vec<Vec<u8>> = sentences.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    seeds.push(sentences.repeat(4));
    let limits = Limits::default();
    fuzz("text", &seeds, |bytes| {
        let windows = model.tokens(&String::from_utf8_lossy(bytes), &limits)?;
        assert!(windows.len() <= limits.text_windows_max && windows.iter().all(|window| window.len() <= 256));
        Ok(())
    });
}

#[test]
fn fuzz_model_documents() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let documents = files(&models).into_iter().filter(|path| path.ends_with("model.toml"));
    let seeds: Vec<Vec<u8>> = documents.map(|path| fs::read(path).expect("a model.toml")).collect();
    let count = mutate::fuzz(&seeds, |bytes| {
        let Ok(document) = toml::from_str::<Document>(&String::from_utf8_lossy(bytes)) else { return };
        if let Err(reason) = document.check("minilm-l6-v2") {
            assert!(!reason.is_empty());
        }
    });
    println!("model.toml: {count} damaged files");
}
