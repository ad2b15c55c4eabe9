//! How sure a mean over people is.

use crate::quality::statistics::Dice;

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 1000;

/// Share of the resamples outside an interval, on both sides together.
const OUTSIDE: f64 = 0.05;

/// The 95 % intervals of the means of `N` figures over people, who are drawn again with repetition:
/// the percentile bootstrap (Efron, "Bootstrap Methods", Annals of Statistics 7, 1979). The same
/// seed draws the same people, so that rows of one report are compared on the same draws.
#[must_use]
pub fn intervals<const N: usize>(people: &[[f64; N]], seed: u64) -> [[f64; 2]; N] {
    if people.is_empty() {
        return [[0.0; 2]; N];
    }
    let mut dice = Dice(seed);
    let mut means: Vec<Vec<f64>> = vec![Vec::with_capacity(RESAMPLES); N];
    for _ in 0..RESAMPLES {
        let mut sums = [0.0; N];
        for _ in 0..people.len() {
            for (sum, value) in sums.iter_mut().zip(&people[dice.below(people.len())]) {
                *sum += value;
            }
        }
        for (means, sum) in means.iter_mut().zip(sums) {
            means.push(sum / people.len() as f64);
        }
    }
    let end = |means: &[f64], share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
    let mut intervals = [[0.0; 2]; N];
    for (interval, means) in intervals.iter_mut().zip(&mut means) {
        means.sort_unstable_by(f64::total_cmp);
        *interval = [end(means, OUTSIDE / 2.0), end(means, 1.0 - OUTSIDE / 2.0)];
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_a_binomial_share() {
        let people: Vec<[f64; 2]> = (0..1000).map(|user| [f64::from(user % 4 == 0), 3.0]).collect();
        let [[low, high], constant] = intervals(&people, 7);
        // 0.25 +- 1.96 * sqrt(0.25 * 0.75 / 1000).
        assert!((low - 0.223).abs() < 0.005 && (high - 0.277).abs() < 0.005, "{low} {high}");
        assert_eq!(constant, [3.0, 3.0]);
        assert_eq!(intervals(&people, 7), [[low, high], constant]);
        assert_eq!(intervals::<1>(&[], 7), [[0.0, 0.0]]);
    }
}
