//! What a rule answers.

use std::collections::BTreeMap;

use crate::Position;

/// What should happen to one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Add to the score, in log-odds. The host drops values that are not finite and clamps the rest
    /// to ± the granted `max-boost`.
    Boost(f32),
    /// Multiply the odds, which adds `ln(x)` to the score. The host drops values that are not finite
    /// and positive, and clamps the rest to `1/m ..= m`, `m` being the granted `max-scale`.
    Scale(f32),
    /// Take the candidate off the list. Needs the `exclude` grant.
    Exclude,
    /// Ask for this slot, from 0. Needs the `pin` grant.
    Pin(u32),
}

/// A judgement of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Which candidate.
    pub position: Position,
    /// What should happen to it.
    pub action: Action,
    /// Which `[[reason]]` of the manifest says why, from 0; absent means that nothing is said.
    pub reason: Option<u16>,
}

/// The answer of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Ruling {
    /// Candidates that are not named keep their score. If one is named twice, the last verdict
    /// counts.
    Adjust(Vec<Verdict>),
    /// Positions, best first, none twice; candidates left out follow in their original order.
    Reorder(Vec<Position>),
}

/// Why a rule cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The setting of this name is wrong, and the person who runs the daemon can mend it.
    InvalidSetting(String),
    /// The rule cannot do without the column or facet of this name.
    MissingInput(String),
    /// Anything else, in a sentence of at most 512 bytes.
    Other(String),
}

/// Collects verdicts, the usual way to a [`Ruling`].
#[derive(Debug, Clone, Default)]
pub struct Verdicts(Vec<Verdict>);

impl Verdicts {
    /// Starts with no verdict.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `log_odds` to the score of a candidate; see [`Action::Boost`].
    pub fn boost(&mut self, position: Position, log_odds: f32) -> Because<'_> {
        self.push(position, Action::Boost(log_odds))
    }

    /// Multiplies the odds of a candidate by `factor`; see [`Action::Scale`].
    pub fn scale(&mut self, position: Position, factor: f32) -> Because<'_> {
        self.push(position, Action::Scale(factor))
    }

    /// Takes a candidate off the list; see [`Action::Exclude`].
    pub fn exclude(&mut self, position: Position) -> Because<'_> {
        self.push(position, Action::Exclude)
    }

    /// Asks for a slot, from 0; see [`Action::Pin`].
    pub fn pin(&mut self, position: Position, slot: u32) -> Because<'_> {
        self.push(position, Action::Pin(slot))
    }

    /// The ruling. Where a candidate was judged more than once only the last verdict is kept, as the
    /// host takes at most one a candidate.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` so that it can be the last line of [`Rule::rank`](crate::Rule::rank).
    pub fn done(self) -> Result<Ruling, Failure> {
        let ascending = self.0.is_sorted_by(|a, b| a.position < b.position);
        Ok(Ruling::Adjust(if ascending {
            self.0
        } else {
            let last: BTreeMap<Position, Verdict> = self.0.into_iter().map(|v| (v.position, v)).collect();
            last.into_values().collect()
        }))
    }

    fn push(&mut self, position: Position, action: Action) -> Because<'_> {
        let index = self.0.len();
        self.0.push(Verdict { position, action, reason: None });
        Because(&mut self.0[index])
    }
}

/// A verdict that may be given a reason.
#[derive(Debug)]
pub struct Because<'a>(&'a mut Verdict);

impl Because<'_> {
    /// Names the `[[reason]]` of the manifest that says why, from 0. Its text is shown to people in
    /// their language.
    pub fn because(self, reason: u16) {
        self.0.reason = Some(reason);
    }
}

/// The ruling that puts candidates into an order, best first, none twice; those left out follow in
/// their original order. The scores of the batch are dealt out in that order, each change within the
/// granted `max-boost`.
///
/// # Errors
///
/// None; it is a `Result` so that it can be the last line of [`Rule::rank`](crate::Rule::rank).
pub fn reorder(best_first: impl IntoIterator<Item = Position>) -> Result<Ruling, Failure> {
    Ok(Ruling::Reorder(best_first.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_verdict_on_a_candidate_is_kept() {
        let mut verdicts = Verdicts::new();
        verdicts.boost(2, 0.1).because(0);
        verdicts.scale(0, 2.0);
        verdicts.exclude(2).because(7);
        let expected = vec![
            Verdict { position: 0, action: Action::Scale(2.0), reason: None },
            Verdict { position: 2, action: Action::Exclude, reason: Some(7) },
        ];
        assert_eq!(verdicts.done(), Ok(Ruling::Adjust(expected)));
    }

    #[test]
    fn an_order_is_passed_on_as_it_is() {
        assert_eq!(reorder([2, 0]), Ok(Ruling::Reorder(vec![2, 0])));
    }
}
