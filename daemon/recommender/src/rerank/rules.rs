//! What ranking rules changed: additions, exclusions, pins.

use std::collections::BTreeMap;

use super::{Contender, by_standing};
use crate::id::PluginId;
use crate::phrase::Phrase;
use crate::recommendation::{Reason, ReasonKind};
use crate::recommender::Recommender;
use crate::request::Request;
use crate::ruling::{Adjustment, Effect};
use crate::shortlist::{Shortlist, log_odds};

impl Recommender {
    /// The candidates after the rules; excluded ones are gone.
    pub(super) fn adjusted(
        &self,
        shortlist: Shortlist,
        adjustments: &[Adjustment],
        request: &Request,
        n: usize,
    ) -> Vec<Contender> {
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
                diversity: 0.0,
                calibration: 0.0,
                worn: None,
                explored: None,
                propensity: 1.0,
            };
            let mut excluded = false;
            for adjustment in by_position.get(&position).into_iter().flatten() {
                match adjustment.effect {
                    Effect::Add(weight) if weight.is_finite() && weight != 0.0 => {
                        let text = adjustment.reason.clone();
                        let text = text.unwrap_or_else(|| {
                            let plugin = adjustment.plugin.as_str();
                            let raised = weight > 0.0;
                            let phrase =
                                if raised { Phrase::Raised(plugin) } else { Phrase::Lowered(plugin) };
                            self.say(phrase, request)
                        });
                        contender.rulings.push(ruling(&adjustment.plugin, weight, text));
                    }
                    Effect::Add(_) => {}
                    Effect::Exclude => excluded = true,
                    // A slot that is not shown is no slot: the item takes part like any other.
                    Effect::Pin(slot) if (slot as usize) < n => {
                        contender.pin = Some(slot);
                        let text = adjustment.reason.clone();
                        let text = text
                            .unwrap_or_else(|| self.say(Phrase::Placed(adjustment.plugin.as_str()), request));
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
}

fn ruling(plugin: &PluginId, weight: f32, text: String) -> Reason {
    Reason { plugin: Some(plugin.clone()), ..Reason::new(ReasonKind::Plugin, weight, text) }
}

/// Puts pinned items at their slots, lower slots first; of two for one slot, the better one gets it
/// and the other the next.
pub(super) fn place(mut pinned: Vec<Contender>, list: &mut Vec<Contender>, n: usize) {
    pinned.sort_unstable_by(|a, b| a.pin.cmp(&b.pin).then_with(|| by_standing(a, b)));
    let mut next = 0;
    for contender in pinned {
        let slot = (contender.pin.unwrap_or(0) as usize).max(next);
        let at = slot.min(list.len());
        next = slot + 1;
        list.insert(at, contender);
    }
    list.truncate(n);
}
