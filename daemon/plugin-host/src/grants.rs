//! What a plugin may do. The manifest asks, the person who installs it gives, and both must agree.

use std::collections::BTreeMap;

use crate::limits::{BOOST_MAX, SCALE_MAX};

/// Permissions of a plugin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grants {
    /// It sees a pseudonym of the user, stable for this plugin only.
    pub subject: bool,
    /// It sees the catalogue's ids.
    pub item_ids: bool,
    /// It may take candidates off the list.
    pub exclude: bool,
    /// It may take more than 80 % of a batch off.
    pub exclude_most: bool,
    /// How many candidates of a batch it may pin to a slot.
    pub pin: u32,
    /// The largest change of a score, in log-odds, in `[0, 5]`.
    pub max_boost: f32,
    /// The largest factor on the odds, in `[1, 100]`; its inverse is the smallest.
    pub max_scale: f32,
}

impl Grants {
    /// Nothing: the plugin may look, and its ruling has no effect.
    pub const NONE: Grants = Grants {
        subject: false,
        item_ids: false,
        exclude: false,
        exclude_most: false,
        pin: 0,
        max_boost: 0.0,
        max_scale: 1.0,
    };

    /// Whatever the manifest asks for.
    pub const ALL: Grants = Grants {
        subject: true,
        item_ids: true,
        exclude: true,
        exclude_most: true,
        pin: u32::MAX,
        max_boost: BOOST_MAX,
        max_scale: SCALE_MAX,
    };

    /// What both sides agree to. A bound that is not a number agrees to nothing.
    #[must_use]
    pub fn both(self, other: Grants) -> Grants {
        let least = |a: f32, b: f32, least: f32, most: f32| {
            if a.is_nan() || b.is_nan() { least } else { a.min(b).clamp(least, most) }
        };
        Grants {
            subject: self.subject && other.subject,
            item_ids: self.item_ids && other.item_ids,
            exclude: self.exclude && other.exclude,
            exclude_most: self.exclude_most && other.exclude_most,
            pin: self.pin.min(other.pin),
            max_boost: least(self.max_boost, other.max_boost, 0.0, BOOST_MAX),
            max_scale: least(self.max_scale, other.max_scale, 1.0, SCALE_MAX),
        }
    }
}

impl Grants {
    /// What at least one side gives.
    #[must_use]
    pub fn either(self, other: Grants) -> Grants {
        let most = |a: f32, b: f32, least: f32, most: f32| a.max(b).clamp(least, most);
        Grants {
            subject: self.subject || other.subject,
            item_ids: self.item_ids || other.item_ids,
            exclude: self.exclude || other.exclude,
            exclude_most: self.exclude_most || other.exclude_most,
            pin: self.pin.max(other.pin),
            max_boost: most(self.max_boost, other.max_boost, 0.0, BOOST_MAX),
            max_scale: most(self.max_scale, other.max_scale, 1.0, SCALE_MAX),
        }
    }

    /// The part of these that goes beyond `given`, in the words of `plugin.toml`, like `exclude` or
    /// `max-boost=0.3`.
    #[must_use]
    pub fn beyond(self, given: Grants) -> Vec<String> {
        let flags = [
            ("subject", self.subject && !given.subject),
            ("item-ids", self.item_ids && !given.item_ids),
            ("exclude", self.exclude && !given.exclude),
            ("exclude-most", self.exclude_most && !given.exclude_most),
        ];
        let mut names: Vec<String> =
            flags.iter().filter(|(_, beyond)| *beyond).map(|(name, _)| (*name).to_owned()).collect();
        if self.pin > given.pin {
            names.push(format!("pin={}", self.pin));
        }
        for (name, asked, given) in
            [("max-boost", self.max_boost, given.max_boost), ("max-scale", self.max_scale, given.max_scale)]
        {
            if asked > given {
                names.push(format!("{name}={asked}"));
            }
        }
        names
    }

