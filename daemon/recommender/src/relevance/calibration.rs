//! Made by `models/train/relevance.py --write`; not edited by hand.

use super::{Calibration, Origin};

const fn row([cosine, mean, deviation, size, bias]: [f32; 5], usual: (f32, f32)) -> Calibration {
    Calibration { cosine, mean, deviation, size, bias, usual }
}

/// By the origin of the query's vector, then by that of the item's: text, image, audio, video,
/// several.
#[rustfmt::skip]
pub(super) const SHARED: [[Calibration; Origin::COUNT]; Origin::COUNT] = [
    [
        row([15.22, 12.73, -18.61, -0.70, -0.29], (0.01, 0.055)),
        row([13.17, -12.00, 1.42, -1.22, 2.04], (0.01, 0.055)),
        row([18.83, -15.89, 0.97, -1.14, 0.02], (0.01, 0.055)),
        row([13.17, -12.00, 1.42, -1.22, 2.04], (0.01, 0.055)), // as text -> image
        row([14.48, -0.33, -10.57, -0.67, -0.01], (0.01, 0.055)),
    ],
    [
        row([12.52, -6.91, -15.20, -0.48, 0.96], (0.01, 0.055)),
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)),
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([11.68, 0.00, 0.00, -0.75, 1.34], (0.01, 0.055)),
    ],
    [
        row([16.39, 13.36, 20.93, -0.28, -3.63], (0.01, 0.055)),
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([7.44, -9.38, 12.57, -0.72, -3.07], (0.01, 0.055)),
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([11.68, 0.00, 0.00, -0.75, 1.34], (0.01, 0.055)), // as image -> several
    ],
    [
        row([12.52, -6.91, -15.20, -0.48, 0.96], (0.01, 0.055)), // as image -> text
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([7.44, 0.00, 0.00, -0.57, 0.43], (0.01, 0.055)), // as image -> image
        row([11.68, 0.00, 0.00, -0.75, 1.34], (0.01, 0.055)), // as image -> several
    ],
    [
        row([14.03, -15.11, 12.25, -0.92, -0.84], (0.01, 0.055)),
        row([13.17, -12.00, 1.42, -1.22, 2.04], (0.01, 0.055)), // as text -> image
        row([18.83, -15.89, 0.97, -1.14, 0.02], (0.01, 0.055)), // as text -> audio
        row([13.17, -12.00, 1.42, -1.22, 2.04], (0.01, 0.055)), // as text -> image
        row([16.56, 7.29, -16.06, -0.77, -1.05], (0.01, 0.055)),
    ],
];

/// By medium: text, image, audio, video.
#[rustfmt::skip]
pub(super) const OWN: [Calibration; 4] = [
    row([15.22, 12.73, -18.61, -0.70, -0.29], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -3.60], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -7.05], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -3.60], (0.01, 0.055)), // as image -> own image
];
