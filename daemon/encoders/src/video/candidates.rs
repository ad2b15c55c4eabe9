//! The frames of a film to choose from, however long it is.

use ::image::RgbImage;

use super::scenes::{Small, choose};

/// Most frames that are held; those of a longer film are held further apart.
pub(crate) const CANDIDATES_MAX: usize = 64;

/// Frames evenly spread over what has come so far.
#[derive(Default)]
pub(crate) struct Candidates {
    frames: Vec<(RgbImage, Small)>,
    /// Of two to this many frames that come, one is held.
    halvings: u32,
    count: usize,
}

impl Candidates {
    /// Takes the next frame, which may be held or not.
    pub fn hold(&mut self, frame: RgbImage) {
        if self.is_due() && self.frames.len() == CANDIDATES_MAX {
            let mut at = 0;
            self.frames.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.halvings += 1;
        }
        if self.is_due() {
            let small = Small::of(&frame);
            self.frames.push((frame, small));
        }
        self.count += 1;
    }

    fn is_due(&self) -> bool {
        self.count.is_multiple_of(1 << self.halvings)
    }

    /// At most `most` of the frames held, every scene first. Of frames that come repeated one is
    /// left, as key frames do until the next one.
    pub fn choose(mut self, most: usize) -> Vec<RgbImage> {
        self.frames.dedup_by(|frame, before| frame.0 == before.0);
        let changes: Vec<f32> = (0..self.frames.len())
            .map(|at| if at == 0 { 0.0 } else { self.frames[at].1.change(&self.frames[at - 1].1) })
            .collect();
        let mut chosen = choose(&changes, most).into_iter().peekable();
        let frames = self.frames.into_iter().enumerate();
        frames.filter(|(at, _)| chosen.next_if_eq(at).is_some()).map(|(_, (frame, _))| frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_film_of_unknown_length_stay_spread_over_it() {
        let mut candidates = Candidates::default();
        for at in 0..1000_u16 {
            let [low, high] = at.to_le_bytes();
            candidates.hold(RgbImage::from_pixel(1, 1, ::image::Rgb([low, high, 0])));
        }
        let places: Vec<u16> = candidates
            .frames
            .iter()
            .map(|(frame, _)| u16::from_le_bytes([frame.as_raw()[0], frame.as_raw()[1]]))
            .collect();
        assert!((CANDIDATES_MAX / 2..=CANDIDATES_MAX).contains(&places.len()), "{places:?}");
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] == places[1]), "{places:?}");
        assert!(places.last().is_some_and(|last| *last > 960), "{places:?}");
        assert_eq!(candidates.choose(16).len(), 16);
    }

    #[test]
    fn of_repeated_frames_one_is_left() {
        let mut candidates = Candidates::default();
        for value in [1, 1, 1, 2, 2, 1] {
            candidates.hold(RgbImage::from_pixel(1, 1, ::image::Rgb([value; 3])));
        }
        let left: Vec<u8> = candidates.choose(16).iter().map(|frame| frame.as_raw()[0]).collect();
        assert_eq!(left, [1, 2, 1]);
    }
}
