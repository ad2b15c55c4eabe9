//! How much of one piece of content is read, and for how long.
//!
//! Content comes from outside, and a small file may describe a huge picture or a day of silence;
//! every decoder here runs within these limits.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use attuned_recommender::Modality;

use crate::error::EncodeError;

/// Bounds on one piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest text in bytes of UTF-8; longer ones are refused. Of a text within the limit the
    /// first [`text_windows_max`](Self::text_windows_max) windows are read.
    pub text_bytes_max: usize,
    /// Most windows of the model's token limit that are read of one text; what follows is left
    /// out, as the meaning of an average over more pages hardly moves.
    pub text_windows_max: usize,
    /// Largest file of a picture, sound or film in bytes; larger ones are refused.
    pub bytes_max: usize,
    /// Most pixels (width times height) of a picture; larger ones are refused before they are
    /// decoded.
    pub pixels_max: u64,
    /// Most bytes that decoding a picture, or one frame of an animation, may take.
    pub picture_alloc_bytes_max: u64,
    /// Most pixels that a progressive picture may have, counted once for each of its passes.
    pub passes_pixels_max: u64,
    /// Most frames of a film or an animated picture that are looked at, spread over its scenes.
    pub frames_max: usize,
    /// Seconds of sound that are decoded from the start of a recording; what follows is left out.
    pub seconds_max: u32,
    /// Most patches of sound that are understood: of a longer recording the loudest of each of as
    /// many equal stretches of what was decoded.
    pub patches_max: usize,
    /// Longest time that decoding one piece may take; slower ones are refused.
    pub decode_time_max: Duration,
    /// Most memory that the program which decodes a film may write to, bytes.
    pub film_memory_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 1 << 20,
            text_windows_max: 8,
            bytes_max: 64 << 20,
            // A 48-megapixel phone camera passes; as RGB it takes 150 MB while it is decoded, with
            // which the process stays below 256 MB.
            pixels_max: 50_000_000,
            picture_alloc_bytes_max: 152 << 20,
            // Usual files have some ten passes; one of 24 megapixels takes two seconds.
            passes_pixels_max: 400_000_000,
            frames_max: 16,
            // A song as a whole; at 16 kHz it takes 15 MB.
            seconds_max: 240,
            // A minute, of patches as long as the bundled model's.
            patches_max: 64,
            decode_time_max: Duration::from_secs(10),
            // Film of 3840 x 2160 pixels takes 140 MB, of 1920 x 1080 half of that.
            film_memory_bytes_max: 192 << 20,
        }
    }
}

impl Limits {
    /// Refuses a file of no bytes or of more than [`bytes_max`](Self::bytes_max).
    pub(crate) fn check_bytes(&self, modality: Modality, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.is_empty() {
            return Err(EncodeError::unreadable(modality, "the file is empty, expected at least one byte"));
        }
        if bytes.len() > self.bytes_max {
            return Err(EncodeError::OverLimit {
                modality,
                limit: "bytes_max",
                found: format!("{} bytes", bytes.len()),
                max: format!("{} bytes", self.bytes_max),
            });
        }
        Ok(())
    }

    /// Refuses a picture of no pixels, or of more than [`pixels_max`](Self::pixels_max).
    pub(crate) fn check_pixels(
        &self,
        modality: Modality,
        width: u32,
        height: u32,
    ) -> Result<(), EncodeError> {
        if width == 0 || height == 0 {
            let reason = format!("it has {width} x {height} pixels, expected at least 1 x 1");
            return Err(EncodeError::unreadable(modality, reason));
        }
        if u64::from(width) * u64::from(height) > self.pixels_max {
            return Err(EncodeError::OverLimit {
                modality,
                limit: "pixels_max",
                found: format!("{width} x {height} pixels"),
                max: format!("{} pixels", self.pixels_max),
            });
        }
        Ok(())
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline { at: Instant::now() + self.decode_time_max, max: self.decode_time_max }
    }
}

/// The moment by which decoding must have ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    max: Duration,
}

impl Deadline {
    /// Refuses to go on once the moment has passed.
    pub(crate) fn check(&self, modality: Modality) -> Result<(), EncodeError> {
        if self.passed() {
            return Err(EncodeError::OverLimit {
                modality,
                limit: "decode_time_max",
                found: format!("more than {} ms of decoding", self.max.as_millis()),
                max: format!("{} ms", self.max.as_millis()),
            });
        }
        Ok(())
    }

    /// Whether half of the time is over: what is slow and can be cut short may end here.
    pub(crate) fn half_passed(&self) -> bool {
        Instant::now() + self.max / 2 >= self.at
    }

    /// The time until then; nothing once it has passed.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    fn passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// Bytes that can be read until the deadline only, so that a decoder that goes round in circles
/// over its input comes to an end.
#[derive(Debug)]
pub(crate) struct TimedBytes<T> {
    bytes: Cursor<T>,
    deadline: Deadline,
}

impl<T: AsRef<[u8]>> TimedBytes<T> {
    pub(crate) fn new(bytes: T, deadline: Deadline) -> Self {
        Self { bytes: Cursor::new(bytes), deadline }
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.get_ref().as_ref().len() as u64
    }

    fn check(&self) -> io::Result<()> {
        if self.deadline.passed() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "decoding takes too long"));
        }
        Ok(())
    }
}

impl<T: AsRef<[u8]>> Read for TimedBytes<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.bytes.read(into)
    }
}

impl<T: AsRef<[u8]>> BufRead for TimedBytes<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl<T: AsRef<[u8]>> Seek for TimedBytes<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.check()?;
        self.bytes.seek(to)
    }
}
