//! Arithmetic on plain vectors and numbers.

use std::cmp::Ordering;

/// The dot product of two slices of equal length; what one has beyond the other is ignored.
#[must_use]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen partial sums let the compiler use vector registers and hide their latency.
    let mut sums = [0.0_f32; 16];
    let (mine, theirs) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = mine.remainder().iter().zip(theirs.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in mine.zip(theirs) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The dot products of four slices with another one, all of equal length: to the bit what [`dot`] says of each
/// alone. Two at a time share what is loaded, and all four are summed up side by side.
#[must_use]
pub(crate) fn four_dots(rows: [&[f32]; 4], other: &[f32]) -> [f32; 4] {
    let [a, b] = lane_sums([rows[0], rows[1]], other);
    let [c, d] = lane_sums([rows[2], rows[3]], other);
    // Sums begin at the same zero as an iterator's.
    let mut totals = [std::iter::empty::<f32>().sum(); 4];
    for lane in 0..16 {
        for (total, sum) in totals.iter_mut().zip([a[lane], b[lane], c[lane], d[lane]]) {
            *total += sum;
        }
    }
    let whole = other.len() / 16 * 16;
    let rest = |row: &[f32]| row[whole..].iter().zip(&other[whole..]).map(|(a, b)| a * b).sum::<f32>();
    for (row, total) in rows.into_iter().zip(&mut totals) {
        *total += rest(row);
    }
    totals
}

fn lane_sums([a, b]: [&[f32]; 2], other: &[f32]) -> [[f32; 16]; 2] {
    let (mut sums, mut more) = ([0.0_f32; 16], [0.0_f32; 16]);
    for ((a, b), other) in a.chunks_exact(16).zip(b.chunks_exact(16)).zip(other.chunks_exact(16)) {
        for lane in 0..16 {
            sums[lane] += a[lane] * other[lane];
            more[lane] += b[lane] * other[lane];
        }
    }
    [sums, more]
}

/// Scales `values` to unit length; `false`, and nothing changed, if they have no direction.
pub(crate) fn normalise(values: &mut [f32]) -> bool {
    let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length < 1e-9 {
        return false;
    }
    for value in values {
        *value = (f64::from(*value) / length) as f32;
    }
    true
}

/// 0 below the floor, 1 from the full value on, a straight line between.
#[must_use]
pub(crate) fn ramp(value: f32, (floor, full): (f32, f32)) -> f32 {
    if value.is_nan() {
        return 0.0;
    }
    ((value - floor) / (full - floor).max(1e-6)).clamp(0.0, 1.0)
}

/// `1 - exp(-x)`: sums of evidence saturate at 1.
#[must_use]
pub(crate) fn saturate(evidence: f32) -> f32 {
    1.0 - (-evidence.max(0.0)).exp()
}

/// How much is left after `days` with that half-life; an age below 0 (a clock that went back)
/// counts as 0.
#[must_use]
pub(crate) fn fade(days: f64, half_life_days: f64) -> f32 {
    (-days.max(0.0) / half_life_days.max(1e-6)).exp2() as f32
}

/// Keeps the `count` best, best first. Order: greater score, then `tie`.
pub(crate) fn keep_best<T>(
    scored: &mut Vec<T>,
    count: usize,
    score: impl Fn(&T) -> f32,
    tie: impl Fn(&T, &T) -> Ordering,
) {
    let order = |a: &T, b: &T| score(b).total_cmp(&score(a)).then_with(|| tie(a, b));
    if count == 0 {
        scored.clear();
        return;
    }
    if scored.len() > count {
        scored.select_nth_unstable_by(count - 1, order);
        scored.truncate(count);
    }
    scored.sort_unstable_by(order);
}

/// Keeps the best of a stream without sorting all of it: what is worse than `count` others is
/// dropped. Order: greater score, then smaller key.
pub(crate) struct Best {
    count: usize,
    floor: f32,
    kept: Vec<Scored>,
}

/// A slot with its score, and the key that orders equal scores.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scored {
    slot: u32,
    score: f32,
    key: u64,
}

fn better_first(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then(a.key.cmp(&b.key))
}

impl Best {
    pub(crate) fn new(count: usize) -> Best {
        Best { count, floor: f32::NEG_INFINITY, kept: Vec::new() }
    }

