//! What can go wrong, cut by what the caller does about it.

use std::path::PathBuf;

use attuned_recommender::Modality;

/// Why models cannot be used. A person must put the folder right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The folder of models cannot be listed.
    #[error("models folder `{}`: {reason}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A model is not what its `model.toml` says, or its `model.toml` says nothing usable. The
    /// other models work on.
    #[error("model `{model}`: {reason}")]
    Refused {
        /// The name of the model's folder.
        model: String,
        /// The file, the field, the value, and what was expected.
        reason: String,
    },
}

/// Why content was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The bytes are no content of this modality. Tell the sender; trying again gives the same.
    #[error("{} cannot be read: {reason}", modality.name())]
    Unreadable {
        /// What it was meant to be.
        modality: Modality,
        /// What was found, and what was expected.
        reason: String,
    },
    /// The content is larger than this daemon takes. Tell the sender; trying again gives the same.
    #[error("{} of {found} is over the limit `{limit}`, expected at most {max}", modality.name())]
    OverLimit {
        /// What it was meant to be.
        modality: Modality,
        /// The name of the limit, a field of [`Limits`](crate::Limits).
        limit: &'static str,
        /// What was found, with its unit.
        found: String,
        /// What is allowed, with its unit.
        max: String,
    },
    /// The model is absent or broken. Go on without this modality, and report it as degraded.
    #[error("{} cannot be understood: {reason}", modality.name())]
    Unavailable {
        /// What cannot be understood.
        modality: Modality,
        /// What is wrong with the model.
        reason: String,
    },
}

impl EncodeError {
    pub(crate) fn unreadable(modality: Modality, reason: impl Into<String>) -> Self {
        Self::Unreadable { modality, reason: one_line(&reason.into()) }
    }
}

/// Longest reason taken over from a library, in characters: some repeat what they were given.
const REASON_CHARS_MAX: usize = 240;

/// Joins the lines of a library's message, as an error here is one short sentence.
pub(crate) fn one_line(message: &str) -> String {
    let mut joined = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = joined.char_indices().nth(REASON_CHARS_MAX) {
        joined.truncate(end);
        joined.push('…');
    }
    joined.trim_end_matches('.').to_owned()
}
