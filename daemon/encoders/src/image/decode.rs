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
            Ok(ImageFormat::Gif) => {
                animation(GifDecoder::new(source).map_err(failed)?, limits).map_err(failed)?
            }
            Ok(ImageFormat::WebP) => {
                let decoder = WebPDecoder::new(source).map_err(failed)?;
                if !decoder.has_animation() {
                    return Ok(None);
                }
                animation(decoder, limits).map_err(failed)?
            }
            Ok(ImageFormat::Png) => {
                let decoder = PngDecoder::new(source).map_err(failed)?;
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

fn animation<'a, D>(mut decoder: D, limits: &Limits) -> Result<Frames<'a>, ImageError>
where
    D: ImageDecoder + AnimationDecoder<'a>,
{
    let mut bounds = decoder_limits(limits);
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels_max {
        bounds.max_image_width = Some(0);
    }
    decoder.set_limits(bounds)?;
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
        ImageError::Limits(_) => EncodeError::OverLimit {
            modality,
            limit: "picture_alloc_bytes_max",
            found: "a picture that needs more memory".to_owned(),
            max: format!("{} bytes", limits.picture_alloc_bytes_max),
        },
        error => EncodeError::unreadable(modality, error.to_string()),
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
