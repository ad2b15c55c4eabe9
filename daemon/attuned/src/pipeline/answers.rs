//! From a request to its answer.

use std::sync::atomic::Ordering;
use std::time::Instant;

use attuned_encoders::EncodeError;
use attuned_recommender::{Modality, ModelEmbedding, Query};
use bytes::Bytes;

use super::engine::{Listed, RankParts, SearchParts, Searched};
use super::understanding::{Piece, Steady};
use super::{Pipeline, Shared, circumstances, now};
use crate::document::{
    Degraded, MatchDocument, NOTHING_MATCHES, ParsedQuery, RankedDocument, RecommendationDocument, Rejection,
    RejectionCode, RequestDocument, SearchAnswerDocument, SearchDocument, Timings, timestamp_text,
};

impl Pipeline {
    /// Makes a list.
    ///
    /// # Errors
    ///
    /// The request is wrong, its query cannot be read, or the daemon is stopping. What is merely
    /// missing (a plugin, a model) is named in the answer's `degraded`.
    pub async fn recommend(&self, document: RequestDocument) -> Result<RecommendationDocument, Rejection> {
        let request_id = document.request_id.clone();
        let answer = self.shared.recommend(document).await;
        self.shared.tally.list(&answer);
        answer.map_err(|rejection| rejection.of_request(request_id.as_deref()))
    }

    /// Finds the items that match a query.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::recommend`].
    pub async fn search(&self, document: SearchDocument) -> Result<SearchAnswerDocument, Rejection> {
        let answer = self.shared.search(document).await;
        self.shared.tally.search(&answer);
        answer
    }
}

impl Shared {
    async fn recommend(&self, document: RequestDocument) -> Result<RecommendationDocument, Rejection> {
        let started = Instant::now();
        let now = now();
        let local = circumstances::local(now, &self.settings.timezone);
        let household = self.context.borrow().as_ref().clone();
        let seed = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = document.request_id.clone();
        let parsed = document.parse(&self.settings.recommend, household, seed)?;
        let mut request = parsed.request;
        // The request's own context lies over the household's; the time of day is under both.
        request.context = circumstances::with_time_of_day(request.context, &local);
        let mut timings = Timings::default();
        let mut degraded = Vec::new();
        let mut steady = None;
        if let Some(query) = parsed.query {
            let encoding = Instant::now();
            let (query, held) = self.understand_steadily(query, &mut degraded).await?;
            (request.query, steady) = (Some(query), Some(held));
            timings.encode = encoding.elapsed().as_secs_f64() * 1e3;
        }
        let (shortlist, shortlist_ms) = self.engine.shortlist(request.clone(), now).await?;
        drop(steady);
        timings.shortlist = shortlist_ms;
        let empty_reason = shortlist.is_unmatched().then(|| NOTHING_MATCHES.to_owned());
        let circumstances = circumstances::for_rules(&request, &local, &self.settings.known);
        let rulings = self.rules.ask(shortlist.batch(), circumstances, now).await;
        timings.plugins = rulings.ms;
        degraded.extend(rulings.degraded);
        let users = request.users.iter().map(ToString::to_string).collect();
        let parts = RankParts { shortlist, adjustments: rulings.adjustments, request: request.clone(), now };
        let (Listed { ranked, explored }, rank_ms) = self.engine.rank(parts).await?;
        timings.rank = rank_ms;
        if !explored.is_empty() {
            self.note_shown(&request, explored, now).await;
        }
        let items = ranked
            .iter()
            .enumerate()
            .map(|(place, (ranked, item))| RankedDocument::of(place, ranked, item, parsed.explain))
            .collect();
        timings.total = started.elapsed().as_secs_f64() * 1e3;
        Ok(RecommendationDocument {
            request_id,
            users,
            generated_at: timestamp_text(now),
            items,
            empty_reason,
            degraded,
            timings_ms: timings,
        })
    }

