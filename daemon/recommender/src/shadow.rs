//! Two rankers compared where chance decides: the one in use, and a shadow whose lists nobody sees.
//!
//! A shadow knows what the ranker in use knows and weighs it by another tuning. Where a place of a list
//! was explored, what was shown there, how likely it was, and what either ranker would have put there
//! instead is all that [`crate::off_policy`] needs to tell what each would have earned.

use crate::collaborative::{Collaborative, LowPass};
use crate::id::ItemId;
use crate::recommendation::Ranked;
use crate::recommender::Recommender;
use crate::request::Request;
use crate::ruling::Adjustment;
use crate::settings::Settings;
use crate::shortlist::Shortlist;
use crate::time::Timestamp;
use crate::tuning::Tuning;

/// Another tuning of what is known.
#[derive(Debug)]
pub(crate) struct Shadow {
    tuning: Tuning,
    /// Those in use, but for the priors.
    settings: Settings,
}

/// What was put in an explored place.
#[derive(Debug, Clone, PartialEq)]
pub struct Explored {
    /// The place, from 0.
    pub place: usize,
    /// Which item.
    pub item: ItemId,
    /// How likely it was to get the place, given what stands above, in `(0, 1]`.
    pub propensity: f64,
    /// Its score without the draw, in `[0, 1]`.
    pub score: f64,
    /// What the ranker in use would have put there without exploring.
    pub present: Instead,
    /// What the shadow would have; absent if there is none.
    pub shadow: Option<Instead>,
}

/// What a ranker would have put in a place, given what stands above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instead {
    /// Whether it is the item that was shown.
    pub same: bool,
    /// The score of what it would have shown, by the ranker in use where it knows it, in `[0, 1]`.
    pub score: f64,
}

impl Recommender {
    /// Compares another tuning with the one in use from now on; `None` ends it. It costs as much memory
    /// as the likes of all people, and a second list wherever one is explored.
    pub fn set_shadow(&mut self, tuning: Option<Tuning>) {
        let settings = &self.settings;
        self.shadow = tuning.map(|tuning| {
            let settings = Settings { priors: tuning.priors(&self.priors), ..settings.clone() };
            Shadow { tuning, settings }
        });
        let of = |shadow: &Shadow| tuned(&self.household.collaborative, &shadow.tuning);
        self.household.shadow = self.shadow.as_ref().map(of);
    }

    /// The tuning that is compared with the one in use.
    #[must_use]
    pub fn shadow(&self) -> Option<&Tuning> {
        self.shadow.as_ref().map(|shadow| &shadow.tuning)
    }

    /// What was put in each place of a list that was left to chance, and what would have been there
    /// without. The list must have been made of this shortlist and these adjustments; rules' changes hold
    /// for the shadow, too, as far as it has the same candidates.
    #[must_use]
    pub fn explored(
        &self,
        list: &[Ranked],
        shortlist: &Shortlist,
        adjustments: &[Adjustment],
        request: &Request,
        now: Timestamp,
    ) -> Vec<Explored> {
        if list.iter().all(|ranked| ranked.propensity >= 1.0) {
            return Vec::new();
        }
        let request = Request { explore: false, ..request.clone() };
        let scores: Vec<(ItemId, f64)> =
            shortlist.rows.iter().map(|row| (row.item.id.clone(), sigmoid(row.log_odds))).collect();
        let score = |item: &ItemId| scores.iter().find(|(known, _)| known == item).map(|(_, score)| *score);
        let present = self.rank(shortlist.clone(), adjustments, &request, now);
        let shadow = self.shadow.as_ref().zip(self.household.shadow.as_ref());
        let shadow = shadow.map(|(shadow, collaborative)| {
            let other = self.shortlist_by(&request, collaborative, &shadow.settings, now);
            let adjustments = moved(adjustments, shortlist, &other);
            self.rank(other, &adjustments, &request, now)
        });
        let instead = |of: &[Ranked], place: usize, shown: &ItemId| {
            let above = |item: &ItemId| list[..place].iter().any(|ranked| ranked.item == *item);
            let first = of.iter().find(|ranked| !above(&ranked.item))?;
            let score = score(&first.item).unwrap_or_else(|| first.score());
            Some(Instead { same: first.item == *shown, score })
        };
        let of = |(place, ranked): (usize, &Ranked)| {
            Some(Explored {
                place,
                item: ranked.item.clone(),
                propensity: ranked.propensity,
                score: score(&ranked.item)?,
                present: instead(&present, place, &ranked.item)?,
                shadow: shadow.as_ref().and_then(|list| instead(list, place, &ranked.item)),
            })
        };
        list.iter().enumerate().filter(|(_, ranked)| ranked.propensity < 1.0).filter_map(of).collect()
    }
}

/// The same likes by another tuning.
fn tuned(collaborative: &Collaborative, tuning: &Tuning) -> Collaborative {
    let mut other = collaborative.clone();
    other.set_recipe(tuning.recipe.clone());
    other.set_low_pass(if tuning.recipe.low_pass == 0.0 { None } else { LowPass::fit(&other) });
    other
}

/// What rules changed about the candidates of one shortlist, for those of them that are in another.
fn moved(adjustments: &[Adjustment], from: &Shortlist, to: &Shortlist) -> Vec<Adjustment> {
    let place = |adjustment: &Adjustment| {
        let item = &from.rows.get(adjustment.position)?.item.id;
        let position = to.rows.iter().position(|row| row.item.id == *item)?;
        Some(Adjustment { position, ..adjustment.clone() })
    };
    adjustments.iter().filter_map(place).collect()
}

fn sigmoid(log_odds: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(log_odds)).exp())
}
