//! Counting requests, for `GET /v1/metrics`.

use std::sync::{Mutex, PoisonError};

use super::Pipeline;
use crate::document::{RecommendationDocument, Rejection, RequestCounts, SearchAnswerDocument, metrics_text};

/// What became of requests since the start.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<RequestCounts>);

impl Tally {
    pub(super) fn list(&self, answer: &Result<RecommendationDocument, Rejection>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(list) => {
                let count = if list.degraded.is_empty() { &mut counts.whole } else { &mut counts.degraded };
                *count += 1;
                counts.seconds += list.timings_ms.total / 1e3;
            }
            Err(_) => counts.refused += 1,
        }
    }

    pub(super) fn search(&self, answer: &Result<SearchAnswerDocument, Rejection>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(_) => counts.searched += 1,
            Err(_) => counts.searches_refused += 1,
        }
    }

    fn counts(&self) -> RequestCounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipeline {
    /// Everything that is counted, in the text format of Prometheus.
    ///
    /// # Errors
    ///
    /// A thread of the pipeline is gone: our own fault.
    pub async fn metrics(&self) -> Result<String, Rejection> {
        let (status, plugins) = (self.status().await?, self.plugins().await?);
        Ok(metrics_text(&status, &plugins, &self.shared.tally.counts()))
    }
}
