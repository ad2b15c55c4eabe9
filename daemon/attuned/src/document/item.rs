//! The item document.

use std::collections::BTreeMap;

use attuned_recommender::{Embedding, Item, ItemId, Modality};
use base64::Engine;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{json_value, parse_timestamp, parse_value, timestamp_text};
use super::{Rejection, within};

/// Longest kind, tag, attribute name and provider, characters.
pub const NAME_CHARS_MAX: usize = 128;
/// Longest title, characters.
pub const TITLE_CHARS_MAX: usize = 1024;
/// Longest text of an item or a comment, bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most tags of an item.
pub const TAGS_MAX: usize = 128;
/// Most attributes of an item.
pub const ATTRIBUTES_MAX: usize = 128;
/// Most media of an item or an event.
pub const MEDIA_MAX: usize = 8;

/// One thing that can be recommended. Everything but `id` and `kind` is optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "item")]
pub struct ItemDocument {
    /// 1 to 128 of `[A-Za-z0-9._:@-]`; may be left out where the topic names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Free text: film, music, picture, article, recipe, scene, setting, device …
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Words that describe it.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Named facts: `duration_min`, `age_rating`, `language` …
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// Its pictures, sounds and films.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaDocument>,
    /// Own vectors of a device, by modality.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub embeddings: BTreeMap<String, Vec<f32>>,
    /// When it came out, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// From when on it must not be recommended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Who offers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// One picture, sound or film: its bytes, or where they lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaDocument {
    /// `image`, `audio` or `video`.
    pub modality: String,
    /// A file in one of the configured media folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The file's bytes in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// Null stands for absent.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Media as given: bytes that came along, or a path still to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaInput {
    /// The file's bytes.
    Bytes(Vec<u8>),
    /// A path relative to one of the media folders.
    Path(String),
}

/// A checked item document.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedItem {
    /// The item.
    pub item: Item,
    /// Its media.
    pub media: Vec<(Modality, MediaInput)>,
    /// Own vectors of the device.
    pub embeddings: BTreeMap<Modality, Embedding>,
}

impl ItemDocument {
    /// Checks every field; `topic_id` is the id that the topic or address names.
    ///
    /// # Errors
    ///
    /// A field is wrong or over its limit: answer the sender.
    pub fn parse(self, topic_id: Option<&ItemId>) -> Result<ParsedItem, Rejection> {
        let id = match (topic_id, self.id.as_str()) {
            (Some(id), "") => id.clone(),
            (None, "") => return Err(Rejection::invalid("item has no field `id`, expected one")),
            (Some(id), own) if id.as_str() != own => {
                return Err(Rejection::invalid(format!(
                    "item `id` is `{own}`, expected `{id}` as in the topic"
                )));
            }
            (_, own) => {
                ItemId::parse(own).map_err(|error| Rejection::invalid(format!("item `id`: {error}")))?
            }
        };
        if self.kind.trim().is_empty() {
            return Err(Rejection::invalid("item `kind` is empty, expected a word such as film"));
        }
        within("item `kind`", self.kind.chars().count(), NAME_CHARS_MAX, "characters")?;
        within(
            "item `title`",
            self.title.iter().flat_map(|t| t.chars()).count(),
            TITLE_CHARS_MAX,
            "characters",
        )?;
        within("item `text`", self.text.as_ref().map_or(0, String::len), TEXT_BYTES_MAX, "bytes")?;
        within("item `tags`", self.tags.len(), TAGS_MAX, "tags")?;
        within("item `attributes`", self.attributes.len(), ATTRIBUTES_MAX, "attributes")?;
        for name in self.tags.iter().chain(self.attributes.keys()).chain(&self.provider) {
            within("a name in the item", name.chars().count(), NAME_CHARS_MAX, "characters")?;
        }
        let mut attributes = BTreeMap::new();
        for (name, json) in &self.attributes {
            let what = format!("item attribute `{name}`");
            if let Some(value) = parse_value(&what, json)? {
                attributes.insert(name.clone(), value);
            }
        }
        let mut embeddings = BTreeMap::new();
        for (name, values) in self.embeddings {
            let modality = Modality::from_name(&name).ok_or_else(|| {
                Rejection::invalid(format!(
                    "item `embeddings` has `{name}`, expected text, image, audio or video"
                ))
            })?;
            let embedding = Embedding::from_values(values)
                .map_err(|error| Rejection::invalid(format!("item `embeddings.{name}`: {error}")))?;
            embeddings.insert(modality, embedding);
        }
        let time = |what: &str, text: Option<&String>| {
            text.map(|text| parse_timestamp(&format!("item `{what}`"), text)).transpose()
        };
        let item = Item {
            id,
            kind: self.kind,
            published_at: time("published_at", self.published_at.as_ref())?,
            expires_at: time("expires_at", self.expires_at.as_ref())?,
            title: self.title,
            text: self.text,
            tags: self.tags,
            attributes,
            provider: self.provider,
        };
        Ok(ParsedItem { item, media: parse_media("item", self.media)?, embeddings })
    }

