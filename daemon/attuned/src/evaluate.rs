//! How well recommenders rank what people went on to choose, on recorded interactions.
//!
//! Owns the reading of data folders, the splits, the measures with their intervals, and the
//! recommenders that are compared; the daemon's own engine is one of them, through the calls that
//! the daemon makes. It knows nothing of the command line and of how a report is shown.
//!
//! `folder` (files → [`Data`]) → `split` (what is known, what is asked) → `ranker` (scores) →
//! `ranking`, `lists`, `judging` (figures) → `bootstrap` (intervals) → `report`.

mod ablation;
pub mod bootstrap;
pub mod data;
pub mod folder;
pub mod judging;
pub mod lists;
mod measuring;
pub mod page;
mod plot;
mod prequential;
pub mod ranker;
pub mod ranking;
pub mod report;
pub mod run;
pub mod split;

pub use data::{Data, Wrong};
pub use ranker::Kind;
pub use report::Report;
pub use run::{Plan, Progress, evaluate};
pub use split::Split;
