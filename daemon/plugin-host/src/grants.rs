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
}

#[cfg(test)]
mod tests {
    use super::*;

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
