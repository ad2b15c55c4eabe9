//! A film's frames and sound track, by ffmpeg.

use ::image::RgbImage;
use attuned_recommender::Modality;

use super::candidates::{CANDIDATES_MAX, Candidates};
use super::ffmpeg::{Ffmpeg, FilmFile, Run};
use super::tracks::tracks;
use crate::error::EncodeError;
use crate::limits::{Deadline, Limits};

/// Most frames a second that are looked at: a gesture takes about a second.
const FRAMES_A_SECOND_MAX: f64 = 8.0;

/// Fewest frames a second, whatever a film says of its length.
const FRAMES_A_SECOND_MIN: f64 = 0.001;

/// Frames a second of a film that does not say how long it is.
const FRAMES_A_SECOND_UNKNOWN: f64 = 4.0;

/// Films longer than this are seen by their key frames alone, seconds: these stand at cuts too, and
/// decoding all frames of an hour takes minutes.
const WHOLE_SECONDS_MAX: f64 = 90.0;

/// Fewer key frames than this tell no story; then all frames are decoded after all.
const KEY_FRAMES_MIN: usize = 4;

/// Most pixels of a frame; a larger one is refused before it is decoded.
const FRAME_PIXELS_MAX: u64 = 8192 * 4320;

/// A film as far as ffmpeg could read it.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// In the order of time, at most `limits.frames_max`; empty if there are none.
    pub frames: Vec<RgbImage>,
    /// Whether it has a sound track.
    pub has_sound: bool,
    /// Why there are no frames.
    pub problem: Option<String>,
}

