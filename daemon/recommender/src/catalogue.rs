//! The items that can be recommended, laid out for scanning: one row of fused vectors a slot.
//!
//! Owns what was said and understood of items. Knows nothing of people. Slots are reused, so they
//! mean nothing outside the process and never decide an order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::descriptor::{self, ONE, Rows, Sparse};
use crate::embedding::SEMANTIC_DIM;
use crate::id::ItemId;
use crate::item::{Content, Item};
use crate::modality::Modality;
use crate::random::hash;
use crate::settings::Settings;
use crate::sketch::{LANES, SKETCH_DIM, Sketches};
use crate::space::{Numbers, Space, Spaces};
use crate::time::Timestamp;
use crate::vector::{dot, four_dots, normalise, ramp};

/// One item with everything derived from it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub item: Arc<Item>,
    pub content: Content,
    /// The item's tags in lower case, sorted, each once.
    pub tags: Vec<String>,
    /// Hashes of the words of title and tags, sorted, each once.
    pub words: Vec<u64>,
    /// The spaces that the vectors of its content lie in.
    spaces: Numbers,
}

/// What every request asks of every item, side by side in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// Whether there is an item in the slot.
    pub used: bool,
    /// Whether the item has a fused vector.
    pub fused: bool,
    /// The media of which the item has an embedding in a space of their own, a bit for each.
    pub media: u8,
    /// Whether it is known when it came out.
    pub dated: bool,
    /// The number of its kind.
    pub kind: u32,
    /// When it came out, or else when it was first seen.
    pub since: Timestamp,
    /// From when on it must not be recommended; the end of time means never.
    pub expires_at: Timestamp,
    /// The hash of its id: an order without meaning that is the same everywhere.
    pub scatter: u64,
}

/// The catalogue.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    entries: Vec<Option<Entry>>,
    facts: Vec<Facts>,
    kinds: Vec<String>,
    slots: HashMap<ItemId, u32>,
    free: Vec<u32>,
    /// Fused vectors, shape `[slots, SEMANTIC_DIM]`; a slot without one holds zeros.
    vectors: Vec<f32>,
    /// Short projections of the fused vectors, for a first look at all of them.
    sketches: Sketches,
    /// Kind, tags, provider and attributes, hashed; by slot.
    facets: Rows,
    /// What the fused vectors have in common.
    fused_space: Space,
    tag_counts: HashMap<String, u32>,
    word_counts: HashMap<u64, u32>,
    spaces: Spaces,
}

impl Catalogue {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slot(&self, id: &ItemId) -> Option<u32> {
        self.slots.get(id).copied()
    }

    pub(crate) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    pub(crate) fn find(&self, id: &ItemId) -> Option<&Entry> {
        self.entry(self.slot(id)?)
    }

