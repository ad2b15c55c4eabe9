//! What a plugin may use up. Every number of the contract's "Limits" is here once, and each has a
//! test in `tests/`.

/// A limit that a manifest may ask to raise, up to a hard maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// What a plugin gets that asks for nothing.
    pub default: u64,
    /// What a plugin gets at most, whatever it asks for.
    pub max: u64,
}

impl Bound {
    fn grant(self, asked: Option<u64>) -> u64 {
        asked.unwrap_or(self.default).min(self.max)
    }
}

/// Fuel of one call, in WebAssembly instructions, however few candidates there are. The maximum lets
/// a JavaScript or Python interpreter start.
pub const FUEL: Bound = Bound { default: 500_000, max: 10_000_000 };

/// Fuel of one call for each candidate on top.
pub const FUEL_PER_CANDIDATE: Bound = Bound { default: 20_000, max: 100_000 };

/// Wall-clock time of one call, with instantiation, in milliseconds.
pub const WALL_MS: Bound = Bound { default: 10, max: 50 };

/// Memory of one plugin, in MiB, summed over all its linear memories.
pub const MEMORY_MIB: Bound = Bound { default: 16, max: 64 };

/// Size of the component's file, in MiB. Components that carry an interpreter need the maximum.
pub const COMPONENT_MIB: Bound = Bound { default: 1, max: 20 };

/// Wall-clock time of all plugins of one request together, in milliseconds.
pub const CHAIN_MS: u64 = 25;

/// Stack of a guest, in bytes. The thread that owns the host needs more than this.
pub const WASM_STACK_BYTES: usize = 512 * 1024;

/// Bytes that a guest may hand over in one call or answer. The host copies them before it can look at
/// them.
pub const HOSTCALL_BYTES: usize = 1024 * 1024;

/// Candidates that a rule sees; rows after these keep their scores.
pub const CANDIDATES_MAX: usize = 1000;

/// Lines that one call may log.
pub const LOG_LINES_PER_CALL: usize = 20;

/// Lines that one plugin may log in a minute.
pub const LOG_LINES_PER_MINUTE: usize = 60;

/// Bytes of one line; the rest is cut off.
pub const LOG_LINE_BYTES: usize = 512;

/// Lines that are kept for people to read.
pub const LOG_LINES_KEPT: usize = 200;

/// Changes that are kept of a plugin in shadow, to show what it would do.
pub const SHADOW_EXAMPLES: usize = 10;

/// Bytes that are kept of the text of a failure.
pub const ERROR_TEXT_BYTES: usize = 512;

/// Elements of all tables of one plugin together; an interpreter's function table has ten thousand.
pub const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Core instances of one plugin; a component of one module has three or four.
pub const INSTANCES_MAX: usize = 64;

/// Linear memories of one plugin.
pub const MEMORIES_MAX: usize = 16;

/// Tables of one plugin.
pub const TABLES_MAX: usize = 32;

/// Bytes of a `plugin.toml`.
pub const MANIFEST_BYTES: u64 = 64 * 1024;

/// Bytes of a package's `README.md`, and of each of its fixtures.
pub const PACKAGE_TEXT_BYTES: u64 = 256 * 1024;

/// Fixtures of a package.
pub const FIXTURES_MAX: usize = 64;

/// Entries of a package's archive: its fixtures, the folder of them, and four files.
pub const PACKAGE_ENTRIES_MAX: usize = FIXTURES_MAX + 5;

/// Bytes that are read of a package's archive: the largest component, and the texts with their
/// headers.
pub const PACKAGE_BYTES: u64 =
    (COMPONENT_MIB.max << 20) + (FIXTURES_MAX as u64 + 2) * (PACKAGE_TEXT_BYTES + 1024);

/// Bytes of a version's text.
pub const VERSION_BYTES: usize = 64;

/// Plugins that can be installed.
pub const INSTALLED_MAX: usize = 64;

/// Bytes of the file that says what is installed: every plugin with every setting at its limit is
/// more than anybody needs.
pub const STATE_BYTES: u64 = 4 << 20;

/// Entries of any list or table of a manifest.
pub const MANIFEST_ENTRIES: usize = 256;

/// The largest change of a score, in log-odds, that a manifest can ask for: a factor of 148 on the
/// odds.
pub const BOOST_MAX: f32 = 5.0;

/// The largest factor on the odds that a manifest can ask for.
pub const SCALE_MAX: f32 = 100.0;

/// The share of a batch that plugins without the `exclude-most` grant may take off, in `[0, 1]`.
pub const EXCLUDE_SHARE_MAX: f64 = 0.8;

/// The limits of one plugin: what its manifest asks for, capped by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`FUEL`].
    pub fuel: u64,
    /// See [`FUEL_PER_CANDIDATE`].
    pub fuel_per_candidate: u64,
    /// See [`WALL_MS`].
    pub wall_ms: u64,
    /// See [`MEMORY_MIB`].
    pub memory_mib: u64,
    /// See [`COMPONENT_MIB`].
    pub component_mib: u64,
}

/// What a manifest asks for; absent means the default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) fuel: Option<u64>,
    pub(crate) fuel_per_candidate: Option<u64>,
    pub(crate) wall_ms: Option<u64>,
    pub(crate) memory_mib: Option<u64>,
    pub(crate) component_mib: Option<u64>,
}

impl Limits {
    pub(crate) fn grant(asked: Asked) -> Limits {
        Limits {
            fuel: FUEL.grant(asked.fuel),
            fuel_per_candidate: FUEL_PER_CANDIDATE.grant(asked.fuel_per_candidate),
            wall_ms: WALL_MS.grant(asked.wall_ms),
            memory_mib: MEMORY_MIB.grant(asked.memory_mib),
            component_mib: COMPONENT_MIB.grant(asked.component_mib),
        }
    }

    /// Fuel of a call with this many candidates.
    #[must_use]
    pub fn fuel_for(&self, candidates: usize) -> u64 {
        self.fuel + self.fuel_per_candidate * candidates as u64
    }

    /// See [`MEMORY_MIB`], in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        (self.memory_mib as usize) << 20
    }

    /// See [`COMPONENT_MIB`], in bytes.
    #[must_use]
    pub fn component_bytes(&self) -> u64 {
        self.component_mib << 20
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_capped_by_the_host() {
        let usual = Limits::grant(Asked::default());
        assert_eq!(
            usual,
            Limits {
                fuel: 500_000,
                fuel_per_candidate: 20_000,
                wall_ms: 10,
                memory_mib: 16,
                component_mib: 1
            }
        );
        let greedy = Some(u64::MAX);
        let most = Limits::grant(Asked {
            fuel: greedy,
            fuel_per_candidate: greedy,
            wall_ms: greedy,
            memory_mib: greedy,
            component_mib: greedy,
        });
        assert_eq!(
            most,
            Limits {
                fuel: 10_000_000,
                fuel_per_candidate: 100_000,
                wall_ms: 50,
                memory_mib: 64,
                component_mib: 20
            }
        );
        let modest = Limits::grant(Asked { memory_mib: Some(2), ..Asked::default() });
        assert_eq!(modest, Limits { memory_mib: 2, ..usual });
        assert_eq!(usual.fuel_for(100), 2_500_000);
    }
}
