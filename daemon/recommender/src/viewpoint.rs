//! One person at one moment under given circumstances: what each feature says of an item.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Entry, Facts};
use crate::context::{Context, Value};
use crate::event::EventType;
use crate::feature::Feature;
use crate::id::ItemId;
use crate::modality::Modality;
use crate::outlook::{Exemplar, Likeness, Outlook};
use crate::settings::Settings;
use crate::state::{Tally, Taste};
use crate::time::Timestamp;
use crate::vector::{fade, saturate};
use crate::weariness::Weariness;

/// What a feature's value rests on, for the reason's words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Evidence {
    /// Nothing that could be named.
    None,
    /// An item, and what the person did with it; no type for what a comment was about.
    Item(ItemId, Option<EventType>),
    /// A tag, in lower case.
    Tag(String),
    /// A circumstance, as `name=value`.
    Circumstance(String),
    /// How often it was shown.
    Times(f32),
    /// The medium of the query that matched best; no medium for its words taken literally.
    Query(Option<Modality>),
}

/// The value of one feature for one item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    pub feature: Feature,
    /// In `[-1, 1]`; never 0.
    pub value: f32,
    pub evidence: Evidence,
}

/// What is not the person's own: passed in, as it is known before the features are worked out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings {
    /// How popular the item is with others, in `[0, 1]`.
    pub popularity: f32,
    /// How new it is, in `[0, 1]`.
    pub freshness: f32,
    /// How much people with a similar taste like it, in `[0, 1]`.
    pub collaborative: f32,
    /// How much its content is like what they like, in `[0, 1]`; the less the more people like the item
    /// itself.
    pub projected: f32,
}

/// One person at one moment.
pub(crate) struct Viewpoint<'a> {
    pub taste: &'a Taste,
    pub outlook: Outlook,
    weariness: Weariness<'a>,
    circumstances: Vec<String>,
    /// By kind, how much the circumstances speak for it, and the place of the one that says most.
    lifts: BTreeMap<&'a str, Option<(f32, usize)>>,
    lift_of_other_kinds: Option<(f32, usize)>,
    catalogue: &'a Catalogue,
    settings: &'a Settings,
    now: i64,
}

