//! What becomes of a ruling: the host trusts nothing in it. A pure function from what a rule answered
//! to what changes.

use attuned_recommender::ruling::Effect;

use crate::contract::types::{Action, Ruling, Verdict};
use crate::error::{CallError, Cause};
use crate::grants::Grants;
use crate::limits::EXCLUDE_SHARE_MAX;

/// A ruling within its bounds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Bounded {
    /// At most one a position, in the rule's order.
    pub(crate) changes: Vec<Change>,
    /// Verdicts on positions that are not there, or with values that are no numbers.
    pub(crate) dropped: u64,
    /// Verdicts that went beyond the grant, and were held to it.
    pub(crate) clamped: u64,
    /// Verdicts that need a grant which the plugin does not have.
    pub(crate) ungranted: u64,
}

/// What happens to one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) position: usize,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<u16>,
}

/// Bounds what a rule answered about a batch with these `scores`. `excluded` says which candidates
/// the rules before have taken off, shape `[len]`.
pub(crate) fn bound(
    ruling: Ruling,
    scores: &[f32],
    excluded: &[bool],
    grants: &Grants,
) -> Result<Bounded, CallError> {
    match ruling {
        Ruling::Adjust(verdicts) => adjust(&verdicts, scores.len(), excluded, grants),
        Ruling::Reorder(best_first) => reorder(&best_first, scores, grants),
    }
}

fn adjust(
    verdicts: &[Verdict],
    len: usize,
    excluded: &[bool],
    grants: &Grants,
) -> Result<Bounded, CallError> {
    if verdicts.len() > len {
        let given = verdicts.len();
        return Err(broke(format!("gave {given} verdicts on {len} candidates, expected at most one each")));
    }
    let mut bounded = Bounded::default();
    // Where a later verdict on the same position stands, it is the one that counts.
    let mut last = vec![None; len];
    for (index, verdict) in verdicts.iter().enumerate() {
        if let Some(last) = last.get_mut(verdict.position as usize) {
            *last = Some(index);
        }
    }
    let mut pins = 0;
    for (index, verdict) in verdicts.iter().enumerate() {
        let position = verdict.position as usize;
        match last.get(position) {
            None => {
                bounded.dropped += 1;
                continue;
            }
            Some(last) if *last != Some(index) => continue,
            Some(_) => {}
        }
        let effect = match verdict.action {
            Action::Boost(log_odds) if log_odds.is_finite() => {
                let held = log_odds.clamp(-grants.max_boost, grants.max_boost);
                bounded.clamped += u64::from(held != log_odds);
                Effect::Add(held)
            }
            Action::Scale(factor) if factor.is_finite() && factor > 0.0 => {
                let held = factor.clamp(1.0 / grants.max_scale, grants.max_scale);
                bounded.clamped += u64::from(held != factor);
                Effect::Add(held.ln())
            }
            Action::Boost(_) | Action::Scale(_) => {
                bounded.dropped += 1;
                continue;
            }
            Action::Exclude if grants.exclude => Effect::Exclude,
            Action::Pin(slot) if pins < grants.pin => {
                pins += 1;
                Effect::Pin(slot)
            }
            Action::Exclude | Action::Pin(_) => {
                bounded.ungranted += 1;
                continue;
            }
        };
        if effect != Effect::Add(0.0) {
            bounded.changes.push(Change { position, effect, reason: verdict.reason });
        }
    }
    let is_exclusion = |change: &Change| change.effect == Effect::Exclude;
    let more = bounded.changes.iter().filter(|c| is_exclusion(c) && !excluded[c.position]).count();
    let all = excluded.iter().filter(|excluded| **excluded).count() + more;
    if !grants.exclude_most && all as f64 > EXCLUDE_SHARE_MAX * len as f64 {
        let before = bounded.changes.len();
        bounded.changes.retain(|change| !is_exclusion(change));
        bounded.ungranted += (before - bounded.changes.len()) as u64;
    }
    Ok(bounded)
}

