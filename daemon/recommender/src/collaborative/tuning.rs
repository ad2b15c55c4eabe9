//! Finding the recipe for the house at hand: what was held out is to be found again.
//!
//! One rule for every house. The powers of the walk hang together, so values far apart are tried in all
//! combinations on some people, the best of them on more people, and then its neighbours one by one; what
//! goes beyond (the order of likes, the deep walk, the low-pass filter) is taken only where it helps by
//! more than chance would. Each trial is bounded by the edges it walks, not by a clock, so the same past gives
//! the same recipe.

use crate::parallel;

use super::{Collaborative, DeepWalk, LowPass, Recipe, Scratch, Sequence};

/// What somebody liked that is not in their history.
#[derive(Debug, Clone)]
pub(crate) struct HeldOut {
    pub person: u32,
    pub liked: Vec<u32>,
}

/// Places of a list that count.
const PLACES: usize = 20;

/// Edges that one trial may walk where values are far apart. About a tenth of a second.
const EDGES_PER_ROUGH_TRIAL: usize = 40_000_000;

/// The same where the best value is near: what tells neighbours apart is seen on more people only.
const EDGES_PER_TRIAL: usize = 160_000_000;

/// The same for a part that touches everything. About two seconds.
const EDGES_PER_DEEP_TRIAL: usize = 600_000_000;

/// Most people in one trial.
const PEOPLE_PER_TRIAL: usize = 20_000;

/// How many of the combinations that were surveyed are tried on more people.
const LEADERS: usize = 8;

/// Standard errors by which looking further must help to be taken.
const CHANCE: f64 = 1.0;

/// The same for the filter, which fits what was held out too readily.
const CHANCE_OF_FILTER: f64 = 2.5;

/// Fewer people than this show nothing of a part that is dear to try.
const PEOPLE_MIN: usize = 50;

/// The best recipe found for the histories, and the filter it uses. Without anything held out it is
/// the one in use.
pub(crate) fn tuned(house: &Collaborative, held_out: &[HeldOut]) -> (Recipe, Option<LowPass>) {
    let mut search = Search::new(house);
    search.look_at(held_out, EDGES_PER_ROUGH_TRIAL);
    if search.held_out.is_empty() {
        return (house.recipe().clone(), house.low_pass.clone());
    }
    let leaders = search.survey();
    search.look_at(held_out, EDGES_PER_TRIAL);
    for leader in leaders {
        search.try_out(leader, 0.0);
    }
    search.powers(2);
    search.settle();
    search.order();
    search.reach();
    search.smoothness();
    (search.best.recipe().clone(), search.best.low_pass.clone())
}

struct Search<'a> {
    held_out: Vec<&'a HeldOut>,
    best: Collaborative,
    gains: Vec<f32>,
    /// What was tried on these people, with what each of them gained.
    tried: Vec<(Recipe, Vec<f32>)>,
}

