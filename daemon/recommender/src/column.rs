//! The numeric columns that ranking rules see, beside the scores. `sdk/README.md` tells their authors.

/// One number for each candidate. A row in which it is absent holds NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Likeness to what the person liked; of a group, the mean.
    Similarity,
    /// How new to the person: 1 if it was never played and nothing like it was liked.
    Novelty,
    /// How much the others in the house liked it lately.
    Popularity,
    /// 1 when it came out, falling by halves; where that is not known, 0.5 when it came into the
    /// catalogue.
    Recency,
    /// How often those whom the list is for played it.
    PlayCount,
    /// Days since one of them last did something with it.
    DaysSinceLast,
    /// The attribute `duration_min`.
    Minutes,
    /// The attribute `age_rating`.
    AgeRating,
    /// The attribute `loudness`.
    Loudness,
}

impl Column {
    /// Every column, in the order of the enum.
    pub const ALL: [Column; 9] = [
        Column::Similarity,
        Column::Novelty,
        Column::Popularity,
        Column::Recency,
        Column::PlayCount,
        Column::DaysSinceLast,
        Column::Minutes,
        Column::AgeRating,
        Column::Loudness,
    ];

    /// The name by which a manifest asks for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Column::Similarity => "similarity",
            Column::Novelty => "novelty",
            Column::Popularity => "popularity",
            Column::Recency => "recency",
            Column::PlayCount => "play-count",
            Column::DaysSinceLast => "days-since-last",
            Column::Minutes => "minutes",
            Column::AgeRating => "age-rating",
            Column::Loudness => "loudness",
        }
    }

    /// What it is counted in.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Column::Similarity | Column::Novelty | Column::Popularity | Column::Recency => "share",
            Column::PlayCount => "plays",
            Column::DaysSinceLast => "days",
            Column::Minutes => "minutes",
            Column::AgeRating => "years",
            Column::Loudness => "LUFS",
        }
    }

    /// Its least and its greatest value; `None` if an item's provider may say any number.
    #[must_use]
    pub const fn range(self) -> Option<(f32, f32)> {
        match self {
            Column::Similarity | Column::Novelty | Column::Popularity | Column::Recency => Some((0.0, 1.0)),
            Column::PlayCount | Column::DaysSinceLast => Some((0.0, f32::INFINITY)),
            Column::Minutes | Column::AgeRating | Column::Loudness => None,
        }
    }

    /// When a row of it is NaN, in words; `None` if no row ever is.
    #[must_use]
    pub const fn absent(self) -> Option<&'static str> {
        match self {
            Column::Similarity
            | Column::Novelty
            | Column::Popularity
            | Column::Recency
            | Column::PlayCount => None,
            Column::DaysSinceLast => Some("nobody it is for has done anything with it"),
            Column::Minutes => Some("the item has no number `duration_min`"),
            Column::AgeRating => Some("the item has no number `age_rating`"),
            Column::Loudness => Some("the item has no number `loudness`"),
        }
    }
}
