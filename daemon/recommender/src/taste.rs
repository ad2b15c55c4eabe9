//! Learning a person's taste: the fold over their events, one step an event.
//!
//! Knows what an item is called, tagged and of which kind, and what the features were just before
//! the event. Knows nothing of vectors: likeness is worked out when a list is made.

use crate::event::EventType;
use crate::feature::Feature;
use crate::feedback::{Feedback, feedback};
use crate::id::ItemId;
use crate::item::Item;
use crate::settings::Settings;
use crate::state::{Fading, Leaning, LearntWeight, PastEvent, Remark, Taste};
use crate::vector::fade;

/// Milliseconds in a day.
const DAY_MS: f64 = 86_400_000.0;

impl Fading {
    /// Adds `amount`, which happened at `at`.
    pub(crate) fn add(&mut self, amount: f32, at: i64, half_life_days: f64, lateness_days_max: f64) {
        if self.value == 0.0 {
            *self = Fading { value: amount, at };
            return;
        }
        let days = (at as f64 - self.at as f64) / DAY_MS;
        if days >= 0.0 {
            self.value = self.value * fade(days, half_life_days) + amount;
            self.at = at;
        } else {
            self.value += amount * fade((-days).min(lateness_days_max), half_life_days);
        }
    }

    /// What is left at `now`.
    pub(crate) fn left(&self, now: i64, half_life_days: f64) -> f32 {
        self.value * fade((now as f64 - self.at as f64) / DAY_MS, half_life_days)
    }
}

impl Leaning {
    fn add(&mut self, strength: f32, at: i64, settings: &Settings) {
        let late = settings.lateness_days_max;
        if strength > 0.0 {
            self.liked.add(strength, at, settings.liking_half_life_days, late);
        } else if strength < 0.0 {
            self.disliked.add(-strength, at, settings.disliking_half_life_days, late);
        }
    }

    /// How much it is liked (above 0) or disliked, in `[-1, 1]`. A dislike weighs twice.
    pub(crate) fn affinity(&self, now: i64, settings: &Settings) -> f32 {
        let liked = self.liked.left(now, settings.liking_half_life_days);
        let disliked = 2.0 * self.disliked.left(now, settings.disliking_half_life_days);
        (liked - disliked) / (liked + disliked + 1.0)
    }
}

impl Taste {
    /// Takes one event in. `features` are the values just before it, for the weights to learn from;
    /// `item` is absent if it is not, or no longer, known. Returns the item that was forgotten to
    /// make room.
    pub(crate) fn take(
        &mut self,
        event: &PastEvent,
        item: Option<(&Item, &[String])>,
        features: &[(Feature, f32)],
        settings: &Settings,
    ) -> Option<ItemId> {
        let mut feedback = feedback(event.event_type, event.value, event.sentiment);
        feedback.strength *= settings.event_weights.get(&event.event_type).copied().unwrap_or(1.0).max(0.0);
        self.learn(feedback.strength, features, settings);
        self.events += 1;
        self.last_at = Some(self.last_at.map_or(event.at, |last| last.max(event.at)));
        *self.counts.entry(event.event_type).or_default() += 1;
        let forgotten = self.take_tally(event, feedback, settings);
        if let Some((item, tags)) = item {
            self.take_description(event, feedback.strength, item, tags, settings);
        }
        if let Some(semantic) = &event.semantic {
            if self.remarks.len() >= settings.remarks_per_user_max && !self.remarks.is_empty() {
                self.remarks.remove(0);
            }
            if settings.remarks_per_user_max > 0 {
                self.remarks.push(Remark {
                    item: event.item.clone(),
                    semantic: semantic.clone(),
                    strength: feedback.strength,
                    turn: self.events,
                    at: event.at,
                });
            }
        }
        forgotten
    }

    fn take_tally(&mut self, event: &PastEvent, feedback: Feedback, settings: &Settings) -> Option<ItemId> {
        let mut forgotten = None;
        if !self.items.contains_key(&event.item) && self.items.len() >= settings.items_per_user_max {
            let stalest = self
                .items
                .iter()
                .min_by_key(|(id, tally)| (tally.hidden, tally.last_at, *id))
                .map(|(id, _)| id.clone());
            if let Some(stalest) = stalest {
                self.items.remove(&stalest);
                forgotten = Some(stalest);
            }
        }
        let turn = self.events;
        let tally = self.items.entry(event.item.clone()).or_default();
        tally.last_at = tally.last_at.max(event.at);
        tally.leaning.add(feedback.strength, event.at, settings);
        if feedback.strength > 0.0 {
            tally.liked_turn = turn;
            tally.liked_by = Some(event.event_type);
        } else if feedback.strength < 0.0 {
            tally.disliked_turn = turn;
            tally.disliked_by = Some(event.event_type);
        }
        tally.seen |= feedback.seen;
        tally.plays = tally.plays.saturating_add(u32::from(feedback.played));
        tally.stars = feedback.stars.or(tally.stars);
        tally.completion = feedback.completion.or(tally.completion);
        match event.event_type {
            EventType::Impression => {
                tally.shown = tally.shown.saturating_add(1);
                let half_life = settings.ignored_half_life_days;
                tally.ignored.add(1.0, event.at, half_life, settings.lateness_days_max);
            }
            EventType::Hide => tally.hidden = true,
            EventType::Skip => tally.skipped_at = Some(event.at),
            _ => {}
        }
        if event.event_type != EventType::Impression {
            tally.ignored = Fading::default();
        }
        forgotten
    }

