//! Fitting the engine to the house at hand: the recipe of the collaborative sources, and how much
//! each group of features counts. What was held out is to be found again.

use std::collections::BTreeMap;

use crate::collaborative::{Collaborative, HeldOut, LowPass, Recipe, advantage, gain_of_ranks, tuned};
use crate::context::Context;
use crate::feature::Feature;
use crate::id::{ItemId, UserId};
use crate::modality::Modality;
use crate::parallel;
use crate::recommender::Recommender;
use crate::request::{Filter, Request};
use crate::shortlist::Shortlist;
use crate::time::Timestamp;

/// What tuning found; putting it in use changes no profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    /// How likes become scores.
    pub recipe: Recipe,
    /// By what the prior weights of features are multiplied; absent means 1.
    pub factors: BTreeMap<Feature, f32>,
}

impl Tuning {
    /// Everything that makes it up, by name: the constants of the recipe, then the factors by their
    /// features.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, f32)> {
        let Tuning { recipe, factors } = self;
        let mut named = vec![
            ("person_power", recipe.person_power),
            ("item_power", recipe.item_power),
            ("popularity_power", recipe.popularity_power),
            ("walk_share", recipe.walk_share),
            ("low_pass", recipe.low_pass),
        ];
        if let Some(deep) = &recipe.deep {
            named.extend([("deep_share", deep.share), ("deep_heavy_share", deep.heavy_share)]);
        }
        if let Some(sequence) = &recipe.sequence {
            named.extend([
                ("memory", sequence.memory),
                ("ahead", sequence.ahead),
                ("behind_share", sequence.behind_share),
                ("behind", sequence.behind),
                ("anywhere", sequence.anywhere),
            ]);
        }
        named.extend(factors.iter().map(|(feature, factor)| (feature.name(), *factor)));
        named
    }

    /// The priors that these become.
    pub(crate) fn priors(&self, priors: &BTreeMap<Feature, f32>) -> BTreeMap<Feature, f32> {
        let factor = |feature| self.factors.get(feature).copied().unwrap_or(1.0);
        priors.iter().map(|(feature, prior)| (*feature, prior * factor(feature))).collect()
    }
}

/// Features that are weighed together.
const GROUPS: [&[Feature]; 8] = [
    &[Feature::Collaborative],
    &[Feature::Projected],
    &[Feature::Popular],
    &[Feature::Liked],
    &[
        Feature::Medium(Modality::Text),
        Feature::Medium(Modality::Image),
        Feature::Medium(Modality::Audio),
        Feature::Medium(Modality::Video),
    ],
    &[Feature::TagsLiked, Feature::TagsAvoided],
    &[Feature::Kind],
    &[Feature::Fresh],
];

