//! Reasons in words. English; the program may put other languages in their place by kind.

use crate::catalogue::Entry;
use crate::event::EventType;
use crate::feature::Feature;
use crate::id::ItemId;
use crate::item::{Item, Label};
use crate::modality::Modality;
use crate::recommendation::Reason;
use crate::recommender::Recommender;
use crate::request::Request;
use crate::shortlist::Summand;
use crate::time::Timestamp;
use crate::viewpoint::Evidence;

/// How many of an item's best labels may explain a likeness.
const LABELS_MAX: usize = 5;

/// Least score of a label that may explain a likeness, in `[0, 1]`; a name the model is unsure of
/// would explain nothing.
const LABEL_SCORE_MIN: f32 = 0.3;

/// Least part of a medium other than the words in a likeness that is put into words, in `[0, 1]`.
const SHARE_MIN: f32 = 0.3;

/// Least part of a medium in a likeness that is named beside another, in `[0, 1]`.
const SHARE_NAMED_MIN: f32 = 0.05;

/// Days for which an item is "new this week".
const WEEK_DAYS: f64 = 7.0;

impl Recommender {
    /// What people call an item: its title, else its id.
    pub(crate) fn title(&self, item: &ItemId) -> String {
        let title = self.catalogue.find(item).and_then(|entry| entry.item.title.clone());
        title.unwrap_or_else(|| item.to_string())
    }

    pub(crate) fn reason(&self, summand: &Summand, item: &Item, request: &Request, now: Timestamp) -> Reason {
        let (about, done) = match &summand.evidence {
            Evidence::Item(about, done) => (Some(about), *done),
            _ => (None, None),
        };
        let label = match (summand.feature, &summand.evidence, about) {
            // What was done with the item itself needs no likeness to explain it.
            (_, _, Some(about)) if *about == item.id => None,
            (Feature::Liked | Feature::Avoided | Feature::Medium(_) | Feature::LikeThis, _, Some(about)) => {
                self.common_label(&item.id, about)
            }
            (_, Evidence::Tag(tag), _) => Some(Label { name: tag.clone(), score: 1.0 }),
            _ => None,
        };
        let modality = match (summand.feature, &summand.evidence) {
            (Feature::Medium(modality), _) => Some(modality),
            (_, Evidence::Query(modality)) => *modality,
            _ => None,
        };
        let shares = match summand.feature {
            Feature::Liked | Feature::Avoided | Feature::LikeThis => self.shares(&item.id, about),
            _ => Vec::new(),
        };
        let text = self.text(summand, item, (about, done), label.as_ref(), (request, now));
        let text = match by_media(&shares) {
            Some(media) => format!("{text} ({media})"),
            None => text,
        };
        let text = match &summand.user {
            Some(user) => format!("{user}: {text}"),
            None => text,
        };
        Reason {
            kind: summand.feature.reason_kind(),
            weight: summand.weight,
            text,
            item: about.cloned(),
            modality,
            label,
            shares,
            plugin: None,
        }
    }

    /// How much each medium has to do with the likeness of two items.
    fn shares(&self, item: &ItemId, about: Option<&ItemId>) -> Vec<(Modality, f32)> {
        let slots = (self.catalogue.slot(item), about.and_then(|about| self.catalogue.slot(about)));
        match slots {
            (Some(item), Some(about)) if item != about => {
                self.catalogue.shares_of_likeness(item, about, &self.settings.fusion)
            }
            _ => Vec::new(),
        }
    }

