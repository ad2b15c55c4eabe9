//! How likely it is that an item matches what was asked for: cosines of unlike pairs made comparable.
//!
//! A cosine says little by itself. Two captions of one photograph have 0.64, a caption and its
//! photograph 0.34, and words that have nothing to do with a catalogue reach 0.3 with the nearest
//! of a thousand items. So each kind of pair has a calibration of its own, and a query is seen
//! against its own background: what it has in common with all items of a kind.
//!
//! [`calibration`] holds the constants, which `models/train/relevance.py` measures and writes.

mod calibration;

use crate::modality::Modality;

/// What a vector in the shared space was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// One medium.
    Only(Modality),
    /// Several media of one item, fused.
    Several,
}

impl Origin {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// Every origin, by its place.
    pub const ALL: [Origin; Origin::COUNT] = [
        Origin::Only(Modality::Text),
        Origin::Only(Modality::Image),
        Origin::Only(Modality::Audio),
        Origin::Only(Modality::Video),
        Origin::Several,
    ];

    /// The origin of what was made from these media; `None` of none.
    pub fn of<'a>(mut media: impl Iterator<Item = &'a Modality>) -> Option<Origin> {
        match (media.next(), media.next()) {
            (Some(only), None) => Some(Origin::Only(*only)),
            (Some(_), Some(_)) => Some(Origin::Several),
            (None, _) => None,
        }
    }

    /// Its row or column in the table of calibrations.
    pub const fn place(self) -> usize {
        match self {
            Origin::Only(Modality::Text) => 0,
            Origin::Only(Modality::Image) => 1,
            Origin::Only(Modality::Audio) => 2,
            Origin::Only(Modality::Video) => 3,
            Origin::Several => 4,
        }
    }
}

/// From a cosine and the query's background to the log-odds that the item matches: a logistic
/// regression for one kind of pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Calibration {
    /// Log-odds for each unit of the cosine.
    pub cosine: f32,
    /// Log-odds for each unit of the background's mean.
    pub mean: f32,
    /// Log-odds for each unit of the background's standard deviation.
    pub deviation: f32,
    /// Log-odds for each unit of the logarithm of how many items there are: the best of many
    /// accidents is nearer than the best of a few.
    pub size: f32,
    /// Log-odds where all four are 0.
    pub bias: f32,
    /// Mean and standard deviation of the cosines of a query that matches nothing: the background
    /// before any item is known.
    pub usual: (f32, f32),
}

impl Calibration {
    /// For two vectors of the shared space.
    pub fn shared(query: Origin, item: Origin) -> &'static Calibration {
        &calibration::SHARED[query.place()][item.place()]
    }

    /// For two vectors of a medium's own space.
    pub fn own(modality: Modality) -> &'static Calibration {
        &calibration::OWN[Origin::Only(modality).place()]
    }

    /// The rule for a query whose cosines to all items of the kind are these.
    pub fn against(&self, cosines: &Cosines) -> Rule {
        let Background { mean, deviation, size } = cosines.background(self.usual);
        let bias = self.mean * mean + self.deviation * deviation + self.size * size + self.bias;
        Rule { slope: self.cosine, bias }
    }
}

/// From a cosine to how likely it is that the item matches, for one query and one kind of item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    slope: f32,
    bias: f32,
}

impl Rule {
    /// By which nothing is a match.
    pub const NOTHING: Rule = Rule { slope: 0.0, bias: f32::NEG_INFINITY };

    /// The same, so many log-odds less sure.
    pub fn less(self, log_odds: f32) -> Rule {
        Rule { bias: self.bias - log_odds, ..self }
    }

    /// How likely it is that an item of this cosine matches, in `[0, 1]`.
    pub fn relevance(&self, cosine: f32) -> f32 {
        1.0 / (1.0 + (-(self.slope * cosine + self.bias)).exp())
    }
}

/// A query's cosines to all items of a kind, as far as they tell what it has in common with them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Background {
    mean: f32,
    deviation: f32,
    /// The logarithm of how many items there are, the prior ones included.
    size: f32,
}

/// Items that count as if they were unrelated before any is seen, so that a handful of items does
/// not define what is usual.
const UNRELATED_PRIOR: f64 = 20.0;

/// Steps to which a background is rounded, so that the order in which items were added, which
/// moves the last bits of the sums, cannot move a list.
const BACKGROUND_STEPS: f64 = 4096.0;

/// The sums from which a background follows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cosines {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Cosines {
    pub fn add(&mut self, cosine: f32) {
        let cosine = f64::from(cosine);
        self.count += 1.0;
        self.sum += cosine;
        self.squares += cosine * cosine;
    }

    /// The mean and deviation of these cosines and of [`UNRELATED_PRIOR`] usual ones.
    fn background(&self, (mean, deviation): (f32, f32)) -> Background {
        let (mean, deviation) = (f64::from(mean), f64::from(deviation));
        let count = self.count + UNRELATED_PRIOR;
        let centre = (self.sum + UNRELATED_PRIOR * mean) / count;
        let square = (self.squares + UNRELATED_PRIOR * (mean * mean + deviation * deviation)) / count;
        let spread = (square - centre * centre).max(0.0).sqrt();
        let rounded = |value: f64| ((value * BACKGROUND_STEPS).round() / BACKGROUND_STEPS) as f32;
        Background { mean: rounded(centre), deviation: rounded(spread), size: rounded(count.ln()) }
    }
}

/// What all words of a query, found in title and tags, say by themselves.
const WORDS_RELEVANCE: f32 = 0.95;

/// How likely it is that an item matches whose title and tags hold this share of the query's words,
/// telling ones counting more. By the square, so that one word of several, which is often chance,
/// says little.
pub(crate) fn by_words(share: f32) -> f32 {
    WORDS_RELEVANCE * share * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_origin_has_a_place_of_its_own() {
        for (place, origin) in Origin::ALL.into_iter().enumerate() {
            assert_eq!(origin.place(), place);
        }
    }

    #[test]
    fn a_greater_cosine_is_never_less_relevant() {
        let shared =
            Origin::ALL.iter().flat_map(|query| Origin::ALL.map(|item| Calibration::shared(*query, item)));
        let own = Modality::ALL.iter().map(|modality| Calibration::own(*modality));
        for calibration in shared.chain(own) {
            let rule = calibration.against(&Cosines::default());
            let at = |cosine| rule.relevance(cosine);
            assert!(calibration.cosine > 0.0, "{calibration:?}");
            // What shares nothing is never a match, and what is the same always one.
            assert!(at(0.0) < 0.5, "{calibration:?}: {}", at(0.0));
            assert!(at(1.0) > 0.7, "{calibration:?}: {}", at(1.0));
        }
    }

    #[test]
    fn a_background_is_what_is_usual_until_items_say_otherwise() {
        let mut cosines = Cosines::default();
        let usual = cosines.background((0.01, 0.05));
        assert!((usual.mean - 0.01).abs() < 2e-4 && (usual.deviation - 0.05).abs() < 2e-4, "{usual:?}");
        for _ in 0..20 {
            cosines.add(0.21);
        }
        let half = cosines.background((0.01, 0.0));
        assert!((half.mean - 0.11).abs() < 2e-4 && (half.deviation - 0.1).abs() < 2e-4, "{half:?}");
    }

    #[test]
    fn most_of_the_words_are_a_match_and_one_of_three_is_none() {
        assert!(by_words(1.0) > 0.9);
        assert!(by_words(0.75) > 0.5);
        assert!(by_words(0.34) < 0.12);
    }
}
