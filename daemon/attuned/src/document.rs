//! The documents that cross MQTT, HTTP and the command line, as JSON.
//!
//! Their types live here and nowhere else; `config/schema/` holds JSON Schemas generated from
//! them. Input is parsed into the recommender's types once, here, and trusted inside. Fields that
//! are not known are ignored, so that a device may say more than this version understands.

pub mod answer;
pub mod event;
pub mod item;
mod metrics;
pub mod models;
mod plugins;
pub mod rankers;
pub mod rejection;
pub mod request;
pub mod schema;
pub mod status;
#[cfg(test)]
mod suite;
pub mod user;
mod value;

use serde::de::DeserializeOwned;

pub use answer::{Degraded, LabelDocument, MatchDocument, NOTHING_MATCHES, RankedDocument};
pub use answer::{ReasonDocument, RecommendationDocument, SearchAnswerDocument, Timings};
pub use event::{EventDocument, EventsDocument, ParsedEvent};
pub use item::{ItemDocument, MediaDocument, MediaInput, ParsedItem};
pub use metrics::{CONTENT_TYPE as METRICS_CONTENT_TYPE, RequestCounts, metrics_text};
pub use models::{ModelDocument, ModelStateDocument, ModelsDocument};
pub use models::{RollbackModelDocument, UseModelsDocument};
pub use plugins::{
    PluginLogDocument, PluginLogLineDocument, PluginsDocument, ReloadPluginsDocument, RunningPluginDocument,
    ShadowDocument,
};
pub use rankers::{EarningsDocument, EstimateDocument, RankerDocument, RankersDocument};
pub use rejection::{Rejection, RejectionCode, RejectionDocument};
pub use request::{ParsedQuery, ParsedRequest, QueryDocument, RequestDocument, SearchDocument};
pub use status::{EncodedDocument, State, StatusDocument, SwitchDocument};
pub use user::{EventsTaken, ExportDocument, UserDocument};
pub use value::{json_value, parse_value, timestamp_text};

/// Reads one document.
///
/// # Errors
///
/// The bytes are no such document: answer the sender with the rejection, and go on.
pub fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Rejection> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let invalid = |reason: String| Rejection::invalid(format!("{what} {reason}"));
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() && path == "." {
            invalid(format!("is not what was expected: {}", without_place(&inner)))
        } else if inner.is_data() {
            invalid(format!("field `{path}`: {}", without_place(&inner)))
        } else {
            invalid(format!("is not the JSON that was expected: {inner}"))
        }
    })?;
    reader.end().map_err(|error| invalid(format!("has more after its end: {error}")))?;
    Ok(document)
}

/// serde_json ends its messages with the line and column, which say nothing of a one-line message.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Refuses a text or list that is longer than its limit.
fn within(what: &str, len: usize, max: usize, unit: &str) -> Result<(), Rejection> {
    if len <= max {
        return Ok(());
    }
    Err(Rejection::too_large(format!("{what} has {len} {unit}, expected at most {max}")))
}