    /// Keeps nothing that scores less than `least`.
    pub(crate) fn at_least(least: f32, count: usize) -> Best {
        Best { floor: least, ..Best::new(count) }
    }

    /// What scores less is dropped.
    pub(crate) fn floor(&self) -> f32 {
        self.floor
    }

    #[inline]
    pub(crate) fn offer(&mut self, slot: u32, score: f32, key: impl FnOnce() -> u64) {
        // A score that equals the floor may still win by its key; what is no number never does.
        if score >= self.floor && self.count > 0 {
            self.keep(Scored { slot, score, key: key() });
        }
    }

    fn keep(&mut self, scored: Scored) {
        self.kept.push(scored);
        if self.kept.len() >= 3 * self.count.max(16) {
            self.cut();
            self.floor = self.kept.last().map_or(f32::NEG_INFINITY, |worst| worst.score);
        }
    }

    /// Drops all but the best `count`; the worst of them comes last.
    fn cut(&mut self) {
        if self.kept.len() > self.count {
            self.kept.select_nth_unstable_by(self.count - 1, better_first);
            self.kept.truncate(self.count);
        }
    }

    /// The best `count` or fewer, in no order that means anything.
    pub(crate) fn into_slots(mut self) -> impl Iterator<Item = u32> {
        self.cut();
        self.kept.into_iter().map(|kept| kept.slot)
    }

    /// The best `count` or fewer, best first.
    pub(crate) fn into_sorted(mut self) -> Vec<(u32, f32)> {
        self.cut();
        self.kept.sort_unstable_by(better_first);
        self.kept.into_iter().map(|kept| (kept.slot, kept.score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_product_uses_every_value() {
        let a: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!(dot(&a, &a), (0..37).map(|i| (i * i) as f32).sum::<f32>());
    }

    #[test]
    fn four_dot_products_are_those_of_each() {
        let row = |seed: u32, len: u32| -> Vec<f32> {
            (0..len).map(|i| ((i * 37 + seed * 101) % 211) as f32 / 97.0 - 1.0).collect()
        };
        for len in [0, 5, 16, 37, 384] {
            let (rows, other) = ([1, 2, 3, 4].map(|seed| row(seed, len)), row(9, len));
            let together = four_dots(rows.each_ref().map(Vec::as_slice), &other).map(f32::to_bits);
            assert_eq!(together, rows.map(|row| dot(&row, &other).to_bits()));
        }
    }

    #[test]
    fn a_clock_that_went_back_does_not_magnify() {
        assert_eq!(fade(-1000.0, 30.0), 1.0);
        assert_eq!(fade(30.0, 30.0), 0.5);
    }

    #[test]
    fn a_ramp_is_flat_at_both_ends_and_takes_no_nan() {
        let values = [0.0, 0.2, 0.3, 0.4, 1.0, f32::NAN].map(|value| ramp(value, (0.2, 0.4)));
        assert_eq!(values[0], 0.0);
        assert_eq!(values[1], 0.0);
        assert!((values[2] - 0.5).abs() < 1e-6);
        assert_eq!(values[3..], [1.0, 1.0, 0.0]);
    }

    #[test]
    fn a_stream_keeps_the_same_best_as_sorting_all() {
        let scored: Vec<(u32, f32)> = (0..5_000_u32).map(|i| (i, ((i * 7_919) % 97) as f32)).collect();
        let mut best = Best::new(60);
        for (slot, score) in &scored {
            best.offer(*slot, *score, || u64::from(*slot));
        }
        best.offer(9_999, f32::NAN, || 0);
        let mut all = scored;
        keep_best(&mut all, 60, |s| s.1, |a, b| a.0.cmp(&b.0));
        assert_eq!(best.into_sorted(), all);
    }

    #[test]
    fn the_best_are_kept_in_order_and_ties_go_by_key() {
        let mut scored = vec![("d", 1.0), ("b", 2.0), ("c", 1.0), ("a", 0.5)];
        keep_best(&mut scored, 3, |s| s.1, |a, b| a.0.cmp(b.0));
        assert_eq!(scored, [("b", 2.0), ("c", 1.0), ("d", 1.0)]);
    }
}
