//! Looks for what is wrong with an installation, without changing anything of it.
//!
//! Each check gives what was found and, unless all is well, what to do. It may run beside the
//! daemon: what only one process can open is then left to the daemon's own status.

use std::io;

use serde::Serialize;

use crate::config::Config;

mod broker;
mod content;
mod daemon;
mod place;
mod plugins;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All is well.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work.
    Fail,
}

impl Outcome {
    /// The word that is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    #[serde(rename = "check")]
    pub name: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// What was found.
    pub finding: String,
    /// What to do; absent if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Check {
    /// All is well.
    #[must_use]
    pub fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, finding: finding.into(), advice: None }
    }

    /// It works, but not as well as it could.
    #[must_use]
    pub fn warn(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warn, finding: finding.into(), advice: Some(advice.into()) }
    }

    /// It does not work.
    #[must_use]
    pub fn fail(name: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Fail, finding: finding.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything that `config` names, in the order in which a daemon needs it.
///
/// # Errors
///
/// The system has no event loop for us, so the checks cannot be made.
pub fn examine(config: &Config) -> io::Result<Vec<Check>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let daemon = runtime.block_on(daemon::examine(&config.http));
    let mut checks = content::examine_models(config);
    checks.extend(plugins::examine(config));
    checks.push(content::examine_media(config));
    checks.push(content::examine_ffmpeg(config));
    checks.push(place::examine_store(&config.store.path, daemon.answers));
    checks.push(place::examine_disk(&config.store.path));
    checks.push(daemon.check);
    checks.extend(runtime.block_on(broker::examine(&config.mqtt, daemon.answers)));
    checks.push(plugins::examine_engine(config.plugins.engine));
    Ok(checks)
}
