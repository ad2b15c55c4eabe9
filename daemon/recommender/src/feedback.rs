//! What an event says: how much, in which direction, and what it does to later lists.

use crate::event::EventType;

/// What one event says about its item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Feedback {
    /// In `[-2, 2]`; above 0 the item was liked, below 0 disliked.
    pub strength: f32,
    /// The item is left out of lists unless asked for.
    pub seen: bool,
    /// The item was played to some degree.
    pub played: bool,
    /// The stars that it says, in `[1, 5]`.
    pub stars: Option<f32>,
    /// The share of the item that was played, in `[0, 1]`.
    pub completion: Option<f32>,
}

impl Feedback {
    const fn of(strength: f32) -> Feedback {
        Feedback { strength, seen: false, played: false, stars: None, completion: None }
    }
}

/// Stars above which a rating speaks for the item: 3 of 5 is lukewarm, slightly against.
const STARS_NEUTRAL: f32 = 3.2;

/// What a star more adds to the strength.
const STRENGTH_OF_STAR: f32 = 0.75;

/// The share from which on a played item counts as seen; less is a look inside.
const SEEN_SHARE_MIN: f32 = 0.1;

/// The share below which what was played speaks against the item.
const PLAYED_SHARE_NEUTRAL: f32 = 0.15;

/// Reads an event. `value` and `sentiment` that are not numbers count as absent.
#[must_use]
pub(crate) fn feedback(event_type: EventType, value: Option<f32>, sentiment: Option<f32>) -> Feedback {
    let value = value.filter(|value| value.is_finite());
    let share = value.map(|value| value.clamp(0.0, 1.0));
    let says = Feedback::of;
    // A judgement says the stars that have its strength.
    let judged = |strength: f32| {
        let stars = (STARS_NEUTRAL + strength / STRENGTH_OF_STAR).clamp(1.0, 5.0);
        Feedback { seen: true, stars: Some(stars), ..says(strength) }
    };
    match event_type {
        EventType::Impression | EventType::Undo => says(0.0),
        // Half a minute on the details is about half a decision to play.
        EventType::View => says(0.25 * value.map_or(0.4, |seconds| (seconds / 30.0).clamp(0.0, 1.0))),
        EventType::Play => {
            let (told, share) = (share, share.unwrap_or(0.6));
            let strength = if share < PLAYED_SHARE_NEUTRAL {
                -0.3 * (1.0 - share / PLAYED_SHARE_NEUTRAL)
            } else {
                share
            };
            let seen = share >= SEEN_SHARE_MIN;
            Feedback { seen, played: true, completion: told, ..says(strength) }
        }
        EventType::Complete => Feedback { seen: true, played: true, completion: Some(1.0), ..says(1.0) },
        // Left in the first seconds is a dislike; left near the end says little.
        EventType::Skip => {
            let strength = share.map_or(-1.0, |share| -1.2 * (1.0 - share).max(0.1));
            Feedback { completion: share, ..says(strength) }
        }
        EventType::Like => judged(1.2),
        EventType::Dislike => judged(-1.6),
        EventType::Rate => {
            let stars = value.map(|stars| stars.clamp(1.0, 5.0));
            let strength = stars.map_or(0.0, |stars| (stars - STARS_NEUTRAL) * STRENGTH_OF_STAR);
            Feedback { seen: true, stars, ..says(strength.clamp(-1.6, 1.35)) }
        }
        EventType::Save => says(0.7),
        EventType::Hide => judged(-1.6),
        // What was bought was not judged yet.
        EventType::Purchase => Feedback { seen: true, ..says(1.4) },
        EventType::Comment => {
            let sentiment = sentiment.or(value).filter(|s| s.is_finite());
            says(sentiment.map_or(0.2, |sentiment| sentiment.clamp(-1.0, 1.0)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn each_event_has_its_strength() {
        let cases = [
            (EventType::Impression, None),
            (EventType::View, None),
            (EventType::View, Some(30.0)),
            (EventType::Play, None),
            (EventType::Play, Some(0.02)),
            (EventType::Play, Some(0.93)),
            (EventType::Play, Some(f32::NAN)),
            (EventType::Complete, None),
            (EventType::Skip, None),
            (EventType::Skip, Some(0.05)),
            (EventType::Skip, Some(0.95)),
            (EventType::Like, None),
            (EventType::Dislike, None),
            (EventType::Rate, Some(1.0)),
            (EventType::Rate, Some(3.0)),
            (EventType::Rate, Some(5.0)),
            (EventType::Save, None),
            (EventType::Hide, None),
            (EventType::Purchase, None),
            (EventType::Comment, None),
            (EventType::Comment, Some(-0.8)),
            (EventType::Undo, None),
        ];
        let table: Vec<String> = cases
            .iter()
            .map(|(event_type, value)| {
                let feedback = feedback(*event_type, *value, None);
                let value = value.map_or_else(String::new, |value| format!(" {value}"));
                let seen = if feedback.seen { " seen" } else { "" };
                let stars = feedback.stars.map_or_else(String::new, |stars| format!(" {stars:.1} stars"));
                let share = feedback.completion.map_or_else(String::new, |share| format!(" {share} of it"));
                format!("{}{value}: {:.2}{seen}{stars}{share}", event_type.name(), feedback.strength)
            })
            .collect();
        expect![[r#"
            impression: 0.00
            view: 0.10
            view 30: 0.25
            play: 0.60 seen
            play 0.02: -0.26 0.02 of it
            play 0.93: 0.93 seen 0.93 of it
            play NaN: 0.60 seen
            complete: 1.00 seen 1 of it
            skip: -1.00
            skip 0.05: -1.14 0.05 of it
            skip 0.95: -0.12 0.95 of it
            like: 1.20 seen 4.8 stars
            dislike: -1.60 seen 1.1 stars
            rate 1: -1.60 seen 1.0 stars
            rate 3: -0.15 seen 3.0 stars
            rate 5: 1.35 seen 5.0 stars
            save: 0.70
            hide: -1.60 seen 1.1 stars
            purchase: 1.40 seen
            comment: 0.20
            comment -0.8: -0.80
            undo: 0.00"#]]
        .assert_eq(&table.join("\n"));
    }
}
