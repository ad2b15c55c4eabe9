//! Joining what was understood of an item's media.

use std::collections::BTreeMap;

use attuned_encoders::{Encoders, Purpose};
use attuned_recommender::{Content, Embedding, FusedContent, Modality};

/// The vectors of an item's media as one. `None`, for which the recommender's own mean stands, if
/// there are none, there is no model for it, or it failed, which is told in the log.
pub(super) async fn fuse(
    encoders: &Encoders,
    parts: &BTreeMap<Modality, Embedding>,
) -> Option<Box<FusedContent>> {
    let (encoders, parts) = (encoders.clone(), parts.clone());
    // It takes a fraction of a millisecond, but the first time the model is loaded.
    let fused = tokio::task::spawn_blocking(move || encoders.fuse(&parts)).await.ok()?;
    match fused {
        Ok(fused) => fused.map(Box::new),
        Err(problem) => {
            tracing::warn!(%problem, "not fused, the mean of the media stands for the item");
            None
        }
    }
}

/// Whether the content was not joined by the model of fusion in use.
pub(super) fn is_of_another(content: &Content, encoders: &Encoders) -> bool {
    let model = encoders.models().into_iter().find(|model| model.purpose == Purpose::Fusion);
    model.is_some_and(|model| {
        !content.semantic.is_empty() && content.fused.as_ref().is_none_or(|fused| fused.model != model.id())
    })
}
