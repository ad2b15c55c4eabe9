//! How far up the items stand that a person went on to choose.
//!
//! Every figure is the expected value over the orders in which equal scores might stand: a ranking
//! that tells nothing apart is as good as chance, and no better for having many equal scores. Over
//! one held-out item that is the mean over the places that it shares.

/// How many figures there are of each person.
pub const FIGURES: usize = 7;

/// Their names, in their order.
pub const NAMES: [&str; FIGURES] = ["recall", "ndcg", "precision", "map", "hit_rate", "mrr", "auc"];

/// Places of [`NAMES`].
pub const RECALL: usize = 0;
/// See [`RECALL`].
pub const NDCG: usize = 1;

/// Items of equal score among which some are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tie {
    /// Ranked items of a higher score.
    above: usize,
    /// Ranked items of this score.
    equal: usize,
    /// Those of them that are to be found.
    right: usize,
    /// Whether the recommender shows them at all (a score above `-inf`).
    shown: bool,
}

/// Where the items to be found stand among all that are ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Best first.
    ties: Vec<Tie>,
    /// All ranked items.
    ranked: usize,
    /// All that are to be found; at least 1.
    right: usize,
}

impl Places {
    /// Finds the places of `right` (each once, none of them NaN) in `scores`, of which those that
    /// are NaN are not ranked. `None` if there is nothing to be found.
    #[must_use]
    pub fn of(scores: &[f32], right: &[u32]) -> Option<Places> {
        let mut levels: Vec<f32> = right.iter().map(|item| scores[*item as usize]).collect();
        levels.sort_unstable_by(|a, b| b.total_cmp(a));
        levels.dedup();
        let lowest = *levels.last()?;
        // By level: ranked items between it and the one before, and at it.
        let (mut between, mut at) = (vec![0; levels.len()], vec![0; levels.len()]);
        let mut ranked = 0;
        for score in scores {
            if score.is_nan() {
                continue;
            }
            ranked += 1;
            if *score < lowest {
                continue;
            }
            let level = levels.partition_point(|level| level > score);
            if levels[level] == *score {
                at[level] += 1;
            } else {
                between[level] += 1;
            }
        }
        let mut above = 0;
        let ties = levels.iter().enumerate().map(|(level, score)| {
            above += between[level];
            let found = right.iter().filter(|item| scores[**item as usize] == *score).count();
            let tie = Tie { above, equal: at[level], right: found, shown: *score > f32::NEG_INFINITY };
            above += at[level];
            tie
        });
        Some(Places { ties: ties.collect(), ranked, right: right.len() })
    }

    /// The share of what is to be found that stands among the first `k`.
    #[must_use]
    pub fn recall(&self, k: usize) -> f64 {
        self.hits(k) / self.right as f64
    }

    /// The share of the first `k` places that what is to be found takes.
    #[must_use]
    pub fn precision(&self, k: usize) -> f64 {
        self.hits(k) / k as f64
    }

    /// How much of what is to be found stands among the first `k`, expected.
    fn hits(&self, k: usize) -> f64 {
        self.ties.iter().map(|tie| tie.right as f64 * tie.within(k) as f64 / tie.equal as f64).sum()
    }

    /// The discounted gain of the first `k` places, over that of the best order of them: with
    /// `min(k, right)` found at the top. A gain at place `p` counts `1 / log2(p + 1)`.
    /// Source: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002.
    #[must_use]
    pub fn ndcg(&self, k: usize) -> f64 {
        // From 0.0 up: the sum of none by `sum` is -0.0.
        let discounts = |from: usize, to: usize| {
            (from + 1..=to).fold(0.0, |sum, place| sum + 1.0 / (place as f64 + 1.0).log2())
        };
        let gain: f64 = self
            .ties
            .iter()
            .map(|tie| tie.right as f64 / tie.equal as f64 * discounts(tie.above, tie.above + tie.within(k)))
            .fold(0.0, |sum, gain| sum + gain);
        gain / discounts(0, k.min(self.right))
    }

