//! Subjects that a person has just turned away from: tags that what they skipped, disliked or hid last has
//! in common.
//!
//! "Stop showing me this" must win over all that was liked before, or it would take as many skips as there
//! are likes. It needs more than one sign, ends as new likes come, and fades as every dislike does. Low
//! stars are no such sign: they judge an item that was chosen.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Entry};
use crate::event::EventType;
use crate::settings::Settings;
use crate::state::{Leaning, Tally, Taste};
use crate::vector::ramp;

/// Signs of the usual strength up to which nobody is weary of a tag, and from which on wholly.
const SIGNS: (f32, f32) = (1.5, 3.0);

/// What a later like of the usual strength takes from the signs before it, where the item has the tag.
const RELIEF: f32 = 0.5;

/// What each sign counts beside the one after it where it is asked which share of the signs has a tag.
const BEFORE: f32 = 0.6;

/// How weary a person is of tags, in `(0, 1]`; of those that are absent, not at all.
#[derive(Debug, Default)]
pub(crate) struct Weariness<'a> {
    tags: BTreeMap<&'a str, f32>,
}

/// The last word on one item: "not this", or a like.
struct Word<'a> {
    turn: u64,
    strength: f32,
    tags: &'a [String],
}

impl<'a> Weariness<'a> {
    pub(crate) fn of(taste: &Taste, catalogue: &'a Catalogue, settings: &Settings, now: i64) -> Self {
        let mut signs: Vec<Word<'a>> = taste
            .items
            .iter()
            .filter(|(_, tally)| is_sign(tally))
            .filter_map(|(item, tally)| {
                let left = tally.leaning.disliked.left(now, settings.disliking_half_life_days);
                let tags = &catalogue.find(item)?.tags;
                Some(Word { turn: tally.disliked_turn, strength: left.min(1.0), tags })
            })
            .collect();
        signs.sort_unstable_by_key(|sign| std::cmp::Reverse(sign.turn));
        signs.truncate(settings.disliked_exemplars_max);
        let Some(first) = signs.last().map(|sign| sign.turn) else { return Self::default() };
        let likes: Vec<Word<'a>> = taste
            .items
            .iter()
            .filter(|(_, tally)| tally.liked_turn > first && !is_sign(tally))
            .filter_map(|(item, tally)| {
                let left = tally.leaning.liked.left(now, settings.liking_half_life_days);
                Some(Word {
                    turn: tally.liked_turn,
                    strength: left.min(1.0),
                    tags: &catalogue.find(item)?.tags,
                })
            })
            .collect();
        let liked = |leaning: &Leaning| leaning.liked.left(now, settings.liking_half_life_days);
        let all_liked: f32 = taste.kinds.values().map(liked).sum();
        let mut tags = BTreeMap::new();
        for tag in signs.iter().flat_map(|sign| sign.tags) {
            let usual = taste.tags.get(tag).map_or(0.0, liked) / all_liked.max(1.0);
            let weary = weary(tag, usual.min(1.0), &signs, &likes);
            if weary > 0.0 {
                tags.insert(tag.as_str(), weary);
            }
        }
        Weariness { tags }
    }

    /// The tag of an item that the person is most weary of.
    pub(crate) fn most<'e>(&self, entry: &'e Entry) -> Option<(f32, &'e str)> {
        let weary = |tag: &'e String| Some((*self.tags.get(tag.as_str())?, tag.as_str()));
        entry.tags.iter().filter_map(weary).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
    }
}

/// How weary of a tag these make, in `[0, 1]`, somebody of whose likes it is a `usual` share. What most likes
/// have, most signs have by chance; and what all likes have tells nothing apart.
fn weary(tag: &String, usual: f32, signs: &[Word<'_>], likes: &[Word<'_>]) -> f32 {
    let (mut evidence, mut with, mut all, mut counts) = (0.0, 0.0, 0.0, 1.0);
    for sign in signs {
        let part = counts * sign.strength;
        if sign.tags.contains(tag) {
            let later = likes.iter().filter(|like| like.turn > sign.turn && like.tags.contains(tag));
            evidence += sign.strength * later.map(|like| 1.0 - RELIEF * like.strength).product::<f32>();
            with += part;
        }
        all += part;
        counts *= BEFORE;
    }
    let by_chance = (usual + 1.0) / 2.0;
    ramp(evidence, SIGNS).powi(2) * ramp(with / all, (by_chance, 1.0)) * (1.0 - usual * usual)
}

/// Whether the last word on an item was "not this".
fn is_sign(tally: &Tally) -> bool {
    tally.disliked_turn > tally.liked_turn
        && matches!(tally.disliked_by, Some(EventType::Skip | EventType::Dislike | EventType::Hide))
}