    /// Every item with its slot, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        self.entries.iter().enumerate().filter_map(|(slot, entry)| Some((slot as u32, entry.as_ref()?)))
    }

    /// What every request asks of every item, by slot.
    pub(crate) fn facts(&self) -> &[Facts] {
        &self.facts
    }

    /// The number of a kind; `None` if no item is, or ever was, of that kind.
    pub(crate) fn kind(&self, kind: &str) -> Option<u32> {
        self.kinds.iter().position(|known| known == kind).map(|number| number as u32)
    }

    pub(crate) fn sketches(&self) -> &Sketches {
        &self.sketches
    }

    /// Sets when an item was first seen, if it is known.
    pub(crate) fn set_added(&mut self, id: &ItemId, at: Timestamp) {
        if let Some(slot) = self.slot(id) {
            let facts = &mut self.facts[slot as usize];
            facts.since = if facts.dated { facts.since } else { at };
        }
    }

    /// The fused vector of a slot, shape `[SEMANTIC_DIM]`; `None` if the item has none.
    pub(crate) fn vector(&self, slot: u32) -> Option<&[f32]> {
        vector_of(&self.vectors, &self.facts, slot)
    }

    /// How much each medium of an item has to do with its likeness to another, most first, together
    /// 1: the part of it in the item's fused vector times its own likeness. Empty unless two media or
    /// more speak for it.
    pub(crate) fn shares_of_likeness(
        &self,
        slot: u32,
        other: u32,
        weights: &BTreeMap<Modality, f32>,
    ) -> Vec<(Modality, f32)> {
        let (Some(entry), Some(other)) = (self.entry(slot), self.vector(other)) else { return Vec::new() };
        let part = |modality: &Modality| match &entry.content.fused {
            Some(fused) => fused.shares.get(modality).copied().unwrap_or(0.0),
            None => weights.get(modality).copied().unwrap_or(0.0),
        };
        let mut shares: Vec<(Modality, f32)> = entry
            .content
            .semantic
            .iter()
            .map(|(modality, vector)| (*modality, part(modality) * dot(vector.as_slice(), other).max(0.0)))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        if shares.len() < 2 {
            return Vec::new();
        }
        let sum: f32 = shares.iter().map(|(_, share)| share).sum();
        shares.iter_mut().for_each(|(_, share)| *share /= sum);
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares
    }

    /// Takes an item in, or replaces it in its slot. `None` if the catalogue is full and the item is
    /// not yet in it: it is not taken.
    pub(crate) fn put(
        &mut self,
        item: Item,
        content: Content,
        added_at: Timestamp,
        settings: &Settings,
    ) -> Option<u32> {
        let known = self.slot(&item.id);
        if known.is_none() && self.len() >= settings.items_max {
            return None;
        }
        if let Some(slot) = known {
            self.forget_counts(slot);
        }
        let slot = known.or_else(|| self.free.pop()).unwrap_or(self.entries.len() as u32);
        if slot as usize == self.entries.len() {
            self.entries.push(None);
            self.facts.push(Facts::default());
            self.vectors.resize(self.entries.len() * SEMANTIC_DIM, 0.0);
        }
        let mut entry = entry_of(item, content, settings);
        entry.spaces = self.spaces.add(&entry.content);
        let has = |modality: &Modality| entry.spaces[*modality as usize].is_some();
        let media =
            Modality::ALL.into_iter().filter(has).fold(0, |media, modality| media | 1 << modality as u8);
        let start = slot as usize * SEMANTIC_DIM;
        let row = &mut self.vectors[start..start + SEMANTIC_DIM];
        if self.facts[slot as usize].fused {
            self.fused_space.remove(row);
        }
        row.fill(0.0);
        let fused = fuse(&entry.content, &settings.fusion, row);
        if fused {
            self.fused_space.add(row);
        }
        if fused {
            self.sketches.put(slot, row);
        } else {
            self.sketches.put_own(slot, &entry.content);
        }
        self.facets.set(slot, &descriptor::facets(&entry.item, &entry.tags));
        self.slots.insert(entry.item.id.clone(), slot);
        for tag in &entry.tags {
            *self.tag_counts.entry(tag.clone()).or_default() += 1;
        }
        for word in &entry.words {
            *self.word_counts.entry(*word).or_default() += 1;
        }
        let kind = self.kind(&entry.item.kind).unwrap_or_else(|| {
            self.kinds.push(entry.item.kind.clone());
            self.kinds.len() as u32 - 1
        });
        self.facts[slot as usize] = Facts {
            used: true,
            fused,
            media,
            dated: entry.item.published_at.is_some(),
            kind,
            since: entry.item.published_at.unwrap_or(added_at),
            expires_at: entry.item.expires_at.unwrap_or(Timestamp::from_unix_ms(i64::MAX)),
            scatter: hash(entry.item.id.as_str()),
        };
        self.entries[slot as usize] = Some(entry);
        Some(slot)
    }

    /// Takes an item out and returns the slot that became free.
    pub(crate) fn remove(&mut self, id: &ItemId) -> Option<u32> {
        let slot = self.slots.remove(id)?;
        self.forget_counts(slot);
        if let Some(row) = vector_of(&self.vectors, &self.facts, slot) {
            self.fused_space.remove(row);
        }
        self.facets.set(slot, &[]);
        self.entries[slot as usize] = None;
        self.facts[slot as usize] = Facts::default();
        self.free.push(slot);
        Some(slot)
    }

    fn forget_counts(&mut self, slot: u32) {
        let Some(entry) = self.entries[slot as usize].as_ref() else { return };
        for tag in &entry.tags {
            if let Some(count) = self.tag_counts.get_mut(tag) {
                *count -= 1;
                if *count == 0 {
                    self.tag_counts.remove(tag);
                }
            }
        }
        for word in &entry.words {
            if let Some(count) = self.word_counts.get_mut(word) {
                *count -= 1;
                if *count == 0 {
                    self.word_counts.remove(word);
                }
            }
        }
        self.spaces.remove(&entry.content, &entry.spaces);
    }

    /// What the item of a slot is, as a short row of numbers; `None` for an empty slot.
    pub(crate) fn descriptor(&self, slot: u32) -> Option<Sparse> {
        self.entry(slot)?;
        Some(descriptor::descriptor(self.facets.row(slot), &self.sketches.row(slot)))
    }

    /// The products of items' descriptors with coefficients, shape `[descriptor::DIM]`, by slot; 0 for
    /// those that are not `wanted`, shape `[slots]`.
    pub(crate) fn project(&self, coefficients: &[f32], wanted: &[bool]) -> Vec<f32> {
        let mut products = vec![0.0; wanted.len()];
        let Some(media) = coefficients.last_chunk::<SKETCH_DIM>() else { return products };
        let blocks = self.sketches.blocks().iter().zip(wanted.chunks(LANES));
        for ((block, wanted), first) in blocks.zip((0..).step_by(LANES)) {
            if !wanted.contains(&true) {
                continue;
            }
            let lanes = block.dots(media).into_iter().zip(wanted).enumerate();
            for (lane, (media, _)) in lanes.filter(|(_, (_, wanted))| **wanted) {
                let facets = self.facets.row((first + lane) as u32).iter();
                let facets =
                    facets.map(|(place, value)| coefficients[usize::from(*place)] * f32::from(*value));
                products[first + lane] = coefficients[0] + facets.sum::<f32>() / ONE + media;
            }
        }
        products
    }

    /// How telling a tag is, in `[0, 1]`: 1 if at most a fifth of the items have it, 0 if all have.
    pub(crate) fn tag_weight(&self, tag: &str) -> f32 {
        let count = self.tag_counts.get(tag).copied().unwrap_or(0).max(1) as f32;
        ((self.len() as f32 / count).ln() / 5.0_f32.ln()).clamp(0.0, 1.0)
    }

    /// How like two items are by what they are, in `[0, 1]`: the mean of their meaning and their tags where
    /// both are known.
    pub(crate) fn likeness(&self, a: u32, b: u32) -> f32 {
        let meaning = self.cosine(a, b).map(|cosine| ramp(cosine, LIKE_COSINES));
        let tags = self.entry(a).zip(self.entry(b)).and_then(|(a, b)| {
            let common = a.tags.iter().filter(|tag| b.tags.binary_search(tag).is_ok()).count();
            let all = a.tags.len() + b.tags.len() - common;
            (!a.tags.is_empty() && !b.tags.is_empty()).then(|| common as f32 / all as f32)
        });
        match (meaning, tags) {
            (Some(meaning), Some(tags)) => (meaning + tags) / 2.0,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        }
    }

    /// How telling a word is: the logarithm of the inverse share of items that have it.
    pub(crate) fn word_weight(&self, word: u64) -> f32 {
        let count = self.word_counts.get(&word).copied().unwrap_or(0) as f32;
        (1.0 + self.len() as f32 / (count + 1.0)).ln()
    }

    /// The cosine of two items' content, less what two items of the catalogue share on average.
    /// `None` if they have no space in common.
    pub(crate) fn cosine(&self, a: u32, b: u32) -> Option<f32> {
        if a == b {
            return Some(1.0);
        }
        if let (Some(a), Some(b)) = (self.vector(a), self.vector(b)) {
            return Some(self.apart(dot(a, b)));
        }
        let media = |slot: u32| self.facts.get(slot as usize).map_or(0, |facts| facts.media);
        if media(a) & media(b) == 0 {
            return None;
        }
        Modality::ALL
            .into_iter()
            .filter_map(|modality| self.own_cosine(modality, a, b))
            .max_by(f32::total_cmp)
    }

    /// The same of an item with four others, which takes less time than one by one.
    pub(crate) fn four_cosines(&self, a: u32, others: [u32; 4]) -> [Option<f32>; 4] {
        if let [Some(b), Some(c), Some(d), Some(e)] = others.map(|other| self.vector(other))
            && let Some(vector) = self.vector(a)
            && !others.contains(&a)
        {
            return four_dots([b, c, d, e], vector).map(|dot| Some(self.apart(dot)));
        }
        others.map(|other| self.cosine(a, other))
    }

    /// The cosine of an item's content with a vector of the shared space, shape `[SEMANTIC_DIM]`,
    /// likewise. `None` if the item has none.
    pub(crate) fn cosine_with(&self, vector: &[f32], slot: u32) -> Option<f32> {
        Some(self.apart(dot(vector, self.vector(slot)?)))
    }

    /// A cosine in the shared space, less what items of this catalogue share beyond the usual: posters
    /// of one make, or pieces of one style, are no more alike than the rest for it.
    fn apart(&self, cosine: f32) -> f32 {
        let shared = (self.fused_space.mean_cosine() - MEAN_COSINE_USUAL).max(0.0);
        less(cosine, shared)
    }

    /// The cosine of two items in one modality's own space, less what two items of that space share
    /// on average; `None` unless one model made both embeddings.
    pub(crate) fn own_cosine(&self, modality: Modality, a: u32, b: u32) -> Option<f32> {
        let (a, b) = (self.entry(a)?, self.entry(b)?);
        let space =
            a.spaces[modality as usize].filter(|space| Some(*space) == b.spaces[modality as usize])?;
        let (a, b) = (a.content.embeddings.get(&modality)?, b.content.embeddings.get(&modality)?);
        let raw = dot(a.embedding.as_slice(), b.embedding.as_slice());
        Some(less(raw, self.spaces.of(space).mean_cosine()))
    }

    /// A cosine in a modality's own space, less what two items of that space share on average.
    pub(crate) fn centred(&self, modality: Modality, model: &str, raw: f32) -> f32 {
        less(raw, self.spaces.find(modality, model).map_or(0.0, Space::mean_cosine))
    }

    /// The same for judging whether two are alike at all. Texts have the shared space as well, so
    /// their own may wait until it is known how crowded it is.
    pub(crate) fn judged(&self, modality: Modality, model: &str, raw: f32) -> f32 {
        match modality {
            Modality::Text => {
                less(raw, self.spaces.find(modality, model).map_or(0.0, Space::cautious_mean_cosine))
            }
            Modality::Image | Modality::Audio | Modality::Video => self.centred(modality, model, raw),
        }
    }
}

