//! Damages files at random, for fuzzing without coverage: the tests beside the decoders and parsers
//! take this file in.

use std::time::{Duration, Instant};

/// Numbers at which lengths, counts and sizes go wrong.
const INTERESTING: [u32; 12] =
    [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// Random numbers by xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift
/// generators, scrambled", 2016).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.max(1))
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

/// One to eight damages to one of the seeds.
pub fn damaged(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(8) {
        damage(&mut bytes, seeds, dice);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    if bytes.is_empty() {
        bytes.push(dice.below(256) as u8);
        return;
    }
    // Half of the damages fall into the first bytes, where headers are.
    let reach = if dice.below(2) == 0 { bytes.len().min(512) } else { bytes.len() };
    let at = dice.below(reach);
    let length = 1 + dice.below((bytes.len() - at).min(64));
    match dice.below(8) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = dice.below(256) as u8,
        2 => {
            let value = INTERESTING[dice.below(INTERESTING.len())];
            let big = dice.below(2) == 0;
            let four = if big { value.to_be_bytes() } else { value.to_le_bytes() };
            let width = [1, 2, 4][dice.below(3)];
            let from = if big { 4 - width } else { 0 };
            bytes.iter_mut().skip(at).zip(&four[from..from + width]).for_each(|(byte, value)| *byte = *value);
        }
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let copy = bytes[at..at + length].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        5 => bytes[at..at + length].fill([0, 0xff, b' ', b'9'][dice.below(4)]),
        6 => {
            let other = &seeds[dice.below(seeds.len())];
            if !other.is_empty() {
                let from = dice.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
        _ => bytes.truncate(at),
    }
}

/// Runs `check` over damaged seeds for the seconds of `ATTUNED_FUZZ_SECONDS`, or half a second; gives
/// how many. `ATTUNED_FUZZ_SEED` gives other ones.
pub fn fuzz(seeds: &[Vec<u8>], mut check: impl FnMut(&[u8])) -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = number("ATTUNED_FUZZ_SECONDS").map_or(Duration::from_millis(500), Duration::from_secs);
    let mut dice = Dice::new(number("ATTUNED_FUZZ_SEED").unwrap_or(1));
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < time {
        check(&damaged(seeds, &mut dice));
        count += 1;
    }
    count
}
