//! Ranking rules for Attuned.
//!
//! A rule looks at one request (a [`Context`]) and a batch of scored [`Candidates`], and returns a
//! [`Ruling`]: which candidates rise, fall, leave the list, or in which order they should stand. It
//! is compiled to a WebAssembly component and runs in a sandbox without files, network, clock or
//! randomness; whatever it returns is bounded by what the person who installed it has granted.
//!
//! ```
//! use attuned_plugin::*;
//!
//! struct FamilyNight;
//!
//! impl Rule for FamilyNight {
//!     fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure> {
//!         let mut verdicts = Verdicts::new();
//!         if context.is("daypart", "evening") && context.is("device-class", "tv") {
//!             let novelty = candidates.column("novelty")?;
//!             for p in candidates.tagged("family") {
//!                 verdicts.boost(p, 0.15 + 0.1 * novelty[p as usize]).because(0);
//!             }
//!         }
//!         verdicts.done()
//!     }
//! }
//! export_rule!(FamilyNight);
//!
//! // On a target other than wasm32 a rule runs on plain values: this is how to test it.
//! let evening = sample::Request::new().with_facet("daypart", "evening").with_facet("device-class", "tv");
//! let films = sample::Batch::new(3).with_feature("novelty", &[0.0, 0.5, 1.0]).with_tag("family", &[1]);
//! let ruling = FamilyNight::rank(&evening.context(), &films.candidates()).unwrap();
//! assert_eq!(ruling, Ruling::Adjust(vec![Verdict {
//!     position: 1,
//!     action: Action::Boost(0.2),
//!     reason: Some(0),
//! }]));
//! ```
//!
//! The crate knows nothing of the daemon: the only thing both sides share is the interface in
//! `contract/`, whose released folders are never edited.

mod ruling;
mod view;

#[cfg(not(target_arch = "wasm32"))]
pub mod sample;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wasm;

#[cfg(not(target_arch = "wasm32"))]
use sample as host;
#[cfg(target_arch = "wasm32")]
use wasm as host;

use std::str::FromStr;

pub use ruling::{Action, Because, Failure, Ruling, Verdict, Verdicts, reorder};
pub use view::{Candidates, Context, Labels};

/// Row number in the batch that is being ranked, from 0. It is no item id and means nothing in the
/// next call.
pub type Position = u32;

/// A ranking rule. Rules are pure: the same context, candidates, settings and seed give the same
/// ruling, and nothing is kept from one call for the next.
pub trait Rule {
    /// Checks the settings. It runs when the plugin is installed and after a setting changes.
    ///
    /// # Errors
    ///
    /// Return [`Failure::InvalidSetting`] to refuse a setting by name; the person who changed it is
    /// told.
    fn check() -> Result<(), Failure> {
        Ok(())
    }

    /// Judges one batch of candidates.
    ///
    /// # Errors
    ///
    /// After any error the rule contributes nothing to this request and the list stands as it was;
    /// three errors in a row suspend the rule for a while.
    fn rank(context: &Context, candidates: &Candidates) -> Result<Ruling, Failure>;
}

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the author only.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is odd, and the rule goes on.
    Warn,
    /// The rule cannot do its work.
    Error,
}

/// Writes a line to the plugin's log. The host keeps at most 512 bytes of a line, 20 lines of a
/// call and 60 a minute; the rest is dropped and counted, and nothing fails.
pub fn log(level: Level, message: &str) {
    host::log(level, message);
}

/// The value of `[settings.<name>]` of the manifest: as the person set it, or its default.
///
/// # Errors
///
/// [`Failure::InvalidSetting`] if the manifest has no such setting, or its value is no `T`; pass it
/// on with `?`.
pub fn setting<T: FromStr>(name: &str) -> Result<T, Failure> {
    let value = host::setting(name).ok_or_else(|| Failure::InvalidSetting(name.to_owned()))?;
    value.parse().map_err(|_| Failure::InvalidSetting(name.to_owned()))
}

/// Makes a type that implements [`Rule`] the rule of this component. Use it once in a crate of type
/// `cdylib`.
#[macro_export]
macro_rules! export_rule {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::wasm::Exported<$rule>;
    $crate::wasm::export_ranker!(Exported with_types_in $crate::wasm);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn is_a_rule<R: $crate::Rule>() {}
            is_a_rule::<$rule>();
        };
    };
}
