//! What is answered to an input that cannot be taken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the sender can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    /// The document or the topic is wrong: mend and send again.
    Invalid,
    /// A limit was passed: send less.
    TooLarge,
    /// The item or the user is not known.
    NotFound,
    /// Something is missing here for now: try again later.
    Unavailable,
    /// Our own fault; the log tells more.
    Internal,
}

/// Why an input was not taken. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// What the sender can do about it.
    pub code: RejectionCode,
    /// One sentence: what, where, and what was expected.
    pub message: String,
    /// The request it answers, if the input was one.
    pub request_id: Option<String>,
}

/// Longest message, characters.
const MESSAGE_CHARS_MAX: usize = 500;

impl Rejection {
    /// Of the given kind. What the message repeats of the sender's may be of any length and hold
    /// line breaks; it becomes one line of at most [`MESSAGE_CHARS_MAX`].
    #[must_use]
    pub fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        if message.contains(char::is_control) {
            message = message.replace(char::is_control, " ");
        }
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('…');
        }
        Self { code, message, request_id: None }
    }

    /// The document is wrong.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(RejectionCode::Invalid, message)
    }

    /// A limit was passed.
    #[must_use]
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(RejectionCode::TooLarge, message)
    }

    /// Our own fault.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(RejectionCode::Internal, message)
    }

    /// The same, for the request of that id.
    #[must_use]
    pub fn of_request(mut self, request_id: Option<&str>) -> Self {
        self.request_id = request_id.map(str::to_owned);
        self
    }

    /// The document to publish; `topic` is where the input came from.
    #[must_use]
    pub fn document(&self, topic: &str) -> RejectionDocument {
        RejectionDocument {
            topic: topic.to_owned(),
            code: self.code,
            message: self.message.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

/// The document published on `…/errors` for each input that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "error")]
pub struct RejectionDocument {
    /// Where the input came from.
    pub topic: String,
    /// What the sender can do about it.
    pub code: RejectionCode,
    /// One sentence: what, where, and what was expected.
    pub message: String,
    /// The request it answers, if the input was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        assert_eq!(Rejection::invalid("id is `a\nb\u{7}`, expected").message, "id is `a b `, expected");
        let long = Rejection::invalid("é".repeat(MESSAGE_CHARS_MAX + 1)).message;
        assert_eq!(long.chars().count(), MESSAGE_CHARS_MAX + 1);
        assert!(long.ends_with("é…"));
    }
}
