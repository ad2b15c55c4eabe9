//! What must hold whatever the bytes: a result within its bounds, or one sentence, in time.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attuned_recommender::{Modality, Timestamp, UserId};

use crate::config::RecommendConfig;
use crate::document::{
    EventsDocument, ItemDocument, Rejection, RequestDocument, SearchDocument, parse, parse_value,
};
use crate::error::EncodeError;
use crate::limits::Limits;

/// Far above what decoding takes, with counters and on a busy machine; beyond it, it hangs.
const TIME_MAX: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits { decode_time_max: Duration::from_secs(5), pixels_max: 4_000_000, ..Limits::default() }
}

/// Where decoders of others are known to panic in their newest release, by a part of the file's name:
/// image-webp 0.2.4 does on a frame of an animation that is cut short.
const KNOWN_PANICS: [&str; 1] = ["image-webp-0.2.4/src/yuv.rs"];

/// Whether the latest panic was a known one.
static KNOWN_PANIC: AtomicBool = AtomicBool::new(false);

/// libFuzzer ends at every panic, also at one that a guard catches; known ones are let through to
/// the guard.
pub fn pass_known_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let end = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let known = |known: &&str| panic.location().is_some_and(|at| at.file().contains(*known));
            if KNOWN_PANICS.iter().any(known) {
                KNOWN_PANIC.store(true, Ordering::Relaxed);
            } else {
                end(panic);
            }
        }));
    });
}

fn sentence(text: &str) {
    assert!(!text.is_empty() && text.len() < 2000 && !text.contains('\n'), "no sentence: {text:?}");
}

fn in_time<T>(what: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = what();
    assert!(started.elapsed() < TIME_MAX, "took {:?}", started.elapsed());
    result
}

fn refused(error: &EncodeError) {
    let text = error.to_string();
    sentence(&text);
    // The decoders of others run behind a guard; a panic in one is a finding all the same, unless it
    // is known.
    let panicked = text.contains("made the decoder fail");
    assert!(!panicked || KNOWN_PANIC.swap(false, Ordering::Relaxed), "a decoder panicked: {text}");
    assert!(!matches!(error, EncodeError::Unavailable { .. }), "{text}");
}

pub fn picture(bytes: &[u8]) {
    let limits = limits();
    match in_time(|| crate::image::decode::picture(bytes, &limits)) {
        Ok(picture) => assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.pixels_max),
        Err(error) => refused(&error),
    }
}

pub fn animation(bytes: &[u8]) {
    let limits = limits();
    let mut count = 0;
    match in_time(|| crate::image::decode::frames(bytes, &limits, |_| count += 1)) {
        Ok(animated) => assert!(animated == (count > 0)),
        Err(error) => refused(&error),
    }
}

pub fn sound(bytes: &[u8]) {
    let limits = Limits { seconds_max: 5, ..limits() };
    match in_time(|| crate::audio::decode::sound(Modality::Audio, bytes, 16_000, &limits, limits.deadline())) {
        Ok(sound) => {
            assert!(!sound.is_empty() && sound.len() <= 5 * 16_000 + 16_000);
            assert!(sound.iter().all(|sample| sample.is_finite()));
        }
        Err(error) => refused(&error),
    }
}

/// The first byte chooses the document.
pub fn document(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let refusal = |rejection: Rejection| sentence(&rejection.to_string());
    let now = Timestamp::from_unix_ms(1_790_000_000_000);
    let config = RecommendConfig::default();
    match kind % 5 {
        0 => match parse::<ItemDocument>("item", bytes).and_then(|document| document.parse(None)) {
            Ok(parsed) => drop(parsed),
            Err(rejection) => refusal(rejection),
        },
        1 => match EventsDocument::read(bytes) {
            Ok(events) => {
                let user = UserId::parse("anna").expect("an id");
                let parsed = events.into_iter().map(|event| event.and_then(|event| event.parse(&user, now)));
                parsed.filter_map(Result::err).for_each(refusal);
            }
            Err(rejection) => refusal(rejection),
        },
        2 => match parse::<RequestDocument>("request", bytes).and_then(|document| document.parse(&config, Default::default(), 1)) {
            Ok(_) => {}
            Err(rejection) => refusal(rejection),
        },
        3 => match parse::<serde_json::Value>("context", bytes).and_then(|json| parse_value("context", &json)) {
            Ok(_) => {}
            Err(rejection) => refusal(rejection),
        },
        _ => match parse::<SearchDocument>("search", bytes).and_then(|document| document.parse(&config)) {
            Ok(_) => {}
            Err(rejection) => refusal(rejection),
        },
    }
}

/// A film without ffmpeg, and what ffmpeg might say of it.
pub fn film(bytes: &[u8]) {
    if let Some(name) = crate::video::container::demuxer(bytes) {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    }
    if let Some(tracks) = crate::video::tracks::tracks(&String::from_utf8_lossy(bytes)) {
        assert!(tracks.seconds.is_none_or(|seconds| seconds >= 0.0));
    }
    animation(bytes);
    let limits = Limits { seconds_max: 5, ..limits() };
    if let Err(error) = in_time(|| crate::audio::decode::sound(Modality::Video, bytes, 16_000, &limits, limits.deadline())) {
        refused(&error);
    }
}
