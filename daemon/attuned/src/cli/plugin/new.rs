//! `attuned plugin new`: a folder with everything that a rule needs. The SDK goes into it, so that
//! no other source is needed.

use std::fs;
use std::path::{Path, PathBuf};

use attuned_recommender::PluginId;
use clap::Args;
use serde_json::json;

use super::Language;
use crate::cli::{Failure, Printer};

/// Bytes of a name: it becomes a crate's and a file's.
const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Args)]
pub struct New {
    /// Its folder, whose last part is the rule's name, like my-rule
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// Its id, which nobody else's plugin has [default: local.NAME]
    #[arg(long)]
    id: Option<String>,
}

/// The files of a new plugin in every language, with NAME, ID, TYPE, LIMITS, TOOL and SOURCE to be filled in.
const COMMON: [(&str, &str); 2] = [
    ("plugin.toml", include_str!("template/plugin.toml.in")),
    ("tests/evening.toml", include_str!("template/evening.toml.in")),
];

/// The others of a plugin in Rust.
const RUST: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("Cargo.lock", include_str!("../../../../../plugins/family-night/Cargo.lock")),
    ("README.md", include_str!("template/README.md.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    (".gitignore", "/target\n*.attuned\n"),
];

/// The others of a plugin in JavaScript.
const JAVASCRIPT: [(&str, &str); 4] = [
    ("package.json", include_str!("template/package.json.in")),
    ("README.md", INTERPRETED_README),
    (Language::Js.source(), include_str!("template/rule.js.in")),
    (".gitignore", "/target\n/node_modules\n/rule.wasm\n*.attuned\n"),
];

/// The others of a plugin in Python.
const PYTHON: [(&str, &str); 3] = [
    ("README.md", INTERPRETED_README),
    (Language::Python.source(), include_str!("template/rule.py.in")),
    (".gitignore", "/target\n/.venv\n__pycache__\n/rule.wasm\n*.attuned\n"),
];

const INTERPRETED_README: &str = include_str!("template/interpreted.md.in");

/// What a rule with an interpreter in it asks for: the most that the host gives.
const INTERPRETED_LIMITS: &str = "\
# What it may use up: the interpreter in it needs more than a compiled rule.
[limits]
fuel = 10_000_000
fuel-per-candidate = 100_000
wall-ms = 50
memory-mib = 64
component-mib = 20

";

/// The SDK as it is in the source tree; its manifest there leans on the workspace's.
pub(super) const SDK: [(&str, &str); 8] = [
    ("Cargo.toml", include_str!("template/sdk.toml.in")),
    ("README.md", include_str!("../../../../../sdk/README.md")),
    ("contract/v0.1/ranking.wit", include_str!("../../../../../sdk/contract/v0.1/ranking.wit")),
    ("src/lib.rs", include_str!("../../../../../sdk/src/lib.rs")),
    ("src/ruling.rs", include_str!("../../../../../sdk/src/ruling.rs")),
    ("src/sample.rs", include_str!("../../../../../sdk/src/sample.rs")),
    ("src/view.rs", include_str!("../../../../../sdk/src/view.rs")),
    ("src/wasm.rs", include_str!("../../../../../sdk/src/wasm.rs")),
];

pub fn run(new: &New, printer: &mut Printer) -> Result<(), Failure> {
    let folder = &new.folder;
    let name = name(folder)?;
    let id = new.id.clone().unwrap_or_else(|| format!("local.{name}"));
    PluginId::parse(&id).map_err(|error| Failure::Usage(format!("--id: {error}")))?;
    if folder.exists() {
        return Err(Failure::Input(format!("{} exists already, expected a new folder", folder.display())));
    }
    let files = files(name, &id, new.lang);
    for (file, text) in &files {
        let path = folder.join(file);
        let parent = path.parent().expect("a file in a folder");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
    }
    if printer.is_json() {
        let files: Vec<&String> = files.iter().map(|(file, _)| file).collect();
        return printer.object(&json!({ "folder": folder, "id": id, "files": files }));
    }
    printer.text(format_args!(
        "{folder} is made: the rule is in {folder}/{source}, what it is and may do in {folder}/plugin.toml\n\
         next: cd {folder} && {tool}attuned plugin build && attuned plugin test",
        folder = folder.display(),
        source = new.lang.source(),
        tool = new.lang.tool().map_or(String::new(), |tool| format!("{tool} && "))
    ))
}

fn name(folder: &Path) -> Result<&str, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) && !name.ends_with('-') {
        return Ok(name);
    }
    Err(Failure::Usage(format!(
        "name `{name}` is no rule's, expected 1 to {NAME_BYTES_MAX} of a-z, 0-9 and `-`, like my-rule"
    )))
}

