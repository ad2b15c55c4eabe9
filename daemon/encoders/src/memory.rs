//! The models that are in memory: loaded when they are first used, one at a time, within a budget,
//! and let go when they have not been used for a while.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ModelError;
use crate::model::Model;
use crate::network::Runtime;

/// What a model takes in memory beside its weights: the plan, the tokenizer, one run's arrays.
const BESIDE_WEIGHTS_BYTES: u64 = 8 << 20;

/// What can be loaded from a model's folder.
pub(crate) trait Loadable: Send + Sync + Sized + 'static {
    /// Reads and prepares everything that runs need.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the model is not what its `model.toml` says.
    fn load_from(model: &Model, runtime: Runtime) -> Result<Self, ModelError>;
}

/// The models in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes_max: u64,
    runtime: Runtime,
    residents: Mutex<BTreeMap<Key, Resident>>,
    /// Held while a model is loaded, so that two that load do not take the room twice over, and
    /// those who want the same one wait for the one load.
    loading: Mutex<()>,
}

/// Folder, and name with version.
type Key = (PathBuf, String);

/// A model that was asked for, or why it cannot be had.
#[derive(Debug)]
struct Resident {
    model: Result<Arc<dyn Any + Send + Sync>, ModelError>,
    used: Instant,
    bytes: u64,
}

impl Memory {
    /// Holds nothing yet; models together take about `bytes_max` at most, one alone more if it must.
    pub fn new(bytes_max: u64, runtime: Runtime) -> Memory {
        Memory { bytes_max, runtime, residents: Mutex::default(), loading: Mutex::default() }
    }

    /// The loaded model; loads it if it is not in memory. Before that, those that were not used for
    /// the longest time are let go until there is room; runs of theirs that are in progress end
    /// first.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`], the same one until [`Memory::clear`].
    pub fn get<T: Loadable>(&self, model: &Model) -> Result<Arc<T>, ModelError> {
        let key = key(model);
        if let Some(there) = self.resident(&key) {
            return there;
        }
        let _one_at_a_time = lock(&self.loading);
        if let Some(there) = self.resident(&key) {
            return there;
        }
        let bytes = estimated_bytes(model);
        self.make_room(bytes);
        let loaded = T::load_from(model, self.runtime).map(Arc::new);
        match &loaded {
            Ok(_) => tracing::debug!(model = model.id(), "model loaded"),
            Err(problem) => tracing::warn!(%problem, "model refused"),
        }
        let resident = Resident {
            model: loaded.clone().map(|model| model as Arc<dyn Any + Send + Sync>),
            used: Instant::now(),
            bytes: if loaded.is_ok() { bytes } else { 0 },
        };
        lock(&self.residents).insert(key, resident);
        loaded
    }

    /// Whether it is in memory.
    pub fn holds(&self, model: &Model) -> bool {
        lock(&self.residents).get(&key(model)).is_some_and(|resident| resident.model.is_ok())
    }

    /// Why it could not be loaded; `None` if that was not tried, or went well.
    pub fn refusal(&self, model: &Model) -> Option<ModelError> {
        lock(&self.residents).get(&key(model))?.model.as_ref().err().cloned()
    }

    /// Lets go of everything; what could not be loaded may be tried again.
    pub fn clear(&self) {
        lock(&self.residents).clear();
    }

    /// Forgets what could not be loaded, so that it is tried again.
    pub fn forget_refusals(&self) {
        lock(&self.residents).retain(|_, resident| resident.model.is_ok());
    }

    /// Lets go of what was not used since `idle` ago; gives how many models.
    pub fn unload_idle(&self, idle: Duration) -> usize {
        let mut residents = lock(&self.residents);
        let before = residents.len();
        residents.retain(|(_, id), resident| {
            let keep = resident.model.is_err() || resident.used.elapsed() < idle;
            if !keep {
                tracing::debug!(model = id, "model unloaded, as it was idle");
            }
            keep
        });
        before - residents.len()
    }

    fn resident<T: Loadable>(&self, key: &Key) -> Option<Result<Arc<T>, ModelError>> {
        let mut residents = lock(&self.residents);
        let resident = residents.get_mut(key)?;
        resident.used = Instant::now();
        Some(resident.model.clone().map(|model| {
            model.downcast::<T>().expect("a model's purpose decides its type, and never changes")
        }))
    }

    fn make_room(&self, bytes: u64) {
        let mut residents = lock(&self.residents);
        while residents.values().map(|resident| resident.bytes).sum::<u64>() + bytes > self.bytes_max {
            let stalest = residents
                .iter()
                .filter(|(_, resident)| resident.model.is_ok())
                .min_by_key(|(_, resident)| resident.used)
                .map(|(key, _)| key.clone());
            let Some(stalest) = stalest else { return };
            tracing::debug!(model = stalest.1, "model unloaded to make room");
            residents.remove(&stalest);
        }
    }
}

/// What a model takes in memory, by its files: weights of 16 bits are widened to 32, and beside that
/// tract keeps them packed for the matrix product. A guess on the safe side: MiniLM is 118 MB by it, and 108 to
/// 145 were seen.
fn estimated_bytes(model: &Model) -> u64 {
    let network = &model.document.network.file;
    let weights = model.document.file.iter().find(|file| file.path == *network).map_or(0, |file| file.bytes);
    model.bytes().saturating_add(weights.saturating_mul(2)).saturating_add(BESIDE_WEIGHTS_BYTES)
}

fn key(model: &Model) -> Key {
    (model.folder.clone(), model.id())
}

/// A panic while loading leaves nothing behind, so the lock is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
