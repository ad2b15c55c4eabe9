//! The request documents.

use std::collections::BTreeMap;

use attuned_recommender::{Filter, ItemId, Language, Query, Request, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::parse_context;
use super::item::{TEXT_BYTES_MAX, null_as_default, parse_base64};
use super::{Rejection, within};
use crate::config::RecommendConfig;

/// Most users of a group.
pub const USERS_MAX: usize = 32;
/// Most items to leave out.
pub const EXCLUDE_MAX: usize = 10_000;
/// Most kinds.
pub const KINDS_MAX: usize = 64;
/// Most conditions of a filter.
pub const FILTERS_MAX: usize = 64;

/// Asks for a list. Every field is optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "request")]
pub struct RequestDocument {
    /// Names the request; its answer carries the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For whom; several ask for a list for the group, none for a list for nobody in particular.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Most items to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Only items of these kinds; empty means all.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The circumstances, over those of `…/context/<key>`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, serde_json::Value>,
    /// What the list should be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryDocument>,
    /// Items that must not be in the list.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Conditions on attributes: `max_<attribute>`, `min_<attribute>`, or `<attribute>` for equal
    /// to the value or to one of a list.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, serde_json::Value>,
    /// How different the items should be, 0 to 1; absent means as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f32>,
    /// How closely the list should keep to the mix of tags that the people like, 0 to 1; absent means
    /// as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<f32>,
    /// Whether items that the recommender is unsure of may be tried; absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<bool>,
    /// Whether the bias and the reasons are answered; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<bool>,
    /// Whether items that the person has seen may come again; absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<bool>,
    /// The language of the reasons: `en`, `de` or `zh`; absent means that of the house.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What a list should be about: words, a picture, a sound, a film, an item, or several at once.
/// What matches none of them is left out; what matches all comes first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueryDocument {
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A picture file in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// A sound file in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// A film file in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<String>,
    /// An item to be like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// Asks for the items that match a query, for nobody in particular.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "search")]
pub struct SearchDocument {
    /// What to look for.
    pub query: QueryDocument,
    /// Most items to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Only items of these kinds; empty means all.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Conditions on attributes, as in a request.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, serde_json::Value>,
}

/// A checked query, whose content is still to be understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParsedQuery {
    /// Words.
    pub text: Option<String>,
    /// A picture file.
    pub image: Option<Vec<u8>>,
    /// A sound file.
    pub audio: Option<Vec<u8>>,
    /// A film file.
    pub video: Option<Vec<u8>>,
    /// An item to be like.
    pub item: Option<ItemId>,
}

/// A checked request, whose query is still to be understood.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedRequest {
    /// The request without its query.
    pub request: Request,
    /// Its query.
    pub query: Option<ParsedQuery>,
    /// Whether reasons are answered.
    pub explain: bool,
}

/// A checked search.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedSearch {
    /// What to look for.
    pub query: ParsedQuery,
    /// Most items.
    pub n: usize,
    /// Only these kinds.
    pub kinds: Vec<String>,
    /// Conditions.
    pub filter: Filter,
}

