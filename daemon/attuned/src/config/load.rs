//! Reads the configuration file and lays the environment over it.

use std::path::{Path, PathBuf};

use super::Config;

/// Read when no file is named and this one exists.
pub const SYSTEM_FILE: &str = "/etc/attuned/attuned.toml";

/// Begins the names of environment variables that override keys; levels are separated by `__`,
/// as in `ATTUNED__MQTT__URL`.
const ENVIRONMENT_PREFIX: &str = "ATTUNED__";

/// Why there is no configuration. Each is one sentence for the person who wrote it: stop and show
/// it (exit code 64).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {} cannot be read: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file is not what was expected there.
    #[error("configuration {} line {line}: {reason}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected.
        reason: String,
    },
    /// A variable of the environment does not fit.
    #[error("environment {variable}=`{value}`: {reason}")]
    Environment {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What was expected.
        reason: String,
    },
    /// A value is out of range.
    #[error("configuration {}: {key} is `{value}`, expected {expected}", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What was expected.
        expected: String,
    },
}

/// Loads `file`, else [`SYSTEM_FILE`] if it exists, else the defaults, and lays `environment`
/// (names and values) over it.
///
/// # Errors
///
/// The file or a variable is wrong: stop and show the sentence.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let system = Path::new(SYSTEM_FILE);
    let file = file.or_else(|| system.is_file().then_some(system));
    let (name, text) = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| ConfigError::Unreadable {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
            (file, text)
        }
        None => (Path::new("(defaults)"), String::new()),
    };
    let config = read(name, &text, environment)?;
    config.check(name)?;
    Ok(config)
}

fn read(
    file: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let at_line = |error: toml::de::Error| ConfigError::Line {
        file: file.to_owned(),
        line: error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1),
        reason: error.message().replace('\n', ", "),
    };
    let mut config: Config = toml::from_str(text).map_err(at_line)?;
    let mut table: toml::Table = toml::from_str(text).map_err(at_line)?;
    let mut overrides: Vec<(String, String)> =
        environment.into_iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect();
    overrides.sort();
    for (variable, value) in overrides {
        let path: Vec<String> =
            variable[ENVIRONMENT_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
        (table, config) = lay_over(&table, &path, &value).map_err(|reason| ConfigError::Environment {
            variable: variable.clone(),
            value: value.clone(),
            reason,
        })?;
    }
    Ok(config)
}

/// The variable's text is taken as it is, and if the key is not a text, as a TOML value.
fn lay_over(table: &toml::Table, path: &[String], text: &str) -> Result<(toml::Table, Config), String> {
    let as_text = toml::Value::String(text.to_owned());
    let as_toml = toml::from_str::<toml::Table>(&format!("v = {text}")).ok().and_then(|mut t| t.remove("v"));
    let mut first_reason = None;
    for value in std::iter::once(as_text).chain(as_toml) {
        let mut table = table.clone();
        insert(&mut table, path, value)?;
        match Config::deserialize_table(table.clone()) {
            Ok(config) => return Ok((table, config)),
            // The last reason speaks of the value as TOML, which is closer to what was meant.
            Err(reason) => first_reason = Some(reason),
        }
    }
    Err(first_reason.unwrap_or_default())
}

fn insert(table: &mut toml::Table, path: &[String], value: toml::Value) -> Result<(), String> {
    match path {
        [] => Err("no key, expected one as in ATTUNED__MQTT__URL".to_owned()),
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match inner {
                toml::Value::Table(inner) => insert(inner, rest, value),
                _ => Err(format!("`{key}` has no keys below it")),
            }
        }
    }
}

impl Config {
    fn deserialize_table(table: toml::Table) -> Result<Config, String> {
        use serde::Deserialize;
        Config::deserialize(table).map_err(|error: toml::de::Error| error.message().replace('\n', ", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, environment: &[(&str, &str)], expected: &str) {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let file = Path::new("a.toml");
        let got = read(file, text, environment).and_then(|config| config.check(file).map(|()| config));
        let got = match got {
            Ok(config) => format!(
                "{} {} {} {:?}",
                config.mqtt.url, config.mqtt.version, config.recommend.n_default, config.media.folders
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        check("", &[], "mqtt://localhost:1883 5 10 []");
        check("[mqtt]\nurl = \"embedded\"", &[], "embedded 5 10 []");
        check("[mqtt]\nurl = \"embedded\"", &[("ATTUNED__MQTT__URL", "mqtt://b")], "mqtt://b:1883 5 10 []");
        check("", &[("ATTUNED__MQTT__VERSION", "3")], "mqtt://localhost:1883 3 10 []");
        check("", &[("ATTUNED__MEDIA__FOLDERS", "[\"/m\"]")], "mqtt://localhost:1883 5 10 [\"/m\"]");
        check("", &[("OTHER", "x")], "mqtt://localhost:1883 5 10 []");
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        check(
            "[mqtt]\nurl = 5",
            &[],
            "configuration a.toml line 2: invalid type: integer `5`, expected a string",
        );
        check(
            "[mqtt]\nurl = \"http://x\"",
            &[],
            "configuration a.toml line 2: `http://x` is no broker address, expected mqtt://[user@]host[:port], \
             mqtts://[user@]host[:port] or embedded",
        );
        check(
            "[mqtt]\nversion = 4",
            &[],
            "configuration a.toml: mqtt.version is `4`, expected 5, or 3 for MQTT 3.1.1",
        );
        check(
            "",
            &[("ATTUNED__MQTT__VERSION", "five")],
            "environment ATTUNED__MQTT__VERSION=`five`: invalid type: string \"five\", expected u8",
        );
        check(
            "[store]\npth = \"x\"",
            &[],
            "configuration a.toml line 2: unknown field `pth`, expected `path` or `cache_mib`",
        );
    }
}
