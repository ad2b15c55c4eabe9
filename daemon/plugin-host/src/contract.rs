//! The released interface, `sdk/contract/v0.1`, as the host sees it: its types, and which components
//! it takes.

use wasmtime::component::Component;

/// The interface this host offers, as manifests name it.
pub(crate) const OFFERED: &str = "attuned:ranking@0.1";

/// The package of the interface.
const PACKAGE: &str = "attuned:ranking";

/// The exact version of the interface that the host offers.
const VERSION: &str = "0.1.0";

/// Bindings generated from the contract.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../sdk/contract/v0.1",
        world: "ranker",
        with: {
            "attuned:ranking/input.context": crate::sandbox::ContextView,
            "attuned:ranking/input.candidates": crate::sandbox::CandidatesView,
        },
    });
}

pub(crate) use bindings::attuned::ranking::{host, input, types};
pub(crate) use bindings::{Ranker, RankerPre};

/// Checks the interface that a manifest names.
pub(crate) fn check_offered(interface: &str) -> Result<(), String> {
    if interface == OFFERED {
        Ok(())
    } else {
        Err(format!("plugin.interface is {interface:?}, expected {OFFERED:?}"))
    }
}

/// Reads the exact interface version that a component was built for, such as
/// `attuned:ranking@0.1.0`, before anything of it runs. A component that imports anything else is
/// refused.
pub(crate) fn interface_of(component: &Component) -> Result<String, String> {
    let (engine, kind) = (component.engine(), component.component_type());
    for (name, _) in kind.imports(engine) {
        match version(name) {
            Some(Fits::Yes(_)) => {}
            Some(Fits::No) => {
                return Err(format!("the component imports `{name}`, this host offers {PACKAGE}@{VERSION}"));
            }
            None => {
                return Err(format!(
                    "the component imports `{name}`, expected nothing but {PACKAGE}/*@{VERSION}"
                ));
            }
        }
    }
    let rule = format!("{PACKAGE}/rule@");
    let exported = kind.exports(engine).map(|(name, _)| name).find(|name| name.starts_with(&rule));
    match exported.map(|name| (name, version(name))) {
        Some((_, Some(Fits::Yes(version)))) => Ok(format!("{PACKAGE}@{version}")),
        Some((name, _)) => {
            Err(format!("the component exports `{name}`, this host offers {PACKAGE}@{VERSION}"))
        }
        None => Err(format!("the component exports no rule, expected `{rule}{VERSION}`")),
    }
}

enum Fits<'a> {
    Yes(&'a str),
    No,
}

/// Whether an import or export belongs to the interface, and to which version. Patch versions of one
/// minor version only ever add functions, so older ones fit.
fn version(name: &str) -> Option<Fits<'_>> {
    let (path, version) = name.split_once('@')?;
    path.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    let patch = |version: &str| version.strip_prefix("0.1.").and_then(|patch| patch.parse::<u32>().ok());
    let fits = patch(version).is_some_and(|patch_asked| Some(patch_asked) <= patch(VERSION));
    Some(if fits { Fits::Yes(version) } else { Fits::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        let got = match version(name) {
            Some(Fits::Yes(version)) => version,
            Some(Fits::No) => "another version",
            None => "foreign",
        };
        assert_eq!(got, expected, "{name}");
    }

    #[test]
    fn only_the_offered_interface_fits() {
        check("attuned:ranking/host@0.1.0", "0.1.0");
        check("attuned:ranking/host@0.1.1", "another version");
        check("attuned:ranking/host@0.2.0", "another version");
        check("attuned:ranking/host@0.1.0-rc", "another version");
        check("attuned:rankings/host@0.1.0", "foreign");
        check("attuned:ranking@0.1.0", "foreign");
        check("wasi:cli/environment@0.2.6", "foreign");
        check("env", "foreign");
    }
}
