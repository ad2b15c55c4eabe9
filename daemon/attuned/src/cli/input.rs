//! What people give to commands: files, standard input, `KEY=VALUE` pairs, streams of documents.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

use crate::cli::Failure;

/// Largest file or standard input that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// A file, or standard input if it is written `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Source::Stdin } else { Source::File(text.into()) })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Stdin => f.write_str("standard input"),
            Source::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Source {
    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if it is not there, not readable, or larger than [`FILE_BYTES_MAX`].
    pub fn read(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = match self {
            Source::Stdin => io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes),
            Source::File(path) => {
                open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            }
        };
        match read {
            Err(error) => Err(Failure::Input(format!("{self} cannot be read: {}", reason(&error)))),
            Ok(length) if length as u64 > FILE_BYTES_MAX => {
                Err(Failure::Input(format!("{self} is larger than {FILE_BYTES_MAX} bytes, expected less")))
            }
            Ok(_) => Ok(bytes),
        }
    }

    /// Reads all of it as text.
    ///
    /// # Errors
    ///
    /// As for [`Source::read`], and if it is not UTF-8.
    pub fn read_text(&self) -> Result<String, Failure> {
        String::from_utf8(self.read()?).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Failure::Input(format!("{self} is not UTF-8 from byte {place} on, expected text"))
        })
    }

    /// Reads JSON documents: one object, an array of objects, or one object after the other (JSON
    /// lines).
    ///
    /// # Errors
    ///
    /// As for [`Source::read`], if it is not JSON (with the line and column), and if there is none.
    pub fn read_documents(&self) -> Result<Vec<Value>, Failure> {
        let bytes = self.read()?;
        match documents(&bytes) {
            Ok(documents) if documents.is_empty() => {
                Err(Failure::Input(format!("{self} has no documents, expected at least one")))
            }
            Ok(documents) => Ok(documents),
            Err(error) => Err(Failure::Input(format!("{self} is not JSON: {error}"))),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// An error of the system in words, without its number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, expected a file".to_owned(),
        _ => error.to_string(),
    }
}

fn documents(bytes: &[u8]) -> Result<Vec<Value>, serde_json::Error> {
    let mut documents = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match value? {
            Value::Array(values) => documents.extend(values),
            value => documents.push(value),
        }
    }
    Ok(documents)
}

/// A named value, written `KEY=VALUE`. The value is read as JSON (`120`, `true`, `["a","b"]`), or
/// else is text.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The name.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Pair {
                key: key.to_owned(),
                value: serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned())),
            }),
            _ => Err("expected KEY=VALUE, as in room=kitchen".to_owned()),
        }
    }
}

/// The pairs as one object; of pairs with the same key the last one counts.
pub fn object(pairs: Vec<Pair>) -> Value {
    Value::Object(pairs.into_iter().map(|pair| (pair.key, pair.value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_values_of_json_or_text() {
        let check = |text: &str, expected: &str| {
            let got = match text.parse::<Pair>() {
                Ok(pair) => format!("{} {}", pair.key, pair.value),
                Err(error) => error,
            };
            assert_eq!(got, expected);
        };
        check("max_duration_min=120", "max_duration_min 120");
        check("kids=true", "kids true");
        check("language=[\"en\",\"de\"]", "language [\"en\",\"de\"]");
        check("room=living room", "room \"living room\"");
        check("note=a=b", "note \"a=b\"");
        check("empty=", "empty \"\"");
        check("room", "expected KEY=VALUE, as in room=kitchen");
        check("=1", "expected KEY=VALUE, as in room=kitchen");
    }

    #[test]
    fn documents_come_one_by_one_in_lines_or_in_an_array() {
        let check = |text: &str, expected: &str| {
            let got = match documents(text.as_bytes()) {
                Ok(documents) => Value::Array(documents).to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, expected);
        };
        check("", "[]");
        check("{\"a\":1}", "[{\"a\":1}]");
        check("[{\"a\":1},{\"b\":2}]", "[{\"a\":1},{\"b\":2}]");
        check("{\"a\":1}\n{\"b\":2}\n", "[{\"a\":1},{\"b\":2}]");
        check("{\"a\":1}\n{\"b\"}", "expected `:` at line 2 column 5");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let sentence = |path: &str| Source::File(path.into()).read().expect_err("refused").to_string();
        assert_eq!(
            sentence("/nonexistent/a.json"),
            "/nonexistent/a.json cannot be read: there is no such file"
        );
        assert_eq!(sentence("/"), "/ cannot be read: it is a folder, expected a file");
        let error = Source::File("/dev/zero".into()).read().expect_err("endless").to_string();
        assert_eq!(error, "/dev/zero is larger than 268435456 bytes, expected less");
    }
}
