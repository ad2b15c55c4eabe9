//! What the models make of real recordings: everyday sounds, speech, music.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attuned_encoders::Encoding;
use attuned_recommender::Embedding;

use crate::{encoders, models, on_two_threads, rows, shared};

/// A recording, and what people say it is.
struct Clip {
    path: PathBuf,
    label: String,
    fold: String,
}

fn esc10(folder: &Path) -> Vec<Clip> {
    let clip =
        |row: Vec<String>| Clip { path: folder.join(&row[0]), label: row[1].clone(), fold: row[2].clone() };
    rows(&folder.join("labels.csv"), 4).into_iter().map(clip).collect()
}

fn understood(paths: &[PathBuf]) -> Vec<Encoding> {
    let encoders = encoders();
    on_two_threads(paths, |path| {
        let bytes = fs::read(path).expect("a recording");
        encoders.encode_audio(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    })
}

fn wavs_and_oggs(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "wav" || end == "ogg"))
        .collect();
    found.sort();
    found
}

/// Of each clip, how many of its five nearest of other folds are of its kind, and whether the
/// nearest is.
fn retrieval(clips: &[Clip], vectors: &[Embedding]) -> (f64, f64) {
    let (mut nearest, mut among_five) = (0, 0);
    for (query, clip) in clips.iter().enumerate() {
        let mut others: Vec<usize> =
            (0..clips.len()).filter(|other| clips[*other].fold != clip.fold).collect();
        let cosine = |other: &usize| vectors[query].cosine(&vectors[*other]);
        others.sort_by(|a, b| cosine(b).total_cmp(&cosine(a)));
        let alike = |other: &&usize| clips[**other].label == clip.label;
        nearest += usize::from(alike(&&others[0]));
        among_five += others[..5].iter().filter(alike).count();
    }
    (nearest as f64 / clips.len() as f64, among_five as f64 / (5 * clips.len()) as f64)
}

#[test]
fn everyday_sounds_lie_near_their_like() {
    let Some(folder) = shared("data/audio-esc10") else { return };
    let clips = esc10(&folder);
    let paths: Vec<PathBuf> = clips.iter().map(|clip| clip.path.clone()).collect();
    let vectors: Vec<Embedding> = understood(&paths).into_iter().map(|encoding| encoding.embedding).collect();
    let (nearest, among_five) = retrieval(&clips, &vectors);
    println!("ESC-10, {} clips: 1-NN {nearest:.3}, precision at 5 {among_five:.3}", clips.len());
    // By chance both would be 0.1.
    assert!(nearest >= 0.93 && among_five >= 0.90, "{nearest:.3}, {among_five:.3}");
}

#[test]
fn words_find_everyday_sounds() {
    let Some(folder) = shared("data/audio-esc10") else { return };
    let clips = esc10(&folder);
    let paths: Vec<PathBuf> = clips.iter().map(|clip| clip.path.clone()).collect();
    let sounds = understood(&paths);
    let kinds: BTreeSet<&str> = clips.iter().map(|clip| clip.label.as_str()).collect();
    let encoders = encoders();
    let words: Vec<(&str, Embedding)> = kinds
        .into_iter()
        .map(|kind| (kind, encoders.encode_text(&kind.replace('_', " ")).expect("understood").semantic))
        .collect();
    let right = clips.iter().zip(&sounds).filter(|(clip, sound)| {
        let cosine = |word: &(&str, Embedding)| sound.semantic.cosine(&word.1);
        let best = words.iter().max_by(|a, b| cosine(a).total_cmp(&cosine(b))).expect("words");
        best.0 == clip.label
    });
    let share = right.count() as f64 / clips.len() as f64;
    println!("ESC-10, {} clips: named by the nearest of ten words {share:.3}", clips.len());
    // By chance it would be 0.1.
    assert!(share >= 0.8, "{share:.3}");
}

/// The 13 kinds of speech that AudioSet lists first, and its 145 of music, by their place.
fn kind(labels: &[String], name: &str) -> &'static str {
    match labels.iter().position(|label| label == name) {
        Some(0..=12) => "speech",
        Some(132..=276) => "music",
        _ => "other",
    }
}

#[test]
fn speech_music_and_other_sounds_are_told_apart() {
    let (Some(everyday), Some(digits), Some(various)) =
        (shared("data/audio-esc10"), shared("data/audio-fsdd"), shared("data/audio-music-librosa"))
    else {
        return;
    };
    let of_various = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.as_str() {
            name if name.starts_with("198-") => "speech",
            name if ["pibble", "glacier", "456440"].iter().any(|start| name.starts_with(start)) => "other",
            _ => "music",
        }
    };
    let mut clips: Vec<(PathBuf, &str)> =
        esc10(&everyday).into_iter().map(|clip| (clip.path, "other")).collect();
    clips.extend(wavs_and_oggs(&digits).into_iter().map(|path| (path, "speech")));
    clips.extend(wavs_and_oggs(&various).into_iter().map(|path| {
        let kind = of_various(&path);
        (path, kind)
    }));
    let labels: Vec<String> = fs::read_to_string(models().join("yamnet/labels.txt"))
        .expect("labels")
        .lines()
        .map(str::to_owned)
        .collect();
    let paths: Vec<PathBuf> = clips.iter().map(|(path, _)| path.clone()).collect();
    let found = understood(&paths);
    for expected in ["speech", "music", "other"] {
        let of_it: Vec<bool> = clips
            .iter()
            .zip(&found)
            .filter(|((_, kind), _)| *kind == expected)
            .map(|(_, sound)| {
                sound.labels.first().map_or("other", |label| kind(&labels, &label.name)) == expected
            })
            .collect();
        let share = of_it.iter().filter(|right| **right).count() as f64 / of_it.len() as f64;
        println!("{expected}: {share:.3} of {}", of_it.len());
        assert!(share >= 0.9, "{expected}: {share:.3}");
    }
}

#[test]
fn a_voice_comment_means_speech_and_no_song() {
    let Some(folder) = shared("data/audio-fsdd") else { return };
    let encoders = encoders();
    let [speech, rock] = ["a person speaking", "a rock song"]
        .map(|text| encoders.encode_text(text).expect("understood").semantic);
    let voices = understood(&wavs_and_oggs(&folder));
    let right = voices.iter().filter(|voice| {
        voice.semantic.cosine(&speech) > 0.3 + voice.semantic.cosine(&rock)
            && voice.labels.first().is_some_and(|label| label.name == "speech")
    });
    let share = right.count() as f64 / voices.len() as f64;
    println!("spoken digits, {}: {share:.3} mean speech, far from a rock song", voices.len());
    assert!(share >= 0.9, "{share:.3}");
}