impl<'a> Viewpoint<'a> {
    pub(crate) fn new(
        taste: &'a Taste,
        circumstances: Vec<String>,
        catalogue: &'a Catalogue,
        settings: &'a Settings,
        now: Timestamp,
    ) -> Viewpoint<'a> {
        let outlook = Outlook::of(taste, catalogue, settings, now);
        let now = now.unix_ms();
        let weariness = Weariness::of(taste, catalogue, settings, now);
        let lift = |kind: &str| lift(kind, &circumstances, taste, settings, now);
        let lifts = taste.kinds.keys().map(|kind| (kind.as_str(), lift(kind))).collect();
        let lift_of_other_kinds = lift("");
        Viewpoint {
            taste,
            outlook,
            weariness,
            lifts,
            lift_of_other_kinds,
            circumstances,
            catalogue,
            settings,
            now,
        }
    }

    /// What the features say of the item of a slot; those that say nothing are left out.
    pub(crate) fn observe(&self, slot: u32, surroundings: Surroundings) -> Vec<Observation> {
        let mut found = Vec::with_capacity(8);
        let Some(entry) = self.catalogue.entry(slot) else { return found };
        let mut add = |feature, value: f32, evidence| {
            if value != 0.0 && value.is_finite() {
                found.push(Observation { feature, value: value.clamp(-1.0, 1.0), evidence });
            }
        };
        let (catalogue, settings) = (self.catalogue, self.settings);
        let liked = self.outlook.liked(slot, catalogue, settings);
        if let Some(likeness) = liked {
            add(Feature::Liked, likeness.value, named(&self.outlook.liked[likeness.exemplar]));
        }
        if let Some((value, evidence)) = self.avoided(slot, entry, liked) {
            add(Feature::Avoided, value, evidence);
        }
        for modality in Modality::ALL {
            if let Some(likeness) = self.outlook.medium(modality, slot, catalogue, settings) {
                let evidence = named(&self.outlook.liked[likeness.exemplar]);
                add(Feature::Medium(modality), likeness.value, evidence);
            }
        }
        if let Some((affinity, tag)) = self.tags(entry) {
            let feature = if affinity > 0.0 { Feature::TagsLiked } else { Feature::TagsAvoided };
            add(feature, affinity.abs(), Evidence::Tag(tag.to_owned()));
        }
        add(Feature::Kind, self.kind(&entry.item.kind), Evidence::None);
        add(Feature::Collaborative, surroundings.collaborative, Evidence::None);
        add(Feature::Projected, surroundings.projected, Evidence::None);
        add(Feature::Popular, surroundings.popularity, Evidence::None);
        add(Feature::Fresh, surroundings.freshness, Evidence::None);
        if let Some((lift, circumstance)) = self.circumstances(&entry.item.kind) {
            add(Feature::Circumstances, lift, Evidence::Circumstance(circumstance.to_owned()));
        }
        if let Some(tally) = self.tally(&entry.item.id) {
            let shown = tally.ignored.left(self.now, settings.ignored_half_life_days);
            if shown > IGNORED_MIN {
                add(Feature::Ignored, saturate(0.5 * shown), Evidence::Times(shown));
            }
        }
        found
    }

    /// How much an item is like what was disliked, or of a tag that the person is weary of, whichever says
    /// more. What is disliked for such a tag says little against what has none of them.
    fn avoided(&self, slot: u32, entry: &Entry, liked: Option<Likeness>) -> Option<(f32, Evidence)> {
        let weary = self.weariness.most(entry);
        let likeness = self.outlook.avoided(slot, liked, self.catalogue, self.settings).map(|likeness| {
            let disliked = &self.outlook.disliked[likeness.exemplar];
            let entry = self.catalogue.find(&disliked.item).filter(|_| weary.is_none());
            let explained = entry.and_then(|entry| self.weariness.most(entry)).map_or(0.0, |(most, _)| most);
            (likeness.value * (1.0 - explained), named(disliked))
        });
        match (weary, likeness) {
            (Some((weary, tag)), likeness) if likeness.as_ref().is_none_or(|l| l.0 < weary) => {
                Some((weary, Evidence::Tag(tag.to_owned())))
            }
            (_, likeness) => likeness,
        }
    }

    pub(crate) fn tally(&self, item: &ItemId) -> Option<&'a Tally> {
        self.taste.items.get(item)
    }

    /// Whether the item must not be shown to this person: hidden, or played as often as it may come
    /// again, or seen or just skipped unless seen ones are asked for.
    pub(crate) fn withholds(&self, tally: &Tally, seen_too: bool) -> bool {
        let resting = tally.skipped_at.is_some_and(|skipped_at| {
            Timestamp::from_unix_ms(self.now).days_since(Timestamp::from_unix_ms(skipped_at))
                < self.settings.skip_rest_days
        });
        let worn_out = self.settings.plays_max > 0 && tally.plays >= self.settings.plays_max;
        tally.hidden || worn_out || (!seen_too && (tally.seen || resting))
    }

    /// The mean affinity of an item's tags, telling ones counting more, and the one that says most.
    fn tags<'e>(&self, entry: &'e Entry) -> Option<(f32, &'e str)> {
        let mut sum = 0.0;
        let mut most: Option<(f32, &str)> = None;
        for tag in &entry.tags {
            let Some(leaning) = self.taste.tags.get(tag) else { continue };
            let affinity = self.catalogue.tag_weight(tag) * leaning.affinity(self.now, self.settings);
            sum += affinity;
            if affinity.abs() > most.map_or(0.0, |(most, _)| most.abs()) {
                most = Some((affinity, tag));
            }
        }
        let mean = sum / entry.tags.len().max(1) as f32;
        // The tag named must speak in the direction of the sum.
        let (_, tag) = most?;
        (mean != 0.0).then_some((mean, tag))
    }

    fn kind(&self, kind: &str) -> f32 {
        let Some(leaning) = self.taste.kinds.get(kind) else { return 0.0 };
        // Shrunk: a few skips of one subject say little against all of its kind.
        let liked = leaning.liked.left(self.now, self.settings.liking_half_life_days);
        let disliked = leaning.disliked.left(self.now, self.settings.disliking_half_life_days);
        (liked - disliked) / (liked + disliked + 8.0)
    }

    fn circumstances(&self, kind: &str) -> Option<(f32, &str)> {
        let lift = self.lifts.get(kind).copied().unwrap_or(self.lift_of_other_kinds);
        lift.map(|(lift, index)| (lift, self.circumstances[index].as_str()))
    }
}

