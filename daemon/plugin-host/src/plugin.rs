//! One plugin: its package, its instance, and one call of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attuned_recommender::Timestamp;
use cpu_time::ThreadTime;
use wasmtime::component::{Component, Linker};
use wasmtime::{Store, Trap};

use crate::breaker::{Breaker, PluginState};
use crate::chain::Blame;
use crate::contract::{self, Prepared, Rule, types};
use crate::error::{CallError, Cause, PluginError, cut};
use crate::grants::{Consent, Grants};
use crate::limits::{ERROR_TEXT_BYTES, HOSTCALL_BYTES, MANIFEST_BYTES, WASM_STACK_BYTES};
use crate::log::Log;
use crate::manifest::Manifest;
use crate::sandbox::{Input, Plan, Sandbox};
use crate::setting;
use crate::shadow::ShadowReport;
use crate::ticker::{Ticker, ticks};

/// What happened to one plugin since it was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls of `rank`.
    pub calls: u64,
    /// Calls that had no result.
    pub failures: u64,
    /// The same by their causes; causes that never occurred are not there.
    pub failures_by_cause: BTreeMap<Cause, u64>,
    /// Requests in which it was not asked, as it had failed too often.
    pub left_out: u64,
    /// Requests in which it was not asked, as the plugins before it had used up the time of all.
    pub crowded_out: u64,
    /// How often it had failed so often that it was left out for a while.
    pub openings: u64,
    /// Verdicts on positions that were not there, or with values that were no numbers.
    pub dropped_verdicts: u64,
    /// Verdicts that went beyond what it may change, and were held to that.
    pub clamped_verdicts: u64,
    /// Verdicts that needed a grant which the plugin does not have.
    pub ungranted_verdicts: u64,
    /// Lines of its log that were not kept.
    pub dropped_log_lines: u64,
    /// Fuel that the newest call used.
    pub fuel_used: u64,
    /// Fuel that all calls used.
    pub fuel_total: u64,
    /// How long all calls took, in microseconds.
    pub micros_total: u64,
    /// How long the longest call took, in microseconds.
    pub micros_max: u64,
    /// The newest failure, in one sentence.
    pub last_failure: Option<String>,
}

impl Counters {
    pub(crate) fn failed(&mut self, error: &CallError) {
        self.failures += 1;
        *self.failures_by_cause.entry(error.cause).or_default() += 1;
        self.last_failure = Some(error.message.clone());
    }
}

pub(crate) struct Plugin {
    pub(crate) manifest: Manifest,
    pub(crate) interface: String,
    pub(crate) component_bytes: u64,
    pub(crate) grants: Grants,
    pub(crate) breaker: Breaker,
    pub(crate) counters: Counters,
    pub(crate) log: Log,
    /// See [`crate::BreakerRecord::fingerprint`].
    pub(crate) fingerprint: String,
    /// What it would have changed, if it runs in shadow.
    pub(crate) shadow: Option<ShadowReport>,
    pub(crate) blame: Blame,
    /// Processor time of the newest call.
    pub(crate) worked: Duration,
    plan: Arc<Plan>,
    component: Component,
    prepared: Box<dyn Prepared>,
    live: Option<Instance>,
}

struct Instance {
    store: Store<Sandbox>,
    rule: Box<dyn Rule>,
}

impl Plugin {
    /// Reads and checks the package in `folder`, and runs its `check`. `compile` makes a component of
    /// the bytes that have this hash.
    pub(crate) fn load(
        folder: &Path,
        consent: &Consent,
        linker: &Linker<Sandbox>,
        compile: impl FnOnce(&str, &[u8]) -> wasmtime::Result<Component>,
        ticker: &Ticker,
        now: Timestamp,
    ) -> Result<Plugin, PluginError> {
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let text = read(folder, &name, "plugin.toml", MANIFEST_BYTES)?;
        let manifest = Manifest::from_bytes(&text).map_err(|reason| PluginError::refused(&name, reason))?;
        let bytes_max = manifest.limits.component_bytes();
        let wasm = read(folder, manifest.id.as_str(), &manifest.wasm_file, bytes_max)?;
        Plugin::prepare(manifest, &wasm, consent, linker, compile, ticker, now)
    }

