//! From scored candidates to the final list: what rules changed, limits, diversity, the person's mix,
//! pins, reasons.

use std::cmp::Ordering;

use crate::expectation::Expectation;
use crate::id::ItemId;
use crate::phrase::Phrase;
use crate::recommendation::{Ranked, Reason, ReasonKind};
use crate::recommender::Recommender;
use crate::request::Request;
use crate::ruling::Adjustment;
use crate::shortlist::{Row, Shortlist, log_odds};
use crate::time::Timestamp;

mod calibration;
mod diversity;
mod exploration;
mod limits;
mod places;
mod repetition;
mod rules;

use diversity::Diversity;
use exploration::Exploration;
use limits::Limits;
use places::Places;
use repetition::Repetition;

/// How well an item may be known, in `[0, 1]`, and still be called new to a person.
const NEW_BELOW: f32 = 0.2;

/// A candidate on its way into the list.
struct Contender {
    row: Row,
    slot: Option<u32>,
    /// What rules added.
    rulings: Vec<Reason>,
    /// The score with what rules added.
    log_odds: f32,
    pin: Option<u32>,
    /// The greatest likeness to an item above, and which.
    repeats: Option<(f32, ItemId)>,
    /// What repeating the items above costs, at most 0.
    diversity: f32,
    /// What the items above have left of the person's share of its subjects costs, at most 0.
    calibration: f32,
    /// The number of the subject that costs most of it.
    worn: Option<usize>,
    /// What its draw added where a place was explored.
    explored: Option<f32>,
    /// How likely it was to get its place, given what stands above.
    propensity: f64,
}

impl Contender {
    fn standing(&self) -> f32 {
        self.log_odds + self.diversity + self.calibration + self.explored.unwrap_or(0.0)
    }
}

/// Greater score first; ties by item id.
fn by_standing(a: &Contender, b: &Contender) -> Ordering {
    b.standing().total_cmp(&a.standing()).then_with(|| a.row.item.id.cmp(&b.row.item.id))
}

impl Recommender {
    /// The final list: what rules changed is applied, then place by place the best is taken, its score
    /// less what it repeats of the items above and less what it has too much of beside the person's
    /// own mix, as far as the limits of the settings leave it in; where the request allows to explore,
    /// the last places go to the highest draws; then pinned items take their slots.
    /// At most `n` items, and at most `list_max`. But for pinned items no score is higher than the one
    /// above; equal scores are ordered by item id.
    ///
    /// Adjustments of unknown positions and additions that are no numbers change nothing.
    #[must_use]
    pub fn rank(
        &self,
        shortlist: Shortlist,
        adjustments: &[Adjustment],
        request: &Request,
        now: Timestamp,
    ) -> Vec<Ranked> {
        let n = request.n.min(self.settings.list_max);
        let bias = shortlist.bias;
        let mut contenders = self.adjusted(shortlist, adjustments, request, n);
        if request.users.len() > 1 {
            spare_misery(&mut contenders, n, self.settings.misery_log_odds);
        }
        let (pinned, mut free): (Vec<Contender>, Vec<Contender>) =
            contenders.into_iter().partition(|contender| contender.pin.is_some());
        free.sort_unstable_by(by_standing);
        let mut limits = Limits::new(&self.settings, request);
        pinned.iter().for_each(|contender| limits.count(&contender.row.item));
        if !limits.bind() {
            free.truncate(self.settings.rerank_max.max(n));
        }
        let n_free = n - pinned.len().min(n);
        let repetition = Repetition::new(&self.catalogue, &self.household.collaborative);
        let places = Places {
            n: n_free,
            diversity: Diversity::new(request, &self.settings, repetition),
            calibration: self.calibration(request, n, now),
            exploration: Exploration::new(request, &self.settings, n_free.min(free.len())),
            limits,
        };
        let (mut list, calibration) = places.fill(free, &self.catalogue);
        rules::place(pinned, &mut list, n);
        let items: Vec<ItemId> = list.iter().map(|contender| contender.row.item.id.clone()).collect();
        let expected = self.expect(&request.users, &items);
        list.into_iter()
            .zip(expected)
            .map(|(mut contender, expected)| {
                let worn = contender.worn.take().filter(|_| contender.calibration != 0.0);
                let worn = worn.and_then(|number| calibration.as_ref()?.name(number));
                Ranked { expected, ..self.ranked(contender, worn, bias, request, now) }
            })
            .collect()
    }

    fn ranked(
        &self,
        contender: Contender,
        worn: Option<&str>,
        bias: f32,
        request: &Request,
        now: Timestamp,
    ) -> Ranked {
        let item = &contender.row.item;
        let summands = contender.row.summands.iter();
        let mut reasons: Vec<Reason> =
            summands.map(|summand| self.reason(summand, item, request, now)).collect();
        if let Some((_, above)) = contender.repeats.filter(|_| contender.diversity != 0.0) {
            let text = self.say(Phrase::SimilarAbove(&self.title(&above)), request);
            let reason = Reason::new(ReasonKind::Diversity, contender.diversity, text);
            reasons.push(Reason { item: Some(above), ..reason });
        }
        if let Some(subject) = worn {
            let text = self.say(Phrase::ShareAbove(subject), request);
            reasons.push(Reason::new(ReasonKind::Diversity, contender.calibration, text));
        }
        if let Some(weight) = contender.explored {
            let new = contender.row.known < NEW_BELOW;
            let phrase = if new { Phrase::NewToYou } else { Phrase::ToLearn };
            let text = self.say(phrase, request);
            reasons.push(Reason::new(ReasonKind::Explore, weight, text));
        }
        reasons.extend(contender.rulings);
        if reasons.is_empty() {
            // Even where nothing speaks for or against an item, people are told why it is there.
            let text = self.say(Phrase::Nothing, request);
            reasons.push(Reason::new(ReasonKind::Explore, 0.0, text));
        }
        // A stable sort: reasons of equal weight keep the order of the features.
        reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let log_odds = log_odds(bias, reasons.iter().map(|reason| reason.weight));
        Ranked {
            item: item.id.clone(),
            bias,
            log_odds,
            propensity: contender.propensity,
            reasons,
            expected: Expectation::default(),
        }
    }
}

/// Average without misery: leaves out what would make one member of the group miserable, as long as
/// `n` other items remain. Source: Masthoff, "Group modeling", UMUAI 14, 2004.
fn spare_misery(contenders: &mut Vec<Contender>, n: usize, floor: f32) {
    let bearable = contenders.iter().filter(|contender| contender.row.least >= floor).count();
    if bearable >= n {
        contenders.retain(|contender| contender.row.least >= floor);
    }
}
