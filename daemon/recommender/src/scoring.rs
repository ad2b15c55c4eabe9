//! From a request to scored candidates.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::candidates::{Scope, Source, Walk, from_source, merged};
use crate::catalogue::Facts;
use crate::collaborative::{Collaborative, Scratch, rounded};
use crate::feature::Feature;
use crate::id::{ItemId, UserId};
use crate::projection;
use crate::recommender::Recommender;
use crate::request::{Filter, Request};
use crate::search::PreparedQuery;
use crate::settings::Settings;
use crate::shortlist::{Columns, Row, Shortlist, Summand, log_odds};
use crate::state::Taste;
use crate::time::Timestamp;
use crate::viewpoint::{
    Evidence, Observation, Surroundings, Viewpoint, circumstances_of, freshness, popularity_value,
};

/// Evidence of kinship at which what similar people like counts half.
const KINSHIP_HALF: f32 = 0.3;

/// Feature values of a group's members and the weights they are multiplied with.
struct Member<'a> {
    user: Option<&'a UserId>,
    weights: BTreeMap<Feature, f32>,
}

impl Recommender {
    /// The candidates for a request, scored additively. Hard conditions hold: kinds, excluded,
    /// filtered, expired, hidden by any of the people, and seen by any of them unless seen ones are
    /// asked for. What does not match the query is left out too. Unknown people, and no people, get
    /// a list for nobody in particular.
    #[must_use]
    pub fn shortlist(&self, request: &Request, now: Timestamp) -> Shortlist {
        self.shortlist_by(request, &self.household.collaborative, &self.settings, now)
    }

    /// The same with other collaborative sources and settings than those in use.
    pub(crate) fn shortlist_by(
        &self,
        request: &Request,
        collaborative: &Collaborative,
        settings: &Settings,
        now: Timestamp,
    ) -> Shortlist {
        self.with_scope(request, collaborative, settings, now, |scope, members| {
            let mut rows: Vec<Row> =
                merged(scope).into_iter().filter_map(|slot| row(slot, scope, members)).collect();
            rows.sort_unstable_by(|a, b| {
                b.log_odds.total_cmp(&a.log_odds).then_with(|| a.item.id.cmp(&b.item.id))
            });
            Shortlist { bias: settings.bias, rows, unmatched: scope.unmatched }
        })
    }

    /// The candidates of one source alone, best first with the source's own scores: for measuring
    /// what each contributes.
    #[must_use]
    pub fn candidates(
        &self,
        source: Source,
        request: &Request,
        count: usize,
        now: Timestamp,
    ) -> Vec<(ItemId, f32)> {
        self.with_scope(request, &self.household.collaborative, &self.settings, now, |scope, _| {
            from_source(source, scope, count)
                .into_iter()
                .filter_map(|(slot, score)| Some((scope.catalogue.entry(slot)?.item.id.clone(), score)))
                .collect()
        })
    }