/// Factors that are tried, in order.
const FACTORS: [f32; 8] = [0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// Most people whose lists are looked at to weigh features.
const PEOPLE_MAX: usize = 2_000;

/// Rounds over all groups.
const ROUNDS: usize = 2;

/// Standard errors by which another factor must help to be taken.
const CHANCE: f64 = 2.0;

impl Recommender {
    /// The tuning by which what each person liked, and what is not in their past yet, would have
    /// stood highest in their lists. Takes seconds on a large house; nothing changes until
    /// [`Recommender::set_tuning`]. People and items that are not known are passed over; items of
    /// `exclude` are in nobody's list.
    #[must_use]
    pub fn tune(&self, held_out: &[(UserId, Vec<ItemId>)], exclude: &[ItemId], now: Timestamp) -> Tuning {
        let found: Vec<HeldOut> = held_out
            .iter()
            .filter_map(|(user, items)| {
                let liked = items.iter().filter_map(|item| self.catalogue.slot(item)).collect();
                Some(HeldOut { person: self.household.person(user)?.number, liked })
            })
            .collect();
        let (recipe, low_pass) = tuned(&self.household.collaborative, &found);
        let mut collaborative = self.household.collaborative.clone();
        collaborative.set_recipe(recipe.clone());
        collaborative.set_low_pass(low_pass);
        let views = self.views(held_out, exclude, &collaborative, now);
        Tuning { recipe, factors: weighed(&views) }
    }

    /// Puts a tuning in use.
    pub fn set_tuning(&mut self, tuning: Tuning) {
        let collaborative = &mut self.household.collaborative;
        let wanted = tuning.recipe.low_pass != 0.0;
        collaborative.set_recipe(tuning.recipe.clone());
        collaborative.set_low_pass(if wanted { LowPass::fit(collaborative) } else { None });
        self.settings.priors = tuning.priors(&self.priors);
        self.tuning = tuning;
    }

    /// The tuning in use.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// The lists of some of the people, with what was held out marked.
    fn views(
        &self,
        held_out: &[(UserId, Vec<ItemId>)],
        exclude: &[ItemId],
        collaborative: &Collaborative,
        now: Timestamp,
    ) -> Vec<View> {
        let known: Vec<_> = held_out
            .iter()
            .filter(|(user, items)| !items.is_empty() && self.household.person(user).is_some())
            .collect();
        let step = known.len().div_ceil(PEOPLE_MAX).max(1);
        let asked: Vec<_> = known.into_iter().step_by(step).collect();
        parallel::each(
            &asked,
            || (),
            |(user, items), ()| {
                let past = self.household.person(user).map(|person| person.state.taste.items.keys().cloned());
                let request = Request {
                    users: vec![user.clone()],
                    n: self.settings.list_max,
                    kinds: Vec::new(),
                    context: Context::new(),
                    query: None,
                    exclude: past
                        .into_iter()
                        .flatten()
                        .filter(|item| !items.contains(item))
                        .chain(exclude.iter().cloned())
                        .collect(),
                    filter: Filter::default(),
                    diversity: Some(0.0),
                    calibration: Some(0.0),
                    explore: false,
                    seen: true,
                    language: None,
                    seed: 0,
                };
                View::of(&self.shortlist_by(&request, collaborative, &self.settings, now), items)
            },
        )
    }
}

/// One person's candidates, as far as weighing needs them.
struct View {
    rows: Vec<Parts>,
    wanted: Vec<usize>,
    held_out: usize,
}

/// A candidate's log-odds by group, and what is in none.
struct Parts {
    groups: [f32; GROUPS.len()],
    rest: f32,
}

impl View {
    fn of(shortlist: &Shortlist, items: &[ItemId]) -> View {
        let parts = |row: &crate::shortlist::Row| {
            let mut parts = Parts { groups: [0.0; GROUPS.len()], rest: 0.0 };
            for summand in &row.summands {
                match GROUPS.iter().position(|group| group.contains(&summand.feature)) {
                    Some(group) => parts.groups[group] += summand.weight,
                    None => parts.rest += summand.weight,
                }
            }
            parts
        };
        let rows: Vec<Parts> = shortlist.rows.iter().map(parts).collect();
        let places = shortlist.rows.iter().enumerate();
        let wanted = places.filter(|(_, row)| items.contains(&row.item.id)).map(|(place, _)| place).collect();
        View { rows, wanted, held_out: items.len() }
    }

    fn gain(&self, factors: &Factors) -> f32 {
        let score = |parts: &Parts| -> f32 {
            parts.rest + parts.groups.iter().zip(factors).map(|(group, factor)| group * factor).sum::<f32>()
        };
        let scores: Vec<f32> = self.rows.iter().map(score).collect();
        let ranks = self.wanted.iter().map(|place| {
            let own = scores[*place];
            let above = scores.iter().filter(|score| **score > own).count();
            let level = scores.iter().filter(|score| **score == own).count();
            above + level.saturating_sub(1) / 2
        });
        gain_of_ranks(ranks, self.held_out)
    }
}

/// By what each group of features is multiplied.
type Factors = [f32; GROUPS.len()];

/// The factors under which the views gain most: the better of what is found from all groups at their
/// priors and from the first group alone, as a group that says nothing still costs places.
fn weighed(views: &[View]) -> BTreeMap<Feature, f32> {
    let mut alone = [0.0; GROUPS.len()];
    alone[0] = 1.0;
    let (together, gains) = searched(views, [1.0; GROUPS.len()]);
    let (alone, gains_alone) = searched(views, alone);
    let best = if advantage(&gains_alone, &gains) > 0.0 { alone } else { together };
    let changed = GROUPS.iter().zip(best).filter(|(_, factor)| *factor != 1.0);
    changed.flat_map(|(group, factor)| group.iter().map(move |feature| (*feature, factor))).collect()
}

/// The factors found by searching group by group from a start, and what each view gains.
fn searched(views: &[View], start: Factors) -> (Factors, Vec<f32>) {
    let measure =
        |factors: &Factors| -> Vec<f32> { parallel::each(views, || (), |view, ()| view.gain(factors)) };
    let mut best = start;
    let mut gains = measure(&best);
    for _ in 0..ROUNDS {
        let before = best;
        for group in 0..GROUPS.len() {
            for factor in FACTORS {
                let mut factors = best;
                factors[group] = factor;
                let candidate = measure(&factors);
                if advantage(&candidate, &gains) > CHANCE {
                    (best, gains) = (factors, candidate);
                }
            }
        }
        if best == before {
            break;
        }
    }
    (best, gains)
}
