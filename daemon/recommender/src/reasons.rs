//! From a summand of a score to its reason: what it is about, and which phrase says so.

use crate::catalogue::Entry;
use crate::event::EventType;
use crate::feature::Feature;
use crate::id::ItemId;
use crate::item::{Item, Label};
use crate::modality::Modality;
use crate::phrase::Phrase;
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

/// Longer queries are not quoted.
const QUOTED_CHARS_MAX: usize = 60;

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
        let text = match named_media(&shares) {
            media if media.is_empty() => text,
            media => format!("{text} ({})", self.say(Phrase::ByMedia(&media), request)),
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
        let say = |phrase: Phrase<'_>| self.say(phrase, request);
        let title = about.map_or_else(|| say(Phrase::AnItem), |about| self.title(about));
        let (title, label) = (title.as_str(), label.map(|label| label.name.as_str()));
        let for_it = summand.weight > 0.0;
        say(match (summand.feature, &summand.evidence) {
            (Feature::Liked | Feature::Avoided, _) if about == Some(&item.id) => Phrase::Done(done),
            (Feature::Liked, _) => Phrase::Like { label, title, done, for_it: true },
            (Feature::Avoided | Feature::TagsAvoided, Evidence::Tag(tag)) => Phrase::AvoidsTag(tag),
            (Feature::Avoided, _) => Phrase::Like { label, title, done, for_it: false },
            (Feature::Medium(modality), _) => Phrase::Resembles(modality, title),
            (Feature::TagsLiked, Evidence::Tag(tag)) => Phrase::LikesTag(tag),
            (Feature::TagsLiked, _) => Phrase::LikesTags,
            (Feature::TagsAvoided, _) => Phrase::AvoidsTags,
            (Feature::Kind, _) if for_it => Phrase::OftenKind(&item.kind),
            (Feature::Kind, _) => Phrase::SeldomKind(&item.kind),
            (Feature::Collaborative, _) => Phrase::Akin,
            (Feature::Projected, _) => Phrase::LikeAkin,
            (Feature::Popular, _) => Phrase::Popular,
            (Feature::Fresh, _) => newness(item, now),
            (Feature::Circumstances, Evidence::Circumstance(circumstance)) => {
                let (name, value) = circumstance.split_once('=').unwrap_or((circumstance, "so"));
                Phrase::Circumstance { often: for_it, kind: &item.kind, name, value }
            }
            (Feature::Circumstances, _) => Phrase::Circumstances,
            (Feature::Ignored, _) => Phrase::Ignored,
            (Feature::Query, evidence) => {
                let asked = request.query.as_ref().and_then(|query| query.text.as_deref());
                let asked = asked.filter(|asked| asked.chars().count() <= QUOTED_CHARS_MAX);
                let medium = match evidence {
                    Evidence::Query(medium) => *medium,
                    _ => None,
                };
                Phrase::Query(medium, asked)
            }
            (Feature::LikeThis, _) => Phrase::LikeThis { label, title },
            (Feature::Explore, _) => Phrase::ToLearn,
        })
    }

    /// The words of a phrase in the language of the request, else of the house.
    pub(crate) fn say(&self, phrase: Phrase<'_>, request: &Request) -> String {
        phrase.in_language(request.language.unwrap_or(self.settings.language))
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

fn newness(item: &Item, now: Timestamp) -> Phrase<'static> {
    match item.published_at {
        Some(at) if now.days_since(at) <= WEEK_DAYS => Phrase::NewThisWeek,
        Some(_) => Phrase::RatherNew,
        None => Phrase::NewlyAdded,
    }
}

/// Which media a likeness rests on, in per cent, where it is worth saying: a medium other than the
/// words has a fair part in it.
fn named_media(shares: &[(Modality, f32)]) -> Vec<(Modality, u32)> {
    if !shares.iter().any(|(modality, share)| *modality != Modality::Text && *share >= SHARE_MIN) {
        return Vec::new();
    }
    let named = shares.iter().filter(|(_, share)| *share >= SHARE_NAMED_MIN);
    named.map(|(modality, share)| (*modality, (share * 100.0).round() as u32)).collect()
}
