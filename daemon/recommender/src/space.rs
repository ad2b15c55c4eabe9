//! The statistics of one modality's own vector space.

/// Items of one space that count as if they were unrelated before any is seen, so that two items
/// alone do not define what is usual.
const UNRELATED_PRIOR: f64 = 10.0;

/// The mean cosine of a crowded space, as that of multilingual-e5-small is: what is supposed of a
/// space of texts until its items say otherwise, where everything seeming alike would be the worse
/// mistake.
const CROWDED: f64 = 0.85;

/// Greatest mean cosine that is taken off; beyond it the space tells nothing apart anyway.
const MEAN_COSINE_MAX: f64 = 0.9;

/// Steps to which the mean cosine is rounded, so that the order in which items were added, which
/// moves the last bits of the sum, cannot move a list.
const MEAN_COSINE_STEPS: f64 = 256.0;

/// The sum of a space's unit vectors, from which follows the mean cosine of two of them.
#[derive(Debug, Default)]
pub(crate) struct Space {
    sum: Vec<f64>,
    count: usize,
    mean_cosine: f32,
    cautious: f32,
}

impl Space {
    pub(crate) fn add(&mut self, vector: &[f32]) {
        self.sum.resize(self.sum.len().max(vector.len()), 0.0);
        for (sum, value) in self.sum.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
        self.count += 1;
        self.renew();
    }

    pub(crate) fn remove(&mut self, vector: &[f32]) {
        for (sum, value) in self.sum.iter_mut().zip(vector) {
            *sum -= f64::from(*value);
        }
        self.count = self.count.saturating_sub(1);
        self.renew();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The mean cosine of two different items, in `[0, MEAN_COSINE_MAX]`.
    pub(crate) fn mean_cosine(&self) -> f32 {
        self.mean_cosine
    }

    /// The same where nothing is to seem a match until enough items are known: a few say little of
    /// how crowded their space is.
    pub(crate) fn cautious_mean_cosine(&self) -> f32 {
        self.cautious
    }

    fn renew(&mut self) {
        (self.mean_cosine, self.cautious) = (self.mean(0.0), self.mean(CROWDED));
    }

    /// Of `n` unit vectors with sum `s`, the off-diagonal mean is `(|s|² - n) / (n (n - 1))`.
    fn mean(&self, before: f64) -> f32 {
        let n = self.count as f64;
        let pairs = match self.count {
            0 | 1 => before,
            _ => (self.sum.iter().map(|value| value * value).sum::<f64>() - n) / (n * (n - 1.0)),
        };
        let mean = (pairs * n + before * UNRELATED_PRIOR) / (n + UNRELATED_PRIOR);
        let mean = mean.clamp(0.0, MEAN_COSINE_MAX);
        ((mean * MEAN_COSINE_STEPS).round() / MEAN_COSINE_STEPS) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_cosine_is_that_of_pairs() {
        let mut space = Space::default();
        // Every pair of these has cosine 0.6 or 1.
        for i in 0..200 {
            let vector = if i % 2 == 0 { [1.0, 0.0] } else { [0.6, 0.8] };
            space.add(&vector);
        }
        // Half of the pairs 1, half 0.6, shrunk by 200/210.
        assert!((space.mean_cosine() - 0.8 * 200.0 / 210.0).abs() < 0.01, "{}", space.mean_cosine());
        assert!((space.cautious_mean_cosine() - 0.802).abs() < 0.01, "{}", space.cautious_mean_cosine());
        for i in 0..200 {
            let vector = if i % 2 == 0 { [1.0, 0.0] } else { [0.6, 0.8] };
            space.remove(&vector);
        }
        assert!(space.is_empty());
        assert!((space.cautious_mean_cosine() - 0.85).abs() < 0.01);
        assert_eq!(space.mean_cosine(), 0.0);
    }
}
