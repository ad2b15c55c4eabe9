//! One part of a query, compared with every item.

use crate::catalogue::{Catalogue, Entry, words};
use crate::item::ModelEmbedding;
use crate::modality::Modality;
use crate::relevance::{Calibration, Cosines, Origin, Rule, by_words};
use crate::request::Query;
use crate::vector::dot;

/// Most words of a query that are matched literally.
pub const QUERY_WORDS_MAX: usize = 64;

/// Words, a picture, a sound, a film, or an item to be like.
pub(super) struct Part<'a> {
    /// What its vector in the shared space was made from, and that vector.
    semantic: Option<(Origin, &'a [f32])>,
    /// Its vectors in their media's own spaces.
    own: Vec<(Modality, &'a ModelEmbedding)>,
    /// Its words with how telling each is.
    words: Vec<(u64, f32)>,
    /// The item that the part is, if it is one.
    pub item: Option<u32>,
}

/// How one item and one part of the query go together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The greatest cosine, less what is usual in a medium's own space, in `[0, 1]`.
    pub likeness: f32,
    /// The item's modality behind it.
    pub modality: Option<Modality>,
    /// The share of the part's words among title and tags, telling ones counting more.
    pub literal: f32,
    /// How likely it is that the item matches, by everything.
    pub relevance: f32,
}

impl<'a> Part<'a> {
    /// The parts of a query that can be compared with items. `like` is the slot of the item asked
    /// to be like.
    pub fn all(query: &'a Query, like: Option<u32>, catalogue: &'a Catalogue) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        for modality in Modality::ALL {
            let semantic = query.semantic.get(&modality);
            let own = query.embeddings.get(&modality);
            let words = match modality {
                Modality::Text => telling(query.text.as_deref().unwrap_or_default(), catalogue),
                Modality::Image | Modality::Audio | Modality::Video => Vec::new(),
            };
            if semantic.is_some() || own.is_some() || !words.is_empty() {
                let semantic = semantic.map(|vector| (Origin::Only(modality), vector.as_slice()));
                let own = own.map(|own| (modality, own)).into_iter().collect();
                parts.push(Part { semantic, own, words, item: None });
            }
        }
        if let Some(slot) = like
            && let Some(entry) = catalogue.entry(slot)
        {
            let semantic = Origin::of(entry.content.semantic.keys()).zip(catalogue.vector(slot));
            let own = entry.content.embeddings.iter().map(|(modality, own)| (*modality, own)).collect();
            parts.push(Part { semantic, own, words: Vec::new(), item: Some(slot) });
        }
        parts
    }

    /// Whether it has vectors, and not words alone.
    pub fn has_meaning(&self) -> bool {
        self.semantic.is_some() || !self.own.is_empty()
    }

    /// Compares the part with every item, by slot.
    pub fn compare(&self, catalogue: &Catalogue) -> Vec<Seen> {
        let shared = self.shared(catalogue);
        let beside = self.beside(catalogue);
        let own: Vec<Own> = self.own.iter().map(|own| Own::of(*own, self.item, catalogue)).collect();
        let words_total: f32 = self.words.iter().map(|(_, weight)| weight).sum();
        let mut all = vec![Seen::default(); catalogue.facts().len()];
        for (slot, entry) in catalogue.iter() {
            let (at, mut meaning) = (slot as usize, 0.0_f32);
            let seen = &mut all[at];
            if let Some((cosine, relevance)) = shared[at] {
                meaning = relevance;
                (seen.likeness, seen.modality) = (cosine.clamp(0.0, 1.0), self.nearest(entry));
            }
            for (medium, cosine, relevance) in beside.of(slot) {
                if relevance > meaning {
                    meaning = relevance;
                    (seen.likeness, seen.modality) = (cosine.clamp(0.0, 1.0), Some(medium));
                }
            }
            for own in &own {
                let Some((cosine, judged)) = own.cosines[at] else { continue };
                meaning = meaning.max(own.rule.relevance(judged));
                let likeness = cosine.clamp(0.0, 1.0);
                // Of an item asked for, its vector in the shared space speaks where it has one.
                if likeness > seen.likeness && (self.item.is_none() || shared[at].is_none()) {
                    (seen.likeness, seen.modality) = (likeness, Some(own.modality));
                }
            }
            if words_total > 0.0 {
                let found = self.words.iter().filter(|(word, _)| entry.words.binary_search(word).is_ok());
                seen.literal = found.map(|(_, weight)| weight).sum::<f32>() / words_total;
            }
            seen.relevance = 1.0 - (1.0 - meaning) * (1.0 - by_words(seen.literal));
        }
        all
    }

    /// By slot, the cosine in the shared space and how likely it makes a match.
    fn shared(&self, catalogue: &Catalogue) -> Vec<Option<(f32, f32)>> {
        let slots = catalogue.facts().len();
        let Some((query, vector)) = self.semantic else { return vec![None; slots] };
        let mut compared: Vec<Option<(f32, Origin)>> = vec![None; slots];
        let mut cosines = [Cosines::default(); Origin::COUNT];
        for (slot, entry) in catalogue.iter() {
            let theirs = Origin::of(entry.content.semantic.keys()).zip(catalogue.vector(slot));
            // An item says nothing of what is usual for itself.
            if let Some((origin, theirs)) = theirs.filter(|(_, theirs)| theirs.len() == vector.len())
                && self.item != Some(slot)
            {
                let cosine = dot(vector, theirs);
                cosines[origin.place()].add(cosine);
                compared[slot as usize] = Some((cosine, origin));
            }
        }
        let rules = Origin::ALL.map(|item| {
            let calibration = Calibration::shared(query, item);
            calibration.against(&cosines[item.place()])
        });
        let judged = |(cosine, origin): (f32, Origin)| (cosine, rules[origin.place()].relevance(cosine));
        compared.into_iter().map(|compared| compared.map(judged)).collect()
    }

    /// Pictures, sounds and films of items that have other media as well, each seen by itself: in
    /// what was fused, words outweigh them, and often the words are about something else. An item to
    /// be like asks for whole items.
    fn beside(&self, catalogue: &Catalogue) -> Beside {
        let mut beside = Beside { seen: Vec::new(), rules: [Rule::NOTHING; Origin::COUNT] };
        let Some((query, vector)) = self.semantic.filter(|_| self.item.is_none()) else { return beside };
        let mut cosines = [Cosines::default(); Origin::COUNT];
        for (slot, entry) in catalogue.iter() {
            let semantic = &entry.content.semantic;
            let media = semantic.iter().filter(|(medium, theirs)| {
                **medium != Modality::Text && semantic.len() > 1 && theirs.dim() == vector.len()
            });
            for (medium, theirs) in media {
                let cosine = dot(vector, theirs.as_slice());
                cosines[Origin::Only(*medium).place()].add(cosine);
                beside.seen.push((slot, *medium, cosine));
            }
        }
        beside.rules = Origin::ALL.map(|item| {
            Calibration::shared(query, item).against(&cosines[item.place()]).less(BESIDE_LOG_ODDS)
        });
        beside
    }

    /// The item's modality that is nearest in the shared space.
    fn nearest(&self, entry: &Entry) -> Option<Modality> {
        let (_, vector) = self.semantic?;
        let semantic = &entry.content.semantic;
        if semantic.len() == 1 {
            return semantic.keys().next().copied();
        }
        semantic
            .iter()
            .map(|(modality, own)| (*modality, dot(vector, own.as_slice())))
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
            .map(|(modality, _)| modality)
    }
}

