//! What lists are like as a whole: how much of the catalogue they show, how different their items
//! are from each other, how little known, and how well their mix is that of the person.

use std::collections::BTreeMap;

use serde::Serialize;

use super::data::Data;
use super::split::History;

/// What items are compared by.
#[derive(Debug)]
enum Likeness {
    /// By item: unit vectors, of all media one after the other; empty where there is none.
    Vectors(Vec<Box<[f32]>>),
    /// By item: numbers of tags, sorted.
    Tags,
}

/// What is known of the items, for judging lists of them.
#[derive(Debug)]
pub struct Shelf {
    likeness: Option<Likeness>,
    /// By item: numbers of tags, sorted; all empty if there are no tags.
    tags: Vec<Vec<u32>>,
    tags_len: usize,
    /// By item: the number of its provider, if it has one.
    providers: Vec<Option<u32>>,
    /// By provider: how many items it has.
    provided: Vec<u32>,
    /// By item: how many people chose it.
    popularity: Vec<u32>,
    people: usize,
}

/// What a recommender's lists are like.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Share of all items that are in at least one list.
    pub coverage: f64,
    /// Mean distance of two items of a list, in `[0, 2]`; absent where items cannot be compared.
    /// Source: Ziegler and others, "Improving recommendation lists through topic diversification", WWW 2005.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ild: Option<f64>,
    /// Mean information of an item, `-log2` of the share of people who chose it, in bits.
    /// Source: Zhou and others, "Solving the apparent diversity-accuracy dilemma", PNAS 107, 2010.
    pub novelty: f64,
    /// How unequally items are shown, from 0 (all the same) to 1 (one item only).
    pub gini: f64,
    /// Divergence of the tags' mix of a list from that of what the person chose, in bits; absent
    /// where there are no tags. Source: Steck, "Calibrated recommendations", RecSys 2018.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration_kl: Option<f64>,
    /// How much more popular the items of a list are than what the person chose, as a share of the
    /// latter: 0 as popular, 1 twice as popular; absent where nobody chose anything. Source: Abdollahpouri
    /// and others, "The connection between popularity bias, calibration, and fairness in
    /// recommendation", RecSys 2020.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity_lift: Option<f64>,
    /// How much of the person's mix of tags is met by at least one item of a list, from 0 to 1; absent
    /// where there are no tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interests: Option<f64>,
    /// How unequally providers are shown for each item they have, from 0 to 1; a place counts
    /// `1/log2(place + 1)`. Absent where there are fewer than two providers. Source: Singh, Joachims,
    /// "Fairness of exposure in rankings", KDD 2018.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_gini: Option<f64>,
}

/// The share of the person's own mix that is added to the list's, so that it is 0 nowhere; Steck's.
const SMOOTHING: f64 = 0.01;

impl Shelf {
    /// Prepares for lists that are made knowing `history`.
    #[must_use]
    pub fn new(data: &Data, history: &History) -> Shelf {
        let items = data.items.len();
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut tags = vec![Vec::new(); items];
        for (item, described) in data.described.iter().enumerate() {
            for tag in described.iter().flat_map(|described| &described.item.tags) {
                let next = numbers.len() as u32;
                tags[item].push(*numbers.entry(tag).or_insert(next));
            }
            tags[item].sort_unstable();
            tags[item].dedup();
        }
        let mut numbers_of_providers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut providers = vec![None; items];
        let mut provided: Vec<u32> = Vec::new();
        for (item, described) in data.described.iter().enumerate() {
            let Some(provider) = described.as_ref().and_then(|described| described.item.provider.as_deref())
            else {
                continue;
            };
            let number = *numbers_of_providers.entry(provider).or_insert(provided.len() as u32);
            provided.resize(provided.len().max(number as usize + 1), 0);
            provided[number as usize] += 1;
            providers[item] = Some(number);
        }
        let likeness = if !data.features.is_empty() {
            Some(Likeness::Vectors(vectors(data)))
        } else if !numbers.is_empty() {
            Some(Likeness::Tags)
        } else {
            None
        };
        let people = history.chosen.iter().filter(|chosen| !chosen.is_empty()).count();
        let popularity = history.popularity(items);
        Shelf { likeness, tags, tags_len: numbers.len(), providers, provided, popularity, people }
    }

    /// Judges lists, each of one person; empty lists count for nothing.
    #[must_use]
    pub fn judge(&self, lists: &[(u32, &[u32])], history: &History) -> Figures {
        let mut shown = vec![0.0; self.popularity.len()];
        let mut exposed = vec![0.0; self.provided.len()];
        let (mut novelty, mut ild, mut kl) = (Mean::default(), Mean::default(), Mean::default());
        let (mut lift, mut interests) = (Mean::default(), Mean::default());
        for (user, list) in lists {
            for (place, item) in list.iter().enumerate() {
                shown[*item as usize] += 1.0;
                let share = f64::from(self.popularity[*item as usize] + 1) / (self.people + 1) as f64;
                novelty.add(-share.log2());
                if let Some(provider) = self.providers[*item as usize] {
                    exposed[provider as usize] += 1.0 / (place as f64 + 2.0).log2();
                }
            }
            let chosen = &history.chosen[*user as usize];
            ild.add_some(self.spread(list));
            kl.add_some(self.divergence(chosen, list));
            lift.add_some(self.lift(chosen, list));
            interests.add_some(self.interests(chosen, list));
        }
        exposed.iter_mut().zip(&self.provided).for_each(|(exposed, items)| *exposed /= f64::from(*items));
        let covered = shown.iter().filter(|count| **count > 0.0).count();
        Figures {
            coverage: covered as f64 / shown.len().max(1) as f64,
            ild: ild.value(),
            novelty: novelty.value().unwrap_or(0.0),
            gini: gini(&mut shown),
            calibration_kl: kl.value(),
            popularity_lift: lift.value(),
            interests: interests.value(),
            provider_gini: (exposed.len() > 1).then(|| gini(&mut exposed)),
        }
    }