impl<'a> Search<'a> {
    fn new(house: &Collaborative) -> Search<'a> {
        let mut best = house.clone();
        best.set_low_pass(None);
        best.set_recipe(Recipe::default());
        Search { held_out: Vec::new(), best, gains: Vec::new(), tried: Vec::new() }
    }

    /// Measures from now on by as many people as `edges` allow.
    fn look_at(&mut self, held_out: &'a [HeldOut], edges: usize) {
        self.held_out = sample(&self.best, held_out, edges);
        self.gains = self.measure(&self.best.recipe().clone());
        self.tried = vec![(self.best.recipe().clone(), self.gains.clone())];
    }

    /// What each person gains from a recipe.
    fn measure(&mut self, recipe: &Recipe) -> Vec<f32> {
        let before = self.best.recipe().clone();
        self.best.set_recipe(recipe.clone());
        let best = &self.best;
        let gains = parallel::each(&self.held_out, Scratch::default, |held_out, scratch| {
            gain(best, held_out, scratch)
        });
        self.best.set_recipe(before);
        gains
    }

    /// Takes a recipe if it is better by `margin` standard errors; says whether it was.
    fn try_out(&mut self, recipe: Recipe, margin: f64) -> bool {
        if recipe == *self.best.recipe() {
            return false;
        }
        let gains = self.measure(&recipe);
        let better = advantage(&gains, &self.gains) > margin;
        self.tried.push((recipe.clone(), gains.clone()));
        if better {
            self.best.set_recipe(recipe);
            self.gains = gains;
        }
        better
    }

    /// Of everything that is within a standard error of the best, takes what lifts or lowers popular
    /// items least, and then what is nearest to the default: what fits what was held out by the tail of
    /// popularity is the first to be chance. Source: the one-standard-error rule of Breiman, Friedman,
    /// Olshen, Stone, "Classification and regression trees", 1984.
    fn settle(&mut self) {
        let usual = Recipe::default();
        let lifts = |recipe: &Recipe| recipe.popularity_power.abs();
        let strange = |recipe: &Recipe| {
            (recipe.person_power - usual.person_power).abs() + (recipe.item_power - usual.item_power).abs()
        };
        let tried = std::mem::take(&mut self.tried).into_iter();
        let level = tried.filter(|(_, gains)| advantage(&self.gains, gains) <= CHANCE);
        let plainest = level.min_by(|(a, _), (b, _)| {
            lifts(a).total_cmp(&lifts(b)).then_with(|| strange(a).total_cmp(&strange(b)))
        });
        if let Some((recipe, gains)) = plainest {
            self.best.set_recipe(recipe);
            self.gains = gains;
        }
    }

    /// Tries the values of one constant, on to the end of the row in the better direction.
    fn along<T: Copy + PartialEq>(
        &mut self,
        values: &[T],
        set: impl Fn(&mut Recipe, T),
        get: impl Fn(&Recipe) -> Option<T>,
    ) {
        let now = get(self.best.recipe());
        let start = values.iter().position(|value| Some(*value) == now).unwrap_or(values.len() / 2);
        let with = |search: &Search<'_>, value: T| {
            let mut recipe = search.best.recipe().clone();
            set(&mut recipe, value);
            recipe
        };
        let mut went_up = false;
        for value in &values[start + 1..] {
            let recipe = with(self, *value);
            if !self.try_out(recipe, 0.0) {
                break;
            }
            went_up = true;
        }
        if went_up {
            return;
        }
        for value in values[..start].iter().rev() {
            let recipe = with(self, *value);
            if !self.try_out(recipe, 0.0) {
                break;
            }
        }
    }

    /// The best of all combinations of values that are far apart, best first.
    fn survey(&mut self) -> Vec<Recipe> {
        const PERSON: [f32; 4] = [0.3, 0.5, 0.7, 0.85];
        const ITEM: [f32; 3] = [0.2, 0.5, 0.8];
        const POPULARITY: [f32; 6] = [-0.4, -0.2, -0.1, 0.0, 0.1, 0.2];
        let house = &mut self.best;
        let likers: Vec<f32> = house.likers.iter().map(|likers| likers.len().max(1) as f32).collect();
        let lifts =
            POPULARITY.map(|power| likers.iter().map(|likers| likers.powf(power)).collect::<Vec<f32>>());
        let start = house.recipe().clone();
        let mut found: Vec<(f64, Recipe)> = Vec::new();
        for person_power in PERSON {
            for item_power in ITEM {
                let recipe = Recipe { person_power, item_power, popularity_power: 0.0, ..start.clone() };
                house.set_recipe(recipe.clone());
                let walked: &Collaborative = house;
                let gains = parallel::each(&self.held_out, Scratch::default, |held_out, scratch| {
                    gains_lifted(walked, held_out, &lifts, scratch)
                });
                for (place, popularity_power) in POPULARITY.into_iter().enumerate() {
                    let gain = gains.iter().map(|gains| f64::from(gains[place])).sum();
                    found.push((gain, Recipe { popularity_power, ..recipe.clone() }));
                }
            }
        }
        house.set_recipe(start);
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().take(LEADERS).map(|(_, recipe)| recipe).collect()
    }

    fn powers(&mut self, rounds: usize) {
        const PERSON: [f32; 9] = [0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0];
        const ITEM: [f32; 8] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8];
        const POPULARITY: [f32; 8] = [-0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2];
        for _ in 0..rounds {
            let before = self.best.recipe().clone();
            self.along(
                &PERSON,
                |recipe, value| recipe.person_power = value,
                |recipe| Some(recipe.person_power),
            );
            self.along(&ITEM, |recipe, value| recipe.item_power = value, |recipe| Some(recipe.item_power));
            self.along(
                &POPULARITY,
                |recipe, value| recipe.popularity_power = value,
                |recipe| Some(recipe.popularity_power),
            );
            if before == *self.best.recipe() {
                break;
            }
        }
    }

    /// Looks at the order of likes, if that helps.
    fn order(&mut self) {
        const FADES: [f32; 7] = [0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95];
        const MEMORIES: [f32; 8] = [0.3, 0.45, 0.6, 0.75, 0.85, 0.92, 0.97, 1.0];
        const SHARES: [f32; 6] = [0.0, 0.1, 0.2, 0.4, 0.7, 1.0];
        const ANYWHERE: [f32; 7] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
        let recipe = Recipe { sequence: Some(Sequence::default()), ..self.best.recipe().clone() };
        if !self.try_out(recipe, CHANCE) {
            return;
        }
        fn part(recipe: &mut Recipe) -> &mut Sequence {
            recipe.sequence.get_or_insert_default()
        }
        for _ in 0..2 {
            let before = self.best.recipe().clone();
            self.along(&MEMORIES, |r, value| part(r).memory = value, |r| Some(r.sequence.as_ref()?.memory));
            self.along(&FADES, |r, value| part(r).ahead = value, |r| Some(r.sequence.as_ref()?.ahead));
            self.along(
                &SHARES,
                |r, value| part(r).behind_share = value,
                |r| Some(r.sequence.as_ref()?.behind_share),
            );
            self.along(&FADES, |r, value| part(r).behind = value, |r| Some(r.sequence.as_ref()?.behind));
            self.along(
                &ANYWHERE,
                |r, value| part(r).anywhere = value,
                |r| Some(r.sequence.as_ref()?.anywhere),
            );
            self.powers(1);
            if before == *self.best.recipe() {
                break;
            }
        }
    }

    /// Reaches further, if that helps.
    fn reach(&mut self) {
        let recipe = |walk_share, rounds, heavy_share, best: &Recipe| Recipe {
            walk_share,
            deep: Some(DeepWalk { rounds, heavy_share, share: 1.0 }),
            ..best.clone()
        };
        // A deep walk touches everything, so fewer people are walked for.
        const ROUNDS: usize = 3;
        let all_edges = 2 * ROUNDS * self.best.likes;
        let step = (self.held_out.len() * all_edges).div_ceil(EDGES_PER_DEEP_TRIAL).max(1);
        if self.held_out.len() < step * PEOPLE_MIN {
            return;
        }
        let everybody = (self.held_out.clone(), self.gains.clone());
        self.held_out = everybody.0.iter().copied().step_by(step).collect();
        self.gains = everybody.1.iter().copied().step_by(step).collect();
        for (walk_share, rounds, heavy_share) in
            [(0.0, ROUNDS, 1.0), (0.0, ROUNDS, 0.3), (1.0, ROUNDS, 0.3), (4.0, ROUNDS, 0.3)]
        {
            let candidate = recipe(walk_share, rounds, heavy_share, self.best.recipe());
            let margin = if self.best.recipe().deep.is_none() { CHANCE } else { 0.0 };
            self.try_out(candidate, margin);
        }
        if self.best.recipe().deep.is_none() {
            (self.held_out, self.gains) = everybody;
        }
    }

    /// Adds the smooth part of all likes, if that helps.
    fn smoothness(&mut self) {
        let Some(low_pass) = LowPass::fit(&self.best) else { return };
        self.best.set_low_pass(Some(low_pass));
        for low_pass in [0.1, 0.2, 0.35, 0.6] {
            let recipe = Recipe { low_pass, ..self.best.recipe().clone() };
            let margin = if self.best.recipe().low_pass == 0.0 { CHANCE_OF_FILTER } else { 0.0 };
            if !self.try_out(recipe, margin) && self.best.recipe().low_pass > 0.0 {
                break;
            }
        }
        if self.best.recipe().low_pass == 0.0 {
            self.best.set_low_pass(None);
        }
    }
}