    /// Average precision over the first `k` places, over the best there could be.
    #[must_use]
    pub fn average_precision(&self, k: usize) -> f64 {
        let mut before = 0;
        let mut sum = 0.0;
        for tie in &self.ties {
            let chance = tie.right as f64 / tie.equal as f64;
            // Of the others to be found in the tie, how many stand before an inner place, expected.
            let others = (tie.right - 1) as f64 / (tie.equal.max(2) - 1) as f64;
            for inner in 0..tie.within(k) {
                let hits = before as f64 + 1.0 + others * inner as f64;
                sum += chance * hits / (tie.above + inner + 1) as f64;
            }
            before += tie.right;
        }
        sum / k.min(self.right) as f64
    }

    /// Whether anything to be found stands among the first `k`: 0, 1, or its likelihood.
    #[must_use]
    pub fn hit(&self, k: usize) -> f64 {
        let Some(first) = self.ties.first() else { return 0.0 };
        // Later ties begin after the first one ended; if they begin within k, the first is within.
        1.0 - (0..first.within(k)).fold(1.0, |missed, drawn| {
            missed * (first.equal - drawn).saturating_sub(first.right) as f64 / (first.equal - drawn) as f64
        })
    }

    /// One over the place of the first one found; 0 if none is among the first `k`.
    #[must_use]
    pub fn reciprocal_rank(&self, k: usize) -> f64 {
        let Some(first) = self.ties.first() else { return 0.0 };
        let (mut missed, mut sum) = (1.0, 0.0);
        for inner in 0..first.within(k) {
            let here = (first.right as f64 / (first.equal - inner) as f64).min(1.0);
            sum += missed * here / (first.above + inner + 1) as f64;
            missed *= 1.0 - here;
        }
        sum
    }

    /// How likely one to be found stands above one that is not; 0.5 if there are no others.
    #[must_use]
    pub fn auc(&self) -> f64 {
        let others = self.ranked - self.right;
        if others == 0 {
            return 0.5;
        }
        let (mut found, mut sum) = (0, 0.0);
        for tie in &self.ties {
            let above = tie.above - found;
            let equal = tie.equal - tie.right;
            let below = others - above - equal;
            sum += tie.right as f64 * (below as f64 + equal as f64 / 2.0);
            found += tie.right;
        }
        sum / (self.right as f64 * others as f64)
    }

    /// Every figure at `k`, in the order of [`NAMES`].
    #[must_use]
    pub fn figures(&self, k: usize) -> [f64; FIGURES] {
        [
            self.recall(k),
            self.ndcg(k),
            self.precision(k),
            self.average_precision(k),
            self.hit(k),
            self.reciprocal_rank(k),
            self.auc(),
        ]
    }
}

