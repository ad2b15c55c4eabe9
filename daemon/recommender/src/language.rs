//! The languages of reasons.

/// A language in which reasons are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Chinese, in simplified characters.
    Zh,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 3] = [Language::En, Language::De, Language::Zh];

    /// The name used in settings and documents: ISO 639-1.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Zh => "zh",
        }
    }

    /// The language of a name; `None` if reasons are not told in it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.name() == name)
    }
}