/// What one person gains, of all that is not in their history. Ties take their mean rank.
fn gain(house: &Collaborative, held_out: &HeldOut, scratch: &mut Scratch) -> f32 {
    let history = house.history(held_out.person);
    let Some(mut affinity) = house.affinity(history, Some(held_out.person), scratch) else { return 0.0 };
    for slot in history {
        affinity.scores[*slot as usize] = f32::NEG_INFINITY;
    }
    gain_of_scores(&affinity.scores, held_out)
}

/// The same by one walk for several ways to lift the scores by their slots.
fn gains_lifted<const N: usize>(
    house: &Collaborative,
    held_out: &HeldOut,
    lifts: &[Vec<f32>; N],
    scratch: &mut Scratch,
) -> [f32; N] {
    let history = house.history(held_out.person);
    let Some(mut affinity) = house.affinity(history, Some(held_out.person), scratch) else { return [0.0; N] };
    for slot in history {
        affinity.scores[*slot as usize] = 0.0;
    }
    let mut lifted = vec![0.0; affinity.scores.len()];
    lifts.each_ref().map(|lifts| {
        for ((lifted, score), lift) in lifted.iter_mut().zip(&affinity.scores).zip(lifts) {
            *lifted = score * lift;
        }
        gain_of_scores(&lifted, held_out)
    })
}

