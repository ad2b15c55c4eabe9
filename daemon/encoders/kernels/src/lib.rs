//! The innermost loops of networks: products with constant matrices, attention, what comes between
//! them, depthwise and full convolutions, and chains of these.
//!
//! Pure functions of slices, for the widest vectors that the processor has (found at run time), and
//! for plain ones where it has none. Knows nothing of graphs, models and files. Maps are held
//! channels last, `[height, width, channels]`, so that a 1x1 convolution is a matrix product as it
//! stands, and every vector of a depthwise one is full, however small the map.

mod attention;
mod chain;
mod convolution;
mod dense;
mod depthwise;
mod exponential;
mod lanes;
#[cfg(test)]
mod reference;
mod rows;
mod window;

pub use attention::{Attention, AttentionRoom};
pub use chain::{Chain, ChainBuilder, ChannelsFirst, Room, Value};
pub use convolution::Convolution;
pub use dense::Dense;
pub use depthwise::Depthwise;
pub use rows::{LayerNorm, gelu};
pub use window::{MapShape, Window};

/// The range that results are cut to, as ReLU6 does to `[0, 6]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// The least result.
    pub low: f32,
    /// The greatest result, at least `low`.
    pub high: f32,
}

impl Clamp {
    /// Leaves results as they are.
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };
}
