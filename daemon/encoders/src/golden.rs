//! The bundled models against what their original libraries and weights give: `models/*/golden`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use attuned_recommender::{Embedding, Modality, SEMANTIC_DIM};
use serde_json::Value;

use crate::audio::mel::{self, MelFilter};
use crate::audio::{AudioModel, decode};
use crate::encoding::Encoding;
use crate::error::EncodeError;
use crate::fusion::FusionModel;
use crate::image::{ImageModel, central_square};
use crate::limits::Limits;
use crate::memory::Loadable;
use crate::model::Model;
use crate::network::Runtime;
use crate::text::TextModel;
use crate::video::VideoModel;

/// The least cosine between our vectors and the original's.
const COSINE_MIN: f64 = 0.9999;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name)
}

fn open(name: &str) -> Model {
    Model::read(&folder(name)).expect("a bundled model opens")
}

fn read(name: &str, file: &str) -> Vec<u8> {
    let path = folder(name).join("golden").join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cases(name: &str) -> Vec<Value> {
    serde_json::from_slice(&read(name, "cases.json")).expect("golden cases are a JSON list")
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect("a text")
}

fn numbers(case: &Value, key: &str) -> Vec<f32> {
    case[key]
        .as_array()
        .expect("a list")
        .iter()
        .map(|value| value.as_f64().expect("a number") as f32)
        .collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[track_caller]
fn check_same(what: &str, ours: &[f32], theirs: &[f32], least: f64) {
    let cosine = cosine(ours, theirs);
    assert!(cosine >= least, "{what}: cosine {cosine:.6} with the original, expected at least {least}");
}

#[test]
fn text_is_cut_and_embedded_as_by_the_original() {
    let model = TextModel::load(&open("minilm-l6-v2"), Runtime::Cpu).expect("the text model loads");
    let limits = Limits::default();
    let mut windowed = 0;
    for case in cases("minilm-l6-v2") {
        let input = text(&case, "text");
        let ids: Vec<i64> = case["ids"].as_array().expect("ids").iter().filter_map(Value::as_i64).collect();
        if ids.len() == 2 {
            let error = model.tokens(input, &limits).expect_err("nothing but special tokens");
            assert_eq!(error.to_string(), "text cannot be read: it has no words, expected at least one");
            continue;
        }
        let windows = model.tokens(input, &limits).expect("words");
        assert_eq!(windows[0], ids, "{input:?}");
        let first = model.run(&[&windows[0]]).expect("the network runs").swap_remove(0).swap_remove(0);
        check_same(input, &first, &numbers(&case, "embedding"), COSINE_MIN);
        windowed += usize::from(windows.len() > 1);
        if windows.len() == 1 {
            let encoding = model.encode(input, &limits).expect("understood");
            check_same(input, encoding.embedding.as_slice(), &numbers(&case, "embedding"), COSINE_MIN);
        }
    }
    assert!(windowed > 0, "expected a golden text that is longer than one window");
}

#[test]
fn text_of_other_languages_is_cut_and_embedded_as_by_the_original() {
    let model = TextModel::load(&open("multilingual-e5-small"), Runtime::Cpu).expect("the text model loads");
    let limits = Limits::default();
    let mut embedded = 0;
    for case in cases("multilingual-e5-small") {
        let input = text(&case, "text");
        let ids: Vec<i64> = case["ids"].as_array().expect("ids").iter().filter_map(Value::as_i64).collect();
        if ids.is_empty() {
            let error = model.tokens(input, &limits).expect_err("nothing to read");
            assert_eq!(error.to_string(), "text cannot be read: it has no words, expected at least one");
            continue;
        }
        let windows = model.tokens(input, &limits).expect("words");
        assert_eq!(windows[0], ids, "{input:?}");
        if case.get("embedding").is_some() {
            embedded += 1;
            let outputs = model.run(&[&windows[0]]).expect("the network runs").swap_remove(0);
            check_same(input, &outputs[0], &numbers(&case, "embedding"), COSINE_MIN);
            check_same(input, &outputs[1], &numbers(&case, "semantic"), COSINE_MIN);
        }
    }
    assert!(embedded > 10, "expected golden texts with their vectors");
}

#[test]
fn a_picture_is_resized_and_understood_as_by_the_original() {
    let model = ImageModel::load(&open("efficientnet-lite0"), Runtime::Cpu).expect("the image model loads");
    for case in cases("efficientnet-lite0") {
        let file = text(&case, "file");
        let bytes = read("efficientnet-lite0", file);
        let theirs = read("efficientnet-lite0", text(&case, "resized_rgb"));
        let picture = crate::image::decode::picture(&bytes, &Limits::default()).expect("decodes");
        let ours = central_square(&picture, &model.entry);
        let differences: Vec<u32> =
            ours.iter().zip(&theirs).map(|(a, b)| u32::from(a.abs_diff(*b))).collect();
        let (most, sum) = (differences.iter().max().copied().unwrap_or(0), differences.iter().sum::<u32>());
        let mean = f64::from(sum) / differences.len() as f64;
        // The resizer rounds its coefficients to 16 bits, so each of two passes may part from PIL's
        // by a level; JPEG decoders differ by more.
        let (most_max, mean_max) = if file.ends_with(".jpg") { (20, 1.0) } else { (2, 0.3) };
        assert!(
            most <= most_max && mean <= mean_max,
            "{file}: pixels differ by at most {most}, {mean:.3} on average"
        );

        let outputs = model.outputs(&theirs).expect("the network runs");
        check_same(file, &outputs[0], &numbers(&case, "features"), COSINE_MIN);
        check_same(file, &outputs[1], &numbers(&case, "logits"), COSINE_MIN);
        check_same(file, &outputs[2], &numbers(&case, "semantic"), COSINE_MIN);
        let encoding = model.encode(&bytes, &Limits::default()).expect("understood");
        let least = if file.ends_with(".jpg") { 0.995 } else { COSINE_MIN };
        check_same(file, encoding.embedding.as_slice(), &numbers(&case, "features"), least);
    }
}

#[test]
fn a_sound_becomes_the_spectrogram_and_features_of_the_original() {
    let model = AudioModel::load(&open("yamnet"), Runtime::Cpu).expect("the audio model loads");
    let limits = Limits::default();
    for case in cases("yamnet") {
        let file = text(&case, "file");
        let bytes = read("yamnet", file);
        let samples = decode::sound(Modality::Audio, &bytes, 16_000, &limits, limits.deadline());
        let samples = samples.expect("decodes");
        let resampled = case.get("resampled").is_some();
        if resampled {
            let theirs = floats(&read("yamnet", text(&case, "resampled")));
            assert_eq!(samples.len(), theirs.len(), "{file}");
            // Both are band-limited; they part in how sharply they cut near 8 kHz.
            check_same(file, &samples, &theirs, 0.999);
        }
        let spectrogram = model.mel.log_mel(&samples);
        assert_eq!(Some(spectrogram.frames as u64), case["frames"].as_u64(), "{file}");
        assert_eq!(text(&case, "layout"), "mels_frames");
        let theirs = floats(&read("yamnet", text(&case, "log_mel")));
        check_same(file, &spectrogram.values, &theirs, if resampled { 0.999 } else { 0.999_999 });
        if !resampled {
            let most =
                spectrogram.values.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
            // Near silence the logarithm is steep: TensorFlow's own fp32 is 1.5e-3 off fp64.
            assert!(most <= 2e-3, "{file}: log-mel values differ by at most {most}");
        }
        let patches = model.patches(&samples, &limits);
        let together = model.hear(&patches).expect("the network runs");
        assert_eq!(together.len(), patches.len());
        for (patch, together) in patches.iter().zip(&together) {
            let alone = model.hear(std::slice::from_ref(patch)).expect("the network runs").swap_remove(0);
            check_same(file, &together[0], &alone[0], 0.999_999);
            check_same(file, &together[1], &alone[1], 0.999_999);
        }
        let outputs = &together[0];
        let encoding = model.understand(Modality::Audio, &samples, &limits).expect("understood");
        let least = if resampled { 0.999 } else { COSINE_MIN };
        check_same(file, &outputs[0], &numbers(&case, "first_features"), least);
        check_same(file, &outputs[1], &numbers(&case, "first_classes"), least);
        check_same(file, encoding.embedding.as_slice(), &numbers(&case, "features"), least);
    }
}

#[test]
fn a_spectrogram_on_slaneys_scale_is_that_of_librosa() {
    let filter = MelFilter::new(&mel::tests::entry());
    let mut compared = 0;
    for case in cases("yamnet").iter().filter(|case| case.get("slaney_log_mel").is_some()) {
        let limits = Limits::default();
        let bytes = read("yamnet", text(case, "file"));
        let samples = decode::sound(Modality::Audio, &bytes, 16_000, &limits, limits.deadline());
        let ours = filter.log_mel(&samples.expect("decodes")).values;
        let theirs = floats(&read("yamnet", text(case, "slaney_log_mel")));
        check_same(text(case, "file"), &ours, &theirs, 0.999_999);
        let most = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        assert!(most <= 1e-3, "log-mel values differ by at most {most}");
        compared += 1;
    }
    assert!(compared > 0, "expected a golden spectrogram of librosa");
}

#[test]
fn opus_in_any_container_is_the_sound_that_was_encoded() {
    let model = AudioModel::load(&open("yamnet"), Runtime::Cpu).expect("the audio model loads");
    // A busy machine may take long over it.
    let limits = Limits { decode_time_max: Duration::from_secs(60), ..Limits::default() };
    let heard = |bytes: &[u8]| {
        let samples = decode::sound(Modality::Audio, bytes, 16_000, &limits, limits.deadline());
        let samples = samples.expect("decodes");
        (samples.len(), model.understand(Modality::Audio, &samples, &limits).expect("understood"))
    };
    let (length, original) = heard(&read("yamnet", "plucked.wav"));
    for file in ["plucked.opus", "plucked-stereo.webm"] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/encoders/opus");
        let (found, encoding) = heard(&fs::read(folder.join(file)).expect("an Opus file"));
        assert!(found.abs_diff(length) < 1_600, "{file}: {found} samples, {length} were encoded");
        let cosine = original.embedding.cosine(&encoding.embedding);
        assert!(cosine > 0.9, "{file}: cosine {cosine:.3} with what was encoded");
        assert_eq!(encoding.labels[0].name, original.labels[0].name, "{file}");
    }
}

#[test]
fn media_are_fused_as_by_what_was_trained() {
    for name in ["fusion-mean", "fusion-concat", "fusion-attention", "fusion-cross-attention"] {
        let model = FusionModel::load_from(&open(name), Runtime::Cpu).expect("the model of fusion loads");
        let cases = cases(name);
        assert!(cases.len() >= 5);
        for case in cases {
            let (tokens, present) = (numbers(&case, "tokens"), numbers(&case, "present"));
            let parts: BTreeMap<Modality, Embedding> = Modality::ALL
                .into_iter()
                .zip(tokens.chunks_exact(SEMANTIC_DIM))
                .zip(&present)
                .filter(|(_, there)| **there > 0.0)
                .map(|((modality, token), _)| {
                    (modality, Embedding::from_values(token.to_vec()).expect("a token"))
                })
                .collect();
            let fused = model.fuse(&parts).expect("the network runs");
            check_same(name, fused.embedding.as_slice(), &numbers(&case, "fused"), COSINE_MIN);
            assert_eq!(fused.shares.keys().collect::<Vec<_>>(), parts.keys().collect::<Vec<_>>(), "{name}");
            for (modality, theirs) in Modality::ALL.iter().zip(numbers(&case, "shares")) {
                let ours = fused.shares.get(modality).copied().unwrap_or(0.0);
                assert!(
                    (ours - theirs).abs() < 1e-3,
                    "{name}: {ours} of {}, expected {theirs}",
                    modality.name()
                );
            }
            if let [only] = parts.values().collect::<Vec<_>>()[..] {
                check_same(name, fused.embedding.as_slice(), only.as_slice(), 0.999_999);
            }
        }
    }
}

#[test]
fn silence_is_understood_as_silence() {
    let model = AudioModel::load(&open("yamnet"), Runtime::Cpu).expect("the audio model loads");
    let limits = Limits::default();
    let silent = |samples: usize| model.understand(Modality::Audio, &vec![0.0; samples], &limits);
    let long = silent(80_000).expect("understood");
    let short = silent(1).expect("understood");
    assert!(long.embedding.cosine(&short.embedding) > 0.9999);
    assert_eq!(long.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["silence"]);
}

/// A golden melody in the middle of a recording of which nine tenths are something else.
fn in_nine_tenths(rest: impl Fn(usize) -> f32) -> (Vec<f32>, Vec<f32>) {
    let limits = Limits::default();
    let bytes = read("yamnet", "plucked.wav");
    let melody = decode::sound(Modality::Audio, &bytes, 16_000, &limits, limits.deadline());
    // A whole number of patches, so that the same ones are cut from it in either place.
    let melody = melody.expect("decodes")[..4 * 96 * 160 + 240].to_vec();
    let around = 48 * 96 * 160;
    let mut long: Vec<f32> = (0..around + melody.len()).map(rest).collect();
    let at = 24 * 96 * 160;
    long[at..at + melody.len()].copy_from_slice(&melody);
    (melody, long)
}

#[test]
fn a_melody_in_nine_tenths_of_silence_is_understood_as_that_melody() {
    let model = AudioModel::load(&open("yamnet"), Runtime::Cpu).expect("the audio model loads");
    let limits = Limits::default();
    // A quiet room is about 60 dB below full scale.
    let hiss = |at: usize| ((at * 7919) % 1009) as f32 / 1009.0 * 0.002 - 0.001;
    for rest in [&(|_| 0.0_f32) as &dyn Fn(usize) -> f32, &hiss] {
        let (melody, long) = in_nine_tenths(rest);
        assert!(melody.len() * 10 < long.len());
        let alone = model.understand(Modality::Audio, &melody, &limits).expect("understood");
        let found = model.understand(Modality::Audio, &long, &limits).expect("understood");
        let (features, meaning) =
            (alone.embedding.cosine(&found.embedding), alone.semantic.cosine(&found.semantic));
        assert!(features > 0.98 && meaning > 0.98, "features {features:.3}, meaning {meaning:.3}");
        assert_eq!(alone.labels[0].name, found.labels[0].name);
    }
}

#[test]
fn a_text_over_its_limit_is_refused_and_a_long_one_is_read_in_part() {
    let model = TextModel::load(&open("minilm-l6-v2"), Runtime::Cpu).expect("the text model loads");
    let limits = Limits { text_bytes_max: 20_000, text_windows_max: 2, ..Limits::default() };
    let long = "the harbour at night ".repeat(900);
    let windows = model.tokens(&long, &limits).expect("within the limit");
    assert_eq!(windows.len(), 2);
    assert!(windows.iter().all(|window| window.len() <= 256));
    let error = model.tokens(&"é".repeat(10_001), &limits).expect_err("too long");
    assert_eq!(
        error,
        EncodeError::OverLimit {
            modality: Modality::Text,
            limit: "text_bytes_max",
            found: "20002 bytes".to_owned(),
            max: "20000 bytes".to_owned(),
        }
    );
}

/// The frames and the sound that `make_golden.py` makes by the same rules.
fn film_case(seen: bool, heard: bool) -> (Vec<Encoding>, Option<Encoding>) {
    let encoding = |model: &str, embedding: Vec<f32>, semantic: Vec<f32>| Encoding {
        modality: Modality::Video,
        model: model.to_owned(),
        embedding: Embedding::from_values(embedding).expect("a direction"),
        semantic: Embedding::from_values(semantic).expect("a direction"),
        labels: Vec::new(),
    };
    let frame = |at: usize| {
        let features = (0..1280).map(|unit| ((at * 37 + unit * 11 + at * unit) % 29) as f32 / 29.0);
        let semantic = (0..384).map(|place| ((at * 17 + place * 5) % 31) as f32 / 31.0 - 0.5);
        encoding("efficientnet-lite0@2", features.collect(), semantic.collect())
    };
    let sound: Vec<f32> = (0..384).map(|place| (place * 7 % 19) as f32 / 19.0 - 0.5).collect();
    let frames = if seen { (0..16).map(frame).collect() } else { Vec::new() };
    (frames, heard.then(|| encoding("ears@1", sound.clone(), sound)))
}

#[test]
fn films_are_joined_as_by_the_recurrence() {
    let model = VideoModel::load(&open("film-leaky"), Runtime::Cpu).expect("the model loads");
    for case in cases("film-leaky") {
        let given = text(&case, "given");
        let (frames, sound) = film_case(given != "heard", given != "seen");
        assert!(frames.iter().all(|frame| model.fits(frame)));
        let film = model.join(&frames, sound.as_ref()).expect("understood");
        check_same(given, film.embedding.as_slice(), &numbers(&case, "film"), COSINE_MIN);
        check_same(given, film.semantic.as_slice(), &numbers(&case, "semantic"), COSINE_MIN);
    }
}
