//! What is asked.

use std::collections::BTreeMap;

use crate::context::{Context, Value};
use crate::embedding::Embedding;
use crate::id::{ItemId, UserId};
use crate::item::Item;
use crate::language::Language;
use crate::modality::Modality;

/// What a list should be about. Every part that is present counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// The query's parts in the shared space, shape `[SEMANTIC_DIM]` each.
    pub semantic: BTreeMap<Modality, Embedding>,
    /// The query's parts in their modality's own space, with the model that made them.
    pub embeddings: BTreeMap<Modality, crate::item::ModelEmbedding>,
    /// The words of the query, for matching titles and tags literally.
    pub text: Option<String>,
    /// "Like this item."
    pub item: Option<ItemId>,
    /// Its vectors are of another shared space than the one whose cosines were measured, so nothing
    /// is known of how near a match is, and everything is left in, the nearest first.
    pub unmeasured: bool,
}

/// Why a filter is none. The caller rejects the request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// A bound is not a number.
    #[error("filter `{key}` is not a number, expected one, as in \"max_duration_min\": 120")]
    NotANumber {
        /// The filter's key.
        key: String,
    },
    /// A filter's value cannot be compared with an attribute.
    #[error("filter `{key}` is an object, expected text, a number, true, false or a list of these")]
    NotComparable {
        /// The filter's key.
        key: String,
    },
}

/// A hard condition on items' attributes. An item that lacks the attribute does not meet it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    at_most: Vec<(String, f64)>,
    at_least: Vec<(String, f64)>,
    equal: Vec<(String, Vec<Value>)>,
}

impl Filter {
    /// Reads `max_<attribute>`, `min_<attribute>` (numbers, inclusive) and `<attribute>` (equal to
    /// the value, or to one of a list). `tags`, `kind` and `provider` name those fields of the item.
    ///
    /// # Errors
    ///
    /// Reject the request: a bound that is no number, or a value that is an object.
    pub fn from_values(values: BTreeMap<String, Value>) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        for (key, value) in values {
            let bounds = match key.split_at_checked(4) {
                Some(("max_", attribute)) => Some((&mut filter.at_most, attribute)),
                Some(("min_", attribute)) => Some((&mut filter.at_least, attribute)),
                _ => None,
            };
            match (bounds, value) {
                (Some((bounds, attribute)), Value::Number(bound)) => {
                    bounds.push((attribute.to_owned(), bound))
                }
                (Some(_), _) => return Err(FilterError::NotANumber { key }),
                (None, Value::Map(_)) => return Err(FilterError::NotComparable { key }),
                (None, Value::List(any_of)) => filter.equal.push((key, any_of)),
                (None, one) => filter.equal.push((key, vec![one])),
            }
        }
        Ok(filter)
    }

    /// Whether `item` meets every condition.
    #[must_use]
    pub fn allows(&self, item: &Item) -> bool {
        let number = |attribute: &str| match item.attributes.get(attribute) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        self.at_most.iter().all(|(attribute, bound)| number(attribute).is_some_and(|n| n <= *bound))
            && self.at_least.iter().all(|(attribute, bound)| number(attribute).is_some_and(|n| n >= *bound))
            && self.equal.iter().all(|(attribute, any_of)| has_any(item, attribute, any_of))
    }
}

fn has_any(item: &Item, attribute: &str, any_of: &[Value]) -> bool {
    let text_is =
        |text: &str| any_of.iter().any(|value| matches!(value, Value::Text(wanted) if wanted == text));
    match item.attributes.get(attribute) {
        Some(Value::List(values)) => values.iter().any(|value| any_of.contains(value)),
        Some(value) => any_of.contains(value),
        None => match attribute {
            "tags" => item.tags.iter().any(|tag| text_is(tag)),
            "kind" => text_is(&item.kind),
            "provider" => item.provider.as_deref().is_some_and(text_is),
            _ => false,
        },
    }
}

/// One request for a list. By default it is for nobody and asks for nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// For whom; several users ask for a list for the group, none for a list for nobody in
    /// particular (cold start).
    pub users: Vec<UserId>,
    /// Most items to answer with.
    pub n: usize,
    /// Only items of these kinds; empty means all.
    pub kinds: Vec<String>,
    /// The circumstances: the request's own, over the household's.
    pub context: Context,
    /// What the list should be about; absent means anything.
    pub query: Option<Query>,
    /// Items that must not be in the list.
    pub exclude: Vec<ItemId>,
    /// Conditions that each item must meet.
    pub filter: Filter,
    /// How different the items should be, in `[0, 1]`; absent means the configured value.
    pub diversity: Option<f32>,
    /// How closely the list should keep to the mix of subjects that the person likes, in `[0, 1]`;
    /// absent means the configured value.
    pub calibration: Option<f32>,
    /// Whether a share of the places may go to items that the recommender is unsure of; never for
    /// children.
    pub explore: bool,
    /// Whether items that the person has played, completed or rated may come again.
    pub seen: bool,
    /// The language of reasons; absent means that of the house.
    pub language: Option<Language>,
    /// The only source of randomness of this request.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(minutes: Option<f64>) -> Item {
        let attributes = minutes.map(|m| ("duration_min".to_owned(), Value::Number(m))).into_iter().collect();
        Item {
            id: ItemId::parse("film:1").expect("an id"),
            kind: "film".to_owned(),
            title: None,
            text: None,
            tags: vec!["noir".to_owned()],
            attributes,
            published_at: None,
            expires_at: None,
            provider: None,
        }
    }

    fn check(key: &str, value: Value, minutes: Option<f64>, expected: bool) {
        let filter = Filter::from_values([(key.to_owned(), value)].into()).expect("a filter");
        assert_eq!(filter.allows(&film(minutes)), expected, "{key} on {minutes:?}");
    }

    #[test]
    fn bounds_include_their_ends_and_refuse_what_is_unknown() {
        check("max_duration_min", Value::Number(120.0), Some(120.0), true);
        check("max_duration_min", Value::Number(120.0), Some(120.5), false);
        check("max_duration_min", Value::Number(120.0), None, false);
        check("min_duration_min", Value::Number(120.0), Some(120.0), true);
        check("min_duration_min", Value::Number(120.0), Some(90.0), false);
    }

    #[test]
    fn a_plain_key_means_equal_or_one_of() {
        check("duration_min", Value::Number(90.0), Some(90.0), true);
        check("duration_min", Value::List(vec![Value::Number(1.0), Value::Number(90.0)]), Some(90.0), true);
        check("tags", Value::Text("noir".into()), None, true);
        check("tags", Value::Text("comedy".into()), None, false);
        check("kind", Value::Text("film".into()), None, true);
        check("provider", Value::Text("library".into()), None, false);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let error = |key: &str, value| {
            Filter::from_values([(key.to_owned(), value)].into()).expect_err("refused").to_string()
        };
        assert_eq!(
            error("max_duration_min", Value::Text("long".into())),
            "filter `max_duration_min` is not a number, expected one, as in \"max_duration_min\": 120"
        );
        assert_eq!(
            error("language", Value::Map(BTreeMap::new())),
            "filter `language` is an object, expected text, a number, true, false or a list of these"
        );
    }
}
