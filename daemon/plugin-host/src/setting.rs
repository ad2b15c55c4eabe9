//! Settings of a plugin: declared in its manifest with a type and a default, changed by people, and
//! handed to the rule as text.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The most bytes a setting's value may have.
pub const SETTING_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingTable {
    #[serde(rename = "type")]
    kind: String,
    default: toml::Value,
    min: Option<f64>,
    max: Option<f64>,
    help: String,
}

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    kind: Kind,
    default: String,
    help: String,
}

/// A setting as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingSummary {
    /// Its name.
    pub name: String,
    /// Its value if nobody gives one.
    pub default: String,
    /// Which values it takes, in words.
    pub expected: String,
    /// What it is for, in the author's words.
    pub help: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number { min: f64, max: f64 },
    Boolean,
    Text,
}

impl Setting {
    pub(crate) fn parse(name: &str, table: SettingTable) -> Result<Setting, String> {
        let kind = match table.kind.as_str() {
            "number" => Kind::Number {
                min: table.min.unwrap_or(f64::NEG_INFINITY),
                max: table.max.unwrap_or(f64::INFINITY),
            },
            "boolean" => Kind::Boolean,
            "text" => Kind::Text,
            other => {
                return Err(format!(
                    "settings.{name}.type is {other:?}, expected \"number\", \"boolean\" or \"text\""
                ));
            }
        };
        if !matches!(kind, Kind::Number { .. }) && (table.min.is_some() || table.max.is_some()) {
            return Err(format!("settings.{name} has min or max, expected them of type \"number\" only"));
        }
        if table.help.trim().is_empty() {
            return Err(format!("settings.{name}.help is empty, expected a sentence"));
        }
        let default = match (kind, &table.default) {
            (Kind::Number { .. }, toml::Value::Float(number)) => number.to_string(),
            (Kind::Number { .. }, toml::Value::Integer(number)) => number.to_string(),
            (Kind::Boolean, toml::Value::Boolean(value)) => value.to_string(),
            (Kind::Text, toml::Value::String(text)) => text.clone(),
            (_, other) => {
                return Err(format!(
                    "settings.{name}.default is {other}, expected a value of type {:?}",
                    table.kind
                ));
            }
        };
        let setting = Setting { kind, default, help: table.help };
        setting.admits(&setting.default).map_err(|reason| format!("settings.{name}.default {reason}"))?;
        Ok(setting)
    }

    pub(crate) fn summary(&self, name: &str) -> SettingSummary {
        let expected = match self.kind {
            Kind::Number { min, max } => format!("a number from {min} to {max}"),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Text => "a text".to_owned(),
        };
        let (default, help) = (self.default.clone(), self.help.clone());
        SettingSummary { name: name.to_owned(), default, expected, help }
    }

    fn admits(&self, value: &str) -> Result<(), String> {
        if value.len() > SETTING_BYTES_MAX {
            return Err(format!("has {} bytes, expected at most {SETTING_BYTES_MAX}", value.len()));
        }
        match self.kind {
            Kind::Text => Ok(()),
            Kind::Boolean if matches!(value, "true" | "false") => Ok(()),
            Kind::Boolean => Err(format!("is {value:?}, expected true or false")),
            Kind::Number { min, max } => match value.parse::<f64>() {
                Ok(number) if number.is_finite() && number >= min && number <= max => Ok(()),
                _ => Err(format!("is {value:?}, expected a number from {min} to {max}")),
            },
        }
    }
}

/// The value of every setting: as given, or the default.
pub(crate) fn values(
    settings: &BTreeMap<String, Setting>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    if let Some(unknown) = given.keys().find(|name| !settings.contains_key(*name)) {
        let known: Vec<String> = settings.keys().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("setting `{unknown}` is unknown, expected {known}"));
    }
    let value = |(name, setting): (&String, &Setting)| {
        let value = given.get(name).unwrap_or(&setting.default);
        setting.admits(value).map_err(|reason| format!("setting `{name}` {reason}"))?;
        Ok((name.clone(), value.clone()))
    };
    settings.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Manifest, tests::SOUND};

    /// The settings of a manifest whose `[settings.weight]` table has these lines, given these
    /// values.
    fn check(table: &str, given: &[(&str, &str)], expected: &str) {
        let head = &SOUND[..SOUND.find("type = ").expect("a setting")];
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let got = Manifest::parse(&format!("{head}{table}\nhelp = \"How strongly\""))
            .and_then(|manifest| values(&manifest.settings, &given));
        let got = match got {
            Ok(values) => values.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            Err(error) => error,
        };
        assert_eq!(got, expected);
    }

    const NUMBER: &str = "type = \"number\"\ndefault = 0.15\nmin = 0.0\nmax = 0.3";

    #[test]
    fn a_setting_has_its_default_or_the_value_given() {
        check(NUMBER, &[], "weight=0.15");
        check(NUMBER, &[("weight", "0.3")], "weight=0.3");
        check("type = \"boolean\"\ndefault = true", &[("weight", "false")], "weight=false");
        check("type = \"text\"\ndefault = \"a\"", &[("weight", "b")], "weight=b");
    }

    #[test]
    fn a_wrong_value_is_refused_by_name() {
        let number = "expected a number from 0 to 0.3";
        check(NUMBER, &[("weight", "0.31")], &format!("setting `weight` is \"0.31\", {number}"));
        check(NUMBER, &[("weight", "NaN")], &format!("setting `weight` is \"NaN\", {number}"));
        check(NUMBER, &[("weight", "much")], &format!("setting `weight` is \"much\", {number}"));
        check(NUMBER, &[("wieght", "0.1")], "setting `wieght` is unknown, expected `weight`");
        check(
            "type = \"boolean\"\ndefault = true",
            &[("weight", "yes")],
            "setting `weight` is \"yes\", expected true or false",
        );
        check(
            "type = \"text\"\ndefault = \"\"",
            &[("weight", &"x".repeat(SETTING_BYTES_MAX + 1))],
            "setting `weight` has 4097 bytes, expected at most 4096",
        );
    }

    #[test]
    fn a_wrong_declaration_is_refused() {
        check(
            "type = \"colour\"\ndefault = 1",
            &[],
            "settings.weight.type is \"colour\", expected \"number\", \"boolean\" or \"text\"",
        );
        check(
            "type = \"number\"\ndefault = true",
            &[],
            "settings.weight.default is true, expected a value of type \"number\"",
        );
        check(
            "type = \"number\"\ndefault = 2\nmax = 1.5",
            &[],
            "settings.weight.default is \"2\", expected a number from -inf to 1.5",
        );
        check(
            "type = \"text\"\ndefault = \"\"\nmin = 1.0",
            &[],
            "settings.weight has min or max, expected them of type \"number\" only",
        );
    }
}
