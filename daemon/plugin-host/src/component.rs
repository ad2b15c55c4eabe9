//! Making components: what a compiler gives for wasm32 is a core module, and the sandbox takes
//! components.

use wit_component::ComponentEncoder;

/// Makes a component of a core module that was compiled with the SDK.
///
/// # Errors
///
/// A sentence: it is no such module. Its author builds it anew.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut it| it.encode());
    encoded.map_err(|error| {
        format!("the module is none that was compiled with the SDK: {}", error.root_cause())
            .replace('\n', " ")
    })
}
