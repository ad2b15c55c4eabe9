//! A file of any known format to upright pixels on white, within limits.

use ::image::codecs::gif::GifDecoder;
use ::image::codecs::png::PngDecoder;
use ::image::codecs::webp::WebPDecoder;
use ::image::metadata::Orientation;
use ::image::{
    AnimationDecoder, ColorType, DynamicImage, Frames, ImageDecoder, ImageError, ImageFormat, ImageReader,
    RgbImage,
};
use attuned_recommender::Modality;

use crate::error::EncodeError;
use crate::guard::guarded;
use crate::limits::{Deadline, Limits, TimedBytes};

mod jpeg;
mod pixels;

/// The formats that are read, for messages.
const FORMATS: &str = "JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA, QOI, HDR, DDS or farbfeld";

/// A picture whose sides are both so many times this is made smaller as soon as it is decoded. What
/// follows takes a quarter of this or less, so it sees no difference.
const SIDE_KEPT: u32 = 1024;

/// Decodes one picture: turned upright as its EXIF says, transparency laid on white, 8 bits a
/// channel, and smaller if its shorter side is twice [`SIDE_KEPT`] or more. Of an animation this
/// is the first frame.
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
        check_cost(format, bytes, &decoder, limits)?;
        // A damaged orientation is no reason to refuse a picture that is otherwise whole.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let color = decoder.color_type();
        let mut buffer = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
        decoder.read_image(&mut buffer).map_err(failed)?;
        deadline.check(Modality::Image)?;
        let picture = pixels::on_white(color, width, height, buffer)
            .and_then(|buffer| RgbImage::from_raw(width, height, buffer))
            .ok_or_else(|| {
                EncodeError::unreadable(
                    Modality::Image,
                    format!("its pixels are {color:?}, which are not known"),
                )
            })?;
        let mut picture = DynamicImage::ImageRgb8(pixels::smaller(picture, SIDE_KEPT));
        picture.apply_orientation(orientation);
        Ok(picture.into_rgb8())
    })
}

/// Hands the frames of an animated picture to `take`, in their order; gives whether the bytes are
/// of a format that is animated. A damaged or slow end leaves the frames before it.
///
/// # Errors
///
/// As [`picture`], for the modality of films.
pub(crate) fn frames(
    bytes: &[u8],
    limits: &Limits,
    mut take: impl FnMut(RgbImage),
) -> Result<bool, EncodeError> {
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
                    return Ok(false);
                }
                animation(decoder, limits, deadline)?
            }
            Ok(ImageFormat::Png) => {
                let decoder = PngDecoder::with_limits(source, decoder_limits(limits)).map_err(failed)?;
                if !decoder.is_apng().map_err(failed)? {
                    return Ok(false);
                }
                check_canvas(&decoder, limits)?;
                decoder.apng().map_err(failed)?.into_frames()
            }
            _ => return Ok(false),
        };
        take_frames(frames, limits, deadline, &mut take)?;
        Ok(true)
    })
}

fn animation<'a, D>(mut decoder: D, limits: &Limits, deadline: Deadline) -> Result<Frames<'a>, EncodeError>
where
    D: ImageDecoder + AnimationDecoder<'a>,
{
    check_canvas(&decoder, limits)?;
    decoder
        .set_limits(decoder_limits(limits))
        .map_err(|error| failure(Modality::Video, limits, deadline, error))?;
    Ok(decoder.into_frames())
}

fn take_frames(
    frames: Frames<'_>,
    limits: &Limits,
    deadline: Deadline,
    take: &mut impl FnMut(RgbImage),
) -> Result<(), EncodeError> {
    let mut taken = false;
    for frame in frames {
        match frame {
            Ok(frame) => {
                let frame = frame.into_buffer();
                let (width, height) = frame.dimensions();
                let buffer = pixels::on_white(ColorType::Rgba8, width, height, frame.into_raw());
                if let Some(frame) = buffer.and_then(|buffer| RgbImage::from_raw(width, height, buffer)) {
                    take(frame);
                    taken = true;
                }
            }
            Err(_) if taken => break,
            Err(error) => return Err(failure(Modality::Video, limits, deadline, error)),
        }
        if deadline.left().is_zero() {
            break;
        }
    }
    if !taken {
        deadline.check(Modality::Video)?;
        return Err(EncodeError::unreadable(
            Modality::Video,
            "the animation has no frames, expected at least one",
        ));
    }
    Ok(())
}