/// A cosine, less what two items of the space share on average; two that are the same keep 1.
fn less(cosine: f32, shared: f32) -> f32 {
    (cosine - shared) / (1.0 - shared)
}

/// Cosine from which on two items are alike at all, and at which they are wholly: about what unrelated
/// subjects share, and what related ones may.
const LIKE_COSINES: (f32, f32) = (0.15, 0.6);

/// The mean cosine of a mixed catalogue, which the cosines of `Settings` are for. Measured: texts of
/// software and films together .10, of software alone .16, of films alone .20.
const MEAN_COSINE_USUAL: f32 = 0.1;

fn vector_of<'a>(vectors: &'a [f32], facts: &[Facts], slot: u32) -> Option<&'a [f32]> {
    facts.get(slot as usize).filter(|facts| facts.fused)?;
    let start = slot as usize * SEMANTIC_DIM;
    vectors.get(start..start + SEMANTIC_DIM)
}

fn entry_of(item: Item, mut content: Content, settings: &Settings) -> Entry {
    // A vector of another dimension is of another space: it cannot be compared with anything.
    content.semantic.retain(|_, vector| vector.dim() == SEMANTIC_DIM);
    content.fused = content.fused.filter(|fused| fused.embedding.dim() == SEMANTIC_DIM);
    let tags: BTreeSet<String> =
        item.tags.iter().take(settings.tags_per_item_max).map(|tag| tag.trim().to_lowercase()).collect();
    let title = item.title.as_deref().unwrap_or_default();
    let words: BTreeSet<u64> = words(title).chain(tags.iter().flat_map(|tag| words(tag))).collect();
    let tags: Vec<String> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
    Entry {
        item: Arc::new(item),
        content,
        tags,
        words: words.into_iter().collect(),
        spaces: Numbers::default(),
    }
}

/// The fused vector that came with the content, or else the weighted mean of the modalities that are
/// present, scaled to unit length, into `row`. An absent modality adds nothing. `false` if there is
/// nothing to fuse or the modalities cancel out.
fn fuse(content: &Content, weights: &BTreeMap<Modality, f32>, row: &mut [f32]) -> bool {
    if let Some(fused) = &content.fused {
        row.copy_from_slice(fused.embedding.as_slice());
        return true;
    }
    for (modality, vector) in &content.semantic {
        let weight = weights.get(modality).copied().unwrap_or(0.0);
        for (sum, value) in row.iter_mut().zip(vector.as_slice()) {
            *sum += weight * value;
        }
    }
    if normalise(row) {
        return true;
    }
    row.fill(0.0);
    false
}

/// The hashes of a text's words: runs of letters and digits, in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = u64> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| hash(&word.to_lowercase()))
}
