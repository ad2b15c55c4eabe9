//! From scored candidates to the final list: what rules changed, diversity, pins, reasons.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::Catalogue;
use crate::id::{ItemId, PluginId};
use crate::recommendation::{Ranked, Reason, ReasonKind};
use crate::recommender::Recommender;
use crate::request::Request;
use crate::ruling::{Adjustment, Effect};
use crate::shortlist::{Row, Shortlist, log_odds};
use crate::time::Timestamp;
use crate::vector::{dot, ramp};

/// Places of a list for which diversity is sought anew; further down, the order so far stands.
const DIVERSE_PLACES_MAX: usize = 100;

/// Cosine from which on two items of a list repeat each other, and at which they do so fully.
const REPEAT_COSINES: (f32, f32) = (0.2, 0.8);

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
}

impl Contender {
    fn penalty(&self, weight: f32) -> f32 {
        self.repeats.as_ref().map_or(0.0, |(likeness, _)| weight * likeness)
    }
}

impl Recommender {
    /// The final list: what rules changed is applied, then similar items are spread by maximal
    /// marginal relevance (Carbonell, Goldstein, SIGIR 1998) as a summand of the score, then pinned
    /// items take their slots. At most `n` items, and at most `list_max`. But for pinned items no
    /// score is higher than the one above; equal scores are ordered by item id.
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
        let mut contenders = self.adjusted(shortlist, adjustments, n);
        if request.users.len() > 1 {
            spare_misery(&mut contenders, n, self.settings.misery_log_odds);
        }
        let (pinned, mut free): (Vec<Contender>, Vec<Contender>) =
            contenders.into_iter().partition(|contender| contender.pin.is_some());
        free.sort_unstable_by(by_score(0.0));
        free.truncate(self.settings.rerank_max.max(n));
        let diversity = request.diversity.filter(|d| d.is_finite()).unwrap_or(self.settings.diversity);
        let weight = diversity.clamp(0.0, 1.0) * self.settings.diversity_weight;
        let mut list = spread(free, n, weight, &self.catalogue);
        place(pinned, &mut list, n);
        list.into_iter().map(|contender| self.ranked(contender, bias, weight, request, now)).collect()
    }

    fn adjusted(&self, shortlist: Shortlist, adjustments: &[Adjustment], n: usize) -> Vec<Contender> {
        let mut by_position: BTreeMap<usize, Vec<&Adjustment>> = BTreeMap::new();
        for adjustment in adjustments {
            by_position.entry(adjustment.position).or_default().push(adjustment);
        }
        let mut contenders = Vec::with_capacity(shortlist.rows.len());
        for (position, row) in shortlist.rows.into_iter().enumerate() {
            let mut contender = Contender {
                slot: self.catalogue.slot(&row.item.id),
                log_odds: row.log_odds,
                row,
                rulings: Vec::new(),
                pin: None,
                repeats: None,
            };
            let mut excluded = false;
            for adjustment in by_position.get(&position).into_iter().flatten() {
                match adjustment.effect {
                    Effect::Add(weight) if weight.is_finite() && weight != 0.0 => {
                        let text = adjustment.reason.clone();
                        let text = text.unwrap_or_else(|| {
                            let verb = if weight > 0.0 { "raised" } else { "lowered" };
                            format!("{verb} by {}", adjustment.plugin)
                        });
                        contender.rulings.push(ruling(&adjustment.plugin, weight, text));
                    }
                    Effect::Add(_) => {}
                    Effect::Exclude => excluded = true,
                    // A slot that is not shown is no slot: the item takes part like any other.
                    Effect::Pin(slot) if (slot as usize) < n => {
                        contender.pin = Some(slot);
                        let text = adjustment.reason.clone();
                        let text = text.unwrap_or_else(|| format!("placed by {}", adjustment.plugin));
                        contender.rulings.push(ruling(&adjustment.plugin, 0.0, text));
                    }
                    Effect::Pin(_) => {}
                }
            }
            if excluded {
                continue;
            }
            let weights = contender.row.summands.iter().map(|summand| summand.weight);
            let added = contender.rulings.iter().map(|reason| reason.weight);
            contender.log_odds = log_odds(shortlist.bias, weights.chain(added));
            contenders.push(contender);
        }
        contenders
    }

    fn ranked(
        &self,
        contender: Contender,
        bias: f32,
        diversity_weight: f32,
        request: &Request,
        now: Timestamp,
    ) -> Ranked {
        let penalty = contender.penalty(diversity_weight);
        let mut reasons: Vec<Reason> = contender
            .row
            .summands
            .iter()
            .map(|summand| self.reason(summand, &contender.row.item, request, now))
            .collect();
        if let Some((_, above)) = contender.repeats.filter(|_| penalty > 0.0) {
            reasons.push(Reason {
                kind: ReasonKind::Diversity,
                weight: -penalty,
                text: format!("similar to {} above", self.title(&above)),
                item: Some(above),
                modality: None,
                label: None,
                shares: Vec::new(),
                plugin: None,
            });
        }
        reasons.extend(contender.rulings);
        if reasons.is_empty() {
            // Even where nothing speaks for or against an item, people are told why it is there.
            let text = "nothing is known yet, so something of everything".to_owned();
            let kind = ReasonKind::Explore;
            reasons.push(Reason {
                kind,
                weight: 0.0,
                text,
                item: None,
                modality: None,
                label: None,
                shares: Vec::new(),
                plugin: None,
            });
        }
        // A stable sort: reasons of equal weight keep the order of the features.
        reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let log_odds = log_odds(bias, reasons.iter().map(|reason| reason.weight));
        Ranked { item: contender.row.item.id.clone(), bias, log_odds, reasons }
    }
}