/// Refuses a picture that would take more memory than allowed, before it is taken, or that would
/// be decoded over and over.
fn check_cost(
    format: ImageFormat,
    bytes: &[u8],
    decoder: &impl ImageDecoder,
    limits: &Limits,
) -> Result<(), EncodeError> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    // What a decoder holds beside the pixels it gives, in bytes a pixel, by its source.
    let held = match format {
        ImageFormat::Jpeg => {
            let scans = jpeg::scans(bytes);
            if scans.passes.saturating_mul(pixels) > limits.passes_pixels_max {
                return Err(EncodeError::OverLimit {
                    modality: Modality::Image,
                    limit: "passes_pixels_max",
                    found: format!("{} passes over {width} x {height} pixels", scans.passes),
                    max: format!("{} pixels", limits.passes_pixels_max),
                });
            }
            scans.held_bytes(pixels)
        }
        ImageFormat::WebP => 4 * pixels,
        ImageFormat::Gif => 5 * pixels,
        _ => 0,
    };
    let widened = if decoder.color_type().bytes_per_pixel() < 3 { 3 * pixels } else { 0 };
    let needed = decoder.total_bytes().saturating_add(held).saturating_add(widened);
    if needed > limits.picture_alloc_bytes_max {
        return Err(over_alloc(Modality::Image, limits, format!("{needed} bytes to decode")));
    }
    Ok(())
}

/// Refuses an animation whose canvas, previous canvas and frame together take more memory than
/// allowed.
fn check_canvas(decoder: &impl ImageDecoder, limits: &Limits) -> Result<(), EncodeError> {
    let (width, height) = decoder.dimensions();
    limits.check_pixels(Modality::Video, width, height)?;
    let needed = 12 * u64::from(width) * u64::from(height);
    if needed > limits.picture_alloc_bytes_max {
        return Err(over_alloc(Modality::Video, limits, format!("{needed} bytes to decode")));
    }
    Ok(())
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

#[cfg(test)]
mod orientation;

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use ::image::codecs::gif::GifEncoder;
    use ::image::{Delay, Frame, Rgb, Rgba, RgbaImage};

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
        use ImageFormat::{Bmp, Farbfeld, Gif, Hdr, Ico, Jpeg, Png, Pnm, Qoi, Tga, Tiff, WebP};
        for format in [Jpeg, Png, Gif, WebP, Bmp, Tiff, Pnm, Ico, Tga, Qoi, Hdr, Farbfeld] {
            let art = DynamicImage::ImageRgba8(RgbaImage::from_pixel(16, 9, Rgba([9, 9, 9, 255])));
            // JPEG has no transparency, a PNG inside an ICO must have it, and some have only one depth.
            let mut bytes = match format {
                Ico => file(art, format),
                Farbfeld => file(art.into_rgba16(), format),
                Hdr => file(art.into_rgb32f(), format),
                _ => file(art.into_rgb8(), format),
            };
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
            "image cannot be read: its format is not known, expected JPEG, PNG, GIF, WebP, BMP, TIFF, PNM, ICO, TGA, QOI, HDR, DDS or farbfeld"
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

    /// The red of each frame's first pixel.
    fn reds(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, EncodeError> {
        let mut reds = Vec::new();
        assert!(frames(bytes, limits, |frame| reds.push(frame.as_raw()[0]))?, "is animated");
        Ok(reds)
    }

    #[test]
    fn an_animation_gives_its_frames_in_order() {
        let gif = animation_of(5);
        assert_eq!(reds(&gif, &Limits::default()), Ok(vec![0, 20, 40, 60, 80]));
        for limits in [
            Limits { pixels_max: 63, ..Limits::default() },
            Limits { picture_alloc_bytes_max: 12 * 64 - 1, ..Limits::default() },
        ] {
            assert!(matches!(reds(&gif, &limits), Err(EncodeError::OverLimit { .. })));
        }
    }

    #[test]
    fn a_damaged_end_leaves_the_frames_before_it() {
        let gif = animation_of(5);
        let read = reds(&gif[..gif.len() - 30], &Limits::default()).expect("frames");
        assert!((1..5).contains(&read.len()), "{read:?}");
    }

    #[test]
    fn a_still_picture_is_no_animation() {
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            assert_eq!(frames(&file(halves(4, 4), format), &Limits::default(), |_| {}), Ok(false));
        }
    }
}
