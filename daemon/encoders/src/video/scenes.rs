//! Which frames of a film are looked at: every scene first, then evenly over its time.

use ::image::RgbImage;

/// A change between two frames is a cut if it is at least this, as the mean difference of their
/// small pictures in `[0, 1]`. Cuts of the test clips lie above 0.15, a waving hand below 0.06.
const CUT_MIN: f32 = 0.1;

/// And if it is so many times the film's usual change: in a film that shakes, shaking is no cut.
const CUT_TO_USUAL: f32 = 3.0;

/// Side of the small pictures that are compared.
const SIDE: u32 = 16;

/// A frame in `SIDE * SIDE` means, to tell one scene from the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Small(Vec<f32>);

impl Small {
    pub fn of(frame: &RgbImage) -> Small {
        let (width, height) = frame.dimensions();
        let mut sums = vec![0.0_f32; (SIDE * SIDE * 3) as usize];
        let mut counts = vec![0.0_f32; (SIDE * SIDE) as usize];
        // Every second pixel of every second row says enough.
        let step = if width.min(height) >= 4 * SIDE { 2 } else { 1 };
        for y in (0..height).step_by(step) {
            for x in (0..width).step_by(step) {
                let cell = (y * SIDE / height * SIDE + x * SIDE / width) as usize;
                counts[cell] += 1.0;
                for (sum, value) in sums[cell * 3..].iter_mut().zip(frame.get_pixel(x, y).0) {
                    *sum += f32::from(value) / 255.0;
                }
            }
        }
        for (cell, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            sums[cell * 3..cell * 3 + 3].iter_mut().for_each(|sum| *sum /= count);
        }
        Small(sums)
    }

    /// The mean difference of two frames, in `[0, 1]`.
    pub fn change(&self, before: &Small) -> f32 {
        let sum: f32 = self.0.iter().zip(&before.0).map(|(a, b)| (a - b).abs()).sum();
        sum / self.0.len() as f32
    }
}

/// The places, in order, of at most `most` frames out of as many as there are `changes`; each
/// change is that from the frame before, the first is 0.
///
/// Every scene gets a frame, the clearest cuts first if there are more scenes than frames; the
/// other frames go where a frame stands for the longest time. Within a scene they lie evenly.
pub(crate) fn choose(changes: &[f32], most: usize) -> Vec<usize> {
    if changes.len() <= most {
        return (0..changes.len()).collect();
    }
    let bounds = scenes(changes, most);
    let lengths: Vec<usize> = bounds.windows(2).map(|bound| bound[1] - bound[0]).collect();
    let mut shares = vec![1_usize; lengths.len()];
    for _ in lengths.len()..most {
        let widest = (0..lengths.len())
            .filter(|scene| shares[*scene] < lengths[*scene])
            .max_by(|a, b| (lengths[*a] * shares[*b]).cmp(&(lengths[*b] * shares[*a])).then(b.cmp(a)));
        let Some(widest) = widest else { break };
        shares[widest] += 1;
    }
    let mut chosen = Vec::with_capacity(most);
    for (scene, share) in shares.into_iter().enumerate() {
        chosen.extend((0..share).map(|part| bounds[scene] + (2 * part + 1) * lengths[scene] / (2 * share)));
    }
    chosen
}

/// Where scenes begin, and the end of the last; at most `most` scenes.
fn scenes(changes: &[f32], most: usize) -> Vec<usize> {
    let mut sorted = changes.to_vec();
    sorted.sort_by(f32::total_cmp);
    let least = CUT_MIN.max(CUT_TO_USUAL * sorted[sorted.len() / 2]);
    let mut cuts: Vec<usize> = (1..changes.len()).filter(|at| changes[*at] >= least).collect();
    cuts.sort_by(|a, b| changes[*b].total_cmp(&changes[*a]).then(a.cmp(b)));
    cuts.truncate(most.saturating_sub(1));
    cuts.push(0);
    cuts.push(changes.len());
    cuts.sort_unstable();
    cuts
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;
    use proptest::prelude::*;

    use super::*;

    /// Changes of a film of so many frames with cuts at these places.
    fn film(frames: usize, cuts: &[usize]) -> Vec<f32> {
        (0..frames).map(|at| if cuts.contains(&at) { 0.4 } else { 0.01 }).collect()
    }

    #[test]
    fn a_short_film_is_seen_whole() {
        assert_eq!(choose(&film(3, &[]), 4), [0, 1, 2]);
        assert_eq!(choose(&[], 4), [0_usize; 0]);
    }

    #[test]
    fn one_scene_is_seen_evenly() {
        assert_eq!(choose(&film(40, &[]), 4), [5, 15, 25, 35]);
    }

    #[test]
    fn every_scene_is_seen_and_long_ones_more() {
        assert_eq!(choose(&film(40, &[2, 4]), 4), [1, 3, 13, 31]);
    }

    #[test]
    fn the_clearest_cuts_come_first() {
        let mut changes = film(40, &[10, 20, 30]);
        changes[20] = 0.5;
        assert_eq!(choose(&changes, 2), [10, 30]);
    }

    #[test]
    fn shaking_is_no_cut() {
        let shaking: Vec<f32> = (0..40).map(|at| if at % 2 == 0 { 0.12 } else { 0.14 }).collect();
        assert_eq!(choose(&shaking, 4), [5, 15, 25, 35]);
    }

    #[test]
    fn changes_lie_between_nothing_and_everything() {
        let plain = |value| Small::of(&RgbImage::from_pixel(64, 48, Rgb([value; 3])));
        assert_eq!(plain(9).change(&plain(9)), 0.0);
        assert!((plain(0).change(&plain(255)) - 1.0).abs() < 1e-6);
        // A picture smaller than the small ones leaves cells empty.
        assert_eq!(Small::of(&RgbImage::new(1, 1)).change(&Small::of(&RgbImage::new(1, 1))), 0.0);
    }

    proptest! {
        #[test]
        fn chosen_frames_are_in_order_within_the_film_and_no_more_than_asked(
            changes in prop::collection::vec(0.0_f32..1.0, 0..200),
            most in 1_usize..40,
        ) {
            let chosen = choose(&changes, most);
            prop_assert_eq!(chosen.len(), changes.len().min(most));
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(chosen.iter().all(|at| *at < changes.len()));
        }
    }
}