    /// The document of an item, without its media.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        Self {
            id: item.id.to_string(),
            kind: item.kind.clone(),
            title: item.title.clone(),
            text: item.text.clone(),
            tags: item.tags.clone(),
            attributes: item
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), json_value(value)))
                .collect(),
            media: Vec::new(),
            embeddings: BTreeMap::new(),
            published_at: item.published_at.map(timestamp_text),
            expires_at: item.expires_at.map(timestamp_text),
            provider: item.provider.clone(),
        }
    }
}

/// Checks the media of an item or an event.
pub(super) fn parse_media(
    of: &str,
    media: Vec<MediaDocument>,
) -> Result<Vec<(Modality, MediaInput)>, Rejection> {
    within(&format!("{of} `media`"), media.len(), MEDIA_MAX, "entries")?;
    media
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            let what = format!("{of} `media[{index}]`");
            let modality = match Modality::from_name(&entry.modality) {
                None | Some(Modality::Text) => {
                    let given = &entry.modality;
                    return Err(Rejection::invalid(format!(
                        "{what} modality is `{given}`, expected image, audio or video"
                    )));
                }
                Some(modality) => modality,
            };
            let input = match (entry.path, entry.data) {
                (Some(path), None) => MediaInput::Path(path),
                (None, Some(data)) => MediaInput::Bytes(parse_base64(&what, &data)?),
                _ => return Err(Rejection::invalid(format!("{what} needs one of `path` and `data`"))),
            };
            Ok((modality, input))
        })
        .collect()
}

/// Decodes Base64 with or without padding and with or without a `data:…;base64,` prefix.
pub(super) fn parse_base64(what: &str, text: &str) -> Result<Vec<u8>, Rejection> {
    const ENGINE: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let body = match text.split_once(";base64,") {
        Some((head, body)) if head.starts_with("data:") => body,
        _ => text,
    };
    ENGINE.decode(body.trim()).map_err(|error| {
        Rejection::invalid(format!("{what} data is not Base64: {}", error.to_string().to_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn check(json: &str, expected: &str) {
        let topic_id = ItemId::parse("film:42").expect("an id");
        let got = parse::<ItemDocument>("item", json.as_bytes())
            .and_then(|document| document.parse(Some(&topic_id)));
        let got = match got {
            Ok(parsed) => format!("{} {} {} media", parsed.item.id, parsed.item.kind, parsed.media.len()),
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn a_document_needs_no_more_than_a_kind() {
        check(r#"{"id":"film:42","kind":"film"}"#, "film:42 film 0 media");
        check(r#"{"kind":"film","tags":null,"expires_at":null,"unknown":1}"#, "film:42 film 0 media");
        check(r#"{"kind":"film","media":[{"modality":"image","data":"AAAA"}]}"#, "film:42 film 1 media");
        check(
            r#"{"kind":"film","media":[{"modality":"image","data":"data:image/png;base64,AA"}]}"#,
            "film:42 film 1 media",
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("", "item is not the JSON that was expected: EOF while parsing a value at line 1 column 0");
        check("{}", "item is not what was expected: missing field `kind`");
        check(r#"{"kind":""}"#, "item `kind` is empty, expected a word such as film");
        check(r#"{"kind":5}"#, "item field `kind`: invalid type: integer `5`, expected a string");
        check(
            r#"{"id":"film:43","kind":"film"}"#,
            "item `id` is `film:43`, expected `film:42` as in the topic",
        );
        check(
            r#"{"kind":"film","published_at":"yesterday"}"#,
            "item `published_at` is `yesterday`, expected a time such as 2026-11-20T18:00:00Z",
        );
        check(
            r#"{"kind":"film","media":[{"modality":"smell","data":""}]}"#,
            "item `media[0]` modality is `smell`, expected image, audio or video",
        );
        check(
            r#"{"kind":"film","media":[{"modality":"image"}]}"#,
            "item `media[0]` needs one of `path` and `data`",
        );
        check(
            r#"{"kind":"film","embeddings":{"image":[0,0]}}"#,
            "item `embeddings.image`: embedding of length 0 has no direction, expected at least one value other than 0",
        );
        check(
            &format!(r#"{{"kind":"film","title":"{}"}}"#, "x".repeat(1025)),
            "item `title` has 1025 characters, expected at most 1024",
        );
        check(r#"{"kind":"film"} x"#, "item has more after its end: trailing characters at line 1 column 17");
    }
}