/// Deals the scores of the batch out in the order asked for. What that changes of a score is clamped
/// like a boost.
fn reorder(best_first: &[u32], scores: &[f32], grants: &Grants) -> Result<Bounded, CallError> {
    let mut named = vec![false; scores.len()];
    for position in best_first {
        match named.get_mut(*position as usize) {
            Some(named) if !*named => *named = true,
            Some(_) => return Err(broke(format!("ordered position {position} twice, expected each once"))),
            None => {
                let len = scores.len();
                return Err(broke(format!("ordered position {position}, expected positions below {len}")));
            }
        }
    }
    let mut original: Vec<usize> = (0..scores.len()).collect();
    original.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let rest = original.iter().copied().filter(|position| !named[*position]);
    let asked = best_first.iter().map(|position| *position as usize).chain(rest);
    let mut clamped = 0;
    let changes = asked.zip(&original).filter_map(|(position, dealt)| {
        let asked = scores[*dealt] - scores[position];
        let change = asked.clamp(-grants.max_boost, grants.max_boost);
        clamped += u64::from(change != asked && asked.is_finite());
        let effect = Effect::Add(change);
        (change.is_finite() && change != 0.0).then_some(Change { position, effect, reason: None })
    });
    let changes = changes.collect();
    Ok(Bounded { changes, clamped, ..Bounded::default() })
}

