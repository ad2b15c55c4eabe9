//! Pixels of any kind to three bytes each, in as little memory as can be.

use ::image::{ColorType, RgbImage};

/// Lays transparency on white, as the page behind a logo is, and gives 8 bits for red, green and
/// blue each; `None` for a kind of pixel that is not known, or too few of them. Where a pixel
/// has three bytes or more it is written over what was read.
pub(super) fn on_white(color: ColorType, width: u32, height: u32, buffer: Vec<u8>) -> Option<Vec<u8>> {
    let pixels = width as usize * height as usize;
    if buffer.len() != pixels * usize::from(color.bytes_per_pixel()) {
        return None;
    }
    Some(match color {
        ColorType::Rgb8 => buffer,
        ColorType::L8 => each(buffer, |[gray]: [u8; 1]| [gray; 3]),
        ColorType::La8 => each(buffer, |[gray, alpha]: [u8; 2]| blend([gray; 3], alpha)),
        ColorType::Rgba8 => {
            each(buffer, |[red, green, blue, alpha]: [u8; 4]| blend([red, green, blue], alpha))
        }
        ColorType::L16 => each(buffer, |gray: [u8; 2]| [deep(&gray, 0); 3]),
        ColorType::La16 => each(buffer, |pixel: [u8; 4]| blend([deep(&pixel, 0); 3], deep(&pixel, 1))),
        ColorType::Rgb16 => each(buffer, |pixel: [u8; 6]| [0, 1, 2].map(|channel| deep(&pixel, channel))),
        ColorType::Rgba16 => each(buffer, |pixel: [u8; 8]| {
            blend([0, 1, 2].map(|channel| deep(&pixel, channel)), deep(&pixel, 3))
        }),
        ColorType::Rgb32F => {
            each(buffer, |pixel: [u8; 12]| [0, 1, 2].map(|channel| shown(light(&pixel, channel))))
        }
        ColorType::Rgba32F => each(buffer, |pixel: [u8; 16]| {
            let alpha = (light(&pixel, 3).clamp(0.0, 1.0) * 255.0).round() as u8;
            blend([0, 1, 2].map(|channel| shown(light(&pixel, channel))), alpha)
        }),
        _ => return None,
    })
}

/// Rewrites pixels of `N` bytes as three, in place unless they are fewer.
fn each<const N: usize>(mut buffer: Vec<u8>, convert: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    if N < 3 {
        return buffer.as_chunks::<N>().0.iter().flat_map(|pixel| convert(*pixel)).collect();
    }
    let pixels = buffer.len() / N;
    for pixel in 0..pixels {
        let mut from = [0; N];
        from.copy_from_slice(&buffer[pixel * N..(pixel + 1) * N]);
        buffer[pixel * 3..pixel * 3 + 3].copy_from_slice(&convert(from));
    }
    buffer.truncate(pixels * 3);
    buffer.shrink_to_fit();
    buffer
}

fn blend(color: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u16::from(alpha);
    color.map(|value| ((u16::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

/// A channel of 16 bits in 8.
fn deep(pixel: &[u8], channel: usize) -> u8 {
    let value = u16::from_ne_bytes([pixel[2 * channel], pixel[2 * channel + 1]]);
    ((u32::from(value) + 128) / 257) as u8
}

/// A channel of 32 bits, which says how much light there is; what is not a number is none.
fn light(pixel: &[u8], channel: usize) -> f32 {
    let at = 4 * channel;
    let value = f32::from_ne_bytes([pixel[at], pixel[at + 1], pixel[at + 2], pixel[at + 3]]);
    if value.is_nan() { 0.0 } else { value }
}

/// Light as a screen is told of it, by the curve of sRGB (IEC 61966-2-1).
fn shown(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let shown = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (shown * 255.0).round() as u8
}

/// Makes a picture smaller by the mean of squares of whole pixels, so that its shorter side is not
/// below `side`; as it is if that is not half of it.
pub(super) fn smaller(picture: RgbImage, side: u32) -> RgbImage {
    let factor = picture.width().min(picture.height()) / side;
    if factor < 2 {
        return picture;
    }
    let (width, height) = (picture.width() / factor, picture.height() / factor);
    let row_bytes = picture.width() as usize * 3;
    let area = factor * factor;
    let mut small = Vec::with_capacity(width as usize * height as usize * 3);
    let mut sums = vec![0_u32; width as usize * 3];
    for rows in picture.as_raw().chunks_exact(row_bytes * factor as usize).take(height as usize) {
        sums.fill(0);
        for row in rows.chunks_exact(row_bytes) {
            for (sums, square) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * factor as usize)) {
                for pixel in square.chunks_exact(3) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
        }
        small.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    RgbImage::from_raw(width, height, small).expect("as many rows and columns as were counted")
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;

    #[track_caller]
    fn check(color: ColorType, pixel: &[u8], expected: [u8; 3]) {
        let two = on_white(color, 2, 1, [pixel, pixel].concat()).expect("a known kind");
        assert_eq!(two, [expected, expected].concat(), "{color:?}");
    }

    #[test]
    fn every_kind_of_pixel_becomes_three_bytes() {
        let deep = |values: &[u16]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
        let light = |values: &[f32]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
        check(ColorType::L8, &[7], [7; 3]);
        check(ColorType::La8, &[0, 128], [127; 3]);
        check(ColorType::Rgb8, &[1, 2, 3], [1, 2, 3]);
        check(ColorType::Rgba8, &[1, 2, 3, 255], [1, 2, 3]);
        check(ColorType::Rgba8, &[1, 2, 3, 0], [255; 3]);
        check(ColorType::L16, &deep(&[257 * 9]), [9; 3]);
        check(ColorType::La16, &deep(&[257 * 9, 0]), [255; 3]);
        check(ColorType::Rgb16, &deep(&[257, 514, 65535]), [1, 2, 255]);
        check(ColorType::Rgba16, &deep(&[257, 514, 771, 65535]), [1, 2, 3]);
        check(ColorType::Rgb32F, &light(&[0.0, 1.0, f32::NAN]), [0, 255, 0]);
        check(ColorType::Rgba32F, &light(&[0.215_9, 9.0, -1.0, 1.0]), [128, 255, 0]);
        assert_eq!(on_white(ColorType::Rgb8, 2, 2, vec![0; 11]), None);
    }

    #[test]
    fn a_large_picture_becomes_smaller_by_means() {
        let stripes =
            RgbImage::from_fn(9, 8, |x, _| if x % 2 == 0 { Rgb([0, 100, 9]) } else { Rgb([200, 100, 9]) });
        let small = smaller(stripes.clone(), 4);
        assert_eq!(small.dimensions(), (4, 4));
        assert!(small.pixels().all(|pixel| pixel == &Rgb([100, 100, 9])), "{small:?}");
        assert_eq!(smaller(stripes.clone(), 5), stripes);
    }
}