    /// Checks and compiles a component, and runs its `check`.
    pub(crate) fn prepare(
        manifest: Manifest,
        wasm: &[u8],
        consent: &Consent,
        linker: &Linker<Sandbox>,
        compile: impl FnOnce(&str, &[u8]) -> wasmtime::Result<Component>,
        ticker: &Ticker,
        now: Timestamp,
    ) -> Result<Plugin, PluginError> {
        let (id, file) = (manifest.id.clone(), &manifest.wasm_file);
        let refuse = |reason: String| PluginError::refused(id.as_str(), reason);
        manifest.check_component(wasm).map_err(refuse)?;
        let component = compile(&manifest.wasm_blake3, wasm)
            .map_err(|error| refuse(format!("`{file}` is no valid component: {}", sentence(&error))))?;
        let (interface, adapter) = contract::adapter_of(&component).map_err(refuse)?;
        let prepared = adapter
            .prepare(linker, &component)
            .map_err(|error| refuse(format!("`{file}` does not fit {interface}: {}", sentence(&error))))?;
        let grants = manifest.asked.both(consent.grants);
        let settings = setting::values(&manifest.settings, &consent.settings).map_err(refuse)?;
        let projection = manifest.projection.clone();
        let fingerprint = fingerprint(&manifest, consent);
        let mut plugin = Plugin {
            plan: Arc::new(Plan { projection, settings, item_ids: grants.item_ids }),
            manifest,
            interface,
            component_bytes: wasm.len() as u64,
            grants,
            breaker: Breaker::new(),
            counters: Counters::default(),
            log: Log::default(),
            fingerprint,
            blame: Blame::default(),
            worked: Duration::ZERO,
            shadow: consent.shadow.then(ShadowReport::default),
            component,
            prepared,
            live: None,
        };
        let checked = plugin.check(ticker, now);
        // The state of `check` is not kept for `rank`.
        plugin.release();
        checked.map_err(|error| refuse(format!("check: {}", error.message)))?;
        plugin.warm(ticker);
        Ok(plugin)
    }

    /// The hash of its component, and what was compiled from it.
    pub(crate) fn component(&self) -> (String, Component) {
        (self.manifest.wasm_blake3.clone(), self.component.clone())
    }

    pub(crate) fn release(&mut self) {
        self.live = None;
    }

    /// Takes a fresh instance if there is none, outside of any request's time: one with an interpreter in
    /// it has megabytes to copy. What goes wrong here goes wrong again in the next call, and is told
    /// there.
    pub(crate) fn warm(&mut self, ticker: &Ticker) {
        if self.live.is_none() && self.breaker.state() != PluginState::Disabled {
            ticker.arm();
            self.live = self.instantiate(self.manifest.limits.fuel, self.wall()).ok();
        }
    }

