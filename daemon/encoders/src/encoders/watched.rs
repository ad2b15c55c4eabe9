//! Parts of a film as they are seen, to measure what a film says beyond one picture of it.

use std::ops::Range;

use attuned_recommender::Modality;

use super::{Encoders, for_video};
use crate::encoding::Encoding;
use crate::error::EncodeError;
use crate::image::ImageModel;
use crate::limits::Limits;
use crate::video::{CANDIDATES_MAX, Candidates, Film, Sight, VideoModel};

/// A part of a film, understood twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// By the temporal model, or the mean of its frames if there is none that fits.
    pub film: Encoding,
    /// By the frame in its middle alone.
    pub middle: Encoding,
}

impl Encoders {
    /// Understands parts of a film, each from one share of its length to another, without their
    /// sound. The frames are those that [`encode_video`](Self::encode_video) chooses from.
    ///
    /// # Errors
    ///
    /// As of [`encode_video`](Self::encode_video), and [`EncodeError::Unreadable`] if nothing of the
    /// film can be seen.
    pub fn watch(&self, bytes: &[u8], parts: &[Range<f64>]) -> Result<Vec<Watched>, EncodeError> {
        let limits = &self.library.limits;
        let image = self.model::<ImageModel>(Modality::Image).map_err(for_video)?;
        let all = Limits { frames_max: CANDIDATES_MAX, ..limits.clone() };
        let film = Film::open(bytes, self.ffmpeg.as_ref(), image.entry.resize_shorter_side, &all)?;
        let pictures = match film.sight {
            Sight::Frames(pictures) => pictures,
            Sight::Nothing(reason) => return Err(EncodeError::unreadable(Modality::Video, reason)),
        };
        let video = self.model::<VideoModel>(Modality::Video).ok();
        let watched = parts.iter().map(|part| {
            let pictures = &pictures[places(part, pictures.len())];
            let mut candidates = Candidates::default();
            for picture in pictures {
                candidates.hold(picture.clone());
            }
            let chosen = candidates.choose(limits.frames_max);
            let see = |pictures: &[_]| image.understand(Modality::Video, pictures);
            let frames = chosen
                .iter()
                .map(|picture| see(std::slice::from_ref(picture)))
                .collect::<Result<Vec<_>, _>>()?;
            let film = match &video {
                Some(video) if frames.iter().all(|frame| video.fits(frame)) => video.join(&frames, None)?,
                Some(_) | None => see(&chosen)?,
            };
            Ok(Watched { film, middle: see(std::slice::from_ref(&pictures[pictures.len() / 2]))? })
        });
        watched.collect()
    }
}

/// Which of so many frames, at least one, a part holds; never none.
fn places(part: &Range<f64>, frames: usize) -> Range<usize> {
    let at = |share: f64| ((share * frames as f64).round() as usize).min(frames);
    let start = at(part.start).min(frames - 1);
    start..at(part.end).max(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_its_share_of_the_frames_and_at_least_one() {
        assert_eq!(places(&(0.0..1.0), 10), 0..10);
        assert_eq!(places(&(0.0..0.7), 10), 0..7);
        assert_eq!(places(&(0.3..1.0), 10), 3..10);
        assert_eq!(places(&(0.9..1.0), 2), 1..2);
        assert_eq!(places(&(0.3..0.3), 1), 0..1);
    }
}
