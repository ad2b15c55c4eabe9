//! What rules are written in.

use std::path::Path;

use clap::ValueEnum;

use crate::cli::Failure;

/// A language that `attuned plugin new` and `build` know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// Rust, compiled to a small component
    Rust,
    /// JavaScript, with its interpreter in the component
    Js,
    /// Python, with its interpreter in the component
    Python,
}

impl Language {
    /// The file of the rule.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Language::Rust => "src/lib.rs",
            Language::Js => "rule.js",
            Language::Python => "rule.py",
        }
    }

    /// The command that installs, in the plugin's folder, what compiles it; none where that is not done
    /// for each plugin.
    pub(super) const fn tool(self) -> Option<&'static str> {
        match self {
            Language::Rust => None,
            Language::Js => Some("npm install"),
            Language::Python => Some("python3 -m venv .venv && .venv/bin/pip install componentize-py"),
        }
    }

    /// The language of the rule in a folder.
    pub(super) fn of(folder: &Path) -> Result<Language, Failure> {
        let known = [Language::Rust, Language::Js, Language::Python];
        let found = known.into_iter().find(|language| folder.join(language.source()).is_file());
        found.ok_or_else(|| {
            Failure::Input(format!(
                "{} has no rule, expected one of {}",
                folder.display(),
                known.map(Language::source).join(", ")
            ))
        })
    }
}
