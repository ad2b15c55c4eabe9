//! Films: their sound track, or the frames of an animated picture.
//!
//! Frames of compressed film (H.264 and the like) are not decoded; a film without readable sound
//! is refused by a sentence that says so.

use ::image::RgbImage;
use attuned_recommender::Modality;

use crate::error::EncodeError;
use crate::image::decode;
use crate::limits::Limits;

/// What of a film can be understood.
pub(crate) enum Film {
    /// An animated picture: its first frames.
    Frames(Vec<RgbImage>),
    /// Anything else: what counts is its sound.
    Sound,
}

impl Film {
    /// Looks what kind of film it is.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
    pub fn open(bytes: &[u8], limits: &Limits) -> Result<Film, EncodeError> {
        Ok(match decode::frames(bytes, limits)? {
            Some(frames) => Film::Frames(frames),
            None => Film::Sound,
        })
    }
}

/// Says of a film whose sound cannot be read that its pictures are not read either.
pub(crate) fn explain(error: EncodeError) -> EncodeError {
    match error {
        EncodeError::Unreadable { modality: Modality::Video, reason } => EncodeError::Unreadable {
            modality: Modality::Video,
            reason: format!("{reason}; of a film's pictures only GIF, WebP and PNG animations are read"),
        },
        other => other,
    }
}
