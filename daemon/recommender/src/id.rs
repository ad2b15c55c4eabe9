//! Identifiers: parsed once at the edge, trusted inside. Each noun has its own type, so a user
//! can never be passed where an item is meant.

use std::fmt;
use std::sync::Arc;

/// Most characters an id may have.
pub const ID_CHARS_MAX: usize = 128;

/// Why a text is no id. The caller rejects the document that carried it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("id is empty, expected 1 to {ID_CHARS_MAX} of [A-Za-z0-9._:@-]")]
    Empty,
    /// The text is too long.
    #[error("id of {chars} characters, expected 1 to {ID_CHARS_MAX} of [A-Za-z0-9._:@-]")]
    TooLong {
        /// How many characters it has.
        chars: usize,
    },
    /// The text has a character that ids cannot have.
    #[error("id `{id}` has {found:?}, expected 1 to {ID_CHARS_MAX} of [A-Za-z0-9._:@-]")]
    BadCharacter {
        /// The text as given.
        id: String,
        /// The first character that is not allowed.
        found: char,
    },
}

fn parse(text: &str) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    let chars = text.chars().count();
    if chars > ID_CHARS_MAX {
        return Err(IdError::TooLong { chars });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:@-".contains(c);
    match text.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(IdError::BadCharacter { id: text.to_owned(), found }),
        None => Ok(Arc::from(text)),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses 1 to 128 of `[A-Za-z0-9._:@-]`.
            ///
            /// # Errors
            ///
            /// Every error means "reject the document that carried this text".
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

ids! {
    /// Names one thing that can be recommended.
    ItemId,
    /// Names one person, or a guest.
    UserId,
    /// Names one event, so that a redelivered one is recognised.
    EventId,
    /// Names one request; its answer carries the same id.
    RequestId,
    /// Names one standing list.
    SlotId,
    /// Names one plugin, in reverse-domain form by convention.
    PluginId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match ItemId::parse(text) {
            Ok(id) => format!("ok {id}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn ids_are_short_plain_text() {
        check("film:42", "ok film:42");
        check("A.z_0:@-", "ok A.z_0:@-");
        check("", "id is empty, expected 1 to 128 of [A-Za-z0-9._:@-]");
        check("a b", "id `a b` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]");
        check("a/b", "id `a/b` has '/', expected 1 to 128 of [A-Za-z0-9._:@-]");
        check("é", "id `é` has 'é', expected 1 to 128 of [A-Za-z0-9._:@-]");
        check(&"x".repeat(129), "id of 129 characters, expected 1 to 128 of [A-Za-z0-9._:@-]");
        check(&"x".repeat(128), &format!("ok {}", "x".repeat(128)));
    }
}
