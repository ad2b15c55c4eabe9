//! Which models are used, beside the records: what a person chose, what the stored vectors were made
//! with, and the switch that is under way.
//!
//! Owns the file `models.json`. It knows models as words only.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::notes::{self, Note};

/// Most earlier choices that can be gone back to.
const PAST_MAX: usize = 8;

/// Models as `name@version`, by what they are for.
pub type ModelNames = BTreeMap<String, String>;

/// Which models are used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelsRecord {
    format: u32,
    /// What a person asked for.
    #[serde(default)]
    pub chosen: ModelNames,
    /// What the stored vectors were made with; empty before the first start.
    #[serde(default)]
    pub current: ModelNames,
    /// The shared space that the stored vectors lie in.
    #[serde(default)]
    pub space: Option<String>,
    /// The switch under way.
    #[serde(default)]
    pub next: Option<NextModels>,
    /// What was used before, the latest last.
    #[serde(default)]
    pub past: Vec<PastModels>,
    /// Events through this number were understood in another shared space than the present one:
    /// what their comments mean cannot be compared any more.
    #[serde(default)]
    pub foreign_through: u64,
}

/// The models that are to be used next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextModels {
    /// All models, those that stay included.
    pub models: ModelNames,
    /// Their shared space.
    pub space: Option<String>,
    /// Everything is understood, and the stored vectors are being replaced: a start goes through
    /// with it.
    #[serde(default)]
    pub replacing: bool,
}

/// The models that were used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastModels {
    /// What a person had asked for.
    pub chosen: ModelNames,
    /// What was used.
    pub models: ModelNames,
}

impl Note for ModelsRecord {
    const NAME: &'static str = "models.json";
    const WHAT: &'static str = "the choice of models";
    const FORMAT: u32 = 1;

    fn format(&self) -> u32 {
        self.format
    }

    fn set_format(&mut self, format: u32) {
        self.format = format;
    }
}

impl ModelsRecord {
    /// Reads the record in the store's folder; an empty one if there is none. One that cannot be
    /// read is as good as none: people choose again, and what is stored is compared with the models
    /// item by item.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooNew`] and [`StoreError::Unavailable`].
    pub fn read(store: &Path) -> Result<ModelsRecord, StoreError> {
        notes::read(store)
    }

    /// Replaces the record in the store's folder, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: the old one is still there.
    pub fn write(&mut self, store: &Path) -> Result<(), StoreError> {
        notes::write(self, store)
    }

    /// Goes over to the next models. Events through `events` were understood before that.
    pub fn go_over(&mut self, events: u64) {
        let Some(next) = self.next.take() else { return };
        if !self.current.is_empty() && next.space != self.space {
            self.foreign_through = events;
        }
        self.space = next.space;
        self.current = next.models;
    }

    /// Notes what is used now, before something else is chosen.
    pub fn remember(&mut self) {
        let past = PastModels { chosen: self.chosen.clone(), models: self.current.clone() };
        if !self.current.is_empty() && self.past.last() != Some(&past) {
            self.past.push(past);
            let over = self.past.len().saturating_sub(PAST_MAX);
            self.past.drain(..over);
        }
    }

    /// Takes out of the past what was used for `purpose` before something else was, with all that
    /// came after it; `None` if nothing else ever was.
    pub fn take_past(&mut self, purpose: &str) -> Option<PastModels> {
        let now = self.next.as_ref().map_or(&self.current, |next| &next.models).get(purpose).cloned();
        let at = self.past.iter().rposition(|past| past.models.get(purpose) != now.as_ref())?;
        self.past.drain(at..).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(image: &str) -> ModelNames {
        BTreeMap::from([("image".to_owned(), image.to_owned()), ("text".to_owned(), "words@1".to_owned())])
    }

    #[test]
    fn it_is_read_back_and_absent_or_damaged_it_is_empty() {
        let store = tempfile::tempdir().expect("a folder");
        assert_eq!(ModelsRecord::read(store.path()), Ok(ModelsRecord::default()));
        let mut record = ModelsRecord { current: names("eyes@1"), foreign_through: 7, ..Default::default() };
        record.write(store.path()).expect("written");
        assert_eq!(ModelsRecord::read(store.path()), Ok(record));
        std::fs::write(store.path().join(ModelsRecord::NAME), "{").expect("written");
        assert_eq!(ModelsRecord::read(store.path()), Ok(ModelsRecord::default()));
        std::fs::write(store.path().join(ModelsRecord::NAME), r#"{"format":2}"#).expect("written");
        assert!(matches!(ModelsRecord::read(store.path()), Err(StoreError::TooNew { format: 2, .. })));
    }

    #[test]
    fn going_back_finds_what_was_used_for_that_before() {
        let mut record = ModelsRecord { current: names("eyes@1"), ..Default::default() };
        assert_eq!(record.take_past("image"), None);
        for version in ["eyes@2", "eyes@3"] {
            record.remember();
            record.chosen = BTreeMap::from([("image".to_owned(), version.to_owned())]);
            record.next = Some(NextModels { models: names(version), space: None, replacing: false });
            record.go_over(0);
        }
        assert_eq!(record.take_past("text"), None, "it was never another");
        assert_eq!(record.take_past("image").map(|past| past.models), Some(names("eyes@2")));
    }

    #[test]
    fn events_of_another_space_are_noted() {
        let next = |space: &str| {
            Some(NextModels { models: names("eyes@2"), space: Some(space.to_owned()), replacing: true })
        };
        let mut record =
            ModelsRecord { current: names("eyes@1"), space: Some("a".to_owned()), ..Default::default() };
        record.next = next("a");
        record.go_over(10);
        assert_eq!(record.foreign_through, 0);
        record.next = next("b");
        record.go_over(11);
        assert_eq!(record.foreign_through, 11);
    }
}