/// Reads a film's frames: square, centred, with sides of `side` pixels; `None` if it is of no
/// container that is read.
///
/// # Errors
///
/// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
pub(crate) fn frames(
    ffmpeg: &Ffmpeg,
    bytes: &[u8],
    side: u32,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Option<Decoded>, EncodeError> {
    let unreadable = |reason: String| EncodeError::unreadable(Modality::Video, reason);
    limits.check_bytes(Modality::Video, bytes)?;
    let Some(film) = FilmFile::of(bytes).map_err(unreadable)? else { return Ok(None) };
    let bounds = (limits, deadline);
    // Asked for no output, it says what it found and ends.
    let run = ffmpeg.run(&film, &["-loglevel", "info"], &[], bounds, |_| true).map_err(unreadable)?;
    if run.late {
        deadline.check(Modality::Video)?;
    }
    let Some(tracks) = tracks(&run.messages) else { return Err(unreadable(run.reason())) };
    let mut decoded = Decoded { frames: Vec::new(), has_sound: tracks.sound, problem: None };
    if !tracks.pictures {
        decoded.problem = Some("it has no pictures".to_owned());
        return Ok(Some(decoded));
    }
    let long = tracks.seconds.is_some_and(|seconds| seconds > WHOLE_SECONDS_MAX);
    let mut run = None;
    for key_frames_only in if long { &[true, false][..] } else { &[false] } {
        let mut candidates = Candidates::default();
        let rate = rate(tracks.seconds);
        let ended = decode(ffmpeg, &film, (rate, side, *key_frames_only), bounds, &mut candidates);
        run = Some(ended.map_err(unreadable)?);
        decoded.frames = candidates.choose(limits.frames_max);
        if decoded.frames.len() >= KEY_FRAMES_MIN || deadline.left().is_zero() {
            break;
        }
    }
    if decoded.frames.is_empty() {
        deadline.check(Modality::Video)?;
        decoded.problem = run.map(|run| run.reason());
    }
    Ok(Some(decoded))
}

/// Reads the first `limits.seconds_max` seconds of the sound of a film or a recording, as one
/// channel of so many samples a second; `None` if it is of no container that is read.
///
/// # Errors
///
/// As [`frames`].
pub(crate) fn sound(
    ffmpeg: &Ffmpeg,
    modality: Modality,
    bytes: &[u8],
    rate_hz: u32,
    limits: &Limits,
) -> Result<Option<Vec<f32>>, EncodeError> {
    let unreadable = |reason: String| EncodeError::unreadable(modality, reason);
    limits.check_bytes(modality, bytes)?;
    let Some(film) = FilmFile::of(bytes).map_err(unreadable)? else { return Ok(None) };
    let deadline = limits.deadline();
    let most = limits.seconds_max as usize * rate_hz as usize;
    let (seconds, rate) = (limits.seconds_max.to_string(), rate_hz.to_string());
    let output = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-t", &seconds, "-ac", "1", "-ar", &rate];
    let mut bytes_left = Vec::new();
    let mut samples: Vec<f32> = Vec::new();
    let run = ffmpeg
        .run(
            &film,
            &["-loglevel", "error"],
            &[&output[..], &["-f", "f32le", "pipe:1"]].concat(),
            (limits, deadline),
            |piece| {
                bytes_left.extend_from_slice(piece);
                let whole = bytes_left.len() / 4 * 4;
                samples.extend(bytes_left[..whole].chunks_exact(4).map(sample));
                bytes_left.drain(..whole);
                samples.len() < most
            },
        )
        .map_err(unreadable)?;
    samples.truncate(most);
    if samples.is_empty() {
        deadline.check(modality)?;
        return Err(unreadable(run.reason()));
    }
    Ok(Some(samples))
}

fn sample(four: &[u8]) -> f32 {
    let value = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    if value.is_finite() { value.clamp(-8.0, 8.0) } else { 0.0 }
}

/// So many frames a second that the film gives about as many as are held.
fn rate(seconds: Option<f64>) -> f64 {
    match seconds {
        Some(seconds) if seconds > 0.0 => {
            (CANDIDATES_MAX as f64 / seconds).clamp(FRAMES_A_SECOND_MIN, FRAMES_A_SECOND_MAX)
        }
        Some(_) | None => FRAMES_A_SECOND_UNKNOWN,
    }
}

fn decode(
    ffmpeg: &Ffmpeg,
    film: &FilmFile,
    (rate, side, key_frames_only): (f64, u32, bool),
    bounds: (&Limits, Deadline),
    candidates: &mut Candidates,
) -> Result<Run, String> {
    let pixels = FRAME_PIXELS_MAX.to_string();
    let mut input = vec!["-loglevel", "error", "-max_pixels", &pixels];
    if key_frames_only {
        input.extend(["-skip_frame", "nokey"]);
    }
    let filter = format!(
        "fps={rate:.5},scale={side}:{side}:force_original_aspect_ratio=increase:flags=bicubic,crop={side}:{side}"
    );
    let output = [
        "-map", "0:V:0", "-an", "-sn", "-dn", "-vf", &filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1",
    ];
    let mut frames = Frames { side, partial: Vec::new(), candidates };
    ffmpeg.run(film, &input, &output, bounds, |piece| {
        frames.take(piece);
        true
    })
}

/// Cuts what comes in pieces into frames.
struct Frames<'a> {
    side: u32,
    partial: Vec<u8>,
    candidates: &'a mut Candidates,
}

impl Frames<'_> {
    fn take(&mut self, mut piece: &[u8]) {
        let frame_bytes = self.side as usize * self.side as usize * 3;
        while !piece.is_empty() {
            let (part, rest) = piece.split_at(piece.len().min(frame_bytes - self.partial.len()));
            self.partial.extend_from_slice(part);
            piece = rest;
            if self.partial.len() == frame_bytes {
                let pixels = std::mem::take(&mut self.partial);
                if let Some(frame) = RgbImage::from_raw(self.side, self.side, pixels) {
                    self.candidates.hold(frame);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_as_fast_as_the_film_is_short() {
        assert_eq!(rate(Some(2.0)), 8.0);
        assert_eq!(rate(Some(64.0)), 1.0);
        assert_eq!(rate(None), 4.0);
        assert_eq!(rate(Some(0.0)), 4.0);
        assert_eq!(rate(Some(f64::INFINITY)), 0.001);
    }

    #[test]
    fn frames_are_cut_out_of_pieces_of_any_length() {
        let mut candidates = Candidates::default();
        let mut frames = Frames { side: 2, partial: Vec::new(), candidates: &mut candidates };
        let bytes: Vec<u8> = (0..40).collect();
        for piece in [&bytes[..5], &bytes[5..12], &bytes[12..13], &bytes[13..40]] {
            frames.take(piece);
        }
        let held = candidates.choose(9);
        assert_eq!(held.iter().map(|frame| frame.as_raw()[0]).collect::<Vec<u8>>(), [0, 12, 24]);
    }
}
