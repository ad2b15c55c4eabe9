//! What a model is for.

use attuned_recommender::Modality;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// It understands content of this modality.
    Encoder(Modality),
    /// It joins what was understood of an item's media into one.
    Fusion,
}

impl Purpose {
    /// Every purpose, in the order in which models are listed.
    pub const ALL: [Purpose; 5] = [
        Purpose::Encoder(Modality::Text),
        Purpose::Encoder(Modality::Image),
        Purpose::Encoder(Modality::Audio),
        Purpose::Encoder(Modality::Video),
        Purpose::Fusion,
    ];

    /// The word used in `model.toml`, in documents and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Encoder(modality) => modality.name(),
            Purpose::Fusion => "fusion",
        }
    }

    /// The purpose of that name; `None` for any other word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Purpose> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_is_found_by_its_name() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        }
        assert_eq!(Purpose::from_name("smell"), None);
    }
}
