//! German.

use super::{Phrase, listed};
use crate::event::EventType;
use crate::modality::Modality;

pub(super) fn text(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Done(done) => format!("du hast es {}", past(done)),
        Phrase::Like { label: Some(label), title, done, .. } => {
            format!("{label}, wie in {title}, das du {} hast", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: true } => {
            format!("weil du {title} {} hast", past(done))
        }
        Phrase::Like { label: None, title, done, for_it: false } => {
            format!("ähnlich wie {title}, das du {} hast", past(done))
        }
        Phrase::Resembles(Modality::Text, title) => format!("liest sich wie {title}"),
        Phrase::Resembles(Modality::Image, title) => format!("sieht aus wie {title}"),
        Phrase::Resembles(Modality::Audio, title) => format!("klingt wie {title}"),
        Phrase::Resembles(Modality::Video, title) => format!("bewegt sich wie {title}"),
        Phrase::LikesTag(tag) => format!("du magst {tag}"),
        Phrase::LikesTags => "du magst seine Schlagwörter".to_owned(),
        Phrase::AvoidsTag(tag) => format!("du meidest {tag}"),
        Phrase::AvoidsTags => "du meidest seine Schlagwörter".to_owned(),
        Phrase::OftenKind(kind) => format!("du wählst oft {kind}"),
        Phrase::SeldomKind(kind) => format!("du wählst selten {kind}"),
        Phrase::Akin => "gefällt anderen hier mit deinem Geschmack".to_owned(),
        Phrase::LikeAkin => "ähnelt dem, was andere hier mit deinem Geschmack mögen".to_owned(),
        Phrase::Popular => "in diesem Haus beliebt".to_owned(),
        Phrase::NewThisWeek => "neu in dieser Woche".to_owned(),
        Phrase::RatherNew => "ziemlich neu".to_owned(),
        Phrase::NewlyAdded => "neu hinzugekommen".to_owned(),
        Phrase::Circumstance { often, kind, name, value } => {
            let often = if often { "oft" } else { "selten" };
            let when = match (name, value) {
                ("daypart", "morning") => "morgens".to_owned(),
                ("daypart", "afternoon") => "nachmittags".to_owned(),
                ("daypart", "evening") => "abends".to_owned(),
                ("daypart", "night") => "nachts".to_owned(),
                ("daytype", "workday") => "an Werktagen".to_owned(),
                ("daytype", "weekend") => "am Wochenende".to_owned(),
                ("weekday", "monday") => "montags".to_owned(),
                ("weekday", "tuesday") => "dienstags".to_owned(),
                ("weekday", "wednesday") => "mittwochs".to_owned(),
                ("weekday", "thursday") => "donnerstags".to_owned(),
                ("weekday", "friday") => "freitags".to_owned(),
                ("weekday", "saturday") => "samstags".to_owned(),
                ("weekday", "sunday") => "sonntags".to_owned(),
                ("season", season) => format!("zu dieser Jahreszeit ({season})"),
                _ => return format!("du wählst {often} {kind}, wenn {name} {value} ist"),
            };
            format!("{when} wählst du {often} {kind}")
        }
        Phrase::Circumstances => "es passt zu den Umständen".to_owned(),
        Phrase::Ignored => "kürzlich gezeigt und liegen gelassen".to_owned(),
        Phrase::Query(part, asked) => {
            let part = match part {
                Some(Modality::Image) => "sein Bild passt zu",
                Some(Modality::Audio) => "sein Klang passt zu",
                Some(Modality::Video) => "seine Filmbilder passen zu",
                Some(Modality::Text) | None => "passt zu",
            };
            match asked {
                Some(asked) => format!("{part} „{asked}“"),
                None => format!("{part} deiner Anfrage"),
            }
        }
        Phrase::LikeThis { label: Some(label), title } => format!("{label}, wie in {title}"),
        Phrase::LikeThis { label: None, title } => format!("ähnlich wie {title}"),
        Phrase::SimilarAbove(title) => format!("ähnelt {title} weiter oben"),
        Phrase::ShareAbove(subject) => format!("{subject} hat seinen Anteil weiter oben"),
        Phrase::NewToYou => "neu für dich".to_owned(),
        Phrase::ToLearn => "um zu erfahren, ob du es magst".to_owned(),
        Phrase::Nothing => "noch ist nichts bekannt, daher von allem etwas".to_owned(),
        Phrase::Raised(plugin) => format!("angehoben von {plugin}"),
        Phrase::Lowered(plugin) => format!("gesenkt von {plugin}"),
        Phrase::Placed(plugin) => format!("platziert von {plugin}"),
        Phrase::AnItem => "ein Stück".to_owned(),
        Phrase::ByMedia(media) => format!("nach {}", listed(media, medium, ", ")),
    }
}

fn medium(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "Worten",
        Modality::Image => "Bild",
        Modality::Audio => "Klang",
        Modality::Video => "Film",
    }
}

fn past(done: Option<EventType>) -> &'static str {
    match done {
        Some(EventType::Impression) => "gesehen",
        Some(EventType::View) => "angesehen",
        Some(EventType::Play) => "abgespielt",
        Some(EventType::Complete) => "bis zum Ende gespielt",
        Some(EventType::Skip) => "übersprungen",
        Some(EventType::Like) => "gemocht",
        Some(EventType::Dislike) => "nicht gemocht",
        Some(EventType::Rate) => "bewertet",
        Some(EventType::Save) => "gemerkt",
        Some(EventType::Hide) => "ausgeblendet",
        Some(EventType::Purchase) => "gekauft",
        Some(EventType::Comment | EventType::Undo) | None => "kommentiert",
    }
}