    /// These with one more, in the words of `plugin.toml`: `exclude`, `max-boost=0.3` …
    ///
    /// # Errors
    ///
    /// A sentence that says what was expected.
    pub fn with(mut self, grant: &str) -> Result<Grants, String> {
        let (name, value) = grant.split_once('=').map_or((grant, None), |(name, value)| (name, Some(value)));
        let flag = match name {
            "subject" => Some(&mut self.subject),
            "item-ids" => Some(&mut self.item_ids),
            "exclude" => Some(&mut self.exclude),
            "exclude-most" => Some(&mut self.exclude_most),
            _ => None,
        };
        match (flag, name, value) {
            (Some(flag), _, None) => *flag = true,
            (Some(_), _, Some(_)) => return Err(format!("grant `{grant}` has a value, expected `{name}`")),
            (None, "pin", Some(value)) => {
                self.pin = value.parse().map_err(|_| {
                    format!("grant `{grant}` is no number of candidates, expected one like pin=1")
                })?;
            }
            (None, "max-boost", Some(value)) => self.max_boost = bounded(grant, value, 0.0, BOOST_MAX)?,
            (None, "max-scale", Some(value)) => self.max_scale = bounded(grant, value, 1.0, SCALE_MAX)?,
            (None, _, _) => {
                return Err(format!(
                    "grant `{grant}` is unknown, expected subject, item-ids, exclude, exclude-most, pin=N, \
                     max-boost=X or max-scale=X"
                ));
            }
        }
        Ok(self)
    }
}

fn bounded(grant: &str, value: &str, least: f32, most: f32) -> Result<f32, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("grant `{grant}` is out of range, expected {least} to {most}"))
}

impl Default for Grants {
    fn default() -> Self {
        Self::NONE
    }
}

/// What the person who installs a plugin decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Consent {
    /// What it may do, at most.
    pub grants: Grants,
    /// Values of its settings as text; a setting that is absent has the manifest's default.
    pub settings: BTreeMap<String, String>,
    /// Whether it runs in shadow: it is asked, and what it says is counted and not applied.
    pub shadow: bool,
    /// How often a person has let it run again, after it failed or not. One that failed too often is
    /// tried anew when this changes.
    pub again: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_as_they_are_written() {
        let grants =
            Grants { subject: true, exclude: true, pin: 2, max_boost: 0.3, max_scale: 2.5, ..Grants::NONE };
        let words = grants.beyond(Grants::NONE);
        assert_eq!(words, ["subject", "exclude", "pin=2", "max-boost=0.3", "max-scale=2.5"]);
        let read = words.iter().try_fold(Grants::NONE, |grants, word| grants.with(word));
        assert_eq!(read, Ok(grants));
        assert_eq!(grants.beyond(grants), Vec::<String>::new());
        assert_eq!(grants.beyond(Grants { max_boost: 0.2, ..grants }), ["max-boost=0.3"]);
        assert_eq!(Grants::NONE.either(grants), grants);
    }

    #[test]
    fn a_grant_that_is_none_is_refused() {
        let check = |grant: &str, expected: &str| {
            assert_eq!(Grants::NONE.with(grant), Err(format!("grant `{grant}` {expected}")));
        };
        check(
            "network",
            "is unknown, expected subject, item-ids, exclude, exclude-most, pin=N, max-boost=X or max-scale=X",
        );
        check("exclude=yes", "has a value, expected `exclude`");
        check("pin=-1", "is no number of candidates, expected one like pin=1");
        check("max-boost=9", "is out of range, expected 0 to 5");
        check("max-scale=NaN", "is out of range, expected 1 to 100");
    }

    #[test]
    fn both_sides_must_agree() {
        let asked = Grants { exclude: true, pin: 2, max_boost: 0.3, max_scale: 2.0, ..Grants::NONE };
        assert_eq!(asked.both(Grants::ALL), asked);
        assert_eq!(asked.both(Grants::NONE), Grants::NONE);
        let given = Grants { subject: true, exclude: true, pin: 1, max_boost: 0.1, ..Grants::NONE };
        assert_eq!(
            asked.both(given),
            Grants { exclude: true, pin: 1, max_boost: 0.1, max_scale: 1.0, ..Grants::NONE }
        );
        let broken = Grants { max_boost: f32::NAN, max_scale: f32::INFINITY, ..Grants::ALL };
        assert_eq!(broken.both(broken).max_boost, 0.0);
        assert_eq!(broken.both(broken).max_scale, SCALE_MAX);
    }
}
