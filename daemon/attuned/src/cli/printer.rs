//! Standard output: plain text for people, JSON for machines, and no panic when the reader is gone.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::cli::Failure;

/// Where a command prints its answer.
pub struct Printer {
    json: bool,
    out: Box<dyn Write>,
}

impl Printer {
    /// Prints to standard output.
    #[must_use]
    pub fn to_stdout(json: bool) -> Self {
        Self { json, out: Box::new(BufWriter::new(io::stdout().lock())) }
    }

    /// Prints to `out`.
    #[must_use]
    pub fn to(json: bool, out: Box<dyn Write>) -> Self {
        Self { json, out }
    }

    /// Whether machines read the output.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints text for people and a line break after it.
    ///
    /// # Errors
    ///
    /// [`Failure::NobodyReads`]: stop. [`Failure::Fault`]: the output cannot be written.
    pub fn text(&mut self, text: impl Display) -> Result<(), Failure> {
        written(writeln!(self.out, "{text}"))
    }

    /// Prints one object on a line of its own, and passes it on at once: whoever reads line by
    /// line need not wait for the end.
    ///
    /// # Errors
    ///
    /// As for [`Printer::text`].
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(object)
            .map_err(|error| Failure::Fault(format!("the answer cannot be written as JSON: {error}")))?;
        written(writeln!(self.out, "{line}"))?;
        written(self.out.flush())
    }

    /// Writes out what is still held back.
    ///
    /// # Errors
    ///
    /// As for [`Printer::text`].
    pub fn finish(&mut self) -> Result<(), Failure> {
        written(self.out.flush())
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::Fault(format!("standard output cannot be written: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_ends_the_command_without_a_failure() {
        let failure = Printer::to(false, Box::new(Gone)).text("x").expect_err("nobody reads");
        assert_eq!(failure.exit_code(), 0);
        assert!(matches!(failure, Failure::NobodyReads));
    }
}
