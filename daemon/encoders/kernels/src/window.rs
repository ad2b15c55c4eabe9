//! Where a convolution's taps lie.

/// Extent of a map, channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Values at each position.
    pub channels: usize,
}

impl MapShape {
    /// Values in the map.
    #[must_use]
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether the map has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Kernel, steps and zeros around the map of a convolution; rows before columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of taps, at least 1 each.
    pub kernel: [usize; 2],
    /// Input positions from one output to the next, at least 1 each.
    pub stride: [usize; 2],
    /// Zeros above and left of the map.
    pub pad_before: [usize; 2],
    /// Zeros below and right of the map.
    pub pad_after: [usize; 2],
}

impl Window {
    /// Number of taps.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Rows and columns of the result over a map of this extent; `None` if the kernel does not fit
    /// or kernel or stride are zero.
    #[must_use]
    pub fn output(&self, height: usize, width: usize) -> Option<[usize; 2]> {
        let along = |axis: usize, extent: usize| {
            let padded = extent + self.pad_before[axis] + self.pad_after[axis];
            if self.kernel[axis] == 0 || self.stride[axis] == 0 {
                return None;
            }
            Some(padded.checked_sub(self.kernel[axis])? / self.stride[axis] + 1)
        };
        Some([along(0, height)?, along(1, width)?])
    }

    /// The taps of output `at` that lie on the map along one axis, and where on the map the first
    /// of them is; 0 if there are none.
    pub(crate) fn on_map(&self, axis: usize, at: usize, extent: usize) -> (std::ops::Range<usize>, usize) {
        let from = at * self.stride[axis];
        let before = self.pad_before[axis];
        let first = before.saturating_sub(from);
        let end = self.kernel[axis].min((extent + before).saturating_sub(from));
        if first < end { (first..end, from + first - before) } else { (0..0, 0) }
    }

    /// The outputs along one axis, of `count`, whose every tap lies on the map.
    pub(crate) fn interior(&self, axis: usize, extent: usize, count: usize) -> std::ops::Range<usize> {
        let first = self.pad_before[axis].div_ceil(self.stride[axis]).min(count);
        let end = match (extent + self.pad_before[axis]).checked_sub(self.kernel[axis]) {
            Some(last) => (last / self.stride[axis] + 1).clamp(first, count),
            None => first,
        };
        first..end
    }
}