impl RequestDocument {
    /// Checks every field; `context` is the household's, under the request's own. `seed` is used
    /// if the request has no id.
    ///
    /// # Errors
    ///
    /// A field is wrong or over its limit: answer the sender.
    pub fn parse(
        self,
        config: &RecommendConfig,
        mut context: attuned_recommender::Context,
        seed: u64,
    ) -> Result<ParsedRequest, Rejection> {
        if let Some(id) = &self.request_id {
            attuned_recommender::RequestId::parse(id)
                .map_err(|error| Rejection::invalid(format!("request `request_id`: {error}")))?;
        }
        let seed = match &self.request_id {
            Some(id) => u64::from_le_bytes(
                blake3::hash(id.as_bytes()).as_bytes()[..8].try_into().expect("a hash has 32 bytes"),
            ),
            None => seed,
        };
        within("request `users`", self.users.len(), USERS_MAX, "users")?;
        within("request `exclude`", self.exclude.len(), EXCLUDE_MAX, "items")?;
        let mut users = Vec::with_capacity(self.users.len());
        for user in &self.users {
            let user = UserId::parse(user)
                .map_err(|error| Rejection::invalid(format!("request `users`: {error}")))?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        let exclude = self
            .exclude
            .iter()
            .map(|id| {
                ItemId::parse(id).map_err(|error| Rejection::invalid(format!("request `exclude`: {error}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (name, share) in [("diversity", self.diversity), ("calibration", self.calibration)] {
            if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                return Err(Rejection::invalid(format!("request `{name}` is {share}, expected 0 to 1")));
            }
        }
        let language = self.language.as_deref().map(parse_language).transpose()?;
        context.extend(parse_context("request", &self.context)?);
        let request = Request {
            users,
            n: parse_n(self.n, config)?,
            kinds: parse_kinds(self.kinds)?,
            context,
            query: None::<Query>,
            exclude,
            filter: parse_filter(&self.filter)?,
            diversity: self.diversity,
            calibration: self.calibration,
            explore: self.explore.unwrap_or(false),
            seen: self.seen.unwrap_or(false),
            language,
            seed,
        };
        let query = self.query.map(QueryDocument::parse).transpose()?;
        Ok(ParsedRequest { request, query, explain: self.explain.unwrap_or(true) })
    }
}

impl SearchDocument {
    /// Checks every field.
    ///
    /// # Errors
    ///
    /// A field is wrong or over its limit, or the query is empty: answer the sender.
    pub fn parse(self, config: &RecommendConfig) -> Result<ParsedSearch, Rejection> {
        let query = self.query.parse()?;
        if query == ParsedQuery::default() {
            return Err(Rejection::invalid(
                "search `query` is empty, expected text, image, audio, video or item",
            ));
        }
        Ok(ParsedSearch {
            query,
            n: parse_n(self.n, config)?,
            kinds: parse_kinds(self.kinds)?,
            filter: parse_filter(&self.filter)?,
        })
    }
}

impl QueryDocument {
    fn parse(self) -> Result<ParsedQuery, Rejection> {
        within("query `text`", self.text.as_ref().map_or(0, String::len), TEXT_BYTES_MAX, "bytes")?;
        let media = |what: &str, text: Option<String>| {
            text.map(|text| parse_base64(&format!("query `{what}`"), &text)).transpose()
        };
        let item = self.item.map(|id| {
            ItemId::parse(&id).map_err(|error| Rejection::invalid(format!("query `item`: {error}")))
        });
        Ok(ParsedQuery {
            text: self.text.filter(|text| !text.trim().is_empty()),
            image: media("image", self.image)?,
            audio: media("audio", self.audio)?,
            video: media("video", self.video)?,
            item: item.transpose()?,
        })
    }
}

fn parse_n(n: Option<u32>, config: &RecommendConfig) -> Result<usize, Rejection> {
    let n = n.unwrap_or(config.n_default);
    if n == 0 || n > config.n_max {
        return Err(Rejection::invalid(format!("`n` is {n}, expected 1 to {}", config.n_max)));
    }
    Ok(n as usize)
}

fn parse_language(name: &str) -> Result<Language, Rejection> {
    Language::from_name(name)
        .ok_or_else(|| Rejection::invalid(format!("request `language` is `{name}`, expected en, de or zh")))
}

fn parse_kinds(kinds: Vec<String>) -> Result<Vec<String>, Rejection> {
    within("`kinds`", kinds.len(), KINDS_MAX, "kinds")?;
    Ok(kinds)
}

fn parse_filter(json: &BTreeMap<String, serde_json::Value>) -> Result<Filter, Rejection> {
    within("`filter`", json.len(), FILTERS_MAX, "conditions")?;
    let values = parse_context("`filter`", json)?;
    Filter::from_values(values).map_err(|error| Rejection::invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn check(json: &str, expected: &str) {
        let got = parse::<RequestDocument>("request", json.as_bytes())
            .and_then(|document| document.parse(&RecommendConfig::default(), BTreeMap::new(), 7));
        let got = match got {
            Ok(parsed) => {
                let request = &parsed.request;
                format!(
                    "{:?} n {} kinds {:?} seed {}",
                    request.users,
                    request.n,
                    request.kinds,
                    request.seed != 7
                )
            }
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn everything_is_optional() {
        check("{}", "[] n 10 kinds [] seed false");
        check(
            r#"{"request_id":"r1","users":["a","b","a"],"n":3,"kinds":["film"]}"#,
            r#"["a", "b"] n 3 kinds ["film"] seed true"#,
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(r#"{"n":0}"#, "`n` is 0, expected 1 to 100");
        check(r#"{"n":101}"#, "`n` is 101, expected 1 to 100");
        check(r#"{"n":-1}"#, "request field `n`: invalid value: integer `-1`, expected u32");
        check(r#"{"diversity":2}"#, "request `diversity` is 2, expected 0 to 1");
        check(r#"{"language":"fr"}"#, "request `language` is `fr`, expected en, de or zh");
        check(r#"{"calibration":-1}"#, "request `calibration` is -1, expected 0 to 1");
        check(
            r#"{"users":["a b"]}"#,
            "request `users`: id `a b` has ' ', expected 1 to 128 of [A-Za-z0-9._:@-]",
        );
        check(r#"{"users":"a"}"#, "request field `users`: invalid type: string \"a\", expected a sequence");
        check(r#"{"query":{"image":"?"}}"#, "query `image` data is not Base64: invalid symbol 63, offset 0.");
        check(
            r#"{"filter":{"max_duration_min":"long"}}"#,
            "filter `max_duration_min` is not a number, expected one, as in \"max_duration_min\": 120",
        );
    }
}
