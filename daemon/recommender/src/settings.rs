//! Every constant of the recommender, with its unit. The defaults are the documented behaviour.

use std::collections::{BTreeMap, BTreeSet};

use crate::candidates::Source;
use crate::event::EventType;
use crate::feature::Feature;
use crate::id::UserId;
use crate::language::Language;
use crate::modality::Modality;

/// What can be tuned. Where no source is named, the value was chosen on synthetic subjects whose
/// cosines are like those of sentence embeddings, and on descriptions of real software in six
/// categories: 0.33 ± 0.11 within a category, 0.17 ± 0.10 between categories.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Log-odds of an item of which nothing is known.
    pub bias: f32,
    /// What a feature at its full value adds to the log-odds before anything is learnt.
    pub priors: BTreeMap<Feature, f32>,
    /// How much of the shortlist each source may fill, relative to the others.
    pub quotas: BTreeMap<Source, f32>,
    /// The share of each modality in an item's fused vector. A picture beside words counts 0.3:
    /// the best value in caption-to-photo search over 80 COCO photos.
    pub fusion: BTreeMap<Modality, f32>,

    /// By what the strength of each type of event is multiplied, at least 0; absent means 1.
    pub event_weights: BTreeMap<EventType, f32>,
    /// Days until a positive event counts half.
    pub liking_half_life_days: f64,
    /// Days until a positive event counts half as part of the mood of these days, and the share that
    /// this mood adds to what counts for long.
    pub mood_half_life_days: f64,
    /// See `mood_half_life_days`; 0 means that only the long taste counts.
    pub mood_share: f32,
    /// Days until a negative event counts half.
    pub disliking_half_life_days: f64,
    /// Days until an event counts half for how popular an item is.
    pub popularity_half_life_days: f64,
    /// Days until an item is half as fresh.
    pub freshness_half_life_days: f64,
    /// Days until having been shown in vain counts half.
    pub ignored_half_life_days: f64,
    /// Days for which a skipped item is left out.
    pub skip_rest_days: f64,
    /// Days by which an event may be late and still be weighed by its own time; later ones count as
    /// this late, so that a clock that ran ahead once does not silence a person for good.
    pub lateness_days_max: f64,

    /// Cosine from which on an item resembles a liked one, and at which it resembles it fully.
    pub liked_cosines: (f32, f32),
    /// The same for disliked ones: the floor is about what unrelated subjects share, so that one
    /// skipped subject does not drag others down.
    pub disliked_cosines: (f32, f32),
    /// The most that one disliked item counts against another, before its strength: a single skip
    /// lowers a subject, three take it from the list.
    pub disliked_share_max: f32,
    /// The same in a modality's own space, after the space's mean cosine was taken off.
    pub medium_cosines: (f32, f32),
    /// Cosine from which on two liked items belong to the same interest.
    pub interest_cosine: f32,
    /// How much a later opposite event takes from an earlier one on a fully related item, in `[0, 1]`.
    pub relief: f32,

    /// Step of the weights' learning (AdaGrad).
    pub learning_rate: f32,
    /// How far a weight may move, as a share of its prior; below 1, so that no sign ever turns.
    pub learning_bound: f32,
    /// Lessons a person needs until the household's weights count half for them.
    pub household_lessons: f32,

    /// Least relevance, in `[0, 1]`, with which an item is an answer to a query: it must match one of
    /// the query's parts at least this likely. 0 leaves nothing out.
    pub relevance_min: f32,

    /// How different the items of a list should be when the request does not say, in `[0, 1]`.
    ///
    /// Items are told apart by meaning or tags, and the more people like anything in the house, the more
    /// by who likes them; what nobody likes, by meaning or tags alone.
    pub diversity: f32,
    /// How the items of a list are kept different.
    pub diversity_method: DiversityMethod,
    /// Of [`DiversityMethod::Mmr`]: log-odds that full similarity to an item above costs at diversity 1.
    pub mmr_weight: f32,
    /// Of [`DiversityMethod::Dpp`]: log-odds that it costs at diversity 1 that the part of its own is
    /// smaller by a factor of e. Chosen on half of MovieLens 100k's people so that diversity 0.4 costs
    /// their lists nothing (`tests/engine/unlike.rs` has the figures).
    pub dpp_weight: f32,
    /// How closely a list should keep to the mix of subjects that a person likes when the request does
    /// not say, in `[0, 1]`.
    pub calibration: f32,
    /// Log-odds that a subject with far more than its share of the places above costs at calibration 1.
    pub calibration_weight: f32,
    /// Most items of one provider in a list; 0 means any number.
    pub per_provider_max: usize,
    /// Most items of one kind in a list that is not asked for one kind alone; 0 means any number.
    pub per_kind_max: usize,
    /// How often a person may have played an item that is still shown where seen ones are asked for;
    /// 0 means any number.
    pub plays_max: u32,
    /// The share of a list's places that are explored where the request allows it, in `[0, 1]`.
    pub explore_share: f32,
    /// Children: their lists are never explored.
    pub children: BTreeSet<UserId>,
    /// The language of reasons where the request does not say.
    pub language: Language,
    /// Log-odds below which an item would make a member of a group miserable.
    pub misery_log_odds: f32,

    /// Most items a request is answered with.
    pub list_max: usize,
    /// Most candidates that are scored for one request.
    pub candidates_max: usize,
    /// Most candidates among which diversity is sought.
    pub rerank_max: usize,
    /// Most items in the catalogue; further ones are not taken.
    pub items_max: usize,
    /// Most people; the one who has done nothing for longest is forgotten for a new one.
    pub users_max: usize,
    /// Most people a group list is made for; further ones are not considered.
    pub group_max: usize,
    /// Most items remembered of one person; the one untouched for longest is forgotten first,
    /// hidden ones last.
    pub items_per_user_max: usize,
    /// Latest events of a person that can be undone.
    pub undo_max: usize,
    /// Most tags remembered of one person.
    pub tags_per_user_max: usize,
    /// Most kinds remembered of one person.
    pub kinds_per_user_max: usize,
    /// Most pairs of circumstance and kind remembered of one person.
    pub circumstances_per_user_max: usize,
    /// Most circumstances of one event that count.
    pub circumstances_per_event_max: usize,
    /// Most comments remembered of one person.
    pub remarks_per_user_max: usize,
    /// Most liked items that an item is compared with.
    pub liked_exemplars_max: usize,
    /// Most disliked items that an item is compared with.
    pub disliked_exemplars_max: usize,
    /// Most liked items that an item is compared with in a modality's own space.
    pub medium_exemplars_max: usize,
    /// Most interests of one person that are searched for candidates.
    pub interests_max: usize,
    /// Most tags of one item that count.
    pub tags_per_item_max: usize,
}