    fn with_scope<T>(
        &self,
        request: &Request,
        collaborative: &Collaborative,
        settings: &Settings,
        now: Timestamp,
        with: impl FnOnce(&Scope<'_>, &[Member<'_>]) -> T,
    ) -> T {
        let nobody = Taste::default();
        let mut users: Vec<Option<&UserId>> = Vec::new();
        for user in &request.users {
            if users.len() < settings.group_max && !users.contains(&Some(user)) {
                users.push(Some(user));
            }
        }
        if users.is_empty() {
            users.push(None);
        }
        let circumstances = circumstances_of(&request.context, settings.circumstances_per_event_max);
        let viewpoints: Vec<Viewpoint<'_>> = users
            .iter()
            .map(|user| {
                let person = user.and_then(|user| self.household.person(user));
                let taste = person.map_or(&nobody, |person| &person.state.taste);
                Viewpoint::new(taste, circumstances.clone(), &self.catalogue, settings, now)
            })
            .collect();
        let members: Vec<Member<'_>> = users
            .iter()
            .zip(&viewpoints)
            .map(|(user, viewpoint)| Member { user: *user, weights: self.weights(viewpoint.taste, settings) })
            .collect();
        let query = request.query.as_ref().map(|query| PreparedQuery::new(query, &self.catalogue));
        let mut allowed = self.allowed(request, &viewpoints, query.as_ref(), now);
        let unmatched =
            query.as_ref().is_some_and(|query| query.cut_off(&mut allowed, settings.relevance_min));
        let walks: Vec<Option<Walk>> =
            users.iter().map(|user| user.and_then(|user| self.walk(user, collaborative, &allowed))).collect();
        let scope = Scope {
            catalogue: &self.catalogue,
            household: &self.household,
            settings,
            viewpoints: &viewpoints,
            walks: &walks,
            query: query.as_ref(),
            popularity_max: self.household.popularity_max(now.unix_ms(), settings),
            allowed: &allowed,
            unmatched,
            now,
        };
        with(&scope, &members)
    }

    /// By slot, whether the item may be in the list.
    fn allowed(
        &self,
        request: &Request,
        viewpoints: &[Viewpoint<'_>],
        query: Option<&PreparedQuery>,
        now: Timestamp,
    ) -> Vec<bool> {
        let mut allowed = self.offered(&request.kinds, &request.filter, now);
        let mut forbid = |slot: Option<u32>| {
            if let Some(slot) = slot {
                allowed[slot as usize] = false;
            }
        };
        for item in &request.exclude {
            forbid(self.catalogue.slot(item));
        }
        for viewpoint in viewpoints {
            for (item, tally) in &viewpoint.taste.items {
                if viewpoint.withholds(tally, request.seen) {
                    forbid(self.catalogue.slot(item));
                }
            }
        }
        // An item is no answer to "like this item".
        forbid(query.and_then(PreparedQuery::like));
        allowed
    }

    /// By slot, whether the item is of one of the kinds (all if none is named), meets the filter and
    /// has not expired.
    pub(crate) fn offered(&self, kinds: &[String], filter: &Filter, now: Timestamp) -> Vec<bool> {
        let unfiltered = *filter == Filter::default();
        let numbers: Vec<u32> = kinds.iter().filter_map(|kind| self.catalogue.kind(kind)).collect();
        let offers = |slot: usize, facts: &Facts| {
            facts.used
                && (kinds.is_empty() || numbers.contains(&facts.kind))
                && now < facts.expires_at
                && (unfiltered
                    || self.catalogue.entry(slot as u32).is_some_and(|entry| filter.allows(&entry.item)))
        };
        self.catalogue.facts().iter().enumerate().map(|(slot, facts)| offers(slot, facts)).collect()
    }

    /// A person's weights by these settings: the priors, moved by what the house's choices teach while there are few of
    /// the person's own, and by the person's own.
    pub(crate) fn weights(&self, taste: &Taste, settings: &Settings) -> BTreeMap<Feature, f32> {
        let shared = self.shared_weights.get_or_init(|| self.household.shared_weights(&self.settings));
        let trust = settings.household_lessons / (settings.household_lessons + taste.lessons as f32).max(1.0);
        Feature::ALL
            .into_iter()
            .map(|feature| {
                let prior = settings.prior(feature);
                let bound = settings.learning_bound * prior.abs();
                let own = taste.weights.get(feature.name()).map_or(0.0, |weight| weight.own);
                let shared = shared.get(&feature).copied().unwrap_or(0.0);
                (feature, prior + (own + trust * shared).clamp(-bound, bound))
            })
            .collect()
    }

    fn walk(&self, user: &UserId, collaborative: &Collaborative, allowed: &[bool]) -> Option<Walk> {
        let number = self.household.person(user)?.number;
        let history = collaborative.history(number);
        let affinity = collaborative.affinity(history, Some(number), &mut Scratch::default())?;
        let trust = affinity.evidence / (affinity.evidence + KINSHIP_HALF);
        let mut projected = self.projected(&affinity.scores, collaborative, allowed);
        let (mut scores, most) = affinity.normalised(allowed)?;
        scores.iter_mut().for_each(|score| *score *= trust);
        projected.iter_mut().for_each(|score| *score = trust * rounded(*score / most));
        Some(Walk { scores, projected })
    }

    /// What the scores say of the items that are allowed and that few liked, by content: by slot, at
    /// least 0.
    fn projected(&self, scores: &[f32], collaborative: &Collaborative, allowed: &[bool]) -> Vec<f32> {
        let Some(coefficients) = self.household.projection.fit(scores) else { return Vec::new() };
        let weight = |slot: u32| projection::weight(collaborative.likers(slot));
        let wanted: Vec<bool> =
            (0..).zip(allowed).map(|(slot, allowed)| *allowed && weight(slot) > 0.0).collect();
        let mut scores = self.catalogue.project(&coefficients, &wanted);
        (0..).zip(&mut scores).for_each(|(slot, score)| *score = weight(slot) * score.max(0.0));
        scores
    }
}

