//! How well an item matches what was asked for, and search by it.

use crate::catalogue::{Catalogue, words};
use crate::id::ItemId;
use crate::modality::Modality;
use crate::request::Query;
use crate::vector::dot;

/// One search result.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Which item.
    pub item: ItemId,
    /// How well it matches, in `[0, 1]`.
    pub score: f32,
    /// The item's modality that matched best; absent if only its words did.
    pub modality: Option<Modality>,
}

/// Most words of a query that are matched literally.
pub const QUERY_WORDS_MAX: usize = 64;

/// How much all words of the query, found literally, count against a perfect match of meaning.
const WORDS_WEIGHT: f32 = 0.6;

/// A query prepared for many items.
pub(crate) struct PreparedQuery<'a> {
    query: &'a Query,
    words: Vec<(u64, f32)>,
    words_total: f32,
    /// The item asked to be like, if it is known.
    like: Option<u32>,
}

/// How well one item matches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// By words, picture or sound, in `[0, 1]`.
    pub asked: f32,
    /// The item's modality behind `asked`; absent if only its words matched.
    pub modality: Option<Modality>,
    /// Likeness to the item asked for, in `[0, 1]`.
    pub like: f32,
}

impl<'a> PreparedQuery<'a> {
    pub(crate) fn new(query: &'a Query, catalogue: &Catalogue) -> PreparedQuery<'a> {
        let mut seen: Vec<u64> =
            words(query.text.as_deref().unwrap_or_default()).take(QUERY_WORDS_MAX).collect();
        seen.sort_unstable();
        seen.dedup();
        let words: Vec<(u64, f32)> =
            seen.into_iter().map(|word| (word, catalogue.word_weight(word))).collect();
        let words_total = words.iter().map(|(_, weight)| weight).sum();
        let like = query.item.as_ref().and_then(|item| catalogue.slot(item));
        PreparedQuery { query, words, words_total, like }
    }

    /// The slot of the item asked to be like.
    pub(crate) fn like(&self) -> Option<u32> {
        self.like
    }

    pub(crate) fn fit(&self, slot: u32, catalogue: &Catalogue) -> Fit {
        let literal = self.literal(slot, catalogue);
        let (mut sum, mut parts, mut best) = (0.0, 0_u32, (0.0, None));
        for modality in Modality::ALL {
            let meaning = self.query.semantic.get(&modality);
            let own = self.query.embeddings.get(&modality);
            if meaning.is_none() && own.is_none() {
                continue;
            }
            parts += 1;
            let (in_meaning, matched) =
                meaning.map_or((0.0, None), |vector| match_meaning(vector.as_slice(), slot, catalogue));
            let in_own = own.map_or(0.0, |own| match_own(modality, own, slot, catalogue));
            let (score, matched) =
                if in_own > in_meaning { (in_own, Some(modality)) } else { (in_meaning, matched) };
            sum += score;
            if score > best.0 {
                best = (score, matched);
            }
        }
        let meant = if parts == 0 { 0.0 } else { sum / parts as f32 };
        // Either kind of evidence raises the score, and neither takes it beyond 1.
        let asked = 1.0 - (1.0 - meant) * (1.0 - WORDS_WEIGHT * literal);
        let modality = best.1.or((literal > 0.0).then_some(Modality::Text));
        let like = match self.like {
            Some(like) if like != slot => catalogue.cosine(like, slot).unwrap_or(0.0).clamp(0.0, 1.0),
            _ => 0.0,
        };
        Fit { asked, modality, like }
    }

    /// The share of the query's words, telling ones counting more, among title and tags.
    fn literal(&self, slot: u32, catalogue: &Catalogue) -> f32 {
        let Some(entry) = catalogue.entry(slot) else { return 0.0 };
        if self.words_total <= 0.0 {
            return 0.0;
        }
        let found: f32 = self
            .words
            .iter()
            .filter(|(word, _)| entry.words.binary_search(word).is_ok())
            .map(|(_, weight)| weight)
            .sum();
        found / self.words_total
    }
}

/// The cosine to the item's fused vector, and its modality that is nearest.
fn match_meaning(vector: &[f32], slot: u32, catalogue: &Catalogue) -> (f32, Option<Modality>) {
    let (Some(fused), Some(entry)) = (catalogue.vector(slot), catalogue.entry(slot)) else {
        return (0.0, None);
    };
    if vector.len() != fused.len() {
        return (0.0, None);
    }
    let cosine = dot(vector, fused).clamp(0.0, 1.0);
    let mut semantic = entry.content.semantic.iter();
    let nearest = match (semantic.next(), semantic.next()) {
        (Some((only, _)), None) => Some(*only),
        _ => entry
            .content
            .semantic
            .iter()
            .map(|(modality, own)| (*modality, dot(vector, own.as_slice())))
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
            .map(|(modality, _)| modality),
    };
    (cosine, nearest)
}

fn match_own(modality: Modality, own: &crate::item::ModelEmbedding, slot: u32, catalogue: &Catalogue) -> f32 {
    let theirs = catalogue.entry(slot).and_then(|entry| entry.content.embeddings.get(&modality));
    let Some(theirs) = theirs.filter(|theirs| theirs.model == own.model) else { return 0.0 };
    if theirs.embedding.dim() != own.embedding.dim() {
        return 0.0;
    }
    let raw = dot(own.embedding.as_slice(), theirs.embedding.as_slice());
    catalogue.centred(modality, &own.model, raw).clamp(0.0, 1.0)
}
