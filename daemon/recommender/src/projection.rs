//! What others' likes say of items that few or none have liked: the scores of a walk as a function of
//! content, fitted when they are asked for.
//!
//! Ridge regression of the scores of all liked items on their descriptors. The sums of products are
//! kept, one item at a time as it is first liked, so only the scores are new to each request.

use std::sync::OnceLock;

use crate::descriptor::{DIM, MEDIA, ONE, Rows, Sparse};
use crate::sketch::SKETCH_DIM;

/// Strength of the penalty: so many items of unit length that say 0. From 1 to 10 hardly anything
/// changed for films of MovieLens 100k that were hidden at random, known by tags, attributes and plots.
const PENALTY: f64 = 3.0;

/// Likers at which what the walk says itself and what content says count the same.
const LIKERS_HALF: f32 = 1.0;

/// An item of more likers has a name of its own.
const LIKERS_MAX: usize = 50;

/// What is known of the descriptors of all items that somebody liked.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    /// By slot: the constant and the facets of the descriptor as it was counted; empty if it is not.
    facets: Rows,
    /// By slot: the rest of it.
    media: Vec<[i16; SKETCH_DIM]>,
    /// Sums of products of two places over all counted items, in steps of `1 / ONE²`; shape
    /// `[DIM, DIM]`, symmetric; empty until an item is counted.
    products: Vec<i64>,
    factor: OnceLock<Option<Vec<f64>>>,
}

impl Projection {
    /// Whether an item's descriptor is counted.
    pub(crate) fn counts(&self, slot: u32) -> bool {
        !self.facets.row(slot).is_empty()
    }

    /// Counts an item with this descriptor, in the place of what was counted of it; `None` counts it
    /// no more.
    pub(crate) fn set(&mut self, slot: u32, descriptor: Option<Sparse>) {
        let old = self.counted(slot);
        if old == descriptor {
            return;
        }
        old.iter().for_each(|old| self.add(old, -1));
        descriptor.iter().for_each(|new| self.add(new, 1));
        self.keep(slot, &descriptor.unwrap_or_default());
        self.factor = OnceLock::new();
    }

    /// The descriptor that is counted of an item.
    fn counted(&self, slot: u32) -> Option<Sparse> {
        let facets = self.facets.row(slot);
        let media = (MEDIA as u16..).zip(self.media.get(slot as usize)?.iter().copied());
        let whole = facets.iter().copied().chain(media.filter(|(_, value)| *value != 0));
        (!facets.is_empty()).then(|| whole.collect())
    }

    fn keep(&mut self, slot: u32, row: &[(u16, i16)]) {
        let (facets, media) = row.split_at(row.partition_point(|(place, _)| usize::from(*place) < MEDIA));
        self.facets.set(slot, facets);
        if self.media.len() <= slot as usize {
            self.media.resize(slot as usize + 1, [0; SKETCH_DIM]);
        }
        let kept = &mut self.media[slot as usize];
        kept.fill(0);
        media.iter().for_each(|(place, value)| kept[usize::from(*place) - MEDIA] = *value);
    }

    fn add(&mut self, row: &Sparse, times: i64) {
        self.products.resize(DIM * DIM, 0);
        for (i, left) in row {
            for (j, right) in row {
                let product = i64::from(*left) * i64::from(*right);
                self.products[usize::from(*i) * DIM + usize::from(*j)] += times * product;
            }
        }
    }

    /// What content has to do with the scores of the counted items (by slot), shape `[DIM]`: how much
    /// higher than their mean it makes a score. `None` if it has nothing to do with them.
    pub(crate) fn fit(&self, scores: &[f32]) -> Option<Vec<f32>> {
        let factor = self.factor.get_or_init(|| self.factorise()).as_ref()?;
        let mut sums = vec![0.0_f64; DIM];
        let (by_facet, by_media) = sums.split_at_mut(MEDIA);
        for ((slot, score), media) in
            (0..).zip(scores).zip(&self.media).filter(|((_, score), _)| **score != 0.0)
        {
            let facets = self.facets.row(slot);
            if facets.is_empty() {
                continue;
            }
            let score = f64::from(*score) / f64::from(ONE);
            for (place, value) in facets {
                by_facet[usize::from(*place)] += score * f64::from(*value);
            }
            for (sum, value) in by_media.iter_mut().zip(media) {
                *sum += score * f64::from(*value);
            }
        }
        // The constant is the first place of every row, so its product with itself counts the rows.
        let count = self.products[0] as f64 / (f64::from(ONE) * f64::from(ONE));
        let mean = sums[0] / count.max(1.0);
        solve(factor, &mut sums);
        sums[0] -= mean;
        sums.iter().any(|value| *value != 0.0).then(|| sums.into_iter().map(|value| value as f32).collect())
    }

