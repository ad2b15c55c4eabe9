//! attuned
