//! A file of any known format to one channel of samples, within limits.

use attuned_recommender::Modality;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::opus::{self, Opus};
use super::resample::RateConverter;
use crate::error::EncodeError;
use crate::guard::guarded;
use crate::limits::{Deadline, Limits, TimedBytes};

/// What is read, for messages.
const FORMATS: &str =
    "WAV, AIFF, CAF, FLAC, MP3, Ogg Vorbis or Opus, or AAC, ALAC, Vorbis or Opus in MP4 or Matroska";

/// Damaged packets in a row after which the rest is given up.
const DAMAGED_PACKETS_MAX: usize = 256;

/// Decodes the first `limits.seconds_max` seconds of the sound of a recording, or of a film: the
/// mean of its channels at `rate_hz`, in about `[-1, 1]`.
///
/// # Errors
///
/// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
pub(crate) fn sound(
    modality: Modality,
    bytes: &[u8],
    rate_hz: u32,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Vec<f32>, EncodeError> {
    limits.check_bytes(modality, bytes)?;
    let sound = guarded(modality, || decode(modality, bytes, rate_hz, limits, deadline));
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
    rate_hz: u32,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Vec<f32>, EncodeError> {
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
    let is_slow = matches!(decoder, Decoder::Opus(_));
    let seconds_max = if is_slow { limits.seconds_max.min(opus::SECONDS_MAX) } else { limits.seconds_max };
    let mut converter: Option<(u32, RateConverter)> = None;
    let (mut interleaved, mut mono): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
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
        let (found_hz, channels) = match decoder.decode(&packet, &mut interleaved) {
            Ok(found) => found,
            Err(Error::DecodeError(_) | Error::IoError(_)) if damaged < DAMAGED_PACKETS_MAX => {
                damaged += 1;
                continue;
            }
            Err(_) => break,
        };
        damaged = 0;
        if channels == 0 || interleaved.is_empty() {
            continue;
        }
        let (from_hz, converter) = match &mut converter {
            Some((from_hz, converter)) => (*from_hz, converter),
            none => {
                let made = RateConverter::new(found_hz, rate_hz).map_err(unreadable)?;
                let (from_hz, converter) = none.insert((found_hz, made));
                (*from_hz, converter)
            }
        };
        if from_hz != found_hz {
            break;
        }
        let left = u64::from(seconds_max) * u64::from(from_hz) - converter.taken();
        mono.clear();
        mono.extend(interleaved.chunks_exact(channels).map(mean).take(left as usize));
        converter.push(&mono).map_err(unreadable)?;
        if mono.len() as u64 == left || is_slow && deadline.half_passed() {
            break;
        }
    }
    match converter {
        Some((_, converter)) if converter.taken() > 0 => converter.finish().map_err(unreadable),
        _ => Err(unreadable("no sound in it can be decoded, expected at least one whole packet".to_owned())),
    }
}

/// The mean of the channels; what is not a number, as damaged float samples may be, is silence.
fn mean(frame: &[f32]) -> f32 {
    let mean = frame.iter().sum::<f32>() / frame.len() as f32;
    if mean.is_finite() { mean.clamp(-8.0, 8.0) } else { 0.0 }
}

/// What turns the packets of a track into samples.
enum Decoder {
    Known(Box<dyn AudioDecoder>),
    Opus(Opus),
}

impl Decoder {
    fn open(parameters: &AudioCodecParameters) -> Option<Decoder> {
        if parameters.codec == CODEC_ID_OPUS {
            return Opus::open(parameters.extra_data.as_deref()?).map(Decoder::Opus);
        }
        let codecs = symphonia::default::get_codecs();
        codecs.make_audio_decoder(parameters, &AudioDecoderOptions::default()).ok().map(Decoder::Known)
    }

    /// Decodes a packet into `samples`, channel by channel within each frame; gives their rate in
    /// Hz and how many channels there are.
    fn decode(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Result<(u32, usize), Error> {
        match self {
            Decoder::Known(decoder) => {
                let buffer = decoder.decode(packet)?;
                buffer.copy_to_vec_interleaved(samples);
                Ok((buffer.spec().rate(), buffer.num_planes()))
            }
            Decoder::Opus(decoder) => {
                let channels = decoder.channels();
                samples.clear();
                samples.extend_from_slice(decoder.decode(&packet.data)?);
                Ok((opus::RATE_HZ, channels))
            }
        }
    }
}

/// The first sound track whose codec is known.
fn open_track(modality: Modality, format: &dyn FormatReader) -> Result<(u32, Decoder), EncodeError> {
    let first = format.default_track(TrackType::Audio).map(|track| track.id);
    let mut tracks: Vec<_> = format.tracks().iter().collect();
    tracks.sort_by_key(|track| Some(track.id) != first);
    let mut sound_tracks = 0;
    for track in tracks {
        let Some(parameters) = track.codec_params.as_ref().and_then(|parameters| parameters.audio()) else {
            continue;
        };
        sound_tracks += 1;
        if let Some(decoder) = Decoder::open(parameters) {
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

    fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<f32>, EncodeError> {
        sound(Modality::Audio, bytes, 8000, limits, limits.deadline())
    }

    fn refusal(bytes: &[u8], limits: &Limits) -> String {
        read(bytes, limits).expect_err("refused").to_string()
    }

    #[test]
    fn channels_are_averaged() {
        let sound = read(&wav(8000, 2, &[16_384, 0, -16_384, -16_384]), &Limits::default()).expect("decodes");
        assert_eq!(sound, [0.25, -0.5]);
    }

    #[test]
    fn each_limit_holds() {
        let file = wav(8000, 1, &[1000; 24_000]);
        let limits = Limits { seconds_max: 1, ..Limits::default() };
        assert_eq!(read(&file, &limits).expect("the first second").len(), 8000);

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
        let samples = read(&file[..30_000], &Limits::default()).expect("decodes");
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
