//! Topics: the only file that knows how they are spelt. It knows nothing of brokers or payloads.

use std::fmt;

use attuned_recommender::{IdError, ItemId, Modality, RequestId, SlotId, UserId};

/// Where an input is published, as seen under the configured prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// `…/items/<item>`: the item document; an empty payload removes the item.
    Item(ItemId),
    /// `…/items/<item>/media/<image|audio|video>`: the raw bytes of one file. Never text.
    ItemMedia(ItemId, Modality),
    /// `…/users/<user>/events`: one event or an array of events.
    Events(UserId),
    /// `…/context/<key>`: one circumstance of the home; the key follows the rules of ids.
    Context(String),
    /// `…/recommend`: a request.
    Recommend,
}

/// Why a topic names no input. The caller rejects the message and goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The topic is not under the configured prefix.
    #[error("topic `{topic}` is not under `{prefix}/`")]
    Foreign {
        /// The topic as it came.
        topic: String,
        /// The configured prefix.
        prefix: Prefix,
    },
    /// No input has this shape.
    #[error(
        "topic `{topic}` names no input, expected {prefix}/ items/<item>, items/<item>/media/<modality>, \
         users/<user>/events, context/<key> or recommend"
    )]
    UnknownShape {
        /// The topic as it came.
        topic: String,
        /// The configured prefix.
        prefix: Prefix,
    },
    /// The level that holds an id holds none.
    #[error("topic `{topic}`: {source}")]
    BadId {
        /// The topic as it came.
        topic: String,
        /// What is wrong with the id.
        source: IdError,
    },
    /// The last level of a media topic is no kind of file.
    #[error("topic `{topic}` has modality `{found}`, expected image, audio or video")]
    UnknownModality {
        /// The topic as it came.
        topic: String,
        /// The level as it came.
        found: String,
    },
}

/// Why a text cannot be the prefix of all topics. A wrong configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "topic prefix `{0}`, expected 1 to {PREFIX_BYTES_MAX} bytes, no `$` at the start, no empty level, no wildcard"
)]
pub struct PrefixError(String);

/// Longest prefix. Topics end below 64 KiB, and ids take at most 128 bytes a level.
pub const PREFIX_BYTES_MAX: usize = 256;

