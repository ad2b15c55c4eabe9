//! Short projections of long vectors, so that a first look at every item is cheap.

use crate::embedding::SEMANTIC_DIM;
use crate::item::Content;
use crate::random::split_mix;
use crate::vector::dot;

/// Values of a sketch.
pub(crate) const SKETCH_DIM: usize = 64;

/// One vector's projection. Of fixed length, so that comparing two is a handful of instructions.
pub(crate) type Sketch = [f32; SKETCH_DIM];

/// Estimates the cosine of the vectors behind two sketches.
#[cfg(test)]
pub(crate) fn estimate(a: &Sketch, b: &Sketch) -> f32 {
    let mut sums = [0.0_f32; 16];
    for chunk in 0..SKETCH_DIM / 16 {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += a[chunk * 16 + lane] * b[chunk * 16 + lane];
        }
    }
    sums.iter().sum()
}

/// How many sketches are compared with one at once.
pub(crate) const TOGETHER: usize = 4;

/// Some sketches side by side, value by value, so that comparing all with one takes whole registers.
pub(crate) type Together = [[f32; TOGETHER]; SKETCH_DIM];

/// Puts at most [`TOGETHER`] sketches side by side; places that are left hold zeros.
pub(crate) fn together(sketches: &[&Sketch]) -> Together {
    let mut together = [[0.0; TOGETHER]; SKETCH_DIM];
    for (place, sketch) in sketches.iter().enumerate() {
        together.iter_mut().zip(sketch.iter()).for_each(|(values, value)| values[place] = *value);
    }
    together
}

/// Estimates the cosines of the vectors behind some sketches and another one.
#[inline]
pub(crate) fn estimates(together: &Together, other: &Sketch) -> [f32; TOGETHER] {
    // Sums begin at the same zero as an iterator's.
    let mut totals = [std::iter::empty::<f32>().sum(); TOGETHER];
    for lane in 0..16 {
        let mut sums = [0.0_f32; TOGETHER];
        for chunk in 0..SKETCH_DIM / 16 {
            let place = chunk * 16 + lane;
            for (sum, value) in sums.iter_mut().zip(&together[place]) {
                *sum += value * other[place];
            }
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    totals
}

/// Projections on random directions of equal length. The dot product of two sketches estimates the
/// cosine with a standard deviation of about `1 / sqrt(SKETCH_DIM)`.
/// Source: Achlioptas, "Database-friendly random projections", JCSS 66, 2003.
#[derive(Debug)]
pub(crate) struct Sketches {
    /// Random signs, scaled; shape `[SKETCH_DIM, SEMANTIC_DIM]`.
    directions: Vec<f32>,
    /// By slot.
    rows: Vec<Sketch>,
}

impl Default for Sketches {
    fn default() -> Self {
        let length = 1.0 / (SKETCH_DIM as f32).sqrt();
        let sign = |i: u64| if split_mix(i) & 1 == 0 { length } else { -length };
        let count = (SKETCH_DIM * SEMANTIC_DIM) as u64;
        Sketches { directions: (0..count).map(sign).collect(), rows: Vec::new() }
    }
}

impl Sketches {
    /// Keeps the sketch of a slot's vector, shape `[SEMANTIC_DIM]`.
    pub(crate) fn put(&mut self, slot: u32, vector: &[f32]) {
        let mut sketch = [0.0; SKETCH_DIM];
        for (value, direction) in sketch.iter_mut().zip(self.directions.chunks_exact(SEMANTIC_DIM)) {
            *value = dot(direction, vector);
        }
        self.put_row(slot, sketch);
    }

    /// Keeps the sketch of vectors that lie in spaces of their own, all media together. It says how
    /// near items are whose vectors were made by the same models, and nothing beside sketches of
    /// another kind.
    pub(crate) fn put_own(&mut self, slot: u32, content: &Content) {
        let mut sketch = [0.0; SKETCH_DIM];
        let length = 1.0 / ((SKETCH_DIM * content.embeddings.len().max(1)) as f32).sqrt();
        for (modality, own) in &content.embeddings {
            for (place, value) in own.embedding.as_slice().iter().enumerate() {
                // 64 signs at once, one bit each; modalities lie 2^32 apart.
                let signs = split_mix(((*modality as u64 + 1) << 32) + place as u64);
                for (bit, sum) in sketch.iter_mut().enumerate() {
                    *sum += if signs >> bit & 1 == 0 { length * value } else { -length * value };
                }
            }
        }
        self.put_row(slot, sketch);
    }

    fn put_row(&mut self, slot: u32, sketch: Sketch) {
        if self.rows.len() <= slot as usize {
            self.rows.resize(slot as usize + 1, [0.0; SKETCH_DIM]);
        }
        self.rows[slot as usize] = sketch;
    }

    /// The sketch of a slot; zeros if there is none.
    #[inline]
    pub(crate) fn row(&self, slot: u32) -> &Sketch {
        self.rows.get(slot as usize).unwrap_or(&[0.0; SKETCH_DIM])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::unit_of;
    use crate::vector::normalise;

    #[test]
    fn together_they_are_estimated_as_alone() {
        let sketch = |i: u64| -> Sketch {
            std::array::from_fn(|place| unit_of(i, &place.to_string()) * unit_of(place as u64, "scale") - 0.3)
        };
        for count in 1..=TOGETHER {
            for seed in 0..50 {
                let sketches: Vec<Sketch> = (0..count as u64).map(|i| sketch(seed * 8 + i)).collect();
                let other = sketch(9_999 + seed);
                let all = estimates(&together(&sketches.iter().collect::<Vec<_>>()), &other);
                for (sketch, together) in sketches.iter().zip(all) {
                    assert_eq!(estimate(sketch, &other).to_bits(), together.to_bits());
                }
            }
        }
    }

    #[test]
    fn sketches_estimate_cosines() {
        let mut sketches = Sketches::default();
        let vector = |i: u32| {
            let mut values: Vec<f32> =
                (0..SEMANTIC_DIM).map(|d| unit_of(u64::from(i), &d.to_string()) - 0.5).collect();
            // Half of every vector is common, so cosines are about 0.5.
            for (d, value) in values.iter_mut().enumerate().take(SEMANTIC_DIM / 2) {
                *value = unit_of(99, &d.to_string()) - 0.5;
            }
            assert!(normalise(&mut values));
            values
        };
        let vectors: Vec<Vec<f32>> = (0..40).map(vector).collect();
        for (slot, vector) in (0..).zip(&vectors) {
            sketches.put(slot, vector);
        }
        let errors: Vec<f32> = (1..40_u32)
            .map(|i| estimate(sketches.row(0), sketches.row(i)) - dot(&vectors[0], &vectors[i as usize]))
            .collect();
        let spread = (errors.iter().map(|e| e * e).sum::<f32>() / errors.len() as f32).sqrt();
        assert!(spread < 0.2, "{spread}");
    }
}
