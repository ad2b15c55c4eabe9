//! The modalities' own vector spaces, one for each model, and their statistics.

use crate::item::{Content, ModelEmbedding};
use crate::modality::Modality;

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

/// The number of the space that each of an item's own vectors lies in, by the place of the modality
/// in [`Modality::ALL`]; `None` where the item has no vector.
pub(crate) type Numbers = [Option<u16>; Modality::ALL.len()];

/// Every space that an item of the catalogue ever had a vector in. Spaces have numbers, so that
/// comparing two items compares no names.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    all: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    modality: Modality,
    model: String,
    dim: usize,
    space: Space,
}

impl Spaces {
    /// Counts an item's vectors in, and tells the numbers of their spaces.
    pub(crate) fn add(&mut self, content: &Content) -> Numbers {
        let mut numbers = Numbers::default();
        for (modality, own) in &content.embeddings {
            // Beyond this many spaces, which no house has, vectors are not compared any more.
            let Some(number) = self.number(*modality, own).or_else(|| self.open(*modality, own)) else {
                continue;
            };
            self.all[number as usize].space.add(own.embedding.as_slice());
            numbers[*modality as usize] = Some(number);
        }
        numbers
    }

    /// Takes an item's vectors out.
    pub(crate) fn remove(&mut self, content: &Content, numbers: &Numbers) {
        for (modality, own) in &content.embeddings {
            if let Some(number) = numbers[*modality as usize] {
                self.all[number as usize].space.remove(own.embedding.as_slice());
            }
        }
    }

    /// What two items of a space share on average.
    pub(crate) fn of(&self, number: u16) -> &Space {
        &self.all[number as usize].space
    }

    /// The space of a model's vectors, if an item ever had one.
    pub(crate) fn find(&self, modality: Modality, model: &str) -> Option<&Space> {
        self.all
            .iter()
            .find(|named| named.modality == modality && named.model == model && !named.space.is_empty())
            .map(|named| &named.space)
    }

    fn number(&self, modality: Modality, own: &ModelEmbedding) -> Option<u16> {
        let is_same = |named: &Named| {
            named.modality == modality && named.model == own.model && named.dim == own.embedding.dim()
        };
        self.all.iter().position(is_same).map(|number| number as u16)
    }

    /// A new space, in the place of one that is no longer used if there is any.
    fn open(&mut self, modality: Modality, own: &ModelEmbedding) -> Option<u16> {
        let dim = own.embedding.dim();
        let named = Named { modality, model: own.model.clone(), dim, space: Space::default() };
        if let Some(unused) = self.all.iter().position(|named| named.space.is_empty()) {
            self.all[unused] = named;
            return Some(unused as u16);
        }
        let number = u16::try_from(self.all.len()).ok().filter(|number| *number < SPACES_MAX)?;
        self.all.push(named);
        Some(number)
    }
}

/// Most spaces at once. Each model of each modality has one, and devices may bring their own.
const SPACES_MAX: u16 = 64;

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

    #[test]
    fn spaces_have_a_limit_and_empty_ones_are_used_again() {
        let content = |model: usize| {
            let embedding = crate::Embedding::from_values(vec![1.0, 0.0]).expect("a direction");
            let own = ModelEmbedding { model: format!("model{model}"), embedding };
            Content { embeddings: [(Modality::Image, own)].into(), ..Content::default() }
        };
        let mut spaces = Spaces::default();
        let numbers: Vec<Numbers> =
            (0..SPACES_MAX as usize).map(|model| spaces.add(&content(model))).collect();
        assert!(numbers.iter().all(|numbers| numbers[Modality::Image as usize].is_some()));
        assert_eq!(spaces.add(&content(99)), Numbers::default(), "there is no room");
        assert_eq!(spaces.add(&content(7)), numbers[7], "a space that is there takes more");
        spaces.remove(&content(3), &numbers[3]);
        assert_eq!(spaces.add(&content(99)), numbers[3]);
        assert!(spaces.find(Modality::Image, "model3").is_none());
    }
}
