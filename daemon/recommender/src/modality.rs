//! The kinds of content an item can consist of.

/// One kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    /// Written words: title, text, tags.
    Text,
    /// A still picture.
    Image,
    /// Sound: music, speech, noises.
    Audio,
    /// Moving pictures, with or without sound.
    Video,
}

impl Modality {
    /// Every modality, in the order in which vectors are listed.
    pub const ALL: [Modality; 4] = [Modality::Text, Modality::Image, Modality::Audio, Modality::Video];

    /// The word used in topics, documents and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Audio => "audio",
            Modality::Video => "video",
        }
    }

    /// The modality of that name; `None` for any other word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Modality> {
        Self::ALL.into_iter().find(|modality| modality.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modality_is_found_by_its_name() {
        for modality in Modality::ALL {
            assert_eq!(Modality::from_name(modality.name()), Some(modality));
        }
        assert_eq!(Modality::from_name("Text"), None);
    }
}
