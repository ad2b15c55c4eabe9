//! Embeddings: directions in a vector space.

/// Values of a vector in the shared semantic space, in which any medium can be compared with any
/// other.
pub const SEMANTIC_DIM: usize = 384;

/// Most values one embedding may have.
pub const EMBEDDING_DIM_MAX: usize = 4096;

/// Why numbers are no embedding. The caller rejects the input that carried them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbeddingError {
    /// There are no values, or more than [`EMBEDDING_DIM_MAX`].
    #[error("embedding of {dim} values, expected 1 to {EMBEDDING_DIM_MAX}")]
    BadDim {
        /// How many there are.
        dim: usize,
    },
    /// A value is NaN or infinite.
    #[error("embedding value {index} is {value}, expected a finite number")]
    NotFinite {
        /// Its place, from 0.
        index: usize,
        /// The value.
        value: f32,
    },
    /// All values are (nearly) 0, so there is no direction.
    #[error("embedding of length 0 has no direction, expected at least one value other than 0")]
    Zero,
}

/// A direction, shape `[dim]`, of unit length.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Scales `values`, shape `[dim]`, to unit length.
    ///
    /// # Errors
    ///
    /// Reject the input that carried the values: they are none, too many, not finite, or all 0.
    pub fn from_values(mut values: Vec<f32>) -> Result<Self, EmbeddingError> {
        if values.is_empty() || values.len() > EMBEDDING_DIM_MAX {
            return Err(EmbeddingError::BadDim { dim: values.len() });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(EmbeddingError::NotFinite { index, value: values[index] });
        }
        let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if length < 1e-12 {
            return Err(EmbeddingError::Zero);
        }
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Ok(Self(values.into_boxed_slice()))
    }

    /// How many values it has.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.len()
    }

    /// The values, shape `[dim]`.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle to `other`, in `[-1, 1]`; 0 if the dimensions differ, as vectors of
    /// different spaces say nothing of each other.
    #[must_use]
    pub fn cosine(&self, other: &Embedding) -> f32 {
        if self.dim() != other.dim() {
            return 0.0;
        }
        // Eight partial sums let the compiler use vector registers.
        let mut sums = [0.0_f32; 8];
        let (mine, theirs) = (self.0.chunks_exact(8), other.0.chunks_exact(8));
        let rest: f32 = mine.remainder().iter().zip(theirs.remainder()).map(|(a, b)| a * b).sum();
        for (a, b) in mine.zip(theirs) {
            for lane in 0..8 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scaled_to_unit_length() {
        let embedding = Embedding::from_values(vec![3.0, 0.0, 4.0]).expect("finite");
        assert_eq!(embedding.as_slice(), [0.6, 0.0, 0.8]);
        assert!((embedding.cosine(&embedding) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let error = |values: Vec<f32>| Embedding::from_values(values).expect_err("refused").to_string();
        assert_eq!(error(vec![]), "embedding of 0 values, expected 1 to 4096");
        assert_eq!(error(vec![1.0; 4097]), "embedding of 4097 values, expected 1 to 4096");
        assert_eq!(error(vec![1.0, f32::NAN]), "embedding value 1 is NaN, expected a finite number");
        assert_eq!(
            error(vec![0.0; 3]),
            "embedding of length 0 has no direction, expected at least one value other than 0"
        );
    }

    #[test]
    fn vectors_of_different_spaces_are_unrelated() {
        let a = Embedding::from_values(vec![1.0, 0.0]).expect("finite");
        let b = Embedding::from_values(vec![1.0, 0.0, 0.0]).expect("finite");
        assert_eq!(a.cosine(&b), 0.0);
    }
}
