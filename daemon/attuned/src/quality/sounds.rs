//! Speech, music and noise: a voice comment must not be taken for a song.

use std::path::PathBuf;
use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::Modality;

use super::folders::{Content, DataSet, SoundKind};
use super::{Encode, Part, files, texts};

/// What AudioSet calls its kinds of speech and of music, a kind and a name a line: its classes 0 to
/// 12 and 132 to 276. Everything else is noise. A test compares them with the names that the bundled
/// model gives.
const KINDS: &str = include_str!("audioset.txt");

/// What each kind is in words, for models of sounds with names of their own: the nearest decides.
const PROMPTS: [(SoundKind, &[&str]); 3] = [
    (SoundKind::Speech, &["a person speaking", "speech", "a voice saying a word"]),
    (SoundKind::Music, &["music", "a musical instrument playing", "a song"]),
    (
        SoundKind::Noise,
        &["an everyday noise", "the sound of an animal", "the sound of a machine", "wind, water or fire"],
    ),
];

/// Everything that sounds, together: named classes are noise, spoken digits speech, recordings what
/// they are.
pub(super) fn measure(sets: &[DataSet], encode: &mut Encode<'_>) -> Result<Part, String> {
    let mut cases: Vec<(PathBuf, SoundKind)> = Vec::new();
    for set in sets {
        match &set.content {
            Content::Recordings(recordings) => cases.extend(recordings.iter().cloned()),
            Content::Spoken(spoken) => {
                cases.extend(spoken.iter().map(|file| (file.clone(), SoundKind::Speech)))
            }
            Content::Classes(classes) if classes.modality == Modality::Audio => {
                cases.extend(classes.cases.iter().map(|(file, ..)| (file.clone(), SoundKind::Noise)));
            }
            Content::Classes(_) | Content::Captions(_) | Content::Films(_) | Content::Items(_) => {}
        }
    }
    if !SoundKind::ALL.iter().all(|kind| cases.iter().any(|(_, of)| of == kind)) {
        return Err("there are no recordings of all three".to_owned());
    }
    let encodings = files(encode, "sounds", Modality::Audio, cases.iter().map(|(file, _)| file));
    let heard: Vec<(SoundKind, Arc<Encoding>)> =
        cases.iter().zip(encodings).filter_map(|((_, kind), encoding)| Some((*kind, encoding?))).collect();
    // A sound without any label is one that the model is unsure of: no voice, and no music.
    let known = heard.iter().any(|(_, sound)| by_label(sound) != SoundKind::Noise);
    let (way, decided): (&str, Vec<(SoundKind, SoundKind)>) = if known {
        ("by the first label", heard.iter().map(|(kind, sound)| (*kind, by_label(sound))).collect())
    } else {
        let words = prompts(encode).ok_or("words cannot be encoded")?;
        ("by the nearest words", heard.iter().map(|(kind, sound)| (*kind, by_words(sound, &words))).collect())
    };
    let mut part = Part::of("speech, music and noise");
    let right = |among: &mut dyn Iterator<Item = &(SoundKind, SoundKind)>| -> Vec<f64> {
        among.map(|(kind, decided)| f64::from(u8::from(kind == decided))).collect()
    };
    part.add(format!("kind recognised {way}"), &right(&mut decided.iter()), Some(1.0 / 3.0));
    for kind in SoundKind::ALL {
        let own = right(&mut decided.iter().filter(|(of, _)| *of == kind));
        part.add(format!("kind recognised {way}, of {}", kind.name()), &own, Some(1.0 / 3.0));
    }
    Ok(part)
}

/// The kind of what the model is surest of.
fn by_label(sound: &Encoding) -> SoundKind {
    let Some(label) = sound.labels.first() else { return SoundKind::Noise };
    let mut named = KINDS.lines().filter_map(|line| line.split_once('\t'));
    let found = named.find(|(_, name)| *name == label.name);
    let kind = found.and_then(|(kind, _)| SoundKind::ALL.into_iter().find(|each| each.name() == kind));
    kind.unwrap_or(SoundKind::Noise)
}

/// Words for each kind, in the shared space.
fn prompts(encode: &mut Encode<'_>) -> Option<Vec<(SoundKind, Arc<Encoding>)>> {
    let all: Vec<(SoundKind, String)> = PROMPTS
        .iter()
        .flat_map(|(kind, prompts)| prompts.iter().map(|prompt| (*kind, (*prompt).to_owned())))
        .collect();
    let vectors = texts(encode, all.iter().map(|(_, prompt)| prompt.clone()));
    all.iter().zip(vectors).map(|((kind, _), vector)| Some((*kind, vector?))).collect()
}

/// The kind whose words are nearest to the sound in the shared space.
fn by_words(sound: &Encoding, words: &[(SoundKind, Arc<Encoding>)]) -> SoundKind {
    let nearest = words
        .iter()
        .max_by(|a, b| sound.semantic.cosine(&a.1.semantic).total_cmp(&sound.semantic.cosine(&b.1.semantic)));
    nearest.map_or(SoundKind::Noise, |(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_speech_and_music_are_those_of_the_bundled_model() {
        let names: Vec<&str> = include_str!("../../../../models/yamnet/labels.txt").lines().collect();
        let of = |kind: &str| -> Vec<&str> {
            let rows = KINDS.lines().filter_map(|line| line.split_once('\t'));
            rows.filter(|(each, _)| *each == kind).map(|(_, name)| name).collect()
        };
        assert_eq!(of("speech"), names[0..=12]);
        assert_eq!(of("music"), names[132..=276]);
        assert_eq!(KINDS.lines().count(), 13 + 145);
    }
}