fn broke(message: String) -> CallError {
    CallError::new(Cause::BrokeContract, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTS: Grants = Grants { exclude: true, pin: 1, max_boost: 0.5, max_scale: 2.0, ..Grants::NONE };

    /// Verdicts like `0 boost 0.2 because 1, 3 exclude` on five candidates that score 0, and what
    /// becomes of them.
    fn check(grants: Grants, verdicts: &str, expected: &str) {
        check_after(grants, [false; 5], verdicts, expected);
    }

    fn check_after(grants: Grants, excluded: [bool; 5], verdicts: &str, expected: &str) {
        let verdicts = verdicts.split(", ").filter(|v| !v.is_empty()).map(verdict).collect();
        let got = match bound(Ruling::Adjust(verdicts), &[0.0; 5], &excluded, &grants) {
            Ok(bounded) => print(&bounded),
            Err(error) => error.message,
        };
        assert_eq!(got, expected);
    }

    fn verdict(text: &str) -> Verdict {
        let words: Vec<&str> = text.split(' ').collect();
        let (words, reason) = match words.as_slice() {
            [words @ .., "because", reason] => (words, Some(reason.parse().expect("a row"))),
            words => (words, None),
        };
        let (position, action) = match words {
            [position, "boost", by] => (position, Action::Boost(by.parse().expect("a number"))),
            [position, "scale", by] => (position, Action::Scale(by.parse().expect("a number"))),
            [position, "exclude"] => (position, Action::Exclude),
            [position, "pin", slot] => (position, Action::Pin(slot.parse().expect("a slot"))),
            _ => panic!("no verdict: {text}"),
        };
        Verdict { position: position.parse().expect("a position"), action, reason }
    }

    fn print(bounded: &Bounded) -> String {
        let mut lines: Vec<String> = bounded
            .changes
            .iter()
            .map(|change| {
                let effect = match change.effect {
                    Effect::Add(by) => format!("{by:+.3}"),
                    Effect::Exclude => "off".to_owned(),
                    Effect::Pin(slot) => format!("at {slot}"),
                };
                let reason = change.reason.map_or_else(String::new, |row| format!(" ({row})"));
                format!("{} {effect}{reason}", change.position)
            })
            .collect();
        if bounded.dropped > 0 {
            lines.push(format!("{} dropped", bounded.dropped));
        }
        if bounded.clamped > 0 {
            lines.push(format!("{} clamped", bounded.clamped));
        }
        if bounded.ungranted > 0 {
            lines.push(format!("{} ungranted", bounded.ungranted));
        }
        lines.join(", ")
    }

    #[test]
    fn boosts_and_scales_are_clamped_to_the_grant() {
        check(
            GRANTS,
            "0 boost 0.2 because 1, 1 boost 99, 2 boost -99",
            "0 +0.200 (1), 1 +0.500, 2 -0.500, 2 clamped",
        );
        check(GRANTS, "0 scale 1.5, 1 scale 99, 2 scale 0.001", "0 +0.405, 1 +0.693, 2 -0.693, 2 clamped");
        check(Grants::NONE, "0 boost 0.2, 1 scale 3", "2 clamped");
    }

    #[test]
    fn what_is_no_number_is_dropped() {
        check(GRANTS, "0 boost NaN, 1 boost inf, 2 boost -inf, 3 boost 0.1", "3 +0.100, 3 dropped");
        check(GRANTS, "0 scale NaN, 1 scale inf, 2 scale 0, 3 scale -1", "4 dropped");
    }

    #[test]
    fn an_unknown_position_is_dropped() {
        check(GRANTS, "5 boost 0.1, 4294967295 exclude, 4 boost 0.1", "4 +0.100, 2 dropped");
    }

    #[test]
    fn the_last_verdict_on_a_position_counts() {
        check(GRANTS, "0 boost 0.2, 1 boost 0.3, 0 boost 0.1", "1 +0.300, 0 +0.100");
        check(GRANTS, "0 exclude, 0 boost 0", "");
        check(GRANTS, "0 boost 0.2, 0 boost NaN", "1 dropped");
    }

    #[test]
    fn more_verdicts_than_candidates_break_the_contract() {
        check(
            GRANTS,
            "0 boost 1, 0 boost 1, 0 boost 1, 0 boost 1, 0 boost 1, 0 boost 1",
            "gave 6 verdicts on 5 candidates, expected at most one each",
        );
    }

    #[test]
    fn exclusions_and_pins_need_their_grant() {
        check(GRANTS, "0 exclude because 2, 1 pin 3, 2 pin 0", "0 off (2), 1 at 3, 1 ungranted");
        check(Grants::NONE, "0 exclude, 1 pin 3", "2 ungranted");
    }

    #[test]
    fn most_of_a_batch_stays() {
        let most = Grants { exclude_most: true, ..GRANTS };
        let all = "0 exclude, 1 exclude, 2 exclude, 3 exclude, 4 exclude";
        check(GRANTS, "0 exclude, 1 exclude, 2 exclude, 3 exclude", "0 off, 1 off, 2 off, 3 off");
        check(GRANTS, all, "5 ungranted");
        check(most, all, "0 off, 1 off, 2 off, 3 off, 4 off");
        let after = [true, true, true, false, false];
        check_after(GRANTS, after, "0 exclude, 3 exclude, 4 boost 0.1", "0 off, 3 off, 4 +0.100");
        check_after(GRANTS, after, "3 exclude, 4 exclude, 0 boost 0.1", "0 +0.100, 2 ungranted");
    }

    /// The order asked for on candidates with these scores, and what becomes of it.
    fn check_order(best_first: &[u32], scores: &[f32], expected: &str) {
        let none = vec![false; scores.len()];
        let got = match bound(Ruling::Reorder(best_first.to_vec()), scores, &none, &GRANTS) {
            Ok(bounded) => print(&bounded),
            Err(error) => error.message,
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn an_order_deals_the_scores_out_anew() {
        check_order(&[2, 0, 1], &[0.3, 0.2, 0.1], "2 +0.200, 0 -0.100, 1 -0.100");
        check_order(&[], &[0.1, 0.3], "");
        check_order(&[1], &[0.4, 0.1, 0.2, 0.4], "1 +0.300, 3 -0.200, 2 -0.100");
        check_order(&[1, 0], &[9.0, 0.0], "1 +0.500, 0 -0.500, 2 clamped");
    }

    #[test]
    fn an_order_of_anything_but_known_positions_breaks_the_contract() {
        check_order(&[0, 0], &[0.1, 0.2], "ordered position 0 twice, expected each once");
        check_order(&[2], &[0.1, 0.2], "ordered position 2, expected positions below 2");
    }

    proptest::proptest! {
        #[test]
        fn no_ruling_moves_a_score_beyond_its_bound(
            verdicts in proptest::collection::vec((0_u32..8, 0..4, proptest::num::f32::ANY), 0..6),
            scores in proptest::collection::vec(proptest::num::f32::NORMAL, 6),
            order in proptest::collection::vec(0_u32..6, 0..6),
        ) {
            let verdicts = verdicts.into_iter().map(|(position, kind, value)| {
                let action = match kind {
                    0 => Action::Boost(value),
                    1 => Action::Scale(value),
                    2 => Action::Exclude,
                    _ => Action::Pin(value as u32),
                };
                Verdict { position, action, reason: None }
            });
            for ruling in [Ruling::Adjust(verdicts.collect()), Ruling::Reorder(order)] {
                let Ok(bounded) = bound(ruling, &scores, &[false; 6], &GRANTS) else { continue };
                let mut seen = [false; 6];
                for change in bounded.changes {
                    proptest::prop_assert!(!std::mem::replace(&mut seen[change.position], true));
                    if let Effect::Add(by) = change.effect {
                        proptest::prop_assert!(by.is_finite() && by.abs() <= 2.0_f32.ln());
                    }
                }
            }
        }
    }
}
