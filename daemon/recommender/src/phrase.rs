//! What reasons say, apart from the language they say it in. Each language has its texts in a file of
//! its own; the matches there are exhaustive, so that none lacks one.

use crate::event::EventType;
use crate::language::Language;
use crate::modality::Modality;

mod de;
mod en;
mod zh;

/// What a reason says. Titles, tags, kinds and names of circumstances stay as devices sent them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phrase<'a> {
    /// What was done with the item itself.
    Done(Option<EventType>),
    /// Like an item with which something was done, perhaps by what both show.
    Like {
        label: Option<&'a str>,
        title: &'a str,
        done: Option<EventType>,
        for_it: bool,
    },
    /// Like an item in one medium.
    Resembles(Modality, &'a str),
    LikesTag(&'a str),
    LikesTags,
    AvoidsTag(&'a str),
    AvoidsTags,
    OftenKind(&'a str),
    SeldomKind(&'a str),
    Akin,
    /// It is like what people with a similar taste like.
    LikeAkin,
    Popular,
    NewThisWeek,
    RatherNew,
    NewlyAdded,
    /// A kind that is chosen often, or seldom, under a circumstance.
    Circumstance {
        often: bool,
        kind: &'a str,
        name: &'a str,
        value: &'a str,
    },
    Circumstances,
    Ignored,
    /// A match with what was asked for, in words if they are short.
    Query(Option<Modality>, Option<&'a str>),
    LikeThis {
        label: Option<&'a str>,
        title: &'a str,
    },
    SimilarAbove(&'a str),
    ShareAbove(&'a str),
    NewToYou,
    ToLearn,
    Nothing,
    Raised(&'a str),
    Lowered(&'a str),
    Placed(&'a str),
    /// An item without a title.
    AnItem,
    /// On which media a likeness rests, each with its share in per cent.
    ByMedia(&'a [(Modality, u32)]),
}

impl Phrase<'_> {
    pub(crate) fn in_language(self, language: Language) -> String {
        match language {
            Language::En => en::text(self),
            Language::De => de::text(self),
            Language::Zh => zh::text(self),
        }
    }
}

fn listed(media: &[(Modality, u32)], name: fn(Modality) -> &'static str, between: &str) -> String {
    let parts: Vec<String> =
        media.iter().map(|(modality, share)| format!("{} {share} %", name(*modality))).collect();
    parts.join(between)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn every() -> Vec<Phrase<'static>> {
        let done = EventType::ALL.into_iter().map(Some).chain([None]);
        let mut all: Vec<Phrase<'static>> = done.clone().map(Phrase::Done).collect();
        for label in [None, Some("NOIR")] {
            for for_it in [true, false] {
                all.extend(done.clone().map(|done| Phrase::Like { label, title: "LAURA", done, for_it }));
            }
            all.push(Phrase::LikeThis { label, title: "LAURA" });
        }
        for modality in Modality::ALL {
            all.push(Phrase::Resembles(modality, "LAURA"));
        }
        for asked in [None, Some("RAIN")] {
            all.extend(Modality::ALL.into_iter().map(Some).chain([None]).map(|m| Phrase::Query(m, asked)));
        }
        for often in [true, false] {
            for value in ["morning", "afternoon", "evening", "night", "DUSK"] {
                all.push(Phrase::Circumstance { often, kind: "FILM", name: "daypart", value });
            }
            for value in ["workday", "weekend"] {
                all.push(Phrase::Circumstance { often, kind: "FILM", name: "daytype", value });
            }
            for value in ["monday", "sunday"] {
                all.push(Phrase::Circumstance { often, kind: "FILM", name: "weekday", value });
            }
            all.push(Phrase::Circumstance { often, kind: "FILM", name: "season", value: "jun-aug" });
            all.push(Phrase::Circumstance { often, kind: "FILM", name: "ROOM", value: "BATH" });
        }
        all.extend([
            Phrase::LikesTag("NOIR"),
            Phrase::LikesTags,
            Phrase::AvoidsTag("NOIR"),
            Phrase::AvoidsTags,
            Phrase::OftenKind("FILM"),
            Phrase::SeldomKind("FILM"),
            Phrase::Akin,
            Phrase::LikeAkin,
            Phrase::Popular,
            Phrase::NewThisWeek,
            Phrase::RatherNew,
            Phrase::NewlyAdded,
            Phrase::Circumstances,
            Phrase::Ignored,
            Phrase::SimilarAbove("LAURA"),
            Phrase::ShareAbove("NOIR"),
            Phrase::NewToYou,
            Phrase::ToLearn,
            Phrase::Nothing,
            Phrase::Raised("RULE"),
            Phrase::Lowered("RULE"),
            Phrase::Placed("RULE"),
            Phrase::AnItem,
            Phrase::ByMedia(&[(Modality::Image, 60), (Modality::Text, 40)]),
        ]);
        all
    }

    /// What came from outside stands in capitals here, and must be in the text of every language.
    fn given(text: &str) -> BTreeSet<&str> {
        text.split(|c: char| !c.is_ascii_uppercase()).filter(|word| word.len() > 2).collect()
    }

    #[test]
    fn every_language_says_everything_in_its_own_words() {
        for phrase in every() {
            let texts = Language::ALL.map(|language| phrase.in_language(language));
            let different: BTreeSet<&String> = texts.iter().collect();
            assert_eq!(different.len(), Language::ALL.len(), "{phrase:?}: {texts:?}");
            for text in &texts {
                assert!(!text.trim().is_empty() && !text.contains("  "), "{phrase:?}: {text:?}");
                assert_eq!(given(text), given(&texts[0]), "{phrase:?}: {texts:?}");
            }
        }
    }

    #[test]
    fn chinese_is_written_in_its_characters() {
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(every().into_iter().all(|phrase| han(&phrase.in_language(Language::Zh))));
    }
}