/// Scores one candidate. What several people feel counts by the mean; what was asked for is nobody's
/// own.
fn row(slot: u32, scope: &Scope<'_>, members: &[Member<'_>]) -> Option<Row> {
    let settings = scope.settings;
    let entry = scope.catalogue.entry(slot)?;
    let item = &entry.item;
    let now = scope.now.unix_ms();
    let recency = freshness(scope.catalogue.facts().get(slot as usize)?, scope.now, settings);
    let share = 1.0 / members.len() as f32;
    let mut columns = Columns {
        similarity: 0.0,
        novelty: 0.0,
        popularity: 0.0,
        recency,
        play_count: 0.0,
        days_since_last: f32::NAN,
    };
    let (mut summands, mut least) = (Vec::with_capacity(8 * members.len()), f32::INFINITY);
    let (mut known, mut shown): (f32, f32) = (0.0, 0.0);
    for ((member, viewpoint), walk) in members.iter().zip(scope.viewpoints).zip(scope.walks) {
        let tally = viewpoint.tally(&item.id);
        let liking = scope.household.popularity_with_others(slot, tally, now, settings);
        let surroundings = Surroundings {
            popularity: popularity_value(liking, scope.popularity_max),
            freshness: recency,
            collaborative: walk.as_ref().map_or(0.0, |walk| walk.score(slot)),
            projected: walk.as_ref().map_or(0.0, |walk| walk.projected(slot)),
        };
        let observations = viewpoint.observe(slot, surroundings);
        let value = |feature| {
            observations.iter().find(|o| o.feature == feature).map_or(0.0, |o: &Observation| o.value)
        };
        let (liked, avoided) = (value(Feature::Liked), value(Feature::Avoided));
        known = known.max(liked).max(avoided);
        columns.similarity += share * liked;
        columns.popularity += share * surroundings.popularity;
        columns.novelty += share * if tally.is_some_and(|t| t.plays > 0) { 0.0 } else { 1.0 - liked };
        if let Some(tally) = tally {
            shown = shown.max(tally.ignored.left(now, settings.ignored_half_life_days));
            columns.play_count += tally.plays as f32;
            let days = scope.now.days_since(Timestamp::from_unix_ms(tally.last_at)).max(0.0) as f32;
            columns.days_since_last = columns.days_since_last.min(days);
        }
        let alone: f32 = observations
            .iter()
            .map(|o| member.weights.get(&o.feature).copied().unwrap_or(0.0) * o.value)
            .sum();
        least = least.min(settings.bias + alone);
        let user = if members.len() > 1 { member.user.cloned() } else { None };
        summands.extend(observations.into_iter().map(|observation| {
            let weight = member.weights.get(&observation.feature).copied().unwrap_or(0.0) * share;
            Summand::new(observation, weight, user.clone())
        }));
    }
    summands.extend(asked(slot, scope));
    summands.retain(|summand| summand.weight != 0.0 && summand.weight.is_finite());
    let log_odds = log_odds(settings.bias, summands.iter().map(|summand| summand.weight));
    let deviation = deviation(known, shown, settings);
    Some(Row { item: Arc::clone(item), summands, log_odds, least, known, deviation, columns })
}

/// How much knowing things like an item wholly tells of it, in judgements of the item itself.
const KNOWN_WORTH: f32 = 8.0;

/// The standard deviation of what is believed of an item's log-odds: that of `Feature::Explore` where
/// nothing is known, and smaller by the square root of all that tells of it, as the deviation of a mean:
/// how well things like it are `known`, in `[0, 1]`, and how often it was `shown` of late.
fn deviation(known: f32, shown: f32, settings: &Settings) -> f32 {
    let unknown = settings.prior(Feature::Explore).max(0.01);
    unknown / (1.0 + KNOWN_WORTH * known.clamp(0.0, 1.0) + shown.clamp(0.0, KNOWN_WORTH)).sqrt()
}

/// The summands of what was asked for.
fn asked(slot: u32, scope: &Scope<'_>) -> Vec<Summand> {
    let Some(query) = scope.query else { return Vec::new() };
    let fit = query.fit(slot);
    let like = query.like().and_then(|like| scope.catalogue.entry(like));
    let like = like.map_or(Evidence::None, |entry| Evidence::Item(entry.item.id.clone(), None));
    [(Feature::Query, fit.asked, Evidence::Query(fit.modality)), (Feature::LikeThis, fit.like, like)]
        .into_iter()
        .map(|(feature, value, evidence)| {
            let observation = Observation { feature, value, evidence };
            Summand::new(observation, scope.settings.prior(feature), None)
        })
        .collect()
}
