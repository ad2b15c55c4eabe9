//! Opus, which symphonia finds in Ogg, Matroska and MP4 but does not decode.
//!
//! Source of the header's layout: RFC 7845, section 5.1. Its pre-skip, some milliseconds of the
//! codec settling in, is left in the sound; its gain is for playing, and no matter here.

use opus_decoder::{OpusDecoder, OpusMultistreamDecoder};
use symphonia::core::errors::Error;

/// The rate of what is decoded, whatever was encoded.
pub(crate) const RATE_HZ: u32 = 48_000;

/// Most seconds that are decoded from the start of a track. The decoder computes its transforms
/// term by term: a second of sound takes 0.16 s of a processor, so that this is five seconds, and
/// enough for what people say. A slower machine stops at half of the time for decoding.
pub(crate) const SECONDS_MAX: u32 = 30;

/// Longest packet in samples a channel: 120 ms (RFC 6716, section 3.2).
const PACKET_FRAMES_MAX: usize = 5_760;

const MAGIC: &[u8] = b"OpusHead";

/// The decoder of one track.
pub(crate) struct Opus {
    streams: Streams,
    channels: usize,
    pcm: Vec<f32>,
}

enum Streams {
    One(Box<OpusDecoder>),
    Several(Box<OpusMultistreamDecoder>),
}

impl Opus {
    /// Reads a track's header; `None` if it is none, or is for a way of mapping channels that is
    /// not known.
    pub fn open(header: &[u8]) -> Option<Opus> {
        let fields = header.strip_prefix(MAGIC)?;
        let channels = usize::from(*fields.get(1)?);
        let streams = match *fields.get(10)? {
            0 => Streams::One(Box::new(OpusDecoder::new(RATE_HZ, channels).ok()?)),
            // Surround, and channels without an order.
            1 | 255 => {
                let (streams, coupled) = (usize::from(*fields.get(11)?), usize::from(*fields.get(12)?));
                let mapping = fields.get(13..13 + channels)?;
                let decoder = OpusMultistreamDecoder::new(RATE_HZ, channels, streams, coupled, mapping);
                Streams::Several(Box::new(decoder.ok()?))
            }
            _ => return None,
        };
        Some(Opus { streams, channels, pcm: vec![0.0; PACKET_FRAMES_MAX * channels] })
    }

    /// How many channels a decoded packet has.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Decodes one packet to its samples, channel by channel within each frame.
    ///
    /// # Errors
    ///
    /// [`Error::DecodeError`] if the packet is damaged: the next one may be whole.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[f32], Error> {
        if packet.is_empty() {
            // To the decoder that would be a packet lost, for which it makes up a sound.
            return Ok(&[]);
        }
        let frames = match &mut self.streams {
            Streams::One(decoder) => decoder.decode_float(packet, &mut self.pcm, false),
            Streams::Several(decoder) => decoder.decode_float(packet, &mut self.pcm, false),
        };
        let frames = frames.map_err(|_| Error::DecodeError("a damaged packet of Opus"))?;
        Ok(&self.pcm[..frames * self.channels])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with its fields after the version: channels, pre-skip, rate, gain, family.
    fn header(channels: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = [MAGIC, &[1, channels, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, family]].concat();
        header.extend_from_slice(rest);
        header
    }

    #[test]
    fn headers_are_read_or_refused() {
        let channels = |header: &[u8]| Opus::open(header).map(|opus| opus.channels());
        assert_eq!(channels(&header(1, 0, &[])), Some(1));
        assert_eq!(channels(&header(2, 0, &[])), Some(2));
        // 5.1: four streams, two of them pairs.
        assert_eq!(channels(&header(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])), Some(6));
        for wrong in [header(0, 0, &[]), header(3, 0, &[]), header(2, 7, &[]), header(6, 1, &[4, 2, 0])] {
            assert_eq!(channels(&wrong), None, "{wrong:?}");
        }
        assert_eq!(channels(b"OpusHead"), None);
        assert_eq!(channels(b"vorbis"), None);
    }

    #[test]
    fn a_damaged_packet_is_an_error_and_the_next_is_tried() {
        let mut opus = Opus::open(&header(1, 0, &[])).expect("a header");
        // Code 3 announces a number of frames, which is missing.
        assert!(matches!(opus.decode(&[0x03]), Err(Error::DecodeError(_))));
        assert!(opus.decode(&[]).is_ok_and(<[f32]>::is_empty));
        // A packet of nothing but its first byte: a frame of 20 ms that was not sent.
        assert!(opus.decode(&[0x78]).is_ok());
    }
}
