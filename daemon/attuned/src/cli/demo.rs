//! `attuned demo`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::app::AppError;
use crate::cli::run::Stop;
use crate::cli::session::configuration;
use crate::cli::{Common, Failure, Printer};
use crate::demo::{self, Audience};

/// See it work: a broker, a small catalogue and an evening of events, all in this process.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Nothing needs to be installed, nothing is kept, and nothing leaves this machine.

Examples:
  attuned demo
  attuned demo --keep                              leaves it running, with its web page")]
pub struct Demo {
    /// Leave it running with its web page, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub fn run(demo: Demo, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let config = configuration(common)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Fault(format!("no event loop: {error}")))?;
    let mut hall = Hall { printer, bar: None, failure: None };
    let shown = runtime.block_on(async {
        let mut stop = Stop::listen().map_err(|error| Failure::Fault(format!("no signals: {error}")))?;
        demo::run(config, demo.keep, &mut hall, stop.asked()).await.map_err(Failure::from)
    });
    match hall.failure {
        Some(failure) => Err(failure),
        None => shown,
    }
}

/// People in front of a terminal, or a machine that reads.
struct Hall<'a> {
    printer: &'a mut Printer,
    bar: Option<ProgressBar>,
    /// Why the output ended, which is what the program ends with.
    failure: Option<Failure>,
}

impl Hall<'_> {
    fn heard(&mut self, printed: Result<(), Failure>) -> Result<(), AppError> {
        printed.map_err(|failure| {
            let sentence = failure.to_string();
            self.failure = Some(failure);
            AppError::Failed(sentence)
        })
    }
}

impl Audience for Hall<'_> {
    fn say(&mut self, line: &str) -> Result<(), AppError> {
        if self.printer.is_json() {
            return Ok(());
        }
        self.bar = None;
        // A person watches: each line is shown when it is said.
        let printed = self.printer.text(line).and_then(|()| self.printer.finish());
        self.heard(printed)
    }

    fn show(&mut self, what: &str, document: &Value) -> Result<(), AppError> {
        if !self.printer.is_json() {
            return Ok(());
        }
        let printed = self.printer.object(&json!({"what": what, "document": document}));
        self.heard(printed)
    }

    fn progress(&mut self, done: u64, of: u64, what: &str) {
        if self.printer.is_json() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
            let style = style.expect("the template is fixed and right");
            // Drawn on standard error, and only if that is a terminal.
            ProgressBar::new(of).with_style(style).with_message(what.to_owned())
        });
        bar.set_position(done);
        if done >= of {
            bar.finish_and_clear();
        }
    }
}