impl Tie {
    /// How many of its places are among the first `k`. What is not shown has no place in a list,
    /// however short it is.
    fn within(&self, k: usize) -> usize {
        if self.shown { k.saturating_sub(self.above).min(self.equal) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::statistics::Dice;

    /// What each figure is at `k`, with three decimals.
    fn check(scores: &[f32], right: &[u32], k: usize, expected: &str) {
        let places = Places::of(scores, right).expect("something to be found");
        let figures = places.figures(k);
        let told: Vec<String> =
            NAMES.iter().zip(figures).map(|(name, value)| format!("{name} {value:.3}")).collect();
        assert_eq!(told.join(" "), expected);
    }

    const MASKED: f32 = f32::NAN;

    #[test]
    fn the_figures_are_those_computed_by_hand() {
        // Places 1 and 3 of 5. DCG 1 + 1/2, ideal 1 + 1/log2(3) = 1.631; AP (1 + 2/3) / 2.
        check(
            &[0.9, 0.8, 0.7, 0.6, 0.5],
            &[0, 2],
            3,
            "recall 1.000 ndcg 0.920 precision 0.667 map 0.833 hit_rate 1.000 mrr 1.000 auc 0.833",
        );
        // The second is out of reach at 2, and the ideal is still cut at min(2, 2).
        check(
            &[0.9, 0.8, 0.7, 0.6, 0.5],
            &[0, 2],
            2,
            "recall 0.500 ndcg 0.613 precision 0.500 map 0.500 hit_rate 1.000 mrr 1.000 auc 0.833",
        );
        // One to be found at place 2 of 20 asked for: the ideal holds one.
        check(
            &[0.9, 0.8, 0.7],
            &[1],
            20,
            "recall 1.000 ndcg 0.631 precision 0.050 map 0.500 hit_rate 1.000 mrr 0.500 auc 0.500",
        );
        // What is known is not ranked: the one to be found is first.
        check(
            &[MASKED, 0.8, 0.7],
            &[1],
            1,
            "recall 1.000 ndcg 1.000 precision 1.000 map 1.000 hit_rate 1.000 mrr 1.000 auc 1.000",
        );
    }

    #[test]
    fn equal_scores_are_as_good_as_chance() {
        // One of four equal ones: 1/4 for each of the places 1 to 4.
        check(
            &[0.5, 0.5, 0.5, 0.5],
            &[2],
            2,
            "recall 0.500 ndcg 0.408 precision 0.250 map 0.375 hit_rate 0.500 mrr 0.375 auc 0.500",
        );
        // All are to be found: every order is the best.
        check(
            &[0.5, 0.5],
            &[0, 1],
            1,
            "recall 0.500 ndcg 1.000 precision 1.000 map 1.000 hit_rate 1.000 mrr 1.000 auc 0.500",
        );
        // What a list-maker does not show is not found, though a place in its list is left.
        check(
            &[1.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY],
            &[3],
            2,
            "recall 0.000 ndcg 0.000 precision 0.000 map 0.000 hit_rate 0.000 mrr 0.000 auc 0.333",
        );
        assert_eq!(Places::of(&[1.0], &[]), None);
    }

    /// The figures of one order without ties, by their definitions.
    fn plain(order: &[usize], right: &[u32], k: usize) -> [f64; FIGURES] {
        let is_right = |place: usize| right.contains(&(order[place] as u32));
        let found: Vec<usize> = (0..order.len().min(k)).filter(|place| is_right(*place)).collect();
        let gain = |places: &[usize]| places.iter().map(|p| 1.0 / (*p as f64 + 2.0).log2()).sum::<f64>();
        let ideal: Vec<usize> = (0..k.min(right.len())).collect();
        let precision = found.iter().enumerate().map(|(hits, place)| (hits + 1) as f64 / (place + 1) as f64);
        let pairs: Vec<(usize, usize)> = (0..order.len())
            .flat_map(|a| (0..order.len()).map(move |b| (a, b)))
            .filter(|(a, b)| is_right(*a) && !is_right(*b))
            .collect();
        let won = pairs.iter().filter(|(a, b)| a < b).count() as f64;
        [
            found.len() as f64 / right.len() as f64,
            gain(&found) / gain(&ideal),
            found.len() as f64 / k as f64,
            precision.sum::<f64>() / k.min(right.len()) as f64,
            f64::from(!found.is_empty()),
            found.first().map_or(0.0, |place| 1.0 / (place + 1) as f64),
            if pairs.is_empty() { 0.5 } else { won / pairs.len() as f64 },
        ]
    }

    #[test]
    fn ties_are_the_mean_over_their_orders() {
        let mut dice = Dice(3);
        for _ in 0..20 {
            let n = 2 + dice.below(8);
            let scores: Vec<f32> = (0..n).map(|_| dice.below(3) as f32).collect();
            let right: Vec<u32> = dice.sample(n, 1 + n / 3).into_iter().map(|item| item as u32).collect();
            let k = 1 + dice.below(n);
            let figures = Places::of(&scores, &right).expect("some").figures(k);
            let draws = 20_000;
            let mut sums = [0.0; FIGURES];
            for _ in 0..draws {
                let mut order = dice.sample(n, n);
                order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
                for (sum, value) in sums.iter_mut().zip(plain(&order, &right, k)) {
                    *sum += value;
                }
            }
            for ((name, figure), sum) in NAMES.iter().zip(figures).zip(sums) {
                let mean = sum / f64::from(draws);
                // Four standard errors of a share.
                assert!((figure - mean).abs() < 0.015, "{name}@{k}: {figure} {mean} {scores:?} {right:?}");
            }
        }
    }
}
