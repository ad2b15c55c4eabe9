//! A file of any known format to upright pixels on white, within limits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::image::codecs::gif::GifDecoder;
use ::image::codecs::png::PngDecoder;
use ::image::codecs::webp::WebPDecoder;
use ::image::{
    AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageError, ImageFormat, ImageReader, Rgb, RgbImage,
};
use attuned_recommender::Modality;

use crate::error::EncodeError;
use crate::limits::{Deadline, Limits, TimedBytes};

/// The formats that are read, for messages.
const FORMATS: &str = "JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA or QOI";

/// Decodes one picture: turned upright as its EXIF says, transparency laid on white, 8 bits a
/// channel. Of an animation this is the first frame.
///
/// # Errors
///
/// [`EncodeError::Unreadable`] or [`EncodeError::OverLimit`]: tell the sender.
pub(crate) fn picture(bytes: &[u8], limits: &Limits) -> Result<RgbImage, EncodeError> {
    guarded(Modality::Image, || {
        limits.check_bytes(Modality::Image, bytes)?;
        let deadline = limits.deadline();
        let failed = |error| failure(Modality::Image, limits, deadline, error);
        let format = format(Modality::Image, bytes)?;
        let mut reader = ImageReader::with_format(TimedBytes::new(bytes, deadline), format);
        reader.limits(decoder_limits(limits));
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let (width, height) = decoder.dimensions();
        limits.check_pixels(Modality::Image, width, height)?;
        if decoder.total_bytes() > limits.picture_alloc_bytes_max {
            return Err(over_alloc(
                Modality::Image,
                limits,
                format!("{} bytes of pixels", decoder.total_bytes()),
            ));
        }
        // A damaged orientation is no reason to refuse a picture that is otherwise whole.
        let orientation = decoder.orientation().unwrap_or(::image::metadata::Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
        deadline.check(Modality::Image)?;
        picture.apply_orientation(orientation);
        Ok(on_white(picture))
    })
}

/// Decodes the first frames of an animated picture, at most `limits.frames_max`; `None` if the
/// bytes are of no format that can be animated.
///
/// # Errors
///
/// As [`picture`], for the modality of films.
pub(crate) fn frames(bytes: &[u8], limits: &Limits) -> Result<Option<Vec<RgbImage>>, EncodeError> {
    guarded(Modality::Video, || {
        limits.check_bytes(Modality::Video, bytes)?;
        let deadline = limits.deadline();
        let failed = |error| failure(Modality::Video, limits, deadline, error);
        let source = TimedBytes::new(bytes, deadline);
        let frames = match ::image::guess_format(bytes) {
            Ok(ImageFormat::Gif) => animation(GifDecoder::new(source).map_err(failed)?, limits, deadline)?,
            Ok(ImageFormat::WebP) => {
                let decoder = WebPDecoder::new(source).map_err(failed)?;
                if !decoder.has_animation() {
                    return Ok(None);
                }
                animation(decoder, limits, deadline)?
            }
            Ok(ImageFormat::Png) => {
                let decoder = PngDecoder::with_limits(source, decoder_limits(limits)).map_err(failed)?;
                if !decoder.is_apng().map_err(failed)? {
                    return Ok(None);
                }
                let (width, height) = decoder.dimensions();
                limits.check_pixels(Modality::Video, width, height)?;
                decoder.apng().map_err(failed)?.into_frames()
            }
            _ => return Ok(None),
        };
        take_frames(frames, limits, deadline).map(Some)
    })
}

fn animation<'a, D>(mut decoder: D, limits: &Limits, deadline: Deadline) -> Result<Frames<'a>, EncodeError>
where
    D: ImageDecoder + AnimationDecoder<'a>,
{
    let (width, height) = decoder.dimensions();
    limits.check_pixels(Modality::Video, width, height)?;
    decoder
        .set_limits(decoder_limits(limits))
        .map_err(|error| failure(Modality::Video, limits, deadline, error))?;
    Ok(decoder.into_frames())
}

fn take_frames(
    frames: Frames<'_>,
    limits: &Limits,
    deadline: Deadline,
) -> Result<Vec<RgbImage>, EncodeError> {
    let mut pictures = Vec::new();
    for frame in frames.take(limits.frames_max) {
        match frame {
            Ok(frame) => pictures.push(on_white(DynamicImage::ImageRgba8(frame.into_buffer()))),
            // A damaged end leaves the frames before it.
            Err(_) if !pictures.is_empty() => break,
            Err(error) => return Err(failure(Modality::Video, limits, deadline, error)),
        }
        deadline.check(Modality::Video)?;
    }
    if pictures.is_empty() {
        return Err(EncodeError::unreadable(
            Modality::Video,
            "the animation has no frames, expected at least one",
        ));
    }
    Ok(pictures)
}

/// Runs a decoder of other people's making; a panic in it is an unreadable file, not the end of
/// the daemon. Nothing that it could leave half-changed outlives the call.
fn guarded<T>(modality: Modality, decode: impl FnOnce() -> Result<T, EncodeError>) -> Result<T, EncodeError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(EncodeError::unreadable(modality, "its data made the decoder fail")))
}

