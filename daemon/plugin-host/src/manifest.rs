//! `plugin.toml`: what a package says of itself. Everything is checked here, once; the rest of the
//! crate trusts a [`Manifest`].

use std::collections::{BTreeMap, BTreeSet};

use attuned_recommender::PluginId;
use serde::Deserialize;

use crate::contract;
use crate::grants::Grants;
use crate::limits::{Asked, BOOST_MAX, Limits, MANIFEST_ENTRIES, SCALE_MAX, VERSION_BYTES};
use crate::setting::{Setting, SettingTable};

/// The layout of `plugin.toml` that this host reads.
const MANIFEST_VERSION: u32 = 1;

/// What a package says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) id: PluginId,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) wasm_file: String,
    pub(crate) wasm_blake3: String,
    pub(crate) projection: Projection,
    pub(crate) asked: Grants,
    pub(crate) limits: Limits,
    pub(crate) reasons: Vec<BTreeMap<String, String>>,
    pub(crate) settings: BTreeMap<String, Setting>,
}

/// The only names that a plugin can ask the host for; anything else reads as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) facets: BTreeSet<String>,
    pub(crate) features: BTreeSet<String>,
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) kinds: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    manifest: u32,
    plugin: PluginTable,
    #[serde(default)]
    input: InputTable,
    #[serde(default)]
    grants: GrantsTable,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    reason: Vec<ReasonTable>,
    #[serde(default)]
    settings: BTreeMap<String, SettingTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginTable {
    id: String,
    version: String,
    interface: String,
    summary: String,
    license: String,
    wasm: WasmTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WasmTable {
    file: String,
    blake3: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct InputTable {
    facets: Vec<String>,
    features: Vec<String>,
    attributes: Vec<String>,
    tags: Vec<String>,
    kinds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct GrantsTable {
    subject: bool,
    item_ids: bool,
    exclude: bool,
    exclude_most: bool,
    pin: u32,
    max_boost: f32,
    max_scale: f32,
}

impl Default for GrantsTable {
    fn default() -> Self {
        let Grants { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale } = Grants::NONE;
        Self { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct LimitsTable {
    fuel: Option<u64>,
    fuel_per_candidate: Option<u64>,
    wall_ms: Option<u64>,
    memory_mib: Option<u64>,
    component_mib: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonTable {
    code: String,
    text: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest; an error is one sentence with the field, the value, and what was expected.
    pub(crate) fn parse(text: &str) -> Result<Manifest, String> {
        let document: Document = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let Document { manifest, plugin, input, grants, limits, reason, settings } = document;
        if manifest != MANIFEST_VERSION {
            return Err(format!("manifest is {manifest}, expected {MANIFEST_VERSION}"));
        }
        let id = PluginId::parse(&plugin.id).map_err(|error| format!("plugin.id: {error}"))?;
        if !is_version(&plugin.version) {
            return Err(format!("plugin.version is {:?}, expected one like \"1.2.0\"", plugin.version));
        }
        contract::check_offered(&plugin.interface)?;
        for (field, text) in [("summary", &plugin.summary), ("license", &plugin.license)] {
            if text.trim().is_empty() {
                return Err(format!("plugin.{field} is empty, expected a text"));
            }
        }
        let file = plugin.wasm.file;
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\']) {
            return Err(format!("plugin.wasm.file is {file:?}, expected a file in the package's own folder"));
        }
        let wasm_blake3 = plugin.wasm.blake3.to_ascii_lowercase();
        if wasm_blake3.len() != 64 || !wasm_blake3.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("plugin.wasm.blake3 is {wasm_blake3:?}, expected 64 hexadecimal digits"));
        }
        let entries = [
            ("input.facets", input.facets.len()),
            ("input.features", input.features.len()),
            ("input.attributes", input.attributes.len()),
            ("input.tags", input.tags.len()),
            ("input.kinds", input.kinds.len()),
            ("reason", reason.len()),
            ("settings", settings.len()),
        ];
        if let Some((field, len)) = entries.into_iter().find(|(_, len)| *len > MANIFEST_ENTRIES) {
            return Err(format!("{field} has {len} entries, expected at most {MANIFEST_ENTRIES}"));
        }
        Ok(Manifest {
            id,
            version: plugin.version,
            summary: plugin.summary,
            wasm_file: file,
            wasm_blake3,
            projection: Projection {
                facets: BTreeSet::from_iter(input.facets),
                features: BTreeSet::from_iter(input.features),
                attributes: BTreeSet::from_iter(input.attributes),
                tags: BTreeSet::from_iter(input.tags),
                kinds: BTreeSet::from_iter(input.kinds),
            },
            asked: asked_grants(grants)?,
            limits: Limits::grant(Asked {
                fuel: limits.fuel,
                fuel_per_candidate: limits.fuel_per_candidate,
                wall_ms: limits.wall_ms,
                memory_mib: limits.memory_mib,
                component_mib: limits.component_mib,
            }),
            reasons: reason.into_iter().enumerate().map(reason_text).collect::<Result<_, _>>()?,
            settings: settings
                .into_iter()
                .map(|(name, table)| Ok((name.clone(), Setting::parse(&name, table)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// Reads the bytes of a `plugin.toml`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Manifest, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("is no UTF-8 text: {error}"));
        text.and_then(Manifest::parse).map_err(|reason| format!("plugin.toml: {reason}"))
    }

    /// Whether this is the component that the manifest was written for.
    pub(crate) fn check_component(&self, wasm: &[u8]) -> Result<(), String> {
        let (file, bytes_max) = (&self.wasm_file, self.limits.component_bytes());
        if wasm.len() as u64 > bytes_max {
            return Err(format!("`{file}` has more than {bytes_max} bytes, expected at most that"));
        }
        let (hash, expected) = (blake3::hash(wasm).to_hex(), &self.wasm_blake3);
        if hash.as_str() != expected {
            return Err(format!(
                "plugin.wasm.blake3 is {expected}, but `{file}` has {hash}: the file is not the one that was packed"
            ));
        }
        Ok(())
    }

    /// The text of a reason in the first of `languages` that it has, else in English, else in any;
    /// `None` if there is no such reason.
    pub(crate) fn reason<'a>(&'a self, row: u16, languages: &[&str]) -> Option<&'a str> {
        let texts = self.reasons.get(usize::from(row))?;
        let text = languages.iter().find_map(|language| texts.get(*language));
        text.or_else(|| texts.get("en")).or_else(|| texts.values().next()).map(String::as_str)
    }
}

fn asked_grants(table: GrantsTable) -> Result<Grants, String> {
    let GrantsTable { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale } = table;
    if !(0.0..=BOOST_MAX).contains(&max_boost) {
        return Err(format!("grants.max-boost is {max_boost}, expected 0 to {BOOST_MAX}"));
    }
    if !(1.0..=SCALE_MAX).contains(&max_scale) {
        return Err(format!("grants.max-scale is {max_scale}, expected 1 to {SCALE_MAX}"));
    }
    Ok(Grants { subject, item_ids, exclude, exclude_most, pin, max_boost, max_scale })
}

fn reason_text((row, table): (usize, ReasonTable)) -> Result<BTreeMap<String, String>, String> {
    if table.code.is_empty() {
        return Err(format!("reason {row} has an empty code, expected a short name like \"family-evening\""));
    }
    match table.text.values().find(|text| text.trim().is_empty()) {
        None if !table.text.is_empty() => Ok(table.text),
        _ => Err(format!("reason `{}` has an empty text, expected one like {{ en = \"…\" }}", table.code)),
    }
}

/// Whether this is a version as semver.org writes it, like `1.2.0` or `2.0.0-rc.1`. It becomes part
/// of a folder's name.
pub(crate) fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    version.len() <= VERSION_BYTES
        && version.bytes().all(plain)
        && numbers.len() == 3
        && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The parser's message with the line it is about, which names the field and the value.
pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span().filter(|span| !span.is_empty() && span.end - span.start < text.trim_end().len()) {
        None => message,
        Some(span) => {
            let before = &text[..span.start];
            let line = text[before.rfind('\n').map_or(0, |end| end + 1)..].lines().next().unwrap_or_default();
            format!("line {} (`{}`): {message}", before.matches('\n').count() + 1, line.trim())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A manifest that is in order.
    pub(crate) const SOUND: &str = r#"
manifest = 1
[plugin]
id = "org.example.family-night"
version = "1.2.0"
interface = "attuned:ranking@0.1"
summary = "Family titles on the living-room TV in the evening"
license = "MIT"
wasm = { file = "rule.wasm", blake3 = "0000000000000000000000000000000000000000000000000000000000000000" }
[input]
facets = ["daypart"]
features = ["novelty"]
[grants]
exclude = true
max-boost = 0.3
[limits]
memory-mib = 8
[[reason]]
code = "family-evening"
text = { en = "Good for family time", de = "Passt zum Familienabend" }
[settings.weight]
type = "number"
default = 0.15
min = 0.0
max = 0.3
help = "How strongly family titles rise"
"#;

    /// Replaces `from` with `to` in a sound manifest and expects this refusal.
    fn check(from: &str, to: &str, expected: &str) {
        assert!(SOUND.contains(from), "{from}");
        let error = Manifest::parse(&SOUND.replacen(from, to, 1)).expect_err("refused");
        assert_eq!(error, expected);
    }

    #[test]
    fn a_sound_manifest_is_read() {
        let manifest = Manifest::parse(SOUND).expect("sound");
        assert_eq!(manifest.id.as_str(), "org.example.family-night");
        assert_eq!(manifest.asked, Grants { exclude: true, max_boost: 0.3, ..Grants::NONE });
        assert_eq!(manifest.limits.memory_mib, 8);
        assert_eq!(manifest.projection.facets, BTreeSet::from(["daypart".to_owned()]));
        assert_eq!(manifest.projection.tags, BTreeSet::new());
    }

    #[test]
    fn a_reason_is_given_in_the_language_asked_for() {
        let manifest = Manifest::parse(SOUND).expect("sound");
        assert_eq!(manifest.reason(0, &["de"]), Some("Passt zum Familienabend"));
        assert_eq!(manifest.reason(0, &["fr", "de"]), Some("Passt zum Familienabend"));
        assert_eq!(manifest.reason(0, &["fr"]), Some("Good for family time"));
        assert_eq!(manifest.reason(1, &["en"]), None);
    }

    #[test]
    fn every_refusal_names_field_value_and_expectation() {
        check("manifest = 1", "manifest = 2", "manifest is 2, expected 1");
        check(
            "org.example.family-night",
            "org example",
            "plugin.id: id `org example` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]",
        );
        check("1.2.0", "1.2", "plugin.version is \"1.2\", expected one like \"1.2.0\"");
        check("1.2.0", "1.2.0-a/..", "plugin.version is \"1.2.0-a/..\", expected one like \"1.2.0\"");
        let long = format!("1.2.0-{}", "x".repeat(VERSION_BYTES));
        check("1.2.0", &long, &format!("plugin.version is {long:?}, expected one like \"1.2.0\""));
        check(
            "attuned:ranking@0.1",
            "attuned:ranking@0.2",
            "plugin.interface is \"attuned:ranking@0.2\", expected \"attuned:ranking@0.1\"",
        );
        check("license = \"MIT\"", "license = \"\"", "plugin.license is empty, expected a text");
        check(
            "rule.wasm",
            "../rule.wasm",
            "plugin.wasm.file is \"../rule.wasm\", expected a file in the package's own folder",
        );
        check(
            "0000000000000000000000000000000000000000000000000000000000000000",
            "00",
            "plugin.wasm.blake3 is \"00\", expected 64 hexadecimal digits",
        );
        check("max-boost = 0.3", "max-boost = 99.0", "grants.max-boost is 99, expected 0 to 5");
        check("max-boost = 0.3", "max-boost = nan", "grants.max-boost is NaN, expected 0 to 5");
        check("max-boost = 0.3", "max-scale = 0.5", "grants.max-scale is 0.5, expected 1 to 100");
        check(
            "Passt zum Familienabend",
            " ",
            "reason `family-evening` has an empty text, expected one like { en = \"…\" }",
        );
        check(
            "[grants]",
            "[grants]\nnetwork = true",
            "line 14 (`network = true`): unknown field `network`, expected one of `subject`, `item-ids`, \
             `exclude`, `exclude-most`, `pin`, `max-boost`, `max-scale`",
        );
        check(
            "memory-mib = 8",
            "memory-mib = \"8\"",
            "line 17 (`memory-mib = \"8\"`): invalid type: string \"8\", expected u64",
        );
        check("license = \"MIT\"", "", "line 3 (`[plugin]`): missing field `license`");
        let many: Vec<String> = (0..=MANIFEST_ENTRIES).map(|n| format!("\"f{n}\"")).collect();
        check(
            "[\"daypart\"]",
            &format!("[{}]", many.join(",")),
            "input.facets has 257 entries, expected at most 256",
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", at in 0..SOUND.len()) {
            let at = SOUND.floor_char_boundary(at);
            let damaged = format!("{}{text}{}", &SOUND[..at], &SOUND[at..]);
            proptest::prop_assert!(Manifest::parse(&text).is_err());
            match Manifest::parse(&damaged) {
                Ok(manifest) => proptest::prop_assert!(manifest.asked.max_boost <= BOOST_MAX),
                Err(sentence) => proptest::prop_assert!(!sentence.is_empty()),
            }
        }
    }
}