    fn text(
        &self,
        summand: &Summand,
        item: &Item,
        (about, done): (Option<&ItemId>, Option<EventType>),
        label: Option<&Label>,
        (request, now): (&Request, Timestamp),
    ) -> String {
        let title = about.map_or_else(|| "an item".to_owned(), |about| self.title(about));
        let for_it = summand.weight > 0.0;
        match (summand.feature, &summand.evidence) {
            (Feature::Liked | Feature::Avoided, _) if about == Some(&item.id) => {
                format!("you {} it", past(done))
            }
            (Feature::Liked, _) => match label {
                Some(label) => format!("{}, like {title}, which you {}", label.name, past(done)),
                None => format!("because you {} {title}", past(done)),
            },
            (Feature::Avoided, _) => match label {
                Some(label) => format!("{}, like {title}, which you {}", label.name, past(done)),
                None => format!("like {title}, which you {}", past(done)),
            },
            (Feature::Medium(modality), _) => format!("{} {title}", resembles(modality)),
            (Feature::TagsLiked, Evidence::Tag(tag)) => format!("you like {tag}"),
            (Feature::TagsLiked, _) => "you like its tags".to_owned(),
            (Feature::TagsAvoided, Evidence::Tag(tag)) => format!("you avoid {tag}"),
            (Feature::TagsAvoided, _) => "you avoid its tags".to_owned(),
            (Feature::Kind, _) if for_it => format!("you often choose {}", item.kind),
            (Feature::Kind, _) => format!("you seldom choose {}", item.kind),
            (Feature::Collaborative, _) => "liked by people here who share your taste".to_owned(),
            (Feature::Projected, _) => "like what people here who share your taste like".to_owned(),
            (Feature::Popular, _) => "popular in this house".to_owned(),
            (Feature::Fresh, _) => self.newness(item, now),
            (Feature::Circumstances, Evidence::Circumstance(circumstance)) => {
                let (name, value) = circumstance.split_once('=').unwrap_or((circumstance, "so"));
                let often = if for_it { "often" } else { "seldom" };
                format!("you {often} choose {} when {name} is {value}", item.kind)
            }
            (Feature::Circumstances, _) => "it fits the circumstances".to_owned(),
            (Feature::Ignored, _) => "shown lately and left".to_owned(),
            (Feature::Query, evidence) => {
                let asked = request.query.as_ref().and_then(|query| query.text.as_deref());
                matches_query(evidence, asked)
            }
            (Feature::LikeThis, _) => match label {
                Some(label) => format!("{}, like {title}", label.name),
                None => format!("like {title}"),
            },
            (Feature::Explore, _) => "something to try out".to_owned(),
        }
    }

    fn newness(&self, item: &Item, now: Timestamp) -> String {
        let text = match item.published_at {
            Some(at) if now.days_since(at) <= WEEK_DAYS => "new this week",
            Some(_) => "rather new",
            None => "newly added",
        };
        text.to_owned()
    }

    /// The best label, or else tag, that both items have.
    fn common_label(&self, a: &ItemId, b: &ItemId) -> Option<Label> {
        let (a, b) = (self.catalogue.find(a)?, self.catalogue.find(b)?);
        let theirs: Vec<&Label> = labels(b).collect();
        let recognised = labels(a)
            .filter(|label| theirs.iter().any(|other| other.name == label.name))
            .max_by(|x, y| x.score.total_cmp(&y.score).then_with(|| y.name.cmp(&x.name)));
        let tag = || {
            // The rarest tag in common tells most.
            a.tags
                .iter()
                .filter(|tag| b.tags.binary_search(tag).is_ok())
                .max_by(|x, y| {
                    let (x_weight, y_weight) = (self.catalogue.tag_weight(x), self.catalogue.tag_weight(y));
                    x_weight.total_cmp(&y_weight).then_with(|| y.cmp(x))
                })
                .map(|tag| Label { name: tag.clone(), score: 1.0 })
        };
        recognised.cloned().or_else(tag)
    }
}

fn labels(entry: &Entry) -> impl Iterator<Item = &Label> {
    let sure = |label: &&Label| label.score >= LABEL_SCORE_MIN;
    entry.content.labels.values().flat_map(move |labels| labels.iter().take(LABELS_MAX).filter(sure))
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

fn resembles(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "reads like",
        Modality::Image => "looks like",
        Modality::Audio => "sounds like",
        Modality::Video => "plays like",
    }
}

/// Which media a likeness rests on, in words, where it is worth saying: a medium other than the words
/// has a fair part in it.
fn by_media(shares: &[(Modality, f32)]) -> Option<String> {
    let said = |modality| match modality {
        Modality::Text => "words",
        Modality::Image => "picture",
        Modality::Audio => "sound",
        Modality::Video => "film",
    };
    shares.iter().find(|(modality, share)| *modality != Modality::Text && *share >= SHARE_MIN)?;
    let parts: Vec<String> = shares
        .iter()
        .filter(|(_, share)| *share >= SHARE_NAMED_MIN)
        .map(|(modality, share)| format!("{} {:.0} %", said(*modality), share * 100.0))
        .collect();
    Some(format!("by its {}", parts.join(", ")))
}

fn matches_query(evidence: &Evidence, asked: Option<&str>) -> String {
    let part = match evidence {
        Evidence::Query(Some(Modality::Image)) => "its picture matches",
        Evidence::Query(Some(Modality::Audio)) => "its sound matches",
        Evidence::Query(Some(Modality::Video)) => "its moving pictures match",
        _ => "matches",
    };
    match asked {
        Some(asked) if asked.chars().count() <= 60 => format!("{part} \"{asked}\""),
        _ => format!("{part} what you asked for"),
    }
}