/// Every file by its path in the new folder.
fn files(name: &str, id: &str, language: Language) -> Vec<(String, String)> {
    let capital = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    let rule_type: String = name.split('-').map(capital).collect();
    let (own, limits): (&[(&str, &str)], _) = match language {
        Language::Rust => (&RUST, ""),
        Language::Js => (&JAVASCRIPT, INTERPRETED_LIMITS),
        Language::Python => (&PYTHON, INTERPRETED_LIMITS),
    };
    let fill = |text: &str| {
        text.replace("@NAME@", name)
            .replace("@ID@", id)
            .replace("@TYPE@", &rule_type)
            .replace("@LIMITS@", limits)
            .replace("@TOOL@", language.tool().unwrap_or_default())
            .replace("@SOURCE@", language.source())
    };
    let ours = COMMON.iter().chain(own).map(|(file, text)| {
        let text = match *file {
            "Cargo.lock" => text.replace(
                "\"family-night\"\nversion = \"1.0.0\"",
                &format!("\"{name}\"\nversion = \"0.1.0\""),
            ),
            _ => fill(text),
        };
        ((*file).to_owned(), text)
    });
    // Of the SDK, others than Rust read what rules see, and the contract.
    let sdk = SDK
        .iter()
        .filter(|(file, _)| language == Language::Rust || !file.contains(".rs") && *file != "Cargo.toml");
    let sdk = sdk.map(|(file, text)| {
        (format!("attuned-plugin/{file}"), text.replace("@VERSION@", env!("CARGO_PKG_VERSION")))
    });
    ours.chain(sdk).collect()
}

#[cfg(test)]
mod tests {
    use attuned_plugin_host::Fixture;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_whole_sdk_goes_with_it() {
        let sources = fs::read_dir(root().join("sdk/src")).expect("the sources");
        for source in sources {
            let name = source.expect("an entry").file_name().into_string().expect("UTF-8");
            assert!(SDK.iter().any(|(file, _)| *file == format!("src/{name}")), "{name} is missing");
        }
        // Its manifest stands alone, with the same dependency as in the workspace.
        let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
        let dependency = workspace.lines().find(|line| line.starts_with("wit-bindgen = ")).expect("a row");
        assert!(SDK[0].1.contains(dependency), "{dependency}");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for wrong in ["", "..", "My-Rule", "1st", "rule-", "a b", "é"] {
            let error = name(Path::new(wrong)).expect_err("refused").to_string();
            assert!(error.ends_with("expected 1 to 64 of a-z, 0-9 and `-`, like my-rule"), "{error}");
        }
        assert_eq!(name(Path::new("somewhere/my-rule2/")).expect("a name"), "my-rule2");
    }

    #[test]
    fn nothing_is_left_to_fill_in_and_its_fixture_is_one() {
        for language in [Language::Rust, Language::Js, Language::Python] {
            let files = files("my-rule", "org.example.my-rule", language);
            for (file, text) in &files {
                for mark in ["@NAME@", "@ID@", "@TYPE@", "@VERSION@", "@LIMITS@", "@TOOL@", "@SOURCE@"] {
                    assert!(!text.contains(mark), "{file} has {mark}");
                }
            }
            let names: Vec<&str> = files.iter().map(|(file, _)| file.as_str()).collect();
            assert!(names.contains(&language.source()) && names.contains(&"attuned-plugin/README.md"));
            assert_eq!(names.contains(&"attuned-plugin/src/lib.rs"), language == Language::Rust);
            let mut once = names.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), names.len());
        }
        let files = files("my-rule", "org.example.my-rule", Language::Rust);
        let text = |name: &str| &files.iter().find(|(file, _)| file == name).expect("a file").1;
        assert!(text("Cargo.lock").contains("name = \"my-rule\"\nversion = \"0.1.0\""));
        assert!(text("src/lib.rs").contains("export_rule!(MyRule);"));
        Fixture::parse(text("tests/evening.toml")).expect("a fixture");
    }
}
