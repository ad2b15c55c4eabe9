//! `attuned plugin build`: makes the component of a rule, with whatever compiles its language.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attuned_plugin_host::componentize;
use serde_json::json;

use super::Language;
use crate::cli::{Failure, Printer};

mod interpreted;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler stands beside rustup's, and builds the standard library too.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_STD: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

const NO_COMPILER: &str = "no compiler for wasm32-unknown-unknown is here: `rustup target add \
     wasm32-unknown-unknown` installs one, on Debian `apt-get install rustc-web cargo-web rust-web-src lld-19`";

/// Something that compiles for wasm32.
#[derive(Debug, PartialEq, Eq)]
enum Compiler {
    /// The one in `PATH`, which has the target's standard library.
    Path,
    /// Debian's, with this linker.
    Debian { linker: PathBuf },
}

pub fn run(folder: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let manifest_file = folder.join("plugin.toml");
    let manifest = read(&manifest_file)?;
    let component = match Language::of(folder)? {
        Language::Rust => rust(folder)?,
        Language::Js => interpreted::javascript(folder)?,
        Language::Python => interpreted::python(folder)?,
    };
    let hash = blake3::hash(&component).to_hex().to_string();
    let manifest = with_hash(&manifest, &hash).ok_or_else(|| {
        Failure::Input("plugin.toml has no plugin.wasm.blake3, expected blake3 = \"…\"".to_owned())
    })?;
    write(&folder.join("rule.wasm"), &component)?;
    write(&manifest_file, manifest.as_bytes())?;
    if printer.is_json() {
        let file = folder.join("rule.wasm");
        return printer.object(&json!({ "component": file, "bytes": component.len(), "blake3": hash }));
    }
    printer.text(format_args!("rule.wasm: {} bytes, blake3 {hash}", component.len()))
}

/// Compiles a crate for wasm32, and makes a component of it.
fn rust(folder: &Path) -> Result<Vec<u8>, Failure> {
    let name = crate_name(&read(&folder.join("Cargo.toml"))?)
        .ok_or_else(|| Failure::Input(format!("{}/Cargo.toml names no package", folder.display())))?;
    let compiler = Compiler::find().ok_or_else(|| Failure::Input(NO_COMPILER.to_owned()))?;
    let target = target(folder);
    let status = compiler.command(folder, &target).status();
    let status = status.map_err(|error| Failure::Input(format!("cargo cannot be started: {error}")))?;
    if !status.success() {
        return Err(Failure::Input("the rule was not compiled, see what the compiler said above".to_owned()));
    }
    let core = target.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")));
    let module = fs::read(&core).map_err(|error| {
        Failure::Input(format!(
            "{}: {error}; expected [lib] crate-type = [\"cdylib\"] in Cargo.toml",
            core.display()
        ))
    })?;
    componentize(&module).map_err(Failure::Input)
}

/// Where compilers write.
fn target(folder: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), PathBuf::from);
    // Where a compiler runs is not where it writes.
    std::path::absolute(&target).unwrap_or(target)
}

impl Compiler {
    fn find() -> Option<Compiler> {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).stderr(Stdio::null()).output();
        let sysroot = sysroot.ok().filter(|output| output.status.success());
        let sysroot = sysroot.and_then(|output| String::from_utf8(output.stdout).ok());
        if sysroot.is_some_and(|root| Path::new(root.trim()).join("lib/rustlib").join(TARGET).is_dir()) {
            return Some(Compiler::Path);
        }
        let debian = Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_STD).exists();
        let linker = debian.then(|| fs::read_dir("/usr/bin").ok()).flatten().and_then(|entries| {
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            newest_linker(names)
        })?;
        Some(Compiler::Debian { linker: Path::new("/usr/bin").join(linker) })
    }

    fn command(&self, folder: &Path, target: &Path) -> Command {
        let mut command = match self {
            Compiler::Path => Command::new("cargo"),
            Compiler::Debian { .. } => Command::new(DEBIAN_CARGO),
        };
        command.args(["build", "--release", "--target", TARGET]);
        if let Compiler::Debian { linker } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("PATH", "/usr/bin:/bin")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                // What runs this may be cargo itself, whose compiler is another one.
                .env_remove("RUSTC")
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        // Panics name source files: without the folders they lie in, the bytes are the same elsewhere.
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
        let mut flags = OsString::new();
        for (from, to) in [(std::path::absolute(folder).ok(), "/plugin"), (home, "/cargo")] {
            if let Some(from) = from {
                flags.push(if flags.is_empty() {
                    "--remap-path-prefix="
                } else {
                    "\u{1f}--remap-path-prefix="
                });
                flags.push(from);
                flags.push("=");
                flags.push(to);
            }
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target);
        // Standard output belongs to the answer.
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// The linker of the highest version among names like `wasm-ld-19`.
fn newest_linker(names: impl Iterator<Item = String>) -> Option<String> {
    let version = |name: &str| match name.strip_prefix("wasm-ld")? {
        "" => Some(0),
        version => version.strip_prefix('-')?.parse::<u32>().ok(),
    };
    names.filter_map(|name| Some((version(&name)?, name))).max().map(|(_, name)| name)
}

fn crate_name(manifest: &str) -> Option<String> {
    let manifest: toml::Table = toml::from_str(manifest).ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// The manifest with this hash in place of the one that it has; everything else stays as it was
/// written.
fn with_hash(manifest: &str, hash: &str) -> Option<String> {
    let key = manifest.find("blake3")?;
    let open = key + manifest[key..].find('"')? + 1;
    let close = open + manifest[open..].find('"')?;
    Some(format!("{}{hash}{}", &manifest[..open], &manifest[close..]))
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        Failure::Input(format!("{}: {error}; expected the folder of a plugin", file.display()))
    })
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(file, bytes).map_err(|error| Failure::Input(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_linker_is_taken() {
        let check = |names: &str, expected: Option<&str>| {
            assert_eq!(newest_linker(names.split(' ').map(str::to_owned)).as_deref(), expected);
        };
        check("ld wasm-ld-9 wasm-ld-19 wasm-ld wasm-ld-x", Some("wasm-ld-19"));
        check("wasm-ld ld.lld", Some("wasm-ld"));
        check("ld rust-lld", None);
    }

    #[test]
    fn only_the_hash_changes() {
        let check = |manifest: &str, expected: Option<&str>| {
            assert_eq!(with_hash(manifest, "ff").as_deref(), expected);
        };
        check(
            "a = 1 # x\nwasm = { file = \"r\", blake3 = \"00\" } # y",
            Some("a = 1 # x\nwasm = { file = \"r\", blake3 = \"ff\" } # y"),
        );
        check("blake3 = \"\"", Some("blake3 = \"ff\""));
        check("wasm = {}", None);
    }
}
