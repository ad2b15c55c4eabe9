//! What people do.

use crate::context::Context;
use crate::embedding::Embedding;
use crate::feedback::feedback;
use crate::id::{ItemId, UserId};
use crate::time::Timestamp;

/// What a person did with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// It was shown.
    Impression,
    /// Its details were opened; the value, if any, is the dwell time in seconds.
    View,
    /// It was played; the value is the share played, in `[0, 1]`.
    Play,
    /// It was played to its end.
    Complete,
    /// It was left; the value, if any, is the share played before that, in `[0, 1]`.
    Skip,
    /// A thumb up.
    Like,
    /// A thumb down.
    Dislike,
    /// A rating; the value is in `[1, 5]`.
    Rate,
    /// Kept for later.
    Save,
    /// "Never show me this again."
    Hide,
    /// Bought or rented.
    Purchase,
    /// Words, a picture or a voice clip about it; the value, if any, is the sentiment in `[-1, 1]`.
    Comment,
    /// The person's latest event on the item that is not undone yet did not happen.
    Undo,
}

impl EventType {
    /// Every type, in the order of the documents.
    pub const ALL: [EventType; 13] = [
        EventType::Impression,
        EventType::View,
        EventType::Play,
        EventType::Complete,
        EventType::Skip,
        EventType::Like,
        EventType::Dislike,
        EventType::Rate,
        EventType::Save,
        EventType::Hide,
        EventType::Purchase,
        EventType::Comment,
        EventType::Undo,
    ];

    /// The word used in documents and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EventType::Impression => "impression",
            EventType::View => "view",
            EventType::Play => "play",
            EventType::Complete => "complete",
            EventType::Skip => "skip",
            EventType::Like => "like",
            EventType::Dislike => "dislike",
            EventType::Rate => "rate",
            EventType::Save => "save",
            EventType::Hide => "hide",
            EventType::Purchase => "purchase",
            EventType::Comment => "comment",
            EventType::Undo => "undo",
        }
    }

    /// The type of that name; `None` for any other word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<EventType> {
        Self::ALL.into_iter().find(|event_type| event_type.name() == name)
    }
}

/// What was understood of the content of a comment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comment {
    /// From -1 (hates it) to 1 (loves it); absent if it could not be told.
    pub sentiment: Option<f32>,
    /// What the comment is about, shape `[SEMANTIC_DIM]`; absent if it could not be understood.
    pub semantic: Option<Embedding>,
}

/// One thing that one person did with one item. Redelivered events were left out before.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who.
    pub user: UserId,
    /// With which item; it need not be known (yet).
    pub item: ItemId,
    /// Did what.
    pub event_type: EventType,
    /// To what degree; the range is the type's. Absent means the type's usual degree.
    pub value: Option<f32>,
    /// When.
    pub at: Timestamp,
    /// Under which circumstances.
    pub context: Context,
    /// What a comment says, for comments.
    pub comment: Option<Comment>,
}

impl Event {
    /// What it says of its item, in `[-2, 2]`: above 0 it was liked, below 0 disliked; of an impression, and
    /// of undoing, 0.
    #[must_use]
    pub fn strength(&self) -> f32 {
        let sentiment = self.comment.as_ref().and_then(|comment| comment.sentiment);
        feedback(self.event_type, self.value, sentiment).strength
    }
}
