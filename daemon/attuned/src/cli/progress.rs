//! Progress bars on standard error, for people who wait.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Printer;

/// Work with fewer steps is over before a bar can be read.
const STEPS_MIN: usize = 8;

/// How far `steps` steps of work have come. Hidden from machines, from files, and for short work.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts at none of `steps`.
    pub fn start(what: &'static str, steps: usize, printer: &Printer) -> Self {
        if printer.is_json() || steps < STEPS_MIN || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(steps as u64).with_message(what);
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.expect("the template is fixed and right"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// One step is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// So many steps are done.
    pub fn at(&self, steps: usize) {
        self.0.set_position(steps as u64);
    }

    /// Runs `print` without the bar in the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

/// Several works one after the other, of which one shows how far it is. Hidden from machines and
/// from files.
pub struct Waiting(ProgressBar);

impl Waiting {
    /// Nothing yet.
    pub fn start(printer: &Printer) -> Self {
        if printer.is_json() || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// The next work begins; how long it takes is not known.
    pub fn begin(&self, what: &str) {
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        self.0.set_style(style.expect("the template is fixed and right"));
        self.0.reset();
        self.0.set_message(what.to_owned());
    }

    /// So many steps of so many are done of what `what` says.
    pub fn at(&self, what: &str, done: usize, of: usize) {
        if self.0.length() != Some(of as u64) || self.0.message() != what {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
            self.0.set_style(style.expect("the template is fixed and right"));
            self.0.set_length(of as u64);
            self.0.set_message(what.to_owned());
            self.0.reset_eta();
        }
        self.0.set_position(done as u64);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