fn format(modality: Modality, bytes: &[u8]) -> Result<ImageFormat, EncodeError> {
    if let Ok(format) = ::image::guess_format(bytes) {
        return Ok(format);
    }
    // TGA has no mark at its start; its footer has one.
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return Ok(ImageFormat::Tga);
    }
    Err(EncodeError::unreadable(modality, format!("its format is not known, expected {FORMATS}")))
}

fn decoder_limits(limits: &Limits) -> ::image::Limits {
    let mut bounds = ::image::Limits::default();
    bounds.max_alloc = Some(limits.picture_alloc_bytes_max);
    bounds
}

fn failure(modality: Modality, limits: &Limits, deadline: Deadline, error: ImageError) -> EncodeError {
    if let Err(late) = deadline.check(modality) {
        return late;
    }
    match error {
        ImageError::Limits(_) => over_alloc(modality, limits, "more memory than that to decode".to_owned()),
        error => EncodeError::unreadable(modality, error.to_string()),
    }
}

fn over_alloc(modality: Modality, limits: &Limits, found: String) -> EncodeError {
    EncodeError::OverLimit {
        modality,
        limit: "picture_alloc_bytes_max",
        found,
        max: format!("{} bytes", limits.picture_alloc_bytes_max),
    }
}

/// Lays transparency on white, as the page behind a logo is; without it, pixels stay as they are.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    let mut opaque = RgbImage::new(width, height);
    for (to, from) in opaque.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u16::from);
        let blend = |value: u16| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        *to = Rgb([blend(red), blend(green), blend(blue)]);
    }
    opaque
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use ::image::codecs::gif::GifEncoder;
    use ::image::{Delay, Frame, Rgba, RgbaImage};

    use super::*;

    fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).expect("a picture is written");
        bytes.into_inner()
    }

    /// Left half red, right half blue.
    fn halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(
            width,
            height,
            |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) },
        )
    }

    /// A PNG with an EXIF chunk that gives this orientation.
    fn oriented(picture: RgbImage, orientation: u8) -> Vec<u8> {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut chunk = b"eXIf".to_vec();
        chunk.extend(exif);
        let png = file(picture, ImageFormat::Png);
        let (head, tail) = png.split_at(33);
        let length = (chunk.len() as u32 - 4).to_be_bytes();
        [head, &length, &chunk, &crc32(&chunk).to_be_bytes(), tail].concat()
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
        })
    }

    fn refusal(bytes: &[u8], limits: &Limits) -> String {
        picture(bytes, limits).expect_err("refused").to_string()
    }

    #[test]
    fn a_picture_is_turned_upright() {
        let turned = picture(&oriented(halves(4, 2), 6), &Limits::default()).expect("decodes");
        assert_eq!(turned.dimensions(), (2, 4));
        assert_eq!(turned.get_pixel(0, 0), &Rgb([255, 0, 0]));
        assert_eq!(turned.get_pixel(0, 3), &Rgb([0, 0, 255]));
    }

    #[test]
    fn transparency_lies_on_white() {
        let clear = RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0]));
        let half = RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 128]));
        let pixel =
            |image| *picture(&file(image, ImageFormat::Png), &Limits::default()).expect("ok").get_pixel(1, 1);
        assert_eq!(pixel(clear), Rgb([255, 255, 255]));
        assert_eq!(pixel(half), Rgb([127, 127, 127]));
    }

    #[test]
    fn gray_and_sixteen_bits_are_read() {
        let gray = ::image::GrayImage::from_pixel(3, 3, ::image::Luma([200]));
        let deep = ::image::ImageBuffer::from_pixel(3, 3, ::image::Luma([200_u16 * 257]));
        for bytes in [file(gray, ImageFormat::Png), file(DynamicImage::ImageLuma16(deep), ImageFormat::Png)] {
            let read = picture(&bytes, &Limits::default()).expect("decodes");
            assert_eq!(read.get_pixel(2, 2), &Rgb([200, 200, 200]));
        }
    }

    #[test]
    fn every_format_is_read() {
        use ImageFormat::{Bmp, Gif, Ico, Jpeg, Png, Pnm, Qoi, Tga, Tiff, WebP};
        for format in [Jpeg, Png, Gif, WebP, Bmp, Tiff, Pnm, Ico, Tga, Qoi] {
            let art = DynamicImage::ImageRgba8(RgbaImage::from_pixel(16, 9, Rgba([9, 9, 9, 255])));
            // JPEG has no transparency, and a PNG inside an ICO must have it.
            let mut bytes = if format == Ico { file(art, format) } else { file(art.into_rgb8(), format) };
            if format == Tga {
                bytes.extend(b"\0\0\0\0\0\0\0\0TRUEVISION-XFILE.\0");
            }
            let read =
                picture(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{format:?}: {error}"));
            assert_eq!(read.dimensions(), (16, 9), "{format:?}");
        }
    }

    #[test]
    fn each_limit_holds() {
        let png = file(halves(40, 30), ImageFormat::Png);
        let limits = Limits { pixels_max: 1199, ..Limits::default() };
        let over = "image of 40 x 30 pixels is over the limit `pixels_max`, expected at most 1199 pixels";
        assert_eq!(refusal(&png, &limits), over);
        assert!(picture(&png, &Limits { pixels_max: 1200, ..Limits::default() }).is_ok());

        let limits = Limits { bytes_max: 10, ..Limits::default() };
        let over =
            format!("image of {} bytes is over the limit `bytes_max`, expected at most 10 bytes", png.len());
        assert_eq!(refusal(&png, &limits), over);

        let limits = Limits { picture_alloc_bytes_max: 1000, ..Limits::default() };
        assert!(refusal(&png, &limits).contains("picture_alloc_bytes_max"));

        let limits = Limits { decode_time_max: Duration::ZERO, ..Limits::default() };
        assert!(refusal(&png, &limits).contains("decode_time_max"));
    }

    #[test]
    fn what_is_no_picture_is_refused_by_a_sentence() {
        let limits = Limits::default();
        assert_eq!(
            refusal(b"", &limits),
            "image cannot be read: the file is empty, expected at least one byte"
        );
        assert_eq!(
            refusal(b"hello", &limits),
            "image cannot be read: its format is not known, expected JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA or QOI"
        );
        let png = file(halves(40, 30), ImageFormat::Png);
        assert!(refusal(&png[..60], &limits).starts_with("image cannot be read: "));
    }

    fn animation_of(frames: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for at in 0..frames {
            let picture = RgbaImage::from_pixel(8, 8, Rgba([at * 20, 0, 0, 255]));
            let delay = Delay::from_numer_denom_ms(100, 1);
            encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).expect("a frame is written");
        }
        drop(encoder);
        bytes
    }

    #[test]
    fn an_animation_gives_its_first_frames() {
        let gif = animation_of(5);
        let count = |frames_max| {
            let read = frames(&gif, &Limits { frames_max, ..Limits::default() });
            read.expect("decodes").expect("is animated").len()
        };
        assert_eq!((count(16), count(2)), (5, 2));
        let limits = Limits { pixels_max: 63, ..Limits::default() };
        assert!(matches!(frames(&gif, &limits), Err(EncodeError::OverLimit { .. })));
    }

    #[test]
    fn a_still_picture_is_no_animation() {
        assert_eq!(frames(&file(halves(4, 4), ImageFormat::Png), &Limits::default()), Ok(None));
        assert_eq!(frames(&file(halves(4, 4), ImageFormat::WebP), &Limits::default()), Ok(None));
    }
}
