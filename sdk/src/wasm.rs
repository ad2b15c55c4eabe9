//! The component's side of the interface. Only `export_rule!` uses this module.

use std::marker::PhantomData;
use std::sync::Once;

use crate::{Action, Candidates, Context, Failure, Labels, Level, Rule, Ruling};

wit_bindgen::generate!({
    path: "contract/v0.1",
    world: "ranker",
    pub_export_macro: true,
    export_macro_name: "export_ranker",
});

pub use attuned::ranking::input::{Candidates as Batch, Context as Request};
use attuned::ranking::{host, types};
use exports::attuned::ranking::rule::Guest;

/// A rule as the component exports it.
#[derive(Debug)]
pub struct Exported<R>(PhantomData<R>);

impl<R: Rule> Guest for Exported<R> {
    fn check() -> Result<(), types::Failure> {
        report_panics();
        R::check().map_err(Into::into)
    }

    fn rank(request: &Request, batch: &Batch) -> Result<types::Ruling, types::Failure> {
        report_panics();
        match R::rank(&Context::new(request), &Candidates::new(batch)) {
            Ok(ruling) => Ok(ruling.into()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// A panic traps, and a trap has no words: the log gets them before the instance is gone.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| host::log(host::Level::Error, &panic.to_string())));
    });
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    host::log(level, message);
}

pub(crate) use host::setting;

impl Batch {
    pub(crate) fn attribute_labels(&self, name: &str) -> Option<Labels> {
        self.attribute(name).map(|labels| Labels::new(labels.codes, labels.values))
    }
}

impl From<Ruling> for types::Ruling {
    fn from(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Adjust(verdicts) => types::Ruling::Adjust(verdicts.into_iter().map(Into::into).collect()),
            Ruling::Reorder(positions) => types::Ruling::Reorder(positions),
        }
    }
}

impl From<crate::Verdict> for types::Verdict {
    fn from(verdict: crate::Verdict) -> Self {
        let action = match verdict.action {
            Action::Boost(log_odds) => types::Action::Boost(log_odds),
            Action::Scale(factor) => types::Action::Scale(factor),
            Action::Exclude => types::Action::Exclude,
            Action::Pin(slot) => types::Action::Pin(slot),
        };
        types::Verdict { position: verdict.position, action, reason: verdict.reason }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::InvalidSetting(name) => types::Failure::InvalidSetting(name),
            Failure::MissingInput(name) => types::Failure::MissingInput(name),
            Failure::Other(text) => types::Failure::Other(text),
        }
    }
}
