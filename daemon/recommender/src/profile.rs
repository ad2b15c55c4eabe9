//! What a person may see of their own profile.

use std::collections::BTreeMap;

use crate::event::EventType;
use crate::id::{ItemId, UserId};
use crate::outlook::Outlook;
use crate::recommender::Recommender;
use crate::state::Leaning;
use crate::time::Timestamp;

/// Most entries of each list.
pub const PROFILE_ENTRIES_MAX: usize = 20;

/// One person's profile, in words and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileView {
    /// The interests, strongest first: the item that stands for each, and its share of the liking,
    /// in `[0, 1]`.
    pub interests: Vec<(ItemId, f32)>,
    /// What is steered away from, strongest first, with its strength; above 0.
    pub avoided: Vec<(ItemId, f32)>,
    /// The share of each kind in what was liked, in `[0, 1]`, greatest first.
    pub kinds: Vec<(String, f32)>,
    /// Liked tags, with how much, in `(0, 1]`, most first.
    pub liked_tags: Vec<(String, f32)>,
    /// Avoided tags, with how much, in `(0, 1]`, most first.
    pub avoided_tags: Vec<(String, f32)>,
    /// Events of each type; undone ones are not counted.
    pub counts: BTreeMap<EventType, u64>,
    /// When the latest event was; absent if all were undone.
    pub last_event: Option<Timestamp>,
}

impl Recommender {
    /// What is known of a person, as of their latest event; `None` for one who did nothing.
    #[must_use]
    pub fn profile(&self, user: &UserId) -> Option<ProfileView> {
        let taste = &self.household.person(user)?.state.taste;
        let last_event = taste.last_at.map(Timestamp::from_unix_ms);
        let now = last_event.unwrap_or(Timestamp::from_unix_ms(0));
        let outlook = Outlook::of(taste, &self.catalogue, &self.settings, now);
        let interests: Vec<(ItemId, f32)> = outlook
            .interests(&self.catalogue, &self.settings)
            .into_iter()
            .filter_map(|interest| {
                let entry = self.catalogue.entry(interest.medoid)?;
                Some((entry.item.id.clone(), interest.strength))
            })
            .collect();
        let avoided = outlook.disliked.iter().map(|e| (e.item.clone(), e.strength)).collect();
        let liked_of =
            |leaning: &Leaning| leaning.liked.left(now.unix_ms(), self.settings.liking_half_life_days);
        let kinds = taste.kinds.iter().map(|(kind, leaning)| (kind.clone(), liked_of(leaning))).collect();
        let affinity = |(tag, leaning): (&String, &Leaning)| {
            (tag.clone(), leaning.affinity(now.unix_ms(), &self.settings))
        };
        let (liked, disliked): (Vec<_>, Vec<_>) =
            taste.tags.iter().map(affinity).partition(|tag| tag.1 > 0.0);
        Some(ProfileView {
            interests: strongest(shares(interests)),
            avoided: strongest(avoided),
            kinds: strongest(shares(kinds)),
            liked_tags: strongest(liked),
            avoided_tags: strongest(disliked.into_iter().map(|(tag, affinity)| (tag, -affinity)).collect()),
            counts: taste.counts.clone(),
            last_event,
        })
    }
}

fn shares<T>(mut parts: Vec<(T, f32)>) -> Vec<(T, f32)> {
    let whole: f32 = parts.iter().map(|(_, part)| part).sum();
    for (_, part) in &mut parts {
        *part = if whole > 0.0 { *part / whole } else { 0.0 };
    }
    parts
}

fn strongest<T: Ord>(mut parts: Vec<(T, f32)>) -> Vec<(T, f32)> {
    parts.retain(|(_, part)| *part > 0.0);
    crate::vector::keep_best(&mut parts, PROFILE_ENTRIES_MAX, |p| p.1, |a, b| a.0.cmp(&b.0));
    parts
}