    fn lift(&self, chosen: &[u32], list: &[u32]) -> Option<f64> {
        let mean = |items: &[u32]| {
            let counts = items.iter().map(|item| f64::from(self.popularity[*item as usize]));
            (!items.is_empty()).then(|| counts.sum::<f64>() / items.len() as f64)
        };
        let own = mean(chosen).filter(|own| *own > 0.0)?;
        Some(mean(list)? / own - 1.0)
    }

    fn interests(&self, chosen: &[u32], list: &[u32]) -> Option<f64> {
        let own = self.mix(chosen)?;
        let mut met: Vec<u32> = list.iter().flat_map(|item| &self.tags[*item as usize]).copied().collect();
        met.sort_unstable();
        met.dedup();
        (!list.is_empty()).then(|| met.iter().map(|tag| own[*tag as usize]).sum())
    }

    /// The mean distance of two items of a list that can be compared.
    fn spread(&self, list: &[u32]) -> Option<f64> {
        let likeness = self.likeness.as_ref()?;
        let mut mean = Mean::default();
        for (place, a) in list.iter().enumerate() {
            for b in &list[place + 1..] {
                mean.add_some(match likeness {
                    Likeness::Vectors(vectors) => {
                        cosine(&vectors[*a as usize], &vectors[*b as usize]).map(|cosine| 1.0 - cosine)
                    }
                    Likeness::Tags => {
                        overlap(&self.tags[*a as usize], &self.tags[*b as usize]).map(|overlap| 1.0 - overlap)
                    }
                });
            }
        }
        mean.value()
    }

    fn divergence(&self, chosen: &[u32], list: &[u32]) -> Option<f64> {
        let (own, lists) = (self.mix(chosen)?, self.mix(list)?);
        let divergence = own.iter().zip(&lists).filter(|(own, _)| **own > 0.0);
        Some(divergence.map(|(p, q)| p * (p / ((1.0 - SMOOTHING) * q + SMOOTHING * p)).log2()).sum())
    }

    /// How much each tag has of these items, together 1; items share their weight among their tags.
    fn mix(&self, items: &[u32]) -> Option<Vec<f64>> {
        let mut mix = vec![0.0; self.tags_len];
        let mut total = 0.0;
        for tags in items.iter().map(|item| &self.tags[*item as usize]).filter(|tags| !tags.is_empty()) {
            for tag in tags {
                mix[*tag as usize] += 1.0 / tags.len() as f64;
            }
            total += 1.0;
        }
        if total == 0.0 {
            return None;
        }
        mix.iter_mut().for_each(|share| *share /= total);
        Some(mix)
    }
}

/// By item: its vectors of all media, each centred on the medium's mean and of unit length, then
/// together of unit length again.
fn vectors(data: &Data) -> Vec<Box<[f32]>> {
    let mut whole: Vec<Vec<f32>> = vec![Vec::new(); data.items.len()];
    for features in &data.features {
        let mut mean = vec![0.0_f64; features.dim];
        let present: Vec<&[f32]> = features.rows.iter().flatten().map(AsRef::as_ref).collect();
        for row in &present {
            for (mean, value) in mean.iter_mut().zip(*row) {
                *mean += f64::from(*value) / present.len() as f64;
            }
        }
        for (item, row) in features.rows.iter().enumerate() {
            let Some(row) = row else {
                whole[item].extend(std::iter::repeat_n(0.0, features.dim));
                continue;
            };
            let centred: Vec<f32> =
                row.iter().zip(&mean).map(|(value, mean)| (f64::from(*value) - mean) as f32).collect();
            let length = length(&centred);
            whole[item].extend(centred.iter().map(|value| if length > 0.0 { value / length } else { 0.0 }));
        }
    }
    whole
        .into_iter()
        .map(|row| match length(&row) {
            0.0 => Box::default(),
            length => row.iter().map(|value| value / length).collect(),
        })
        .collect()
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32
}

fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let comparable = !a.is_empty() && a.len() == b.len();
    comparable.then(|| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()))
}

/// Jaccard's: what two sets share, of all that is in either.
fn overlap(a: &[u32], b: &[u32]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let shared = a.iter().filter(|tag| b.binary_search(tag).is_ok()).count();
    Some(shared as f64 / (a.len() + b.len() - shared) as f64)
}

/// Source: Gini, "Variabilità e mutabilità", 1912; the formula for sorted values.
fn gini(amounts: &mut [f64]) -> f64 {
    amounts.sort_unstable_by(f64::total_cmp);
    let total: f64 = amounts.iter().sum();
    if total == 0.0 {
        return 0.0;
    }
    let n = amounts.len() as f64;
    let weighted: f64 = (1..).zip(amounts.iter()).map(|(place, amount)| f64::from(place) * amount).sum();
    2.0 * weighted / (n * total) - (n + 1.0) / n
}

/// A mean of values that come one by one.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn add_some(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.add(value);
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests;
