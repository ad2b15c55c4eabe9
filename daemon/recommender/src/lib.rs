//! The recommender: events in, ranked list out.
//!
//! Owns what is known about items, users and the household, and every decision about ranking. It
//! knows nothing of files, networks, models, plugins' sandboxes or clocks: time, randomness and
//! embeddings come in as values, and the same inputs give the same list.

pub mod context;
pub mod embedding;
pub mod event;
pub mod id;
pub mod item;
pub mod modality;
pub mod recommendation;
pub mod request;
pub mod ruling;
pub mod time;

pub use context::{Context, Value};
pub use embedding::{Embedding, EmbeddingError, SEMANTIC_DIM};
pub use event::{Comment, Event, EventType};
pub use id::{EventId, IdError, ItemId, PluginId, RequestId, SlotId, UserId};
pub use item::{Content, Item, Label, ModelEmbedding};
pub use modality::Modality;
pub use recommendation::{Ranked, Reason, ReasonKind};
pub use request::{Filter, FilterError, Query, Request};
pub use time::Timestamp;