/// The first levels of every topic of this daemon, without a slash at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Parses one or more levels; no wildcards, no empty level, nothing starting with `$`.
    ///
    /// # Errors
    ///
    /// [`PrefixError`]: refuse the configuration that holds it.
    pub fn parse(text: &str) -> Result<Prefix, PrefixError> {
        let level_is_plain =
            |level: &str| !level.is_empty() && !level.chars().any(|c| c == '+' || c == '#' || c.is_control());
        if text.len() <= PREFIX_BYTES_MAX && !text.starts_with('$') && text.split('/').all(level_is_plain) {
            Ok(Prefix(text.to_owned()))
        } else {
            Err(PrefixError(text.to_owned()))
        }
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Prefix {
    fn default() -> Prefix {
        Prefix("attuned/v1".to_owned())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Topic {
    /// Parses a topic as the broker delivers it (no wildcards).
    ///
    /// # Errors
    ///
    /// Every error means "reject this message": its text is for the sender.
    pub fn parse(prefix: &Prefix, topic: &str) -> Result<Topic, TopicError> {
        let path = topic
            .strip_prefix(prefix.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(|| TopicError::Foreign { topic: topic.to_owned(), prefix: prefix.clone() })?;
        let bad_id = |source| TopicError::BadId { topic: topic.to_owned(), source };
        match path.split('/').collect::<Vec<&str>>().as_slice() {
            ["items", item] => Ok(Topic::Item(ItemId::parse(item).map_err(bad_id)?)),
            ["items", item, "media", modality] => {
                let item = ItemId::parse(item).map_err(bad_id)?;
                match Modality::from_name(modality) {
                    Some(modality @ (Modality::Image | Modality::Audio | Modality::Video)) => {
                        Ok(Topic::ItemMedia(item, modality))
                    }
                    Some(Modality::Text) | None => Err(TopicError::UnknownModality {
                        topic: topic.to_owned(),
                        found: (*modality).to_owned(),
                    }),
                }
            }
            ["users", user, "events"] => Ok(Topic::Events(UserId::parse(user).map_err(bad_id)?)),
            // A key has no type of its own: it is a name in a map. Its spelling is that of every id.
            ["context", key] => Ok(Topic::Context(SlotId::parse(key).map_err(bad_id)?.as_str().to_owned())),
            ["recommend"] => Ok(Topic::Recommend),
            _ => Err(TopicError::UnknownShape { topic: topic.to_owned(), prefix: prefix.clone() }),
        }
    }

    /// The topic as a device publishes to it.
    #[must_use]
    pub fn render(&self, prefix: &Prefix) -> String {
        match self {
            Topic::Item(item) => format!("{prefix}/items/{item}"),
            Topic::ItemMedia(item, modality) => format!("{prefix}/items/{item}/media/{}", modality.name()),
            Topic::Events(user) => format!("{prefix}/users/{user}/events"),
            Topic::Context(key) => format!("{prefix}/context/{key}"),
            Topic::Recommend => format!("{prefix}/recommend"),
        }
    }
}

/// The filters that bring every input. They are wider than the inputs, so that a device whose
/// topic is a little off is told so instead of being ignored.
#[must_use]
pub fn subscriptions(prefix: &Prefix) -> Vec<String> {
    ["items/#", "users/#", "context/#", "recommend"].map(|filter| format!("{prefix}/{filter}")).to_vec()
}

/// Where the daemon's state stands, retained, and where its last will goes.
#[must_use]
pub fn status(prefix: &Prefix) -> String {
    format!("{prefix}/status")
}

/// Where each rejected input is answered.
#[must_use]
pub fn errors(prefix: &Prefix) -> String {
    format!("{prefix}/errors")
}

/// Where a request is answered that came without a response topic.
#[must_use]
pub fn reply(prefix: &Prefix, request: &RequestId) -> String {
    format!("{prefix}/recommend/reply/{request}")
}

/// Where the standing list of a slot stands, retained.
#[must_use]
pub fn slot(prefix: &Prefix, slot: &SlotId) -> String {
    format!("{prefix}/slots/{slot}")
}

/// Whether a requester may ask for its answer on this topic.
///
/// It must be a topic one can publish to, and none that means something to this daemon: an answer
/// sent to an input would be taken as input, and one sent to the status or a slot would replace it.
/// Under the prefix, `recommend/reply/…` and words that have no meaning here are free.
#[must_use]
pub fn may_be_replied_to(prefix: &Prefix, topic: &str) -> bool {
    let publishable = !topic.is_empty() && topic.len() <= 65_535 && !topic.contains(['+', '#', '\0']);
    let own =
        topic.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('/')).is_some_and(|path| {
            path == "recommend"
                || matches!(
                    path.split('/').next(),
                    Some("items" | "users" | "context" | "slots" | "status" | "errors")
                )
        });
    publishable && !own && !topic.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
    }

    fn every_topic() -> Vec<Topic> {
        let item = || ItemId::parse("film:42").unwrap();
        let topics = vec![
            Topic::Item(item()),
            Topic::ItemMedia(item(), Modality::Image),
            Topic::ItemMedia(item(), Modality::Audio),
            Topic::ItemMedia(item(), Modality::Video),
            Topic::Events(UserId::parse("alice@home").unwrap()),
            Topic::Context("room.living".to_owned()),
            Topic::Recommend,
        ];
        for topic in &topics {
            // A new variant stops this from compiling until it is listed above.
            match topic {
                Topic::Item(_)
                | Topic::ItemMedia(..)
                | Topic::Events(_)
                | Topic::Context(_)
                | Topic::Recommend => {}
            }
        }
        topics
    }

    /// The row of the README that describes a topic.
    fn row(topic: &Topic) -> &'static str {
        match topic {
            Topic::Item(_) => "items/<item>",
            Topic::ItemMedia(..) => "items/<item>/media/<image\\|audio\\|video>",
            Topic::Events(_) => "users/<user>/events",
            Topic::Context(_) => "context/<key>",
            Topic::Recommend => "recommend",
        }
    }

    #[test]
    fn the_readme_lists_every_topic() {
        let readme = include_str!("../../../README.md");
        let section = readme.split("\n## Topics\n").nth(1).and_then(|rest| rest.split("\n## ").next());
        let listed: std::collections::BTreeSet<&str> = section
            .expect("a section on topics")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split("` |").next())
            .collect();
        let outgoing = ["recommend/reply/<request_id>", "status", "errors"];
        let known = every_topic().iter().map(row).chain(outgoing).collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn every_topic_is_read_as_it_is_written() {
        for prefix in [Prefix::default(), prefix("home"), prefix("a/b/c/d")] {
            for topic in every_topic() {
                assert_eq!(Topic::parse(&prefix, &topic.render(&prefix)), Ok(topic));
            }
        }
    }

    #[test]
    fn topics_are_spelt_as_documented() {
        let prefix = Prefix::default();
        let mut lines: Vec<String> = every_topic().iter().map(|topic| topic.render(&prefix)).collect();
        lines.extend([
            status(&prefix),
            errors(&prefix),
            reply(&prefix, &RequestId::parse("r-1").unwrap()),
            slot(&prefix, &SlotId::parse("tv").unwrap()),
        ]);
        lines.extend(subscriptions(&prefix));
        expect![[r#"
            attuned/v1/items/film:42
            attuned/v1/items/film:42/media/image
            attuned/v1/items/film:42/media/audio
            attuned/v1/items/film:42/media/video
            attuned/v1/users/alice@home/events
            attuned/v1/context/room.living
            attuned/v1/recommend
            attuned/v1/status
            attuned/v1/errors
            attuned/v1/recommend/reply/r-1
            attuned/v1/slots/tv
            attuned/v1/items/#
            attuned/v1/users/#
            attuned/v1/context/#
            attuned/v1/recommend"#]]
        .assert_eq(&lines.join("\n"));
    }

    fn check(topic: &str, expected: Expect) {
        expected.assert_eq(&Topic::parse(&Prefix::default(), topic).unwrap_err().to_string());
    }

    #[test]
    fn a_wrong_topic_is_answered_by_what_was_expected() {
        check("zigbee/lamp", expect!["topic `zigbee/lamp` is not under `attuned/v1/`"]);
        check("attuned/v10/recommend", expect!["topic `attuned/v10/recommend` is not under `attuned/v1/`"]);
        check("attuned/v1", expect!["topic `attuned/v1` is not under `attuned/v1/`"]);
        check(
            "attuned/v1/items/",
            expect!["topic `attuned/v1/items/`: id is empty, expected 1 to 128 of [A-Za-z0-9._:@-]"],
        );
        check(
            "attuned/v1/items/a b",
            expect!["topic `attuned/v1/items/a b`: id `a b` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]"],
        );
        check(
            "attuned/v1/items/a/media/text",
            expect![
                "topic `attuned/v1/items/a/media/text` has modality `text`, expected image, audio or video"
            ],
        );
        check(
            "attuned/v1/items/a/media/smell",
            expect![
                "topic `attuned/v1/items/a/media/smell` has modality `smell`, expected image, audio or video"
            ],
        );
        check(
            "attuned/v1/context/",
            expect!["topic `attuned/v1/context/`: id is empty, expected 1 to 128 of [A-Za-z0-9._:@-]"],
        );
        for unknown in [
            "items",
            "items/a/media",
            "users/alice/event",
            "users//events/x",
            "context/a/b",
            "recommend/",
            "",
        ] {
            let error = Topic::parse(&Prefix::default(), &format!("attuned/v1/{unknown}")).unwrap_err();
            assert!(matches!(error, TopicError::UnknownShape { .. }), "{unknown}: {error}");
        }
    }

    #[test]
    fn a_prefix_has_plain_levels() {
        for good in ["attuned/v1", "a", "a/b/c", "Home.1:x@y-z", "mein haus/küche"] {
            assert_eq!(prefix(good).as_str(), good);
        }
        let long = "x".repeat(PREFIX_BYTES_MAX + 1);
        for bad in ["", "/", "a/", "/a", "a//b", "a/+", "a/#", "$SYS", "a\0b", &long] {
            assert_eq!(Prefix::parse(bad), Err(PrefixError(bad.to_owned())));
        }
    }

    #[test]
    fn an_answer_never_goes_where_it_would_be_read_as_something_else() {
        let may = |topic: &str| may_be_replied_to(&Prefix::default(), topic);
        for free in
            ["tv/answers", "attuned/v1/recommend/reply/x", "attuned/v1/my/replies", "attuned/v10/status"]
        {
            assert!(may(free), "{free}");
        }
        for taken in [
            "",
            "tv/+",
            "tv/#",
            "tv/\0",
            "$SYS/x",
            "attuned/v1/items/a",
            "attuned/v1/users/a/events",
            "attuned/v1/context/room",
            "attuned/v1/recommend",
            "attuned/v1/status",
            "attuned/v1/errors",
            "attuned/v1/slots/tv",
        ] {
            assert!(!may(taken), "{taken}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let prefix = Prefix::default();
            for topic in [text.clone(), format!("attuned/v1/{text}"), format!("attuned/v1/items/{text}")] {
                if let Ok(read) = Topic::parse(&prefix, &topic) {
                    prop_assert_eq!(read.render(&prefix), topic);
                }
            }
        }
    }
}
