//! Several inputs, of which some may be wrong: each wrong one is told, the others are done, and
//! the exit code tells that there were wrong ones.

use crate::cli::Failure;

/// What went wrong so far.
#[derive(Debug, Default)]
pub struct Tally {
    code: Option<u8>,
}

impl Tally {
    /// Tells on standard error that `what` was wrong, and goes on; a failure that the next input
    /// would meet as well ends the command instead.
    ///
    /// # Errors
    ///
    /// The failure given, if going on makes no sense.
    pub fn told(&mut self, what: &str, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::Input(sentence) => {
                // Sentences about a file begin with its name already.
                let named = sentence.starts_with(what);
                tell(&if named { sentence } else { format!("{what}: {sentence}") });
                self.code.get_or_insert(super::EXIT_INPUT);
                Ok(())
            }
            Failure::Usage(_)
            | Failure::Unreachable(_)
            | Failure::Fault(_)
            | Failure::Told(_)
            | Failure::NobodyReads => Err(failure),
        }
    }

    /// How the command ends.
    ///
    /// # Errors
    ///
    /// [`Failure::Told`] if anything was told.
    pub fn end(self) -> Result<(), Failure> {
        match self.code {
            Some(code) => Err(Failure::Told(code)),
            None => Ok(()),
        }
    }
}

/// Prints one sentence to standard error. That nobody reads it is no reason to stop.
pub fn tell(sentence: &str) {
    use std::io::Write;
    let line = format!("attuned: {sentence}\n");
    if std::io::stderr().write_all(line.as_bytes()).is_err() {
        tracing::debug!("standard error is closed");
    }
}
