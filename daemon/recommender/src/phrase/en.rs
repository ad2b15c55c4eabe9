//! English.

use super::{Phrase, listed};
use crate::event::EventType;
use crate::modality::Modality;

pub(super) fn text(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Done(done) => format!("you {} it", past(done)),
        Phrase::Like { label: Some(label), title, done, .. } => {
            format!("{label}, like {title}, which you {}", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: true } => {
            format!("because you {} {title}", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: false } => {
            format!("like {title}, which you {}", past(done))
        }
        Phrase::Resembles(Modality::Text, title) => format!("reads like {title}"),
        Phrase::Resembles(Modality::Image, title) => format!("looks like {title}"),
        Phrase::Resembles(Modality::Audio, title) => format!("sounds like {title}"),
        Phrase::Resembles(Modality::Video, title) => format!("plays like {title}"),
        Phrase::LikesTag(tag) => format!("you like {tag}"),
        Phrase::LikesTags => "you like its tags".to_owned(),
        Phrase::AvoidsTag(tag) => format!("you avoid {tag}"),
        Phrase::AvoidsTags => "you avoid its tags".to_owned(),
        Phrase::OftenKind(kind) => format!("you often choose {kind}"),
        Phrase::SeldomKind(kind) => format!("you seldom choose {kind}"),
        Phrase::Akin => "liked by people here who share your taste".to_owned(),
        Phrase::LikeAkin => "like what people here who share your taste like".to_owned(),
        Phrase::Popular => "popular in this house".to_owned(),
        Phrase::NewThisWeek => "new this week".to_owned(),
        Phrase::RatherNew => "rather new".to_owned(),
        Phrase::NewlyAdded => "newly added".to_owned(),
        Phrase::Circumstance { often, kind, name, value } => {
            let often = if often { "often" } else { "seldom" };
            match (name, value) {
                ("daypart", "morning" | "afternoon" | "evening") => {
                    format!("in the {value} you {often} choose {kind}")
                }
                ("daypart", "night") => format!("at night you {often} choose {kind}"),
                ("daytype", "workday") => format!("on workdays you {often} choose {kind}"),
                ("daytype", "weekend") => format!("at weekends you {often} choose {kind}"),
                ("weekday", day) => format!("on a {} you {often} choose {kind}", capitalised(day)),
                ("season", season) => {
                    format!("at this time of the year ({season}) you {often} choose {kind}")
                }
                _ => format!("you {often} choose {kind} when {name} is {value}"),
            }
        }
        Phrase::Circumstances => "it fits the circumstances".to_owned(),
        Phrase::Ignored => "shown lately and left".to_owned(),
        Phrase::Query(part, asked) => {
            let part = match part {
                Some(Modality::Image) => "its picture matches",
                Some(Modality::Audio) => "its sound matches",
                Some(Modality::Video) => "its moving pictures match",
                Some(Modality::Text) | None => "matches",
            };
            match asked {
                Some(asked) => format!("{part} \"{asked}\""),
                None => format!("{part} what you asked for"),
            }
        }
        Phrase::LikeThis { label: Some(label), title } => format!("{label}, like {title}"),
        Phrase::LikeThis { label: None, title } => format!("like {title}"),
        Phrase::SimilarAbove(title) => format!("similar to {title} above"),
        Phrase::ShareAbove(subject) => format!("{subject} has its share above"),
        Phrase::NewToYou => "new to you".to_owned(),
        Phrase::ToLearn => "to learn whether you like it".to_owned(),
        Phrase::Nothing => "nothing is known yet, so something of everything".to_owned(),
        Phrase::Raised(plugin) => format!("raised by {plugin}"),
        Phrase::Lowered(plugin) => format!("lowered by {plugin}"),
        Phrase::Placed(plugin) => format!("placed by {plugin}"),
        Phrase::AnItem => "an item".to_owned(),
        Phrase::ByMedia(media) => format!("by its {}", listed(media, medium, ", ")),
    }
}

/// A day's name as English writes it.
fn capitalised(day: &str) -> String {
    let mut letters = day.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn medium(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "words",
        Modality::Image => "picture",
        Modality::Audio => "sound",
        Modality::Video => "film",
    }
}

fn past(done: Option<EventType>) -> &'static str {
    match done {
        Some(EventType::Impression) => "saw",
        Some(EventType::View) => "looked at",
        Some(EventType::Play) => "played",
        Some(EventType::Complete) => "finished",
        Some(EventType::Skip) => "skipped",
        Some(EventType::Like) => "liked",
        Some(EventType::Dislike) => "disliked",
        Some(EventType::Rate) => "rated",
        Some(EventType::Save) => "saved",
        Some(EventType::Hide) => "hid",
        Some(EventType::Purchase) => "bought",
        Some(EventType::Comment | EventType::Undo) | None => "commented on",
    }
}