    fn take_description(
        &mut self,
        event: &PastEvent,
        strength: f32,
        item: &Item,
        tags: &[String],
        settings: &Settings,
    ) {
        if strength == 0.0 {
            return;
        }
        for tag in tags {
            lean(&mut self.tags, tag, settings.tags_per_user_max, strength, event.at, settings);
        }
        lean(&mut self.kinds, &item.kind, settings.kinds_per_user_max, strength, event.at, settings);
        if strength < 0.0 {
            return;
        }
        for circumstance in &event.circumstances {
            let key = (circumstance.clone(), item.kind.clone());
            if !self.circumstances.contains_key(&key)
                && self.circumstances.len() >= settings.circumstances_per_user_max
            {
                let oldest = self.circumstances.iter().min_by_key(|(key, sum)| (sum.at, *key));
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    self.circumstances.remove(&oldest);
                }
            }
            self.circumstances.entry(key).or_default().add(
                1.0,
                event.at,
                settings.liking_half_life_days,
                settings.lateness_days_max,
            );
        }
    }

    /// One step of online logistic regression with AdaGrad steps (Duchi, Hazan, Singer, JMLR 2011)
    /// on the features less their usual values: a chosen item raises the weight of what it had more
    /// of than usual, a rejected one lowers it. No weight moves further from its prior than
    /// `learning_bound` allows.
    fn learn(&mut self, strength: f32, features: &[(Feature, f32)], settings: &Settings) {
        if strength == 0.0 || features.is_empty() {
            return;
        }
        let label = if strength > 0.0 { 1.0 } else { 0.0 };
        let importance = strength.abs().min(1.0);
        let weight_of = |feature: Feature, learnt: f32| {
            let prior = settings.prior(feature);
            let bound = settings.learning_bound * prior.abs();
            prior + learnt.clamp(-bound, bound)
        };
        let odds = |learnt: &dyn Fn(&LearntWeight) -> f32, weights: &Taste| -> f32 {
            features.iter().fold(settings.bias, |sum, (feature, value)| {
                let moved = weights.weights.get(feature.name()).map_or(0.0, learnt);
                sum + weight_of(*feature, moved) * value
            })
        };
        let error = |odds: f32| (label - 1.0 / (1.0 + (-odds).exp())) * importance;
        let own_error = error(odds(&|weight| weight.own, self));
        let shared_error = error(odds(&|weight| weight.shared, self));
        for (feature, value) in features {
            if !feature.is_learnt() {
                continue;
            }
            let bound = settings.learning_bound * settings.prior(*feature).abs();
            let centred = value - feature.usual();
            let weight = self.weights.entry(feature.name().to_owned()).or_default();
            step(&mut weight.own, &mut weight.own_squares, own_error * centred, bound, settings);
            if label > 0.0 {
                let gradient = shared_error * centred;
                step(&mut weight.shared, &mut weight.shared_squares, gradient, bound, settings);
                weight.shared_lessons = weight.shared_lessons.saturating_add(1);
            }
        }
        self.lessons += 1;
    }
}

fn step(weight: &mut f32, squares: &mut f32, gradient: f32, bound: f32, settings: &Settings) {
    *squares += gradient * gradient;
    // The 1 under the root keeps the first steps small.
    let moved = *weight + settings.learning_rate * gradient / (1.0 + *squares).sqrt();
    *weight = moved.clamp(-bound, bound);
}

fn lean(
    leanings: &mut std::collections::BTreeMap<String, Leaning>,
    name: &str,
    max: usize,
    strength: f32,
    at: i64,
    settings: &Settings,
) {
    if let Some(leaning) = leanings.get_mut(name) {
        leaning.add(strength, at, settings);
        return;
    }
    if leanings.len() >= max {
        let stalest = leanings
            .iter()
            .min_by_key(|(name, leaning)| (leaning.liked.at.max(leaning.disliked.at), (*name).clone()));
        if let Some(stalest) = stalest.map(|(name, _)| name.clone()) {
            leanings.remove(&stalest);
        }
    }
    let mut leaning = Leaning::default();
    leaning.add(strength, at, settings);
    leanings.insert(name.to_owned(), leaning);
}