/// How the items of a list are kept different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiversityMethod {
    /// An item pays for its greatest likeness to one above: maximal marginal relevance.
    /// Source: Carbonell, Goldstein, SIGIR 1998.
    #[default]
    Mmr,
    /// An item pays for what all items above have of it together: a determinantal point process.
    /// Source: Chen, Zhang, Zhou, NeurIPS 2018.
    Dpp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bias: -1.0,
            priors: Feature::ALL.into_iter().map(|feature| (feature, feature.prior())).collect(),
            quotas: Source::ALL.into_iter().map(|source| (source, source.quota())).collect(),
            fusion: Modality::ALL
                .into_iter()
                .map(|modality| match modality {
                    Modality::Text => (modality, 0.7),
                    Modality::Image => (modality, 0.3),
                    Modality::Audio => (modality, 0.3),
                    Modality::Video => (modality, 0.3),
                })
                .collect(),
            event_weights: BTreeMap::new(),
            liking_half_life_days: 120.0,
            mood_half_life_days: 3.0,
            mood_share: 0.0,
            disliking_half_life_days: 45.0,
            popularity_half_life_days: 30.0,
            freshness_half_life_days: 14.0,
            ignored_half_life_days: 7.0,
            skip_rest_days: 14.0,
            lateness_days_max: 30.0,
            liked_cosines: (0.12, 0.6),
            disliked_cosines: (0.15, 0.4),
            disliked_share_max: 0.35,
            medium_cosines: (0.1, 0.7),
            interest_cosine: 0.4,
            relief: 0.35,
            learning_rate: 0.1,
            learning_bound: 0.4,
            household_lessons: 20.0,
            relevance_min: 0.5,
            diversity: 0.3,
            diversity_method: DiversityMethod::Mmr,
            mmr_weight: 1.5,
            dpp_weight: 4.5,
            calibration: 0.0,
            calibration_weight: 32.0,
            per_provider_max: 0,
            per_kind_max: 0,
            plays_max: 0,
            explore_share: 0.1,
            language: Language::En,
            children: BTreeSet::new(),
            misery_log_odds: -2.0,
            list_max: 1_000,
            candidates_max: 300,
            rerank_max: 200,
            items_max: 200_000,
            users_max: 10_000,
            group_max: 16,
            items_per_user_max: 5_000,
            undo_max: 64,
            tags_per_user_max: 512,
            kinds_per_user_max: 64,
            circumstances_per_user_max: 512,
            circumstances_per_event_max: 8,
            remarks_per_user_max: 8,
            liked_exemplars_max: 32,
            disliked_exemplars_max: 16,
            medium_exemplars_max: 8,
            interests_max: 8,
            tags_per_item_max: 32,
        }
    }
}

impl Settings {
    /// The prior weight of a feature; 0 if it was taken out of `priors`.
    #[must_use]
    pub fn prior(&self, feature: Feature) -> f32 {
        self.priors.get(&feature).copied().unwrap_or(0.0)
    }
}
