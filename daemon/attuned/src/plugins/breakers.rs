//! The file that keeps which plugins failed too often, so that a restart is not a way back in for them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use attuned_plugin_host::BreakerRecord;
use serde::{Deserialize, Serialize};

/// The layout that is written and read.
const FORMAT: u32 = 1;

/// Bytes that are read; every plugin that can be installed with every opening takes a tenth.
const BYTES_MAX: u64 = 256 * 1024;

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    breakers: Vec<BreakerRecord>,
}

/// What is kept of the plugins' breakers.
#[derive(Debug, Default)]
pub struct Breakers {
    /// `None` if nothing is kept.
    file: Option<PathBuf>,
    written: Vec<BreakerRecord>,
}

impl Breakers {
    /// Reads what was kept. What cannot be read is as good as nothing: a plugin that fails is soon
    /// left out again.
    #[must_use]
    pub fn open(file: Option<PathBuf>) -> Breakers {
        let written = file.as_deref().and_then(|file| {
            let size = fs::metadata(file).ok()?.len();
            let text = (size <= BYTES_MAX).then(|| fs::read(file).ok()).flatten();
            let document = text.and_then(|text| serde_json::from_slice::<Document>(&text).ok());
            let document = document.filter(|document| document.format == FORMAT);
            if document.is_none() {
                tracing::warn!(file = %file.display(), "which plugins failed is unreadable, all are tried again");
            }
            Some(document?.breakers)
        });
        Breakers { file, written: written.unwrap_or_default() }
    }

    /// What was kept.
    #[must_use]
    pub fn kept(&self) -> &[BreakerRecord] {
        &self.written
    }

    /// Writes these, durably, if they are not what was written last.
    pub fn keep(&mut self, breakers: Vec<BreakerRecord>) {
        let Some(file) = self.file.as_deref().filter(|_| breakers != self.written) else { return };
        let document = Document { format: FORMAT, breakers };
        let text = serde_json::to_vec_pretty(&document).expect("words and numbers can be written as JSON");
        let new = file.with_extension("json.new");
        let write = || {
            let mut target = fs::File::create(&new)?;
            target.write_all(&text)?;
            target.sync_all()?;
            fs::rename(&new, file)?;
            file.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
        };
        if let Err(error) = write() {
            tracing::warn!(file = %file.display(), %error, "which plugins failed is forgotten at the next start");
        }
        // It is not tried again at every request.
        self.written = document.breakers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plugin: &str) -> BreakerRecord {
        BreakerRecord {
            plugin: plugin.to_owned(),
            fingerprint: "ab".repeat(32),
            openings_ms: vec![1, 2],
            open_ms: 60_000,
            until_ms: Some(7),
            disabled: false,
        }
    }

    #[test]
    fn what_is_kept_is_read_and_what_is_damaged_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("breakers.json");
        let open = || Breakers::open(Some(file.clone()));
        assert_eq!(open().kept(), []);
        open().keep(vec![record("a"), record("b")]);
        assert_eq!(open().kept(), [record("a"), record("b")]);
        let mut breakers = open();
        breakers.keep(Vec::new());
        assert_eq!(open().kept(), []);
        for damaged in ["", "{", r#"{"format":2,"breakers":[]}"#] {
            fs::write(&file, damaged).expect("written");
            assert_eq!(open().kept(), [], "{damaged}");
        }
        fs::write(&file, vec![b' '; BYTES_MAX as usize + 1]).expect("written");
        assert_eq!(open().kept(), []);
    }
}
