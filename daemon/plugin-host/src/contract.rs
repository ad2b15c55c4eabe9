//! The released interfaces, `sdk/contract/`: which components the host takes, and what speaks to each.
//!
//! Each released minor version has an adapter, for ever. The rest of the crate asks through [`Rule`] and
//! reads answers in the types of the newest version; an older adapter translates.

use std::fmt;

use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::sandbox::Sandbox;

mod v0_1;

pub(crate) use v0_1::types;

/// The package of every version.
const PACKAGE: &str = "attuned:ranking";

/// What speaks to components, one for each folder of `sdk/contract/`.
static ADAPTERS: [&dyn Adapter; 1] = [&v0_1::V0_1];

/// Speaks one released version of the interface.
pub(crate) trait Adapter: Sync {
    /// The newest version that it speaks.
    fn version(&self) -> Version;

    /// Offers the host's functions of this version.
    fn link(&self, linker: &mut Linker<Sandbox>) -> wasmtime::Result<()>;

    /// Checks that a component fits, once for all its instances.
    fn prepare(&self, linker: &Linker<Sandbox>, component: &Component)
    -> wasmtime::Result<Box<dyn Prepared>>;
}

/// A component that fits.
pub(crate) trait Prepared: Send {
    /// Makes an instance, which runs what it has to run for that.
    fn instantiate(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Box<dyn Rule>>;
}

/// An instance of a rule, in the store that it was made in.
pub(crate) trait Rule: Send {
    /// Lets it check its settings.
    fn check(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Result<(), types::Failure>>;

    /// Asks it about the input of the store's sandbox.
    fn rank(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Result<types::Ruling, types::Failure>>;
}

/// A version of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Version { major, minor, patch })
    }

    /// Whether what speaks `self` can speak to what was made for `asked`: patch versions of one minor
    /// version only ever add functions, so older ones fit.
    fn speaks(self, asked: Version) -> bool {
        (self.major, self.minor) == (asked.major, asked.minor) && asked.patch <= self.patch
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Offers the host's functions of every version.
pub(crate) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    ADAPTERS.iter().try_for_each(|adapter| adapter.link(linker))
}

/// Checks the interface that a manifest names.
pub(crate) fn check_offered(interface: &str) -> Result<(), String> {
    let offered = ADAPTERS.map(|adapter| {
        let Version { major, minor, .. } = adapter.version();
        format!("{PACKAGE}@{major}.{minor}")
    });
    if offered.iter().any(|offered| offered == interface) {
        return Ok(());
    }
    Err(format!("plugin.interface is {interface:?}, expected {:?}", offered.join(" or ")))
}

/// Reads the version that a component was made for, such as `attuned:ranking@0.1.0`, before anything of
/// it runs, and gives what speaks to it. A component that imports anything else is refused.
pub(crate) fn adapter_of(component: &Component) -> Result<(String, &'static dyn Adapter), String> {
    let offered = ADAPTERS.map(|adapter| format!("{PACKAGE}@{}", adapter.version())).join(", ");
    let versions = ADAPTERS.map(|adapter| adapter.version().to_string()).join(", ");
    let (engine, kind) = (component.engine(), component.component_type());
    for (name, _) in kind.imports(engine) {
        match fit(name) {
            Fit::Spoken(..) => {}
            Fit::Unspoken => {
                return Err(format!("the component imports `{name}`, this host offers {offered}"));
            }
            Fit::Foreign => {
                return Err(format!(
                    "the component imports `{name}`, expected nothing but {PACKAGE}/*@{versions}"
                ));
            }
        }
    }
    let rule = format!("{PACKAGE}/rule@");
    let exported = kind.exports(engine).map(|(name, _)| name).find(|name| name.starts_with(&rule));
    match exported.map(|name| (name, fit(name))) {
        Some((_, Fit::Spoken(version, adapter))) => Ok((format!("{PACKAGE}@{version}"), adapter)),
        Some((name, Fit::Unspoken | Fit::Foreign)) => {
            Err(format!("the component exports `{name}`, this host offers {offered}"))
        }
        None => Err(format!("the component exports no rule, expected `{rule}{versions}`")),
    }
}

/// What an import or export is to the host.
enum Fit {
    /// It is of this version, and this speaks to it.
    Spoken(Version, &'static dyn Adapter),
    /// It is of another version of the interface.
    Unspoken,
    /// It is of something else.
    Foreign,
}

fn fit(name: &str) -> Fit {
    let path = name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/'));
    let Some((_, version)) = path.and_then(|path| path.split_once('@')) else { return Fit::Foreign };
    let Some(asked) = Version::parse(version) else { return Fit::Unspoken };
    let adapter = ADAPTERS.into_iter().find(|adapter| adapter.version().speaks(asked));
    adapter.map_or(Fit::Unspoken, |adapter| Fit::Spoken(asked, adapter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let got = match fit(name) {
            Fit::Spoken(version, _) => version.to_string(),
            Fit::Unspoken => "another version".to_owned(),
            Fit::Foreign => "foreign".to_owned(),
        };
        assert_eq!(got, expected, "{name}");
    }

    #[test]
    fn only_the_offered_interfaces_fit() {
        check("attuned:ranking/host@0.1.0", "0.1.0");
        check("attuned:ranking/host@0.1.1", "another version");
        check("attuned:ranking/host@0.2.0", "another version");
        check("attuned:ranking/host@1.1.0", "another version");
        check("attuned:ranking/host@0.1.0-rc", "another version");
        check("attuned:ranking/host@0.1", "another version");
        check("attuned:ranking/host@0.1.0.0", "another version");
        check("attuned:rankings/host@0.1.0", "foreign");
        check("attuned:ranking@0.1.0", "foreign");
        check("wasi:cli/environment@0.2.6", "foreign");
        check("env", "foreign");
    }

    #[test]
    fn a_patch_version_speaks_to_older_ones_of_its_minor_version() {
        let check = |speaks: &str, asked: &str, expected: bool| {
            let parse = |text| Version::parse(text).expect("a version");
            assert_eq!(parse(speaks).speaks(parse(asked)), expected, "{speaks} to {asked}");
        };
        check("0.1.2", "0.1.0", true);
        check("0.1.2", "0.1.2", true);
        check("0.1.2", "0.1.3", false);
        check("0.2.0", "0.1.0", false);
        check("1.1.0", "0.1.0", false);
    }

    #[test]
    fn a_manifest_that_names_another_version_is_refused_in_a_sentence() {
        assert_eq!(check_offered("attuned:ranking@0.1"), Ok(()));
        for wrong in ["attuned:ranking@0.2", "attuned:ranking@0.1.0", "attuned:ranking", "wasi:cli@0.1", ""] {
            let expected = format!("plugin.interface is {wrong:?}, expected \"attuned:ranking@0.1\"");
            assert_eq!(check_offered(wrong), Err(expected));
        }
    }

    /// Each folder of the contract has its adapter, for ever.
    #[test]
    fn every_released_contract_is_spoken() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/contract");
        let entries = std::fs::read_dir(folder).expect("the contracts");
        let mut released: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        released.sort();
        let name = |adapter: &dyn Adapter| {
            let Version { major, minor, .. } = adapter.version();
            format!("v{major}.{minor}")
        };
        assert_eq!(released, ADAPTERS.map(name));
    }
}
