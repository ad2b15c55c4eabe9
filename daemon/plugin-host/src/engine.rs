//! The two engines that run components, and how they are set up.

use std::fmt;
use std::str::FromStr;

use wasmtime::{Config, OptLevel, Result};

use crate::limits::WASM_STACK_BYTES;

/// What runs the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// An interpreter. It needs no executable memory, so the service can run under
    /// `MemoryDenyWriteExecute=yes`.
    Pulley,
    /// Machine code, made on this machine.
    Native,
}

impl Engine {
    /// Both engines.
    pub const ALL: [Engine; 2] = [Engine::Pulley, Engine::Native];

    /// The word used in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Pulley => "pulley",
            Engine::Native => "native",
        }
    }

    pub(crate) fn start(self) -> Result<wasmtime::Engine> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .consume_fuel(true)
            .epoch_interruption(true)
            .max_wasm_stack(WASM_STACK_BYTES)
            .cranelift_opt_level(OptLevel::Speed)
            // The same ruling on every device, down to the bits of a NaN.
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            // Bounds are checked in the code, so that no signal handler of the process is ours and
            // a memory needs neither gigabytes of address space nor guard pages.
            .signals_based_traps(false)
            .memory_reservation(0)
            .memory_guard_size(0)
            .memory_reservation_for_growth(1 << 20)
            .wasm_backtrace_max_frames(None);
        if self == Engine::Pulley {
            let pulley = if cfg!(target_pointer_width = "64") { "pulley64" } else { "pulley32" };
            config.target(pulley)?;
        }
        wasmtime::Engine::new(&config)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let engine = Self::ALL.into_iter().find(|engine| engine.name() == name);
        engine.ok_or_else(|| format!("plugin engine is {name:?}, expected \"pulley\" or \"native\""))
    }
}