    /// The Cholesky factor of the products with the penalty, lower triangle; `None` if nothing is
    /// counted. Each part is penalised by its own spread, as if all were of unit variance.
    fn factorise(&self) -> Option<Vec<f64>> {
        let one = f64::from(ONE) * f64::from(ONE);
        let mut matrix: Vec<f64> = self.products.iter().map(|sum| *sum as f64 / one).collect();
        let count = matrix.first().copied().filter(|count| *count > 0.0)?;
        let spread = |places: std::ops::Range<usize>| -> f64 {
            places.map(|i| matrix[i * DIM + i] / count - (matrix[i * DIM] / count).powi(2)).sum()
        };
        let penalties = [(0..1, 1.0), (1..MEDIA, spread(1..MEDIA)), (MEDIA..DIM, spread(MEDIA..DIM))];
        for (places, spread) in penalties {
            for i in places {
                matrix[i * DIM + i] += PENALTY * spread.max(SPREAD_MIN);
            }
        }
        cholesky(&mut matrix);
        Some(matrix)
    }
}

/// Keeps the penalty above 0 where all items are the same.
const SPREAD_MIN: f64 = 1e-3;

/// How much what content says of an item counts beside its own likers.
pub(crate) fn weight(likers: usize) -> f32 {
    if likers > LIKERS_MAX { 0.0 } else { LIKERS_HALF / (likers as f32 + LIKERS_HALF) }
}

/// Puts the factor `L` of a positive definite `L L^T` into the lower triangle.
fn cholesky(matrix: &mut [f64]) {
    for i in 0..DIM {
        let (above, row) = matrix.split_at_mut(i * DIM);
        for j in 0..i {
            let other = &above[j * DIM..(j + 1) * DIM];
            let known: f64 = row[..j].iter().zip(&other[..j]).map(|(a, b)| a * b).sum();
            row[j] = (row[j] - known) / other[j];
        }
        let known: f64 = row[..i].iter().map(|value| value * value).sum();
        row[i] = (row[i] - known).max(SPREAD_MIN * SPREAD_MIN).sqrt();
    }
}

/// Solves `L L^T x = b` in place.
fn solve(factor: &[f64], values: &mut [f64]) {
    for i in 0..DIM {
        let row = &factor[i * DIM..i * DIM + i];
        let known: f64 = row.iter().zip(values.iter()).map(|(a, b)| a * b).sum();
        values[i] = (values[i] - known) / factor[i * DIM + i];
    }
    for i in (0..DIM).rev() {
        values[i] /= factor[i * DIM + i];
        let value = values[i];
        for (below, known) in values[..i].iter_mut().zip(&factor[i * DIM..i * DIM + i]) {
            *below -= known * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::split_mix;

    fn row(seed: u64) -> Sparse {
        let value = |place: u64| (split_mix(seed * 1_000 + place) % 400) as i16 - 200;
        let places = (0..20).map(|i| (1 + (split_mix(seed * 77 + i) % (DIM as u64 - 1)) as u16, value(i)));
        let places: std::collections::BTreeMap<u16, i16> = places.collect();
        [(0, ONE as i16)].into_iter().chain(places).collect()
    }

    fn counted(slots: std::ops::Range<u32>) -> Projection {
        let mut projection = Projection::default();
        slots.for_each(|slot| projection.set(slot, Some(row(u64::from(slot)))));
        projection
    }

    #[test]
    fn the_fit_solves_the_penalised_equations() {
        let projection = counted(0..60);
        let scores: Vec<f32> = (0..60).map(|slot| (slot % 7) as f32).collect();
        let mut found = projection.fit(&scores).expect("fits");
        found[0] += scores.iter().sum::<f32>() / 60.0;
        // (G + penalty) found = F^T scores, by place; the penalty is what the factor adds to G.
        let factor = projection.factorise().expect("counted");
        for place in [0, 5, 100, DIM - 1] {
            let product = |i: usize, j: usize| -> f64 {
                (0..=i.min(j)).map(|k| factor[i * DIM + k] * factor[j * DIM + k]).sum()
            };
            let left: f64 = (0..DIM).map(|j| product(place, j) * f64::from(found[j])).sum();
            let right: f64 = (0..60)
                .map(|slot| {
                    let value = row(slot).iter().find(|(at, _)| usize::from(*at) == place).map_or(0, |v| v.1);
                    f64::from(scores[slot as usize]) * f64::from(value) / f64::from(ONE)
                })
                .sum();
            assert!((left - right).abs() < 1e-3, "{place}: {left} {right}");
        }
    }

    #[test]
    fn what_is_no_longer_counted_leaves_nothing_behind() {
        let (mut projection, plain) = (counted(0..40), counted(0..20));
        for slot in 20..40 {
            projection.set(slot, None);
        }
        assert_eq!(projection.products, plain.products);
        projection.set(3, Some(row(99)));
        projection.set(3, Some(row(3)));
        assert_eq!(projection.products, plain.products);
        (0..20).for_each(|slot| projection.set(slot, None));
        assert_eq!(projection.fit(&[1.0; 40]), None);
    }

    #[test]
    fn what_content_says_counts_less_with_each_liker() {
        assert_eq!([0, 1, 3, 51].map(weight), [1.0, 0.5, 0.25, 0.0]);
    }
}