    async fn search(&self, document: SearchDocument) -> Result<SearchAnswerDocument, Rejection> {
        let started = Instant::now();
        let parsed = document.parse(&self.settings.recommend)?;
        let mut degraded = Vec::new();
        let (query, steady) = self.understand_steadily(parsed.query, &mut degraded).await?;
        let mut timings = Timings { encode: started.elapsed().as_secs_f64() * 1e3, ..Timings::default() };
        let parts =
            SearchParts { query, kinds: parsed.kinds, filter: parsed.filter, n: parsed.n, now: now() };
        let (Searched { found, unmatched }, rank_ms) = self.engine.search(parts).await?;
        drop(steady);
        timings.rank = rank_ms;
        let document = |(place, (found, item)): (usize, &(attuned_recommender::Match, _))| {
            let item: &std::sync::Arc<attuned_recommender::Item> = item;
            MatchDocument {
                rank: u32::try_from(place + 1).unwrap_or(u32::MAX),
                item: item.id.to_string(),
                kind: item.kind.clone(),
                title: item.title.clone(),
                score: f64::from(found.score),
                modality: found.modality.map(|modality| modality.name().to_owned()),
            }
        };
        let items = found.iter().enumerate().map(document).collect();
        timings.total = started.elapsed().as_secs_f64() * 1e3;
        let empty_reason = unmatched.then(|| NOTHING_MATCHES.to_owned());
        Ok(SearchAnswerDocument { items, empty_reason, degraded, timings_ms: timings })
    }

    /// The query, and that the models it was understood by stay in use: it is compared with vectors
    /// of the same models only.
    async fn understand_steadily(
        &self,
        parsed: ParsedQuery,
        degraded: &mut Vec<Degraded>,
    ) -> Result<(Query, Steady<'_>), Rejection> {
        loop {
            let generation = self.understanding.generation().await;
            let mut lacking = Vec::new();
            let query = self.understand_query(parsed.clone(), &mut lacking).await?;
            if let Some(steady) = self.understanding.steady(generation).await {
                degraded.extend(lacking);
                return Ok((query, steady));
            }
        }
    }

    async fn understand_query(
        &self,
        parsed: ParsedQuery,
        degraded: &mut Vec<Degraded>,
    ) -> Result<Query, Rejection> {
        if let Some(item) = &parsed.item
            && self.engine.item(item.clone()).await?.is_none()
        {
            let message = format!("query `item` is `{item}`, which is not known");
            return Err(Rejection::new(RejectionCode::NotFound, message));
        }
        let unmeasured = self.understanding.encoders().is_some_and(|encoders| !encoders.is_space_measured());
        let mut query =
            Query { text: parsed.text.clone(), item: parsed.item, unmeasured, ..Query::default() };
        let pieces = [
            parsed.text.map(|text| (Modality::Text, Piece::Text(text))),
            parsed.image.map(|bytes| (Modality::Image, Piece::Image(Bytes::from(bytes)))),
            parsed.audio.map(|bytes| (Modality::Audio, Piece::Audio(Bytes::from(bytes)))),
            parsed.video.map(|bytes| (Modality::Video, Piece::Video(Bytes::from(bytes)))),
        ];
        for (modality, piece) in pieces.into_iter().flatten() {
            match self.understanding.encode(piece).await {
                Ok(encoding) => {
                    let made = ModelEmbedding { model: encoding.model, embedding: encoding.embedding };
                    query.embeddings.insert(modality, made);
                    query.semantic.insert(modality, encoding.semantic);
                }
                Err(EncodeError::Unavailable { reason, .. }) => degraded.push(Degraded {
                    part: "query".to_owned(),
                    name: modality.name().to_owned(),
                    reason,
                }),
                Err(error @ (EncodeError::Unreadable { .. } | EncodeError::OverLimit { .. })) => {
                    return Err(Rejection::invalid(format!("query `{}`: {error}", modality.name())));
                }
            }
        }
        Ok(query)
    }
}
