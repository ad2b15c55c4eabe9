//! How well an item matches what was asked for, and search by it.
//!
//! A query has parts: words, a picture, a sound, a film, an item to be like. An item is an answer
//! if it matches at least one of them; how well it matches is the mean over all, so that what
//! matches every part comes before what matches one of them however well.

use crate::catalogue::Catalogue;
use crate::id::ItemId;
use crate::modality::Modality;
use crate::request::Query;

mod part;

use part::Part;
pub use part::QUERY_WORDS_MAX;

/// One search result.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Which item.
    pub item: ItemId,
    /// How well it matches: for a query of one part how likely it is that it does, in `[0, 1]`; for
    /// several parts the mean.
    pub score: f32,
    /// The item's modality that matched best; absent if only its words did.
    pub modality: Option<Modality>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The matches, best first.
    pub matches: Vec<Match>,
    /// Whether items were asked of which none matches well enough.
    pub unmatched: bool,
}

/// How much all words of the query, found literally, count against a perfect match of meaning.
const WORDS_WEIGHT: f32 = 0.6;

/// How well one item matches.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fit {
    /// By words, picture or sound, in `[0, 1]`.
    pub asked: f32,
    /// The item's modality behind `asked`; absent if only its words matched.
    pub modality: Option<Modality>,
    /// Likeness to the item asked for, in `[0, 1]`.
    pub like: f32,
    /// How likely it is that it matches the part of the query that it matches best, in `[0, 1]`.
    pub best: f32,
    /// The mean of that over all parts.
    pub mean: f32,
}

/// A query compared with every item of the catalogue.
pub(crate) struct PreparedQuery {
    /// By slot.
    fits: Vec<Fit>,
    /// The item asked to be like, if it is known.
    like: Option<u32>,
    parts: usize,
    unmeasured: bool,
}

impl PreparedQuery {
    pub(crate) fn new(query: &Query, catalogue: &Catalogue) -> PreparedQuery {
        let like = query.item.as_ref().and_then(|item| catalogue.slot(item));
        let parts = Part::all(query, like, catalogue);
        let mut fits = vec![Fit::default(); catalogue.facts().len()];
        let (mut asked_parts, mut best) = (0_u32, vec![0.0_f32; fits.len()]);
        let mut literal = vec![0.0_f32; fits.len()];
        for part in &parts {
            let seen = part.compare(catalogue);
            let asked = part.item.is_none() && part.has_meaning();
            asked_parts += u32::from(asked);
            for (slot, seen) in seen.into_iter().enumerate() {
                let fit = &mut fits[slot];
                fit.best = fit.best.max(seen.relevance);
                fit.mean += seen.relevance / parts.len() as f32;
                literal[slot] = literal[slot].max(seen.literal);
                match part.item {
                    Some(_) => fit.like = seen.likeness,
                    None => fit.asked += seen.likeness,
                }
                if part.item.is_none() && seen.likeness > best[slot] {
                    (best[slot], fit.modality) = (seen.likeness, seen.modality);
                }
            }
        }
        for (fit, literal) in fits.iter_mut().zip(literal) {
            let meant = if asked_parts == 0 { 0.0 } else { fit.asked / asked_parts as f32 };
            // Either kind of evidence raises the score, and neither takes it beyond 1.
            fit.asked = 1.0 - (1.0 - meant) * (1.0 - WORDS_WEIGHT * literal);
            fit.modality = fit.modality.or((literal > 0.0).then_some(Modality::Text));
        }
        PreparedQuery { fits, like, parts: parts.len(), unmeasured: query.unmeasured }
    }

    /// The slot of the item asked to be like.
    pub(crate) fn like(&self) -> Option<u32> {
        self.like
    }

    /// Leaves of the `allowed` slots those whose item is likely enough to match at least one part,
    /// and says whether there were some and none is left. A query without parts, as one whose only
    /// picture could not be understood, asks for nothing and leaves all; so does one of a space that was never
    /// measured.
    pub(crate) fn cut_off(&self, allowed: &mut [bool], relevance_min: f32) -> bool {
        if self.parts == 0 || self.unmeasured {
            return false;
        }
        let (mut before, mut after) = (false, false);
        for (slot, allowed) in (0..).zip(allowed.iter_mut()) {
            before |= *allowed;
            *allowed &= self.fit(slot).best >= relevance_min;
            after |= *allowed;
        }
        before && !after
    }

    pub(crate) fn fit(&self, slot: u32) -> Fit {
        self.fits.get(slot as usize).copied().unwrap_or_default()
    }
}
