//! Speech, music and noise: a voice comment must not be taken for a song.

use std::path::PathBuf;
use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::Modality;

use super::folders::{Content, DataSet, SoundKind};
use super::{Encode, Part, files, texts};

/// What each kind is in words; the nearest of all decides.
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
    let prompts: Vec<(SoundKind, String)> = PROMPTS
        .iter()
        .flat_map(|(kind, prompts)| prompts.iter().map(|prompt| (*kind, (*prompt).to_owned())))
        .collect();
    let vectors = texts(encode, prompts.iter().map(|(_, prompt)| prompt.clone()));
    let vectors = vectors.into_iter().collect::<Option<Vec<_>>>().ok_or("words cannot be encoded")?;
    let encodings = files(encode, "sounds", Modality::Audio, cases.iter().map(|(file, _)| file));
    let decided: Vec<(SoundKind, SoundKind)> = cases
        .iter()
        .zip(encodings)
        .filter_map(|((_, kind), encoding)| Some((*kind, decide(encoding?.as_ref(), &prompts, &vectors))))
        .collect();
    let mut part = Part::of("speech, music and noise");
    let right = |among: &mut dyn Iterator<Item = &(SoundKind, SoundKind)>| -> Vec<f64> {
        among.map(|(kind, decided)| f64::from(u8::from(kind == decided))).collect()
    };
    part.add("kind recognised", &right(&mut decided.iter()), Some(1.0 / 3.0));
    for kind in SoundKind::ALL {
        let own = right(&mut decided.iter().filter(|(of, _)| *of == kind));
        part.add(format!("kind recognised, of {}", kind.name()), &own, Some(1.0 / 3.0));
    }
    Ok(part)
}

/// The kind whose words are nearest to the sound in the shared space.
fn decide(sound: &Encoding, prompts: &[(SoundKind, String)], vectors: &[Arc<Encoding>]) -> SoundKind {
    let nearest = prompts
        .iter()
        .zip(vectors)
        .max_by(|a, b| sound.semantic.cosine(&a.1.semantic).total_cmp(&sound.semantic.cosine(&b.1.semantic)));
    nearest.map_or(SoundKind::Noise, |((kind, _), _)| *kind)
}
