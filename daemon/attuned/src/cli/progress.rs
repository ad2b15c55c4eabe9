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

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
