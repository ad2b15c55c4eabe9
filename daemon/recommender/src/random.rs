//! The recommender's only randomness: a generator that the request seeds.

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014; constants of Vigna's reference code.
#[must_use]
pub(crate) fn split_mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `[0, 1)` that depends on the seed and the text alone.
#[must_use]
pub(crate) fn unit_of(seed: u64, text: &str) -> f32 {
    (split_mix(seed ^ hash(text)) >> 40) as f32 / (1_u64 << 24) as f32
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
/// Source: Fowler, Noll, Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>.
#[must_use]
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first value of Vigna's splitmix64.c from state 0.
        assert_eq!(split_mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn numbers_lie_in_the_unit_interval_and_differ_by_seed() {
        let numbers: Vec<f32> = (0..100).map(|seed| unit_of(seed, "film:1")).collect();
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        assert!(numbers.iter().any(|n| *n < 0.2) && numbers.iter().any(|n| *n > 0.8));
    }
}