/// By how many log-odds a medium beside others must be surer than one that is all there is of an
/// item: everything that is looked at is one more chance of an accident. Measured on photographs with
/// the words of something else, of 5 to 40 of which a caption is to find its photograph: 0.73 to 0.84 of
/// the right ones are kept (0.01 to 0.08 by what was fused alone), and one or two of a hundred off-topic
/// queries more find something. Without it those would be five or more.
const BESIDE_LOG_ODDS: f32 = 1.0;

/// Media beside others, in the order of slots.
struct Beside {
    /// Slot, medium and cosine.
    seen: Vec<(u32, Modality, f32)>,
    /// By the place of the medium's origin.
    rules: [Rule; Origin::COUNT],
}

impl Beside {
    /// The media of a slot, with their cosines and how likely each makes a match.
    fn of(&self, slot: u32) -> impl Iterator<Item = (Modality, f32, f32)> {
        let first = self.seen.partition_point(|(other, ..)| *other < slot);
        let own = self.seen[first..].iter().take_while(move |(other, ..)| *other == slot);
        own.map(|(_, medium, cosine)| {
            (*medium, *cosine, self.rules[Origin::Only(*medium).place()].relevance(*cosine))
        })
    }
}

/// The cosines in one medium's own space.
struct Own {
    modality: Modality,
    /// By slot, less what two items of the space share on average, and the same for the rule.
    cosines: Vec<Option<(f32, f32)>>,
    rule: Rule,
}

impl Own {
    fn of((modality, mine): (Modality, &ModelEmbedding), asked: Option<u32>, catalogue: &Catalogue) -> Own {
        let mut cosines = vec![None; catalogue.facts().len()];
        let mut sums = Cosines::default();
        for (slot, entry) in catalogue.iter() {
            let content = &entry.content;
            // The words of an item of several media count by what was fused of all of them.
            if modality == Modality::Text && content.semantic.len() > 1 {
                continue;
            }
            let theirs = content.embeddings.get(&modality).filter(|theirs| theirs.model == mine.model);
            if let Some(theirs) = theirs.filter(|theirs| theirs.embedding.dim() == mine.embedding.dim())
                && asked != Some(slot)
            {
                let raw = dot(mine.embedding.as_slice(), theirs.embedding.as_slice());
                let judged = catalogue.judged(modality, &mine.model, raw);
                sums.add(judged);
                cosines[slot as usize] = Some((catalogue.centred(modality, &mine.model, raw), judged));
            }
        }
        let rule = Calibration::own(modality).against(&sums);
        Own { modality, cosines, rule }
    }
}

/// The words of a text, each once, with how telling each is.
fn telling(text: &str, catalogue: &Catalogue) -> Vec<(u64, f32)> {
    let mut seen: Vec<u64> = words(text).take(QUERY_WORDS_MAX).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.into_iter().map(|word| (word, catalogue.word_weight(word))).collect()
}
