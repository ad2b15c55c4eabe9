//! Films: frames in the order of time and the sound track, joined by a temporal model.
//!
//! Animated pictures give their frames themselves; those of compressed film come from ffmpeg, if
//! it is installed. What of a film cannot be read is left out as long as the rest says anything.

use std::collections::BTreeMap;

use ::image::RgbImage;
use attuned_recommender::{Label, Modality};

use crate::encoding::{Encoding, LABELS_MAX};
use crate::error::EncodeError;
use crate::image::{decode, square};
use crate::limits::Limits;

mod candidates;
mod container;
mod ffmpeg;
pub(crate) mod film;
mod scenes;
mod temporal;
mod tracks;

pub use ffmpeg::Ffmpeg;

pub(crate) use temporal::VideoModel;

pub(crate) use candidates::{CANDIDATES_MAX, Candidates};

/// How many of a film's labels name what is heard, if both are seen and heard.
const HEARD_LABELS_MAX: usize = 2;

/// What is seen, over all frames, and what is heard; best first.
pub(crate) fn labels(frames: &[Encoding], sound: Option<&Encoding>) -> Vec<Label> {
    let mut sums: BTreeMap<&str, f32> = BTreeMap::new();
    for label in frames.iter().flat_map(|frame| &frame.labels) {
        *sums.entry(&label.name).or_default() += label.score / frames.len() as f32;
    }
    let mut seen: Vec<Label> =
        sums.into_iter().map(|(name, score)| Label { name: name.to_owned(), score }).collect();
    let best_first = |a: &Label, b: &Label| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name));
    seen.sort_by(best_first);
    let mut heard = sound.map_or_else(Vec::new, |sound| sound.labels.clone());
    if !seen.is_empty() {
        heard.truncate(HEARD_LABELS_MAX);
    }
    seen.truncate(LABELS_MAX - heard.len());
    seen.extend(heard);
    seen.sort_by(best_first);
    seen
}

/// What of a film can be seen.
#[derive(Debug)]
pub(crate) enum Sight {
    /// Frames in the order of time, square, at most `limits.frames_max`.
    Frames(Vec<RgbImage>),
    /// Nothing, and why.
    Nothing(String),
}

/// A film as far as it could be opened.
#[derive(Debug)]
pub(crate) struct Film {
    pub sight: Sight,
    /// Whether it can have a sound track.
    pub may_sound: bool,
}

impl Film {
    /// Reads the frames of a film, each `side` pixels high and wide.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
    pub fn open(
        bytes: &[u8],
        ffmpeg: Option<&Ffmpeg>,
        side: u32,
        limits: &Limits,
    ) -> Result<Film, EncodeError> {
        let mut candidates = Candidates::default();
        if decode::frames(bytes, limits, |frame| candidates.hold(square(&frame, side)))? {
            return Ok(Film { sight: Sight::Frames(candidates.choose(limits.frames_max)), may_sound: false });
        }
        let Some(ffmpeg) = ffmpeg else {
            return Ok(Film {
                sight: Sight::Nothing(
                    "the pictures of a film need ffmpeg, which is not installed".to_owned(),
                ),
                may_sound: true,
            });
        };
        let decoded = film::frames(ffmpeg, bytes, side, limits, limits.deadline());
        let (sight, may_sound) = match decoded {
            Ok(Some(decoded)) => match decoded.problem {
                None => (Sight::Frames(decoded.frames), decoded.has_sound),
                Some(problem) => (Sight::Nothing(problem), decoded.has_sound),
            },
            Ok(None) => (Sight::Nothing("it is of no container of films that is known".to_owned()), true),
            // What ffmpeg cannot open may still hold sound that is found without it.
            Err(EncodeError::Unreadable { reason, .. }) => (Sight::Nothing(reason), true),
            Err(error) => return Err(error),
        };
        Ok(Film { sight, may_sound })
    }
}

/// The one sentence about a film of which nothing can be seen and nothing heard.
pub(crate) fn nothing(unseen: String, unheard: EncodeError) -> EncodeError {
    match unheard {
        EncodeError::Unreadable { reason, .. } => {
            EncodeError::unreadable(Modality::Video, format!("{unseen}, and of its sound: {reason}"))
        }
        other => other,
    }
}

/// What reads a film's bytes, and what ffmpeg says of them, before anything else does.
#[cfg(test)]
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Some(name) = container::demuxer(bytes) {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    }
    if let Some(tracks) = tracks::tracks(&String::from_utf8_lossy(bytes)) {
        assert!(tracks.seconds.is_none_or(|seconds| seconds >= 0.0));
    }
}

#[cfg(test)]
mod tests {
    use attuned_recommender::Embedding;

    use super::*;

    fn encoding(labels: &[(&str, f32)]) -> Encoding {
        let direction = Embedding::from_values(vec![1.0, 0.0]).expect("a direction");
        let labels = labels.iter().map(|(name, score)| Label { name: (*name).to_owned(), score: *score });
        Encoding {
            modality: Modality::Image,
            model: "m@1".to_owned(),
            embedding: direction.clone(),
            semantic: direction,
            labels: labels.collect(),
        }
    }

    #[test]
    fn labels_are_of_what_is_seen_and_heard() {
        let frames = [
            encoding(&[("tram", 0.8), ("street", 0.1), ("bus", 0.05)]),
            encoding(&[("street", 0.6), ("dog", 0.04), ("cat", 0.02)]),
        ];
        let sound = encoding(&[("rain", 0.5), ("wind", 0.2), ("choir", 0.1)]);
        let named = |labels: Vec<Label>| -> Vec<String> {
            labels.into_iter().map(|label| format!("{} {:.2}", label.name, label.score)).collect()
        };
        assert_eq!(
            named(labels(&frames, Some(&sound))),
            ["rain 0.50", "tram 0.40", "street 0.35", "wind 0.20", "bus 0.03"]
        );
        assert_eq!(named(labels(&frames, None)).len(), 5);
        assert_eq!(named(labels(&[], Some(&sound))), ["rain 0.50", "wind 0.20", "choir 0.10"]);
    }
}
