//! Filling the places of a list, one after the other.

use super::calibration::Calibration;
use super::diversity::Diversity;
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
        self.diversity.begin(free.len());
        if let Some(calibration) = &mut self.calibration {
            calibration.begin(&mut free, catalogue);
        }
        let mut list: Vec<Contender> = Vec::with_capacity(self.n.min(free.len()));
        let heeds_above = self.diversity.is_sought() || self.calibration.is_some();
        while heeds_above && list.len() < self.n.min(PLACES_MAX) {
            let Some(best) = (0..free.len()).min_by(|a, b| by_standing(&free[*a], &free[*b])) else { break };
            let chosen = free.swap_remove(best);
            let listed = self.limits.allow(&chosen.row.item);
            self.diversity.heed(best, &chosen, listed, &mut free);
            if !listed {
                continue;
            }
            self.limits.count(&chosen.row.item);
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
}
