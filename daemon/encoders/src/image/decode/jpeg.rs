//! How often a JPEG goes over its pixels, and what its decoder holds meanwhile.
//!
//! A progressive file of a few kilobytes may name thousands of passes over millions of pixels; the
//! decoder does them all, and holds every coefficient until the end.

/// The passes of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scans {
    /// How often the pixels are gone over; 1 for a file that is not progressive.
    pub passes: u64,
    /// Coefficients that are held for a pixel; none if it is not progressive.
    coefficients_a_pixel: f64,
}

impl Scans {
    /// Bytes that the decoder holds beside the pixels it gives.
    pub fn held_bytes(&self, pixels: u64) -> u64 {
        (pixels as f64 * self.coefficients_a_pixel * 2.0) as u64
    }
}

/// Reads the passes from the markers of ITU T.81, annex B; 0xFF before anything but a marker is
/// followed by 0 in what is compressed.
pub(super) fn scans(bytes: &[u8]) -> Scans {
    let mut scans = Scans { passes: 0, coefficients_a_pixel: 0.0 };
    let mut progressive = false;
    for (at, pair) in bytes.windows(2).enumerate() {
        match pair {
            // The frames of progressive files, with and without arithmetic coding.
            [0xFF, 0xC2 | 0xC6 | 0xCA | 0xCE] if !progressive => {
                progressive = true;
                scans.coefficients_a_pixel = coefficients(&bytes[at + 2..]);
            }
            [0xFF, 0xDA] => scans.passes += 1,
            _ => {}
        }
    }
    if !progressive {
        // A pass for each component goes over its own part of the pixels.
        scans.passes = 1;
    }
    scans
}

/// From the frame's header after its marker: components with their sampling factors, of which the
/// largest stand for a whole picture. Without whole ones, as much as four components can be.
fn coefficients(header: &[u8]) -> f64 {
    let (Some(count), Some(components)) = (header.get(7), header.get(8..)) else { return 4.0 };
    let parts: Vec<f64> = components
        .chunks_exact(3)
        .take(usize::from(*count))
        .map(|component| f64::from(component[1] >> 4) * f64::from(component[1] & 15))
        .collect();
    let largest = parts.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 { 4.0 } else { parts.iter().sum::<f64>() / largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of three components, the first with twice the others' pixels each way, and passes.
    fn file(frame: u8, passes: usize) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, frame, 0, 17, 8, 0, 16, 0, 16, 3];
        bytes.extend([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
        (0..passes).for_each(|_| bytes.extend([0xFF, 0xDA, 0, 2, 0x12, 0xFF, 0x00]));
        bytes
    }

    #[test]
    fn passes_and_coefficients_are_counted() {
        assert_eq!(scans(&file(0xC2, 12)), Scans { passes: 12, coefficients_a_pixel: 1.5 });
        assert_eq!(scans(&file(0xC2, 12)).held_bytes(1000), 3000);
        assert_eq!(scans(&file(0xC0, 3)), Scans { passes: 1, coefficients_a_pixel: 0.0 });
        assert_eq!(scans(&file(0xC2, 1)[..9]), Scans { passes: 0, coefficients_a_pixel: 4.0 });
        assert_eq!(scans(b"").passes, 1);
    }
}
