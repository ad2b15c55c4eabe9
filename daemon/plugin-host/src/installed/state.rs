//! `state.toml`, as it lies on the disk.

use std::collections::{BTreeMap, HashSet};

use attuned_recommender::PluginId;
use serde::{Deserialize, Serialize};

use super::{InstalledPlugin, InstalledVersion};
use crate::limits::INSTALLED_MAX;
use crate::manifest::is_version;
use crate::{Consent, Grants};

/// The layout that is written and read.
const STATE_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    state: u32,
    /// In the order in which they run.
    #[serde(default)]
    plugin: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    enabled: bool,
    /// Whether it runs in shadow. This and the next are absent in what was written before they existed.
    #[serde(default)]
    shadow: bool,
    #[serde(default)]
    again: u32,
    current: Version,
    previous: Option<Version>,
    grants: GrantsRow,
    settings: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    version: String,
    digest: String,
    signer: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GrantsRow {
    subject: bool,
    item_ids: bool,
    exclude: bool,
    exclude_most: bool,
    pin: u32,
    max_boost: f32,
    max_scale: f32,
}

impl Document {
    pub(super) fn of(plugins: &[InstalledPlugin]) -> Document {
        let version = |version: &InstalledVersion| Version {
            version: version.version.clone(),
            digest: version.digest.clone(),
            signer: version.signer.map(|signer| signer.to_string()),
        };
        let row = |plugin: &InstalledPlugin| {
            let Grants { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale } =
                plugin.consent.grants;
            Row {
                id: plugin.id.to_string(),
                enabled: plugin.enabled,
                shadow: plugin.consent.shadow,
                again: plugin.consent.again,
                current: version(&plugin.current),
                previous: plugin.previous.as_ref().map(version),
                grants: GrantsRow { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale },
                settings: plugin.consent.settings.clone(),
            }
        };
        Document { state: STATE_VERSION, plugin: plugins.iter().map(row).collect() }
    }

    pub(super) fn to_text(&self) -> String {
        let document = toml::to_string(self).expect("rows of texts and numbers are TOML");
        format!("# Written by `attuned plugin`, which is also the way to change it.\n{document}")
    }
}

/// Reads the text; an error is one sentence.
pub(super) fn parse(text: &str) -> Result<Vec<InstalledPlugin>, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.message().replace('\n', ", "))?;
    if document.state != STATE_VERSION {
        return Err(format!("has layout {}, expected {STATE_VERSION}", document.state));
    }
    if document.plugin.len() > INSTALLED_MAX {
        return Err(format!("has {} plugins, expected at most {INSTALLED_MAX}", document.plugin.len()));
    }
    let mut ids = HashSet::new();
    let rows = document.plugin.into_iter().map(|row| {
        let plugin = row.read()?;
        if ids.insert(plugin.id.clone()) { Ok(plugin) } else { Err(format!("has two rows `{}`", plugin.id)) }
    });
    rows.collect()
}

impl Row {
    fn read(self) -> Result<InstalledPlugin, String> {
        let id = PluginId::parse(&self.id).map_err(|error| error.to_string())?;
        super::check_id(&id)?;
        let GrantsRow { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale } = self.grants;
        let grants = Grants { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale };
        Ok(InstalledPlugin {
            id,
            current: self.current.read()?,
            previous: self.previous.map(Version::read).transpose()?,
            enabled: self.enabled,
            // Whatever numbers stand there, they are within the host's bounds from here on.
            consent: Consent {
                grants: grants.both(Grants::ALL),
                settings: self.settings,
                shadow: self.shadow,
                again: self.again,
            },
        })
    }
}

impl Version {
    fn read(self) -> Result<InstalledVersion, String> {
        if !is_version(&self.version) {
            return Err(format!("has a version {:?}, expected one like \"1.2.0\"", self.version));
        }
        if self.digest.len() != 64 || !self.digest.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(format!("has a digest {:?}, expected 64 hexadecimal digits", self.digest));
        }
        let signer = self.signer.map(|signer| signer.parse()).transpose()?;
        Ok(InstalledVersion { version: self.version, digest: self.digest, signer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> InstalledPlugin {
        let version = |version: &str, signer| InstalledVersion {
            version: version.to_owned(),
            digest: "ab".repeat(32),
            signer,
        };
        let signer = format!("ed25519:{}", "01".repeat(32)).parse().expect("a key");
        InstalledPlugin {
            id: PluginId::parse("org.example.a").expect("an id"),
            current: version("1.2.0", Some(signer)),
            previous: Some(version("1.1.0-rc.1", None)),
            enabled: false,
            consent: Consent {
                grants: Grants { exclude: true, max_boost: 0.3, ..Grants::NONE },
                settings: BTreeMap::from([("weight".to_owned(), "0.2".to_owned())]),
                shadow: true,
                again: 3,
            },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let plugins = vec![plugin()];
        assert_eq!(parse(&Document::of(&plugins).to_text()), Ok(plugins.clone()));
        assert_eq!(parse("state = 1"), Ok(Vec::new()));
        // As it was written before there was shadow.
        let (before, mut unshadowed) = (Document::of(&plugins).to_text(), plugins);
        unshadowed[0].consent.shadow = false;
        unshadowed[0].consent.again = 0;
        let before = before.replace("shadow = true\nagain = 3\n", "");
        assert_eq!(parse(&before), Ok(unshadowed));
    }

    #[test]
    fn what_is_damaged_is_refused_in_a_sentence() {
        let text = Document::of(&[plugin()]).to_text();
        let check = |from: &str, to: &str, expected: &str| {
            assert!(text.contains(from), "{from}");
            assert_eq!(parse(&text.replace(from, to)), Err(expected.to_owned()));
        };
        check("state = 1", "state = 2", "has layout 2, expected 1");
        check("1.2.0", "../1.2.0", "has a version \"../1.2.0\", expected one like \"1.2.0\"");
        check("org.example.a", "..", "plugin.id is `..`, expected one that begins with a letter or digit");
        check("exclude = true", "exclude = 1", "invalid type: integer `1`, expected a boolean");
        let twice = format!(
            "{text}\n{}",
            text.split_once("[[plugin]]").map(|(_, row)| format!("[[plugin]]{row}")).expect("a row")
        );
        assert_eq!(parse(&twice), Err("has two rows `org.example.a`".to_owned()));
    }
}
