//! Makes a component of a plugin that was compiled for wasm32-unknown-unknown, for `plugins/build`.
//!
//! `componentize CORE.wasm COMPONENT.wasm` also prints the blake3 hash for `plugin.toml`.

use anyhow::{Context, Error, bail};

fn main() -> anyhow::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [core, component] = files.as_slice() else {
        bail!("{} files, expected two: CORE.wasm COMPONENT.wasm", files.len());
    };
    let module = std::fs::read(core).with_context(|| format!("cannot read `{core}`"))?;
    let bytes = attuned_plugin_host::componentize(&module).map_err(Error::msg)?;
    std::fs::write(component, &bytes).with_context(|| format!("cannot write `{component}`"))?;
    #[expect(clippy::print_stdout, reason = "the hash is what this program prints")]
    {
        println!("{}", blake3::hash(&bytes).to_hex());
    }
    Ok(())
}
