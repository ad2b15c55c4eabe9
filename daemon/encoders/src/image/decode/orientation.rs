//! Pictures that say how they are to be turned, in every format of cameras.

use std::io::Cursor;

use ::image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::picture;
use crate::limits::Limits;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 32;

/// The colours of the quarters as they are stored: above left and right, below left and right.
const STORED: [Rgb<u8>; 4] = [Rgb([255, 0, 0]), Rgb([0, 255, 0]), Rgb([0, 0, 255]), Rgb([255, 255, 255])];

/// By EXIF's orientation, 1 to 8, which of the stored quarters is seen above left and right, below
/// left and right. Source: TIFF 6.0, section 8, "Orientation".
const SEEN: [[usize; 4]; 8] = [
    [0, 1, 2, 3],
    [1, 0, 3, 2],
    [3, 2, 1, 0],
    [2, 3, 0, 1],
    [0, 2, 1, 3],
    [2, 0, 3, 1],
    [3, 1, 2, 0],
    [1, 3, 0, 2],
];

fn stored() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        STORED[usize::from(x >= WIDTH / 2) + 2 * usize::from(y >= HEIGHT / 2)]
    })
}

fn plain(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(stored()).write_to(&mut bytes, format).expect("a picture is written");
    bytes.into_inner()
}

/// EXIF with nothing but the orientation, in either order of bytes.
fn exif(orientation: u8, big_endian: bool) -> Vec<u8> {
    let head: &[u8] = if big_endian {
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"
    } else {
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"
    };
    [head, &[orientation], &[0; 8]].concat()
}

fn jpeg(orientation: u8, big_endian: bool) -> Vec<u8> {
    let plain = plain(ImageFormat::Jpeg);
    let exif = [&b"Exif\0\0"[..], &exif(orientation, big_endian)].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&plain[..2], b"\xff\xe1", &length, &exif, &plain[2..]].concat()
}

fn webp(orientation: u8) -> Vec<u8> {
    let plain = plain(ImageFormat::WebP);
    let chunk = |name: &[u8; 4], content: &[u8]| {
        let padding = &[0][..content.len() % 2];
        [&name[..], &(content.len() as u32).to_le_bytes(), content, padding].concat()
    };
    // Flags: there is EXIF. Then width and height, each less one, in three bytes.
    let [wide, high] = [WIDTH - 1, HEIGHT - 1].map(|side| side.to_le_bytes());
    let extended = [&[0x08, 0, 0, 0][..], &wide[..3], &high[..3]].concat();
    let chunks = [chunk(b"VP8X", &extended), plain[12..].to_vec(), chunk(b"EXIF", &exif(orientation, false))];
    chunk(b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

/// A TIFF of one strip, not compressed.
fn tiff(orientation: u8) -> Vec<u8> {
    let pixels = stored().into_raw();
    let entries: [(u16, u32); 10] = [
        (256, WIDTH),
        (257, HEIGHT),
        (258, 8),
        (259, 1),
        (262, 2),
        (273, 8),
        (274, u32::from(orientation)),
        (277, 3),
        (278, HEIGHT),
        (279, pixels.len() as u32),
    ];
    let directory = 8 + pixels.len() as u32;
    let bits_at = directory + 2 + 12 * entries.len() as u32 + 4;
    let mut file = [&b"II*\0"[..], &directory.to_le_bytes(), &pixels].concat();
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        // Bits of a sample are a list of three short numbers, which does not fit into the entry.
        let (kind, count, value) = if tag == 258 { (3_u16, 3_u32, bits_at) } else { (4, 1, value) };
        let (kind, value) = if tag == 274 { (3, value) } else { (kind, value) };
        file.extend([&tag.to_le_bytes()[..], &kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file.extend([8, 0, 8, 0, 8, 0]);
    file
}

#[track_caller]
fn check(name: &str, orientation: usize, file: &[u8]) {
    let upright = picture(file, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (width, height) = upright.dimensions();
    let turned = orientation >= 5;
    assert_eq!(
        (width, height),
        if turned { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) },
        "{name} {orientation}"
    );
    let places = [(1, 1), (3, 1), (1, 3), (3, 3)];
    for ((x, y), quarter) in places.into_iter().zip(SEEN[orientation - 1]) {
        let seen = upright.get_pixel(x * width / 4, y * height / 4);
        let far = seen.0.iter().zip(STORED[quarter].0).map(|(a, b)| a.abs_diff(b)).max();
        // JPEG's colours are about right.
        assert!(far < Some(12), "{name} {orientation}: {seen:?} at {x}, {y}");
    }
}

#[test]
fn pictures_of_every_orientation_are_turned_upright() {
    for orientation in 1..=8_u8 {
        let at = usize::from(orientation);
        check("JPEG", at, &jpeg(orientation, false));
        check("JPEG, big-endian", at, &jpeg(orientation, true));
        check("WebP", at, &webp(orientation));
        check("TIFF", at, &tiff(orientation));
    }
}

#[test]
fn an_orientation_that_is_none_turns_nothing() {
    for orientation in [0, 9, 255] {
        check("JPEG", 1, &jpeg(orientation, false));
        check("WebP", 1, &webp(orientation));
        check("TIFF", 1, &tiff(orientation));
    }
}
