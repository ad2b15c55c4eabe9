//! The named features whose weighted sum is an item's score.

use crate::modality::Modality;
use crate::recommendation::ReasonKind;

/// One summand of the log-odds. Each has a value in `[0, 1]`, or `[-1, 1]` where it can speak
/// against an item; 0 means it has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Similar to what the person liked, in the shared space.
    Liked,
    /// Similar to what the person skipped, disliked or hid.
    Avoided,
    /// Similar to what the person liked in one medium's own space.
    Medium(Modality),
    /// Has tags that the person likes.
    TagsLiked,
    /// Has tags that the person avoids.
    TagsAvoided,
    /// Is of a kind that the person chooses often, or seldom.
    Kind,
    /// People of the house with a similar taste liked it.
    Collaborative,
    /// It is like what people of the house with a similar taste like, and few liked it themselves.
    Projected,
    /// Others of the house like it, lately above all.
    Popular,
    /// It is new.
    Fresh,
    /// Its kind is chosen more, or less, often under these circumstances.
    Circumstances,
    /// It was shown and left.
    Ignored,
    /// It matches the words, picture or sound asked for.
    Query,
    /// It is like the item asked for.
    LikeThis,
    /// Little is known of it: its weight is the standard deviation of the log-odds of an item of which
    /// nothing is known, from which exploring draws.
    Explore,
}

impl Feature {
    /// Every feature, in the order of the reasons when weights are equal.
    pub const ALL: [Feature; 18] = [
        Feature::Liked,
        Feature::Avoided,
        Feature::Medium(Modality::Text),
        Feature::Medium(Modality::Image),
        Feature::Medium(Modality::Audio),
        Feature::Medium(Modality::Video),
        Feature::TagsLiked,
        Feature::TagsAvoided,
        Feature::Kind,
        Feature::Collaborative,
        Feature::Projected,
        Feature::Popular,
        Feature::Fresh,
        Feature::Circumstances,
        Feature::Ignored,
        Feature::Query,
        Feature::LikeThis,
        Feature::Explore,
    ];

    /// The name used in stored states and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Feature::Liked => "liked",
            Feature::Avoided => "avoided",
            Feature::Medium(Modality::Text) => "medium_text",
            Feature::Medium(Modality::Image) => "medium_image",
            Feature::Medium(Modality::Audio) => "medium_audio",
            Feature::Medium(Modality::Video) => "medium_video",
            Feature::TagsLiked => "tags_liked",
            Feature::TagsAvoided => "tags_avoided",
            Feature::Kind => "kind",
            Feature::Collaborative => "collaborative",
            Feature::Projected => "projected",
            Feature::Popular => "popular",
            Feature::Fresh => "fresh",
            Feature::Circumstances => "circumstances",
            Feature::Ignored => "ignored",
            Feature::Query => "query",
            Feature::LikeThis => "like_this",
            Feature::Explore => "explore",
        }
    }

    /// What the feature's full value adds to the log-odds before anything is learnt.
    ///
    /// `Avoided` outweighs `Liked`, so that "not this" is heeded at once however much was liked
    /// before; a query outweighs any taste.
    #[must_use]
    pub const fn prior(self) -> f32 {
        match self {
            Feature::Liked => 2.2,
            Feature::Avoided => -4.5,
            Feature::Medium(_) => 0.5,
            Feature::TagsLiked => 1.0,
            Feature::TagsAvoided => -2.5,
            Feature::Kind => 0.5,
            Feature::Collaborative | Feature::Projected => 2.5,
            Feature::Popular => 0.8,
            Feature::Fresh => 0.5,
            Feature::Circumstances => 0.8,
            Feature::Ignored => -0.6,
            Feature::Query => 7.0,
            Feature::LikeThis => 5.0,
            Feature::Explore => 0.7,
        }
    }

    /// The value at which the feature teaches nothing: about what a chosen item usually has.
    #[must_use]
    pub(crate) const fn usual(self) -> f32 {
        match self {
            Feature::Liked => 0.3,
            Feature::Fresh => 0.3,
            Feature::Medium(_) | Feature::TagsLiked => 0.1,
            _ => 0.0,
        }
    }

    /// Whether its weight is learnt from events. What depends on other people, or on the request
    /// alone, keeps its prior: so what is learnt about a person follows from their own events, and an
    /// event that is undone leaves no trace in anybody.
    #[must_use]
    pub(crate) const fn is_learnt(self) -> bool {
        match self {
            Feature::Liked
            | Feature::Avoided
            | Feature::Medium(_)
            | Feature::TagsLiked
            | Feature::TagsAvoided
            | Feature::Kind
            | Feature::Fresh
            | Feature::Circumstances
            | Feature::Ignored => true,
            Feature::Collaborative
            | Feature::Projected
            | Feature::Popular
            | Feature::Query
            | Feature::LikeThis
            | Feature::Explore => false,
        }
    }

    /// What a reason that rests on this feature is about.
    #[must_use]
    pub const fn reason_kind(self) -> ReasonKind {
        match self {
            Feature::Liked
            | Feature::Avoided
            | Feature::TagsLiked
            | Feature::TagsAvoided
            | Feature::LikeThis => ReasonKind::SimilarTo,
            Feature::Medium(_) | Feature::Query => ReasonKind::Modality,
            Feature::Kind | Feature::Ignored => ReasonKind::Habit,
            Feature::Collaborative | Feature::Projected => ReasonKind::LikedBySimilar,
            Feature::Popular => ReasonKind::Popular,
            Feature::Fresh => ReasonKind::Fresh,
            Feature::Circumstances => ReasonKind::Context,
            Feature::Explore => ReasonKind::Explore,
        }
    }
}
