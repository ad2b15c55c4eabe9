//! The recommender: events in, ranked list out.
//!
//! Owns what is known about items, users and the household, and every decision about ranking. It
//! knows nothing of files, networks, models, plugins' sandboxes or clocks: time, randomness and
//! embeddings come in as values, and the same inputs give the same list.
//!
//! # Reading it
//!
//! [`Recommender`] takes [`Input`]s and answers [`Request`]s in two steps, between which rules may
//! change the scores: [`Recommender::shortlist`], then [`Recommender::rank`].
//!
//! - Learning: `feedback` (what an event says) → `taste` (one step a event) → `state` (what is
//!   stored). The latest events are kept beside the taste before them, so undoing is exact.
//! - Looking: `catalogue` (items as rows of vectors), `outlook` (liked and disliked items and the
//!   interests they form), `weariness` (tags that were just turned away from), `household` (popularity), `collaborative` (who liked what, in which order),
//!   `projection` (what that says of items that nobody liked yet, by their content).
//! - Choosing: `candidates` (named sources) → `viewpoint` (what each `feature` says of an item) →
//!   `scoring` (weighted sum) → `rerank` (rules, diversity, the person's mix, limits, exploring,
//!   pins) →
//!   `reasons` (which `phrase` says it).
//! - Expecting: `expectation`, whether they would begin, finish and like an item, by what was judged
//!   (`opinions`).
//! - Judging other policies by what was shown: `off_policy`.
//! - Asking: `search`, by how likely a match is (`relevance`); showing: `profile`.
//! - Fitting: `tuning` finds what holds for this house, of itself from its `past`; a `shadow` is compared
//!   with what is in use. Every other constant is in `settings`.
//!
//! # What always holds
//!
//! A score is the bias plus the weights of its reasons. A person's negative events move no other
//! person's list. Slots of the catalogue decide no order; ties go by item id.

pub mod candidates;
mod catalogue;
mod collaborative;
mod column;
pub mod context;
mod descriptor;
pub mod embedding;
pub mod event;
mod expectation;
pub mod feature;
mod feedback;
mod household;
pub mod id;
pub mod item;
pub mod language;
pub mod modality;
pub mod off_policy;
mod opinions;
mod outlook;
mod parallel;
mod past;
mod phrase;
pub mod profile;
mod projection;
mod random;
mod reasons;
pub mod recommendation;
pub mod recommender;
mod relevance;
pub mod request;
mod rerank;
pub mod ruling;
mod scoring;
pub mod search;
pub mod settings;
mod shadow;
pub mod shortlist;
mod sketch;
mod space;
pub mod state;
mod taste;
pub mod time;
pub mod tuning;
mod vector;
mod viewpoint;
mod weariness;

pub use candidates::Source;
pub use collaborative::{DeepWalk, Recipe, Sequence};
pub use column::Column;
pub use context::{Context, Value};
pub use embedding::{Embedding, EmbeddingError, SEMANTIC_DIM};
pub use event::{Comment, Event, EventType};
pub use expectation::Expectation;
pub use feature::Feature;
pub use id::{EventId, IdError, ItemId, PluginId, RequestId, SlotId, UserId};
pub use item::{Content, FusedContent, Item, Label, ModelEmbedding};
pub use language::Language;
pub use modality::Modality;
pub use past::TunedOnPast;
pub use profile::ProfileView;
pub use recommendation::{Ranked, Reason, ReasonKind};
pub use recommender::{Input, Recommender};
pub use request::{Filter, FilterError, Query, Request};
pub use ruling::{Adjustment, Batch, Effect};
pub use search::{Found, Match};
pub use settings::{DiversityMethod, Settings};
pub use shadow::{Explored, Instead};
pub use shortlist::Shortlist;
pub use state::{HouseholdState, UserState};
pub use time::Timestamp;
pub use tuning::Tuning;
