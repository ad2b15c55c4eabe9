//! Pictures: pixels to one direction and the names of what is seen.

use ::image::RgbImage;
use attuned_recommender::Modality;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::encoding::Encoding;
use crate::error::{EncodeError, ModelError, one_line};
use crate::limits::Limits;
use crate::model::{ImageEntry, Model};
use crate::network::{Array, Network, Runtime};
use crate::outputs::Outputs;

pub(crate) mod decode;

/// An image model with its labels.
#[derive(Debug)]
pub(crate) struct ImageModel {
    network: Network,
    outputs: Outputs,
    pub entry: ImageEntry,
}

impl ImageModel {
    /// Loads network and labels.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    pub fn load(model: &Model, runtime: Runtime) -> Result<ImageModel, ModelError> {
        let entry = model
            .document
            .image
            .clone()
            .ok_or_else(|| model.refused("model.toml: section [image] is missing"))?;
        let crop = entry.crop as usize;
        model.expect_input(&[1, 3, crop, crop])?;
        // What the network says of its own shapes comes before what follows from them.
        let network = Network::load(model, runtime)?;
        Ok(ImageModel { outputs: Outputs::load(model)?, network, entry })
    }

    /// Understands a picture file.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unreadable`] and [`EncodeError::OverLimit`] for the sender;
    /// [`EncodeError::Unavailable`] if the network fails.
    pub fn encode(&self, bytes: &[u8], limits: &Limits) -> Result<Encoding, EncodeError> {
        let picture = decode::picture(bytes, limits)?;
        self.understand(Modality::Image, &[picture])
    }

    /// Understands pictures as one: their features and logits are averaged.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unavailable`] if the network fails, or there are no pictures.
    pub fn understand(&self, modality: Modality, pictures: &[RgbImage]) -> Result<Encoding, EncodeError> {
        let unavailable = |reason: String| EncodeError::Unavailable { modality, reason: one_line(&reason) };
        let mut sums: Vec<Vec<f32>> = Vec::new();
        for picture in pictures {
            let outputs = self.outputs(&central_square(picture, &self.entry)).map_err(unavailable)?;
            add(&mut sums, outputs, 1.0 / pictures.len() as f32);
        }
        if sums.is_empty() {
            return Err(unavailable("there are no pictures".to_owned()));
        }
        self.outputs.encoding(modality, &sums).map_err(unavailable)
    }

    /// The network's outputs for one square of pixels of the model's size.
    pub fn outputs(&self, square: &[u8]) -> Result<Vec<Vec<f32>>, String> {
        let side = self.entry.crop as usize;
        self.network.run(vec![Array::F32(vec![1, 3, side, side], normalised(square, &self.entry))])
    }
}

/// Adds `weight` times `outputs` to `sums`, which starts empty.
pub(crate) fn add(sums: &mut Vec<Vec<f32>>, outputs: Vec<Vec<f32>>, weight: f32) {
    sums.resize(outputs.len(), Vec::new());
    for (sum, output) in sums.iter_mut().zip(outputs) {
        sum.resize(output.len(), 0.0);
        for (sum, value) in sum.iter_mut().zip(output) {
            *sum += weight * value;
        }
    }
}

/// Resizes the shorter side to the model's and cuts out the centre: `crop * crop` RGB pixels, row
/// by row.
///
/// The result is that of PIL's `resize(BICUBIC)` followed by a crop, sizes and offsets rounded as
/// in torchvision's `Resize` and `CenterCrop`; only the pixels inside the crop are computed, so a
/// picture of any proportions costs about the same.
pub(crate) fn central_square(picture: &RgbImage, entry: &ImageEntry) -> Vec<u8> {
    centre(picture, entry.resize_shorter_side, entry.crop)
}

/// The whole of a picture's central square, with sides of so many pixels.
pub(crate) fn square(picture: &RgbImage, side: u32) -> RgbImage {
    RgbImage::from_raw(side, side, centre(picture, side, side)).expect("as many pixels as were asked for")
}

fn centre(picture: &RgbImage, shorter_side: u32, crop: u32) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let short = f64::from(width.min(height));
    let side = u64::from(shorter_side);
    let resized = |length: u32| side * u64::from(length) / short as u64;
    let span = |length: u32| {
        let resized = resized(length);
        let scale = f64::from(length) / resized as f64;
        let before = round_half_even((resized - u64::from(crop)) as f64 / 2.0);
        let start = before * scale;
        (start, (f64::from(crop) * scale).min(f64::from(length) - start))
    };
    let (left, across) = span(width);
    let (top, down) = span(height);
    // As in PIL, rows are resized first, of only the band that the columns then reach: each pass
    // rounds and clips to 8 bits, so their order shows at hard edges.
    let reach = CUBIC_RADIUS * (down / f64::from(crop)).max(1.0) + 1.0;
    let first = (top - reach).floor().max(0.0);
    let last = (top + down + reach).ceil().min(f64::from(height));
    let mut band = TypedImage::<U8x3>::new(crop, (last - first) as u32);
    let mut square = TypedImage::<U8x3>::new(crop, crop);
    let cubic =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).use_alpha(false);
    // The typed resizer compiles for this one kind of pixel rather than for all thirteen.
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, picture.as_raw());
    let result = source.map_err(|error| error.to_string()).and_then(|source| {
        let mut resizer = Resizer::new();
        let rows = cubic.crop(left, first, across, last - first);
        resizer.resize_typed(&source, &mut band, &rows).map_err(|error| error.to_string())?;
        let columns = cubic.crop(0.0, top - first, f64::from(crop), down);
        resizer.resize_typed(&band, &mut square, &columns).map_err(|error| error.to_string())
    });
    result.expect("a picture has a pixel or more, and the crop lies inside it");
    square.pixels().iter().flat_map(|pixel| pixel.0).collect()
}

/// How far the cubic reaches, in pixels of the coarser of the two pictures.
const CUBIC_RADIUS: f64 = 2.0;

/// Python's rounding, which torchvision's `CenterCrop` uses.
fn round_half_even(value: f64) -> f64 {
    value.round_ties_even()
}

/// Pixels as the network takes them: channels first, scaled, centred, divided.
fn normalised(square: &[u8], entry: &ImageEntry) -> Vec<f32> {
    let area = square.len() / 3;
    let mut values = vec![0.0; square.len()];
    for (at, pixel) in square.chunks_exact(3).enumerate() {
        for channel in 0..3 {
            let value = f32::from(pixel[channel]) * entry.scale;
            values[channel * area + at] = (value - entry.mean[channel]) / entry.std[channel];
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;
    use crate::model::FilterEntry;

    #[test]
    fn a_picture_of_any_proportions_becomes_a_square() {
        let entry = ImageEntry {
            resize_shorter_side: 256,
            crop: 224,
            _filter: FilterEntry::Bicubic,
            scale: 1.0,
            mean: [127.0; 3],
            std: [128.0; 3],
        };
        for (width, height) in
            [(1, 1), (1, 30_000), (30_000, 1), (3, 2), (255, 257), (224, 224), (256, 256), (2000, 301)]
        {
            let picture = RgbImage::from_pixel(width, height, Rgb([10, 20, 30]));
            let square = central_square(&picture, &entry);
            assert_eq!(square.len(), 224 * 224 * 3, "{width} x {height}");
            assert!(square.chunks_exact(3).all(|pixel| pixel == [10, 20, 30]), "{width} x {height}");
            assert_eq!(normalised(&square, &entry)[0], -117.0 / 128.0);
        }
    }
}