/// How much more often than usual a kind is chosen under one of the circumstances, as a share of
/// four times as often, in `[-1, 1]`, and which circumstance says most.
fn lift(
    kind: &str,
    circumstances: &[String],
    taste: &Taste,
    settings: &Settings,
    now: i64,
) -> Option<(f32, usize)> {
    // This many choices at the usual shares are assumed, so that one evening is no habit.
    const SHRINK: f32 = 2.0;
    let half_life = settings.liking_half_life_days;
    let liked = |kind: &str| taste.kinds.get(kind).map_or(0.0, |sum| sum.liked.left(now, half_life));
    let all: f32 = taste.kinds.keys().map(|kind| liked(kind)).sum();
    if all <= 0.0 {
        return None;
    }
    let usual = (liked(kind) + 1.0) / (all + taste.kinds.len() as f32);
    let mut most: Option<(f32, usize)> = None;
    for (index, circumstance) in circumstances.iter().enumerate() {
        let chosen = |kind: &str| {
            let key = (circumstance.clone(), kind.to_owned());
            taste.circumstances.get(&key).map_or(0.0, |sum| sum.left(now, half_life))
        };
        let here: f32 = taste.kinds.keys().map(|kind| chosen(kind)).sum();
        if here <= 0.0 {
            continue;
        }
        let share = (chosen(kind) + SHRINK * usual) / (here + SHRINK);
        let lift = ((share / usual).ln() / 4.0_f32.ln()).clamp(-1.0, 1.0);
        if lift.abs() > most.map_or(0.0, |(most, _)| most.abs()) {
            most = Some((lift, index));
        }
    }
    most
}

/// Having been shown less often than this is forgotten.
const IGNORED_MIN: f32 = 0.05;

fn named(exemplar: &Exemplar) -> Evidence {
    Evidence::Item(exemplar.item.clone(), exemplar.by)
}

/// The circumstances that can be compared, as `name=value`: words and truth values, in the order of
/// their names, at most `max`. Numbers and objects seldom repeat, so they say nothing here.
pub(crate) fn circumstances_of(context: &Context, max: usize) -> Vec<String> {
    context
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) if text.len() <= CIRCUMSTANCE_BYTES_MAX => Some(format!("{name}={text}")),
            Value::Bool(truth) => Some(format!("{name}={truth}")),
            Value::Text(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        })
        .take(max)
        .collect()
}

/// Longer texts are no circumstances but content.
const CIRCUMSTANCE_BYTES_MAX: usize = 64;

/// How new an item is at `now`: 1 when it came out, half after the half-life. For an item of unknown
/// date the day it was first seen counts, by half, as a whole library may arrive on one day.
pub(crate) fn freshness(facts: &Facts, now: Timestamp, settings: &Settings) -> f32 {
    let share = if facts.dated { 1.0 } else { 0.5 };
    let left = share * fade(now.days_since(facts.since), settings.freshness_half_life_days);
    if left < FRESHNESS_MIN { 0.0 } else { (left * FRESHNESS_STEPS).round() / FRESHNESS_STEPS }
}

/// Steps to which freshness is rounded. Items that came within the same minutes are equally new; their
/// order must not hang on the last bit of a number that changes with every second.
const FRESHNESS_STEPS: f32 = 1_024.0;

/// Less than this is not new.
const FRESHNESS_MIN: f32 = 0.05;

/// Popularity as a feature, in `[0, 1]`, from how popular an item is with the others and how popular the
/// most popular one is (`Household::popularity`): by orders of magnitude, as a few are liked many times
/// as much as most, and the surer the more the house likes anything at all.
pub(crate) fn popularity_value(liking: f32, greatest: f32) -> f32 {
    if liking < 0.01 {
        return 0.0;
    }
    let greatest = greatest.max(liking);
    liking.ln_1p() / greatest.ln_1p() * saturate(0.25 * greatest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_tells_orders_of_magnitude_apart() {
        // One of two people of a small house; everybody's favourite of a large one, and a tenth of it.
        let values = [(0.0, 10.0), (2.0, 2.0), (2.0, 4.0), (600.0, 600.0), (60.0, 600.0), (18.0, 10.0)];
        let values = values.map(|(liking, greatest)| popularity_value(liking, greatest));
        assert_eq!(values.map(|value| (value * 100.0).round()), [0.0, 39.0, 43.0, 100.0, 64.0, 99.0]);
    }
}
