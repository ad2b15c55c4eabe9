//! A file of any known format to one channel of samples, within limits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use attuned_recommender::Modality;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use crate::error::EncodeError;
use crate::limits::{Deadline, Limits, TimedBytes};

/// What is read, for messages.
const FORMATS: &str = "WAV, AIFF, CAF, FLAC, MP3, Ogg Vorbis, or AAC, ALAC or Vorbis in MP4 or Matroska";

/// Damaged packets in a row after which the rest is given up.
const DAMAGED_PACKETS_MAX: usize = 256;

/// One channel of sound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sound {
    /// In about `[-1, 1]`, the mean of the channels.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub rate_hz: u32,
}

/// Decodes the first `limits.seconds_max` seconds of the sound of a recording, or of a film.
///
/// # Errors
///
/// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
pub(crate) fn sound(
    modality: Modality,
    bytes: &[u8],
    limits: &Limits,
    deadline: Deadline,
) -> Result<Sound, EncodeError> {
    limits.check_bytes(modality, bytes)?;
    // A panic in a decoder of other people's making is an unreadable file, not the end of the
    // daemon. Nothing that it could leave half-changed outlives the call.
    let sound = catch_unwind(AssertUnwindSafe(|| decode(modality, bytes, limits, deadline)))
        .unwrap_or_else(|_| Err(EncodeError::unreadable(modality, "its data made the decoder fail")));
    match (sound, deadline.check(modality)) {
        (Err(_), Err(late)) => Err(late),
        (sound, _) => sound,
    }
}

impl MediaSource for TimedBytes<&[u8]> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}

fn decode(
    modality: Modality,
    bytes: &[u8],
    limits: &Limits,
    deadline: Deadline,
) -> Result<Sound, EncodeError> {
    let unreadable = |reason: String| EncodeError::unreadable(modality, reason);
    let stream = MediaSourceStream::new(Box::new(TimedBytes::new(bytes, deadline)), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| match error {
            Error::Unsupported(_) => unreadable(format!("its format is not known, expected {FORMATS}")),
            Error::IoError(_) => unreadable(format!("it ends before any sound, expected {FORMATS}")),
            error => unreadable(error.to_string()),
        })?;
    let (track, mut decoder) = open_track(modality, format.as_ref())?;
    let mut sound = Sound { samples: Vec::new(), rate_hz: 0 };
    let mut interleaved: Vec<f32> = Vec::new();
    let mut damaged = 0;
    loop {
        deadline.check(modality)?;
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            // A damaged or missing end leaves the sound before it.
            Ok(None) | Err(_) => break,
        };
        if packet.track_id != track {
            continue;
        }
        let buffer = match decoder.decode(&packet) {
            Ok(buffer) => buffer,
            Err(Error::DecodeError(_) | Error::IoError(_)) if damaged < DAMAGED_PACKETS_MAX => {
                damaged += 1;
                continue;
            }
            Err(_) => break,
        };
        damaged = 0;
        let (rate_hz, channels) = (buffer.spec().rate(), buffer.num_planes());
        if channels == 0 || buffer.frames() == 0 {
            continue;
        }
        if sound.rate_hz == 0 {
            sound.rate_hz = rate_hz;
        } else if sound.rate_hz != rate_hz {
            break;
        }
        buffer.copy_to_vec_interleaved(&mut interleaved);
        sound.samples.extend(interleaved.chunks_exact(channels).map(mean));
        let most = limits.seconds_max as usize * rate_hz as usize;
        if sound.samples.len() >= most {
            sound.samples.truncate(most);
            break;
        }
    }
    if sound.samples.is_empty() {
        return Err(unreadable(
            "no sound in it can be decoded, expected at least one whole packet".to_owned(),
        ));
    }
    Ok(sound)
}

/// The mean of the channels; what is not a number, as damaged float samples may be, is silence.
fn mean(frame: &[f32]) -> f32 {
    let mean = frame.iter().sum::<f32>() / frame.len() as f32;
    if mean.is_finite() { mean.clamp(-8.0, 8.0) } else { 0.0 }
}

/// The first sound track whose codec is known.
fn open_track(
    modality: Modality,
    format: &dyn FormatReader,
) -> Result<(u32, Box<dyn AudioDecoder>), EncodeError> {
    let first = format.default_track(TrackType::Audio).map(|track| track.id);
    let mut tracks: Vec<_> = format.tracks().iter().collect();
    tracks.sort_by_key(|track| Some(track.id) != first);
    let mut sound_tracks = 0;
    for track in tracks {
        let Some(parameters) = track.codec_params.as_ref().and_then(|parameters| parameters.audio()) else {
            continue;
        };
        sound_tracks += 1;
        if let Ok(decoder) =
            symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default())
        {
            return Ok((track.id, decoder));
        }
    }
    let found =
        if sound_tracks == 0 { "it has no sound track" } else { "the codec of its sound is not known" };
    Err(EncodeError::unreadable(modality, format!("{found}, expected sound in {FORMATS}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    /// A WAV file of 16-bit samples, given channel by channel within each frame.
    pub(crate) fn wav(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data.len() as u32).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend(channels.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend((rate_hz * u32::from(channels) * 2).to_le_bytes());
        file.extend((channels * 2).to_le_bytes());
        file.extend(b"\x10\0data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    fn read(bytes: &[u8], limits: &Limits) -> Result<Sound, EncodeError> {
        sound(Modality::Audio, bytes, limits, limits.deadline())
    }

    fn refusal(bytes: &[u8], limits: &Limits) -> String {
        read(bytes, limits).expect_err("refused").to_string()
    }

    #[test]
    fn channels_are_averaged() {
        let sound = read(&wav(8000, 2, &[16_384, 0, -16_384, -16_384]), &Limits::default()).expect("decodes");
        assert_eq!(sound, Sound { samples: vec![0.25, -0.5], rate_hz: 8000 });
    }

    #[test]
    fn each_limit_holds() {
        let file = wav(8000, 1, &[1000; 24_000]);
        let limits = Limits { seconds_max: 1, ..Limits::default() };
        assert_eq!(read(&file, &limits).expect("the first second").samples.len(), 8000);

        let limits = Limits { bytes_max: 100, ..Limits::default() };
        let over = "audio of 48044 bytes is over the limit `bytes_max`, expected at most 100 bytes";
        assert_eq!(refusal(&file, &limits), over);

        let limits = Limits { decode_time_max: Duration::ZERO, ..Limits::default() };
        let over =
            "audio of more than 0 ms of decoding is over the limit `decode_time_max`, expected at most 0 ms";
        assert_eq!(refusal(&file, &limits), over);
    }

    #[test]
    fn a_missing_end_leaves_the_sound_before_it() {
        let file = wav(8000, 1, &[1000; 24_000]);
        let samples = read(&file[..30_000], &Limits::default()).expect("decodes").samples;
        assert!(samples.len() > 10_000, "{} samples", samples.len());
    }

    #[test]
    fn what_is_no_sound_is_refused_by_a_sentence() {
        let limits = Limits::default();
        assert_eq!(
            refusal(b"", &limits),
            "audio cannot be read: the file is empty, expected at least one byte"
        );
        for bytes in [&b"hello"[..], &[0; 4096], &wav(8000, 1, &[])] {
            assert!(
                refusal(bytes, &limits).starts_with("audio cannot be read: "),
                "{}",
                refusal(bytes, &limits)
            );
        }
    }
}
