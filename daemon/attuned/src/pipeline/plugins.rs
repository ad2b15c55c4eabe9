//! Changing the plugins of a running daemon. New ones are loaded and checked beside the requests, and
//! put in place between two of them: none fails, and none sees two versions.

use std::sync::{Arc, Weak};
use std::time::Duration;

use attuned_recommender::PluginId;

use super::{Pipeline, Shared, now};
use crate::document::{PluginLogDocument, PluginsDocument, Rejection, RejectionCode};
use crate::plugins::{Plugins, Stamp};

/// How often it is looked whether something was installed or decided.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The plugins, and a turn: they are changed by one at a time.
pub(super) struct Reloads {
    plugins: Arc<Plugins>,
    turn: tokio::sync::Mutex<Stamp>,
}

impl Reloads {
    pub(super) fn new(plugins: Plugins) -> Self {
        Self { turn: tokio::sync::Mutex::new(plugins.opened()), plugins: Arc::new(plugins) }
    }
}

impl Pipeline {
    /// The plugins that run.
    ///
    /// # Errors
    ///
    /// The plugins' thread is gone: our own fault.
    pub async fn plugins(&self) -> Result<PluginsDocument, Rejection> {
        self.shared.plugins_document().await
    }

    /// Loads what was installed or decided since, and those of these ids in any case. One that cannot
    /// be loaded goes on as it ran before, and is named.
    ///
    /// # Errors
    ///
    /// An id is none, or the plugins' thread is gone.
    pub async fn reload_plugins(&self, anew: &[String]) -> Result<PluginsDocument, Rejection> {
        let ids = anew.iter().map(|id| plugin_id(id)).collect::<Result<Vec<_>, Rejection>>()?;
        let shared = Arc::clone(&self.shared);
        // A component with an interpreter in it may take longer to compile than whoever asked waits: what
        // was begun is put in place then, too.
        let reloaded = tokio::spawn(async move {
            let mut turn = shared.plugins.turn.lock().await;
            shared.reload_plugins(&mut turn, ids).await
        });
        reloaded.await.map_err(|error| {
            Rejection::new(RejectionCode::Internal, format!("plugins could not be loaded: {error}"))
        })??;
        self.shared.plugins_document().await
    }

    /// What a plugin has said.
    ///
    /// # Errors
    ///
    /// No such plugin runs.
    pub async fn plugin_log(&self, id: &str) -> Result<PluginLogDocument, Rejection> {
        let plugin = plugin_id(id)?;
        let names = self.shared.rules.all_names();
        if !names.iter().any(|name| name == id) {
            let names = if names.is_empty() { "nothing, as none runs".to_owned() } else { names.join(", ") };
            let message = format!("plugin `{id}` does not run, expected {names}");
            return Err(Rejection::new(RejectionCode::NotFound, message));
        }
        let lines = self.shared.rules.log(plugin).await?;
        Ok(PluginLogDocument { id: id.to_owned(), lines: lines.into_iter().map(Into::into).collect() })
    }
}

impl Shared {
    async fn plugins_document(&self) -> Result<PluginsDocument, Rejection> {
        let plugins = self.rules.list().await?.into_iter().map(Into::into).collect();
        let degraded = self.degraded.borrow().iter().filter(|part| part.part == "plugin").cloned().collect();
        Ok(PluginsDocument { plugins, degraded })
    }

    async fn reload_plugins(&self, turn: &mut Stamp, anew: Vec<PluginId>) -> Result<(), Rejection> {
        let plugins = Arc::clone(&self.plugins.plugins);
        // The stamp is from before: what changes while this is loaded is seen the next time.
        *turn = plugins.stamp();
        let change = tokio::task::spawn_blocking(move || plugins.change(&anew, now())).await;
        let change = change.map_err(|error| {
            Rejection::new(RejectionCode::Internal, format!("plugins could not be loaded: {error}"))
        })?;
        for plugin in &change.degraded {
            tracing::error!(plugin = plugin.name, reason = plugin.reason, "plugin not loaded");
        }
        self.rules.replace(change.chain).await?;
        tracing::info!(plugins = ?self.rules.all_names(), "plugins loaded");
        self.degraded.send_modify(|degraded| {
            degraded.retain(|part| part.part != "plugin");
            degraded.extend(change.degraded);
        });
        Ok(())
    }
}

/// Loads what somebody installs or decides, until the pipeline is gone.
pub(super) async fn watch(pipeline: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = pipeline.upgrade() else { return };
        let mut turn = shared.plugins.turn.lock().await;
        if shared.plugins.plugins.stamp() != *turn
            && let Err(rejection) = shared.reload_plugins(&mut turn, Vec::new()).await
        {
            tracing::error!(reason = %rejection, "plugins stay as they are");
        }
    }
}

fn plugin_id(id: &str) -> Result<PluginId, Rejection> {
    PluginId::parse(id).map_err(|error| Rejection::invalid(format!("plugin: {error}")))
}