fn gain_of_scores(scores: &[f32], held_out: &HeldOut) -> f32 {
    let ranks = held_out.liked.iter().filter_map(|slot| {
        let own = scores.get(*slot as usize).copied().filter(|own| *own > 0.0)?;
        let (mut above, mut level) = (0_usize, 0_usize);
        for score in scores {
            above += usize::from(*score > own);
            level += usize::from(*score == own);
        }
        Some(above + level.saturating_sub(1) / 2)
    });
    gain_of_ranks(ranks, held_out.liked.len())
}

/// Recall and, twice, NDCG among the first `PLACES` from the ranks of what was found of `count`
/// things, the first rank being 0.
pub(crate) fn gain_of_ranks(ranks: impl Iterator<Item = usize>, count: usize) -> f32 {
    let (mut recall, mut dcg) = (0.0, 0.0);
    for rank in ranks.filter(|rank| *rank < PLACES) {
        recall += 1.0;
        dcg += discount(rank);
    }
    let ideal: f32 = (0..count.min(PLACES)).map(discount).sum();
    if count == 0 { 0.0 } else { recall / count as f32 + 2.0 * dcg / ideal }
}

fn discount(rank: usize) -> f32 {
    1.0 / (rank as f32 + 2.0).log2()
}

/// The mean difference in standard errors of it; over 0 if `new` is better.
pub(crate) fn advantage(new: &[f32], old: &[f32]) -> f64 {
    let count = new.len().max(1) as f64;
    let differences = new.iter().zip(old).map(|(new, old)| f64::from(*new) - f64::from(*old));
    let (mut sum, mut squares) = (0.0, 0.0);
    for difference in differences {
        sum += difference;
        squares += difference * difference;
    }
    let mean = sum / count;
    let error = ((squares / count - mean * mean).max(0.0) / count).sqrt();
    if error > 0.0 { mean / error } else { 0.0 }
}

/// Those of the held-out whose walks have so many edges, spread evenly.
fn sample<'a>(house: &Collaborative, held_out: &'a [HeldOut], edges_max: usize) -> Vec<&'a HeldOut> {
    let edges = |held_out: &HeldOut| -> usize {
        let history = house.history(held_out.person);
        let walked: usize = history
            .iter()
            .flat_map(|slot| house.likers.get(*slot as usize).into_iter().flatten())
            .map(|liker| 1 + house.history(*liker).len())
            .sum();
        // Ranking looks at every item once for each that is sought.
        walked + house.slots() * (1 + held_out.liked.len()) / 8
    };
    let known: Vec<&HeldOut> = held_out
        .iter()
        .filter(|held_out| !held_out.liked.is_empty() && !house.history(held_out.person).is_empty())
        .collect();
    let total: usize = known.iter().map(|held_out| edges(held_out)).sum();
    let step = (total as f64 / edges_max as f64).max(known.len() as f64 / PEOPLE_PER_TRIAL as f64).max(1.0);
    (0..).map(|i| (f64::from(i) * step) as usize).take_while(|i| *i < known.len()).map(|i| known[i]).collect()
}