    /// The time that one call may take.
    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(self.manifest.limits.wall_ms)
    }

    fn check(&mut self, ticker: &Ticker, now: Timestamp) -> Result<(), CallError> {
        self.call(self.manifest.limits.fuel, self.wall(), ticker, now, |instance| {
            instance.rule.check(&mut instance.store)
        })
    }

    /// Runs the rule on one batch within its limits and `wall_left`.
    pub(crate) fn rank(
        &mut self,
        input: Input,
        wall_left: Duration,
        ticker: &Ticker,
        now: Timestamp,
    ) -> Result<types::Ruling, CallError> {
        let limits = self.manifest.limits;
        let fuel = limits.fuel_for(input.scores.len());
        let wall = self.wall().min(wall_left);
        let (start, working) = (Instant::now(), ThreadTime::now());
        self.counters.fuel_used = 0;
        let ruling = self.call(fuel, wall, ticker, now, |instance| {
            instance.store.data_mut().input = Some(input);
            instance.rule.rank(&mut instance.store)
        });
        self.worked = working.elapsed();
        let micros = start.elapsed().as_micros() as u64;
        let counters = &mut self.counters;
        counters.calls += 1;
        counters.fuel_total += counters.fuel_used;
        counters.micros_total += micros;
        counters.micros_max = counters.micros_max.max(micros);
        ruling
    }

    /// Calls an instance with all limits armed. After anything but an orderly answer the instance is
    /// thrown away: nothing is known of its memory any more.
    fn call<R>(
        &mut self,
        fuel: u64,
        wall: Duration,
        ticker: &Ticker,
        now: Timestamp,
        ask: impl FnOnce(&mut Instance) -> wasmtime::Result<Result<R, types::Failure>>,
    ) -> Result<R, CallError> {
        let start = Instant::now();
        ticker.arm();
        let mut instance = match self.live.take() {
            Some(live) => live,
            None => self.instantiate(fuel, wall)?,
        };
        let armed = arm(&mut instance.store, fuel, wall.saturating_sub(start.elapsed()));
        let answer = armed.and_then(|()| ask(&mut instance));
        self.counters.fuel_used = fuel - instance.store.get_fuel().unwrap_or(0).min(fuel);
        let sandbox = instance.store.data_mut();
        sandbox.input = None;
        let last_words = sandbox.log.last_error().map(|words| words.replace('\n', " "));
        self.log.take(&mut sandbox.log, self.manifest.id.as_str(), now);
        match answer {
            Ok(answer) => {
                self.live = Some(instance);
                answer.map_err(|failure| CallError::new(Cause::Failed, said(failure)))
            }
            Err(error) => {
                let mut stopped = self.stopped(&error, sandbox.meter.refused, fuel, wall);
                if let Some(words) = last_words.filter(|_| stopped.cause != Cause::BrokeContract) {
                    stopped.message = format!("{}, after it had said: {words}", stopped.message);
                }
                Err(stopped)
            }
        }
    }

    fn instantiate(&self, fuel: u64, wall: Duration) -> Result<Instance, CallError> {
        let sandbox = Sandbox::new(Arc::clone(&self.plan), self.manifest.limits.memory_bytes());
        let mut store = Store::new(self.component.engine(), sandbox);
        store.limiter(|sandbox| &mut sandbox.meter);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.epoch_deadline_trap();
        match arm(&mut store, fuel, wall).and_then(|()| self.prepared.instantiate(&mut store)) {
            Ok(rule) => Ok(Instance { store, rule }),
            Err(error) => Err(self.stopped(&error, store.data().meter.refused, fuel, wall)),
        }
    }

    /// Puts into words why a call did not end by itself.
    fn stopped(&self, error: &wasmtime::Error, refused: bool, fuel: u64, wall: Duration) -> CallError {
        let (cause, message) = match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => (Cause::Fuel, format!("used up its fuel of {fuel}")),
            Some(Trap::Interrupt) => {
                (Cause::Deadline, format!("passed its time limit of {:.1} ms", wall.as_secs_f64() * 1e3))
            }
            Some(Trap::StackOverflow) => {
                (Cause::Trap, format!("passed its stack limit of {} KiB", WASM_STACK_BYTES / 1024))
            }
            _ if refused => {
                let limit = self.manifest.limits.memory_mib;
                (Cause::Memory, format!("wanted more than its {limit} MiB of memory"))
            }
            Some(trap) => {
                let trap = trap.to_string();
                (Cause::Trap, format!("stopped: {}", trap.trim_start_matches("wasm trap: ")))
            }
            // The sandbox has no type for this, only words.
            None if error.root_cause().to_string().contains("fuel allocated for hostcalls") => {
                let limit = HOSTCALL_BYTES / 1024;
                (Cause::BrokeContract, format!("handed over more than {limit} KiB in one call"))
            }
            None => (Cause::BrokeContract, sentence(error)),
        };
        CallError::new(cause, message)
    }
}

fn fingerprint(manifest: &Manifest, consent: &Consent) -> String {
    let Consent { grants, settings, shadow, again } = consent;
    let text =
        format!("{} {} {grants:?} {settings:?} {shadow} {again}", manifest.version, manifest.wasm_blake3);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Sets what the next call may use up.
fn arm(store: &mut Store<Sandbox>, fuel: u64, wall: Duration) -> wasmtime::Result<()> {
    store.data_mut().meter.refused = false;
    store.set_epoch_deadline(ticks(wall));
    store.set_fuel(fuel)
}

/// A failure in the plugin's own words.
fn said(failure: types::Failure) -> String {
    match failure {
        types::Failure::InvalidSetting(name) => {
            format!("setting `{}` is invalid", cut(&name, ERROR_TEXT_BYTES))
        }
        types::Failure::MissingInput(name) => format!("missing input `{}`", cut(&name, ERROR_TEXT_BYTES)),
        types::Failure::Other(text) => cut(&text, ERROR_TEXT_BYTES).to_owned(),
    }
}

/// The innermost cause on one line.
fn sentence(error: &wasmtime::Error) -> String {
    cut(&error.root_cause().to_string().replace('\n', " "), ERROR_TEXT_BYTES).to_owned()
}

/// Reads a file of a package, but not more than `bytes_max` of it.
pub(crate) fn read(folder: &Path, plugin: &str, file: &str, bytes_max: u64) -> Result<Vec<u8>, PluginError> {
    let mut bytes = Vec::new();
    let opened = File::open(folder.join(file));
    match opened.and_then(|opened| opened.take(bytes_max + 1).read_to_end(&mut bytes)) {
        Err(source) => {
            let (plugin, file) = (plugin.to_owned(), file.to_owned());
            Err(PluginError::Unreadable { plugin, file, source })
        }
        Ok(read) if read as u64 > bytes_max => Err(PluginError::refused(
            plugin,
            format!("`{file}` has more than {bytes_max} bytes, expected at most that"),
        )),
        Ok(_) => Ok(bytes),
    }
}