fn ruling(plugin: &PluginId, weight: f32, text: String) -> Reason {
    Reason {
        kind: ReasonKind::Plugin,
        weight,
        text,
        item: None,
        modality: None,
        label: None,
        shares: Vec::new(),
        plugin: Some(plugin.clone()),
    }
}

/// Greater score first, less what repetition costs; ties by item id.
fn by_score(weight: f32) -> impl Fn(&Contender, &Contender) -> std::cmp::Ordering {
    move |a, b| {
        let (left, right) = (a.log_odds - a.penalty(weight), b.log_odds - b.penalty(weight));
        right.total_cmp(&left).then_with(|| a.row.item.id.cmp(&b.row.item.id))
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

/// Takes the best, then again and again the best less what it repeats of those above. As the
/// deduction only grows, no score is higher than the one above it.
fn spread(mut free: Vec<Contender>, n: usize, weight: f32, catalogue: &Catalogue) -> Vec<Contender> {
    let mut list: Vec<Contender> = Vec::with_capacity(n);
    while list.len() < n.min(DIVERSE_PLACES_MAX) && weight > 0.0 {
        let order = by_score(weight);
        let Some(best) = (0..free.len()).min_by(|a, b| order(&free[*a], &free[*b])) else { break };
        let chosen = free.swap_remove(best);
        for other in &mut free {
            let likeness = repetition(&chosen, other, catalogue);
            if likeness > other.repeats.as_ref().map_or(0.0, |(most, _)| *most) {
                other.repeats = Some((likeness, chosen.row.item.id.clone()));
            }
        }
        list.push(chosen);
    }
    free.sort_unstable_by(by_score(weight));
    list.extend(free);
    list.truncate(n);
    list
}

/// How much two items of a list repeat each other, in `[0, 1]`: by content, else by the share of
/// their tags that both have.
fn repetition(a: &Contender, b: &Contender, catalogue: &Catalogue) -> f32 {
    let (Some(a), Some(b)) = (a.slot, b.slot) else { return 0.0 };
    if let (Some(left), Some(right)) = (catalogue.vector(a), catalogue.vector(b)) {
        return ramp(dot(left, right), REPEAT_COSINES);
    }
    if let Some(cosine) = catalogue.cosine(a, b) {
        return ramp(cosine, REPEAT_COSINES);
    }
    let (Some(a), Some(b)) = (catalogue.entry(a), catalogue.entry(b)) else { return 0.0 };
    let tags: BTreeSet<&String> = a.tags.iter().chain(&b.tags).collect();
    let common = a.tags.iter().filter(|tag| b.tags.binary_search(tag).is_ok()).count();
    if tags.is_empty() { 0.0 } else { common as f32 / tags.len() as f32 }
}

/// Puts pinned items at their slots, lower slots first; of two for one slot, the better one gets it
/// and the other the next.
fn place(mut pinned: Vec<Contender>, list: &mut Vec<Contender>, n: usize) {
    let order = by_score(0.0);
    pinned.sort_unstable_by(|a, b| a.pin.cmp(&b.pin).then_with(|| order(a, b)));
    let mut next = 0;
    for contender in pinned {
        let slot = (contender.pin.unwrap_or(0) as usize).max(next);
        let at = slot.min(list.len());
        next = slot + 1;
        list.insert(at, contender);
    }
    list.truncate(n);
}
