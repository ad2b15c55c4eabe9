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
        row([15.05, 11.16, -17.06, -0.70, 0.05], (0.01, 0.055)),
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)),
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)), // as text -> image
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)), // as text -> image
        row([15.45, 11.59, -19.78, -0.98, 1.20], (0.01, 0.055)),
    ],
    [
        row([11.43, 24.92, -20.81, -0.15, -0.23], (0.01, 0.055)),
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)),
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([9.99, 7.64, -28.92, -0.16, 0.66], (0.01, 0.055)),
    ],
    [
        row([11.43, 24.92, -20.81, -0.15, -0.23], (0.01, 0.055)), // as image -> text
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([9.99, 7.64, -28.92, -0.16, 0.66], (0.01, 0.055)), // as image -> several
    ],
    [
        row([11.43, 24.92, -20.81, -0.15, -0.23], (0.01, 0.055)), // as image -> text
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([5.47, -1.89, -18.87, 0.18, -0.05], (0.01, 0.055)), // as image -> image
        row([9.99, 7.64, -28.92, -0.16, 0.66], (0.01, 0.055)), // as image -> several
    ],
    [
        row([13.83, -0.46, 0.28, -0.93, 0.25], (0.01, 0.055)),
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)), // as text -> image
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)), // as text -> image
        row([11.27, -6.29, 1.69, -1.26, 2.58], (0.01, 0.055)), // as text -> image
        row([16.38, 5.96, -11.44, -0.82, -1.87], (0.01, 0.055)),
    ],
];

/// By medium: text, image, audio, video.
#[rustfmt::skip]
pub(super) const OWN: [Calibration; 4] = [
    row([15.05, 11.16, -17.06, -0.70, 0.05], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -3.73], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -10.05], (0.01, 0.055)),
    row([12.00, 0.00, 0.00, 0.00, -3.73], (0.01, 0.055)), // as image -> own image
];
