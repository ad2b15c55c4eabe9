//! Ranks, neighbours, and how sure a figure is. Pure: numbers in, numbers out, nothing of data sets.

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;

/// Share of the resamples that lie outside an interval, on both sides together.
const OUTSIDE: f64 = 0.05;

/// The seed of every bootstrap: the same figures give the same interval.
const SEED: u64 = 20;

/// A mean with its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Lower and upper end.
    pub interval: (f64, f64),
    /// Of how many values.
    pub n: usize,
}

/// The mean of values; `None` of none.
///
/// The interval is the percentile bootstrap over the values (Efron, "Bootstrap Methods", Annals of
/// Statistics 7, 1979).
#[must_use]
pub fn mean(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len();
    let mut dice = Dice(SEED);
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| (0..n).map(|_| values[dice.below(n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((share * RESAMPLES as f64) as usize).min(RESAMPLES - 1)];
    Some(Estimate {
        value: values.iter().sum::<f64>() / n as f64,
        interval: (at(OUTSIDE / 2.0), at(1.0 - OUTSIDE / 2.0)),
        n,
    })
}

/// The mean of `a - b`, value by value: both were measured on the same cases, so what makes a case
/// hard for both does not widen the interval.
#[must_use]
pub fn difference(a: &[f64], b: &[f64]) -> Option<Estimate> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    mean(&differences)
}

/// The place of `right` among `scores`, greatest first, from 1. Equal scores share the mean of
/// their places, so that a model that gives all the same score is no better than chance.
#[must_use]
pub fn rank(scores: &[f32], right: usize) -> f64 {
    let own = scores[right];
    let above = scores.iter().filter(|score| **score > own).count();
    let equal = scores.iter().filter(|score| **score == own).count();
    1.0 + above as f64 + (equal.max(1) - 1) as f64 / 2.0
}

/// 1 for each rank that is among the first `k`, 0 for the others: the mean is recall at `k`.
#[must_use]
pub fn hits(ranks: &[f64], k: usize) -> Vec<f64> {
    ranks.iter().map(|rank| f64::from(u8::from(*rank <= k as f64))).collect()
}

/// How the nearest neighbours of each case agree with its class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Neighbours {
    /// Whether the nearest is of the same class, 0 or 1, or between of equally near ones.
    pub nearest: Vec<f64>,
    /// The share of the same class among the `k` nearest.
    pub precision: Vec<f64>,
}

/// Compares each case with all others that `comparable` allows. `similarity` is symmetric.
#[must_use]
pub fn neighbours(
    classes: &[usize],
    k: usize,
    comparable: impl Fn(usize, usize) -> bool,
    similarity: impl Fn(usize, usize) -> f32,
) -> Neighbours {
    let mut result = Neighbours::default();
    for case in 0..classes.len() {
        let mut others: Vec<(f32, usize)> = (0..classes.len())
            .filter(|other| *other != case && comparable(case, *other))
            .map(|other| (similarity(case, other), other))
            .collect();
        others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let Some(best) = others.first().map(|(score, _)| *score) else { continue };
        let share = |some: &[(f32, usize)]| {
            let same = some.iter().filter(|(_, other)| classes[*other] == classes[case]).count();
            same as f64 / some.len() as f64
        };
        let equally_near = others.iter().take_while(|(score, _)| *score == best).count();
        result.nearest.push(share(&others[..equally_near]));
        result.precision.push(share(&others[..k.min(others.len())]));
    }
    result
}

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014; constants of Vigna's reference code.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`, each as likely (but for a part in 2^32).
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * n as u128) >> 64) as usize
    }

    /// The first `count` places of a shuffled row of `n`.
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..n).collect();
        let count = count.min(n);
        for at in 0..count {
            let other = at + self.below(n - at);
            places.swap(at, other);
        }
        places.truncate(count);
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_share_their_places() {
        assert_eq!(rank(&[0.9, 0.5, 0.7], 1), 3.0);
        assert_eq!(rank(&[0.5, 0.5, 0.5], 0), 2.0);
        assert_eq!(rank(&[0.5, 0.5, 0.9], 0), 2.5);
        assert_eq!(hits(&[1.0, 1.5, 5.0, 6.0], 5), [1.0, 1.0, 1.0, 0.0]);
        // A model that tells nothing apart finds nothing at 1.
        assert_eq!(hits(&[rank(&[0.1; 10], 3)], 1), [0.0]);
    }

    #[test]
    fn an_interval_holds_the_mean_and_narrows_with_more_values() {
        let few: Vec<f64> = (0..20).map(|i| f64::from(i % 2)).collect();
        let many: Vec<f64> = (0..2000).map(|i| f64::from(i % 2)).collect();
        let (few, many) = (mean(&few).expect("some"), mean(&many).expect("some"));
        for estimate in [few, many] {
            assert_eq!(estimate.value, 0.5);
            assert!(estimate.interval.0 < 0.5 && 0.5 < estimate.interval.1, "{estimate:?}");
        }
        // Of n fair coins, 1.96 * 0.5 / sqrt(n) on either side.
        assert!((few.interval.1 - 0.5 - 0.219).abs() < 0.04, "{few:?}");
        assert!((many.interval.1 - 0.5 - 0.0219).abs() < 0.004, "{many:?}");
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn pairs_cancel_what_is_hard_for_both() {
        let a: Vec<f64> = (0..100).map(|i| f64::from(i % 10) + 0.1).collect();
        let b: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        let difference = difference(&a, &b).expect("some");
        assert!((difference.value - 0.1).abs() < 1e-9);
        assert!((difference.interval.0 - 0.1).abs() < 1e-9, "{difference:?}");
    }

    #[test]
    fn neighbours_are_sought_where_it_is_allowed() {
        // Two classes on a line; the case itself and its own fold do not count.
        let (places, classes, folds) =
            ([0.0_f32, 0.1, 0.2, 5.0, 5.1, 5.2], [0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1]);
        let near = |a: usize, b: usize| -(places[a] - places[b]).abs();
        let all = neighbours(&classes, 2, |_, _| true, near);
        assert_eq!(all.nearest, [1.0; 6]);
        assert_eq!(all.precision, [1.0; 6]);
        let across = neighbours(&classes, 2, |a, b| folds[a] != folds[b], near);
        assert_eq!(across.nearest, [1.0; 6]);
        // Only one of the own class is in the other fold.
        assert_eq!(across.precision[0], 0.5);
        let tied = neighbours(&[0, 0, 1], 1, |_, _| true, |_, _| 1.0);
        assert_eq!(tied.nearest, [0.5, 0.5, 0.0]);
    }

    #[test]
    fn samples_are_without_repetition_and_repeatable() {
        let mut sample = Dice(7).sample(50, 20);
        assert_eq!(sample, Dice(7).sample(50, 20));
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 20);
        assert_eq!(Dice(7).sample(3, 9).len(), 3);
    }
}
