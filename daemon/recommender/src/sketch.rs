//! Short projections of long vectors, so that a first look at every item is cheap.

use crate::embedding::SEMANTIC_DIM;
use crate::item::Content;
use crate::random::split_mix;
use crate::vector::dot;

/// Values of a sketch.
pub(crate) const SKETCH_DIM: usize = 64;

/// One vector's projection. Of fixed length, so that comparing two is a handful of instructions.
pub(crate) type Sketch = [f32; SKETCH_DIM];

/// How many sketches lie side by side.
pub(crate) const LANES: usize = 8;

/// How many partial sums a dot product has, as in `vector::dot`, and how many products each is made of.
const SUMS: usize = 16;
const EACH: usize = SKETCH_DIM / SUMS;

/// Sketches of slots that follow each other, side by side, so that comparing all of them with another one
/// takes whole registers: values that go into the same partial sum follow each other, so that memory is
/// gone through in order.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Block([[[f32; LANES]; EACH]; SUMS]);

impl Block {
    const EMPTY: Block = Block([[[0.0; LANES]; EACH]; SUMS]);

    /// The dot products with another sketch, which estimate the cosines of the vectors behind them: to the bit
    /// what `vector::dot` says of each alone.
    #[inline]
    pub(crate) fn dots(&self, other: &Sketch) -> [f32; LANES] {
        // Sums begin at the same zero as an iterator's.
        let mut totals = [std::iter::empty::<f32>().sum(); LANES];
        for (place, products) in self.0.iter().enumerate() {
            let mut sums = [0.0_f32; LANES];
            for (chunk, values) in products.iter().enumerate() {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value * other[chunk * SUMS + place];
                }
            }
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        totals
    }
}

/// Projections on random directions of equal length. The dot product of two sketches estimates the
/// cosine with a standard deviation of about `1 / sqrt(SKETCH_DIM)`.
/// Source: Achlioptas, "Database-friendly random projections", JCSS 66, 2003.
#[derive(Debug)]
pub(crate) struct Sketches {
    /// Random signs, scaled; shape `[SKETCH_DIM, SEMANTIC_DIM]`.
    directions: Vec<f32>,
    /// By slot, `LANES` of them in each.
    blocks: Vec<Block>,
}

impl Default for Sketches {
    fn default() -> Self {
        let length = 1.0 / (SKETCH_DIM as f32).sqrt();
        let sign = |i: u64| if split_mix(i) & 1 == 0 { length } else { -length };
        let count = (SKETCH_DIM * SEMANTIC_DIM) as u64;
        Sketches { directions: (0..count).map(sign).collect(), blocks: Vec::new() }
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
        let (block, lane) = place(slot);
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, Block::EMPTY);
        }
        for (place, value) in sketch.into_iter().enumerate() {
            self.blocks[block].0[place % SUMS][place / SUMS][lane] = value;
        }
    }

    /// The sketch of a slot; zeros if there is none.
    pub(crate) fn row(&self, slot: u32) -> Sketch {
        let (block, lane) = place(slot);
        let block = self.blocks.get(block).unwrap_or(&Block::EMPTY);
        std::array::from_fn(|place| block.0[place % SUMS][place / SUMS][lane])
    }

    /// All sketches, `LANES` slots at once; what is beyond the last slot holds zeros.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

/// In which block a slot's sketch lies, and where in it.
fn place(slot: u32) -> (usize, usize) {
    (slot as usize / LANES, slot as usize % LANES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::unit_of;
    use crate::vector::normalise;

    #[test]
    fn together_they_are_compared_as_alone() {
        let mut sketches = Sketches::default();
        let sketch = |i: u64| -> Sketch {
            std::array::from_fn(|place| unit_of(i, &place.to_string()) * unit_of(place as u64, "scale") - 0.3)
        };
        (0..50).for_each(|slot| sketches.put_row(slot, sketch(u64::from(slot))));
        let other = sketch(9_999);
        let all: Vec<f32> = sketches.blocks().iter().flat_map(|block| block.dots(&other)).collect();
        for slot in 0..50 {
            let alone = dot(&sketches.row(slot), &other);
            assert_eq!(sketches.row(slot), sketch(u64::from(slot)));
            assert_eq!(alone.to_bits(), all[slot as usize].to_bits());
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
            .map(|i| dot(&sketches.row(0), &sketches.row(i)) - dot(&vectors[0], &vectors[i as usize]))
            .collect();
        let spread = (errors.iter().map(|e| e * e).sum::<f32>() / errors.len() as f32).sqrt();
        assert!(spread < 0.2, "{spread}");
    }
}
