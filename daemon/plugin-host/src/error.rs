//! What can go wrong, cut by what the daemon does about it.

use std::fmt;

use attuned_recommender::PluginId;

use crate::Engine;

/// Why a plugin, or no plugin at all, can be used.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The package breaks the contract. It stays out until its files or the consent change.
    #[error("plugin `{plugin}`: {reason}")]
    Refused {
        /// Its id, or its folder's name where the id is not known yet.
        plugin: String,
        /// One sentence: the field, the value, and what was expected.
        reason: String,
    },
    /// A file cannot be read. Try again when it can.
    #[error("plugin `{plugin}`: cannot read `{file}`: {source}")]
    Unreadable {
        /// Its id, or its folder's name where the id is not known yet.
        plugin: String,
        /// The file's name in the package.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder of installed plugins cannot be changed. Nothing has changed; a person must act.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The sandbox cannot run here. Go on without plugins, and say so.
    #[error("plugin engine `{engine}` cannot start: {reason}")]
    NoEngine {
        /// Which engine.
        engine: Engine,
        /// What is missing.
        reason: String,
    },
}

impl PluginError {
    pub(crate) fn refused(plugin: &str, reason: String) -> PluginError {
        PluginError::Refused { plugin: plugin.to_owned(), reason }
    }
}

/// Why a plugin contributed nothing to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It used up its fuel.
    Fuel,
    /// It passed its time limit.
    Deadline,
    /// It wanted more memory than it may have, and stopped.
    Memory,
    /// It panicked or did what WebAssembly forbids.
    Trap,
    /// It said that it cannot answer.
    Failed,
    /// Its answer breaks the contract.
    BrokeContract,
    /// It failed too often and was not asked.
    CircuitOpen,
    /// The plugins before it used up the time of all.
    ChainBudget,
}

impl Cause {
    /// The word used in documents and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Fuel => "fuel",
            Cause::Deadline => "deadline",
            Cause::Memory => "memory",
            Cause::Trap => "trap",
            Cause::Failed => "failed",
            Cause::BrokeContract => "broke_contract",
            Cause::CircuitOpen => "circuit_open",
            Cause::ChainBudget => "chain_budget",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A plugin that contributed nothing to a request, though it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// Which plugin.
    pub plugin: PluginId,
    /// Why, for counting.
    pub cause: Cause,
    /// Why, in one sentence that does not name the plugin.
    pub message: String,
}

/// Why one call had no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

impl CallError {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

/// The longest prefix of `text` that has at most `bytes_max` bytes and whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
