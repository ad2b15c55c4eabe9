//! Places at which the recommender finds out more, and how likely each item was to be there.
//!
//! Thompson sampling: at such a place every candidate of which little is known draws a score from what is
//! believed of it, and the highest draw takes the place. Source: Thompson, Biometrika 25, 1933; Chapelle, Li, "An empirical
//! evaluation of Thompson sampling", NIPS 2011.

use super::{Contender, by_standing};
use crate::random::{split_mix, unit_of};
use crate::request::Request;
use crate::settings::Settings;

/// Points of the integral over one item's draw, and half its width in standard deviations: the rule's
/// error is below 1e-6 as long as no item's deviation is less than a fifth of another's.
const POINTS: usize = 161;
const WIDTH: f64 = 8.0;

/// Which places are explored.
pub(super) struct Exploration {
    seed: u64,
    /// The first such place, from 0.
    first: usize,
    /// How likely the first one is explored; the others always are.
    chance: f64,
}

/// What a place was given to.
pub(super) struct Choice {
    /// Its index among the candidates.
    pub index: usize,
    /// The score it drew; `None` if the place was not explored.
    pub draw: Option<f32>,
    /// How likely it was to get this place, given what stands above.
    pub propensity: f64,
}

impl Exploration {
    /// The last places of a list with `places`, so many that `explore_share` of them are explored on
    /// average. `None` if the request does not allow it or one of its people is a child.
    pub(super) fn new(request: &Request, settings: &Settings, places: usize) -> Option<Exploration> {
        let child = request.users.iter().any(|user| settings.children.contains(user));
        let budget = f64::from(settings.explore_share.clamp(0.0, 1.0)) * places as f64;
        if !request.explore || child || budget <= 0.0 || budget.is_nan() {
            return None;
        }
        let explored = (budget.ceil() as usize).min(places);
        let chance = 1.0 - (explored as f64 - budget).clamp(0.0, 1.0);
        Some(Exploration { seed: request.seed, first: places - explored, chance })
    }

    /// Who gets a place; `None` where there are no candidates, and for places above those explored.
    ///
    /// The propensity is exact up to the integral's error: `chance` times the likelihood that the item's
    /// draw is the highest, among all and among those of which little is known, each as often as they
    /// draw alone; and the rest if it is the best without any draw.
    pub(super) fn choose(&self, place: usize, free: &[Contender]) -> Option<Choice> {
        if place < self.first {
            return None;
        }
        let best = (0..free.len()).min_by(|a, b| by_standing(&free[*a], &free[*b]))?;
        let seed = split_mix(self.seed ^ split_mix(place as u64));
        let chance = if place == self.first { self.chance } else { 1.0 };
        let (all, unsure) = ((0..free.len()).collect::<Vec<usize>>(), unsure(free));
        let (index, draw) = if f64::from(unit_of(seed, "explored")) < chance {
            let curious = f64::from(unit_of(seed, "curious")) < CURIOUS;
            let who = if curious { &unsure } else { &all };
            let draws = who.iter().map(|index| (*index, draw(seed, &free[*index])));
            let (index, draw) = draws.max_by(|a, b| a.1.total_cmp(&b.1))?;
            (index, Some(draw))
        } else {
            (best, None)
        };
        let by_rule = if index == best { 1.0 - chance } else { 0.0 };
        let of_unsure = if unsure.contains(&index) { highest(index, &unsure, free) } else { 0.0 };
        let by_draw = CURIOUS * of_unsure + (1.0 - CURIOUS) * highest(index, &all, free);
        let propensity = (by_rule + chance * by_draw).clamp(f64::MIN_POSITIVE, 1.0);
        Some(Choice { index, draw, propensity })
    }
}

/// How often only those draw of which little is known. The other times all do, so that whatever a ranker
/// would have put in the place may be there, and it shows in the end what that would have earned.
const CURIOUS: f64 = 0.5;

/// An item is little known if its deviation is at least this share of the greatest one.
const UNSURE: f32 = 0.5;

/// Those of which little is known: nothing is found out from what is well known, however much better it
/// stands, so if all drew, a list whose places all go to one subject would never learn of another.
fn unsure(free: &[Contender]) -> Vec<usize> {
    let deviation = |contender: &Contender| contender.row.deviation;
    let greatest = free.iter().map(deviation).fold(0.0, f32::max);
    (0..free.len()).filter(|index| deviation(&free[*index]) >= UNSURE * greatest).collect()
}

fn draw(seed: u64, contender: &Contender) -> f32 {
    let id = contender.row.item.id.as_str();
    // Box, Muller, 1958; 1 less the uniform number, so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - unit_of(seed, id)).ln()).sqrt();
    let angle = std::f32::consts::TAU * unit_of(!seed, id);
    contender.standing() + contender.row.deviation * radius * angle.cos()
}

/// How likely the draw of one of those that draw is the highest: over all it may draw, how likely all
/// others draw less.
fn highest(index: usize, unsure: &[usize], free: &[Contender]) -> f64 {
    let belief =
        |contender: &Contender| (f64::from(contender.standing()), f64::from(contender.row.deviation));
    let (mean, deviation) = belief(&free[index]);
    let others: Vec<(f64, f64)> =
        unsure.iter().filter(|other| **other != index).map(|other| belief(&free[*other])).collect();
    let step = 2.0 * WIDTH / (POINTS - 1) as f64;
    (0..POINTS)
        .map(|point| {
            let z = step * point as f64 - WIDTH;
            let value = mean + deviation * z;
            let below = others.iter().map(|(mean, deviation)| normal_below((value - mean) / deviation));
            step * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() * below.product::<f64>()
        })
        .sum()
}

/// The share of a normal distribution below `z`; off by at most 1e-7.
/// Source: Abramowitz, Stegun, "Handbook of mathematical functions", 7.1.26.
fn normal_below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let above = 0.5 * series * (-x * x).exp();
    if z > 0.0 { 1.0 - above } else { above }
}
