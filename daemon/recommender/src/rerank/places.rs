//! Filling the places of a list, one after the other.

use super::calibration::Calibration;
use super::diversity::Diversity;
use super::exploration::Exploration;
use super::limits::Limits;
use super::{Contender, by_standing};
use crate::catalogue::Catalogue;

/// Places for which the items above are considered; further down, the order so far stands.
pub(super) const PLACES_MAX: usize = 100;

/// How places are filled.
pub(super) struct Places<'a> {
    /// How many there are.
    pub n: usize,
    pub diversity: Diversity<'a>,
    pub calibration: Option<Calibration>,
    pub exploration: Option<Exploration>,
    pub limits: Limits<'a>,
}

impl Places<'_> {
    /// Takes the best, then again and again the best less what the items above cost it. As that only
    /// grows, no score is higher than the one above it. Returns the calibration too, which knows the
    /// names of subjects.
    pub(super) fn fill(
        mut self,
        mut free: Vec<Contender>,
        catalogue: &Catalogue,
    ) -> (Vec<Contender>, Option<Calibration>) {
        self.diversity.begin(&free);
        if let Some(calibration) = &mut self.calibration {
            calibration.begin(&mut free, catalogue);
        }
        let mut list: Vec<Contender> = Vec::with_capacity(self.n.min(free.len()));
        let heeds_above =
            self.diversity.is_sought() || self.calibration.is_some() || self.exploration.is_some();
        while heeds_above && list.len() < self.n.min(PLACES_MAX) {
            self.leave_out(&mut free);
            let Some((best, chosen)) = self.next(list.len(), list.last(), &mut free) else { break };
            self.limits.count(&chosen.row.item);
            self.diversity.heed(best, &chosen, true, &mut free);
            if let Some(calibration) = &mut self.calibration {
                calibration.heed(&chosen, &mut free);
            }
            list.push(chosen);
        }
        free.sort_unstable_by(by_standing);
        for contender in free {
            if list.len() >= self.n {
                break;
            }
            if self.limits.allow(&contender.row.item) {
                self.limits.count(&contender.row.item);
                list.push(contender);
            }
        }
        (list, self.calibration)
    }

    /// Leaves out what the list has as much of as it may.
    fn leave_out(&mut self, free: &mut Vec<Contender>) {
        if !self.limits.bind() {
            return;
        }
        for index in (0..free.len()).rev() {
            if !self.limits.allow(&free[index].row.item) {
                let gone = free.swap_remove(index);
                self.diversity.heed(index, &gone, false, free);
            }
        }
    }

    /// Takes out who gets the next place. A draw raises no score above that of the place before.
    fn next(
        &self,
        place: usize,
        above: Option<&Contender>,
        free: &mut Vec<Contender>,
    ) -> Option<(usize, Contender)> {
        let explored = self.exploration.as_ref().and_then(|exploration| exploration.choose(place, free));
        let Some(choice) = explored else {
            let best = (0..free.len()).min_by(|a, b| by_standing(&free[*a], &free[*b]))?;
            return Some((best, free.swap_remove(best)));
        };
        let mut chosen = free.swap_remove(choice.index);
        chosen.propensity = choice.propensity;
        let ceiling = above.map_or(f32::INFINITY, Contender::standing);
        let standing = chosen.standing();
        // Without a draw it may still stand below one that a draw had let in.
        if choice.draw.is_some() || standing > ceiling {
            let drawn = choice.draw.unwrap_or(standing).max(standing).min(ceiling);
            chosen.explored = Some(drawn - standing);
        }
        Some((choice.index, chosen))
    }
}
