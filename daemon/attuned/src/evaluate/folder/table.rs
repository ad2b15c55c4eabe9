//! Tables of text, record by record, each with the line on which it begins.

use std::borrow::Cow;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::TABLE_BYTES_MAX;
use crate::evaluate::data::Wrong;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// What stands between two fields.
    pub separator: char,
    /// Whether fields may be quoted.
    pub quoted: bool,
    /// What stands for the separator in the file, where it is longer than a character.
    pub long_separator: Option<&'static str>,
}

impl Format {
    /// Values separated by commas, some of them quoted (RFC 4180).
    pub const COMMAS: Format = Format { separator: ',', quoted: true, long_separator: None };
    /// Values separated by tabs.
    pub const TABS: Format = Format { separator: '\t', quoted: false, long_separator: None };
    /// Values separated by two colons.
    pub const COLONS: Format = Format { separator: '\u{1}', quoted: false, long_separator: Some("::") };
    /// One value a line.
    pub const LINES: Format = Format { separator: '\u{1}', quoted: false, long_separator: None };
}

/// A table of text.
pub struct Table {
    path: PathBuf,
    text: String,
    format: Format,
}

/// Where the columns that are asked for stand; the others are not looked at.
pub struct Columns {
    header: Vec<String>,
}

impl Table {
    /// Reads a file of UTF-8, or of Latin-1 where fields are not quoted: old data sets are.
    ///
    /// # Errors
    ///
    /// It cannot be read, is too large, or is no text.
    pub fn read(path: &Path, format: Format) -> Result<Table, Wrong> {
        let told = |what: String| Wrong::file(path.display(), what);
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(TABLE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| told(format!("cannot be read: {}", crate::cli::input_reason(&error))))?;
        if bytes.len() as u64 > TABLE_BYTES_MAX {
            return Err(told(format!("is larger than {TABLE_BYTES_MAX} bytes, expected less")));
        }
        let mut text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if !format.quoted => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
                return Err(Wrong::line(path.display(), line, "is not UTF-8, expected text"));
            }
        };
        if let Some(long) = format.long_separator {
            text = text.replace(long, format.separator.encode_utf8(&mut [0; 4]));
        }
        Ok(Table { path: path.to_owned(), text, format })
    }

    /// What is wrong with a line.
    pub fn wrong(&self, line: usize, what: impl std::fmt::Display) -> Wrong {
        Wrong::line(self.path.display(), line, what)
    }

    /// The names of the columns, and the records below them.
    ///
    /// # Errors
    ///
    /// The file is empty.
    pub fn with_header(&self) -> Result<(Columns, Records<'_>), Wrong> {
        let mut records = self.records();
        let mut fields = Vec::new();
        match records.next(&mut fields) {
            Some(_) => {
                let header = fields.iter().map(|name| name.trim().to_owned()).collect();
                Ok((Columns { header }, records))
            }
            None => Err(Wrong::file(self.path.display(), "is empty, expected a header")),
        }
    }

    /// The lines as they are.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text).lines()
    }

    /// The records, from the first line on.
    pub fn records(&self) -> Records<'_> {
        let rest = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        Records { rest, line: 1, format: self.format }
    }
}

impl Columns {
    /// Where a column stands.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// All names.
    pub fn names(&self) -> &[String] {
        &self.header
    }

    /// Where a column stands that has to be there.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn expect(&self, table: &Table, name: &str) -> Result<usize, Wrong> {
        self.find(name).ok_or_else(|| {
            let found = self.header.join(", ");
            table.wrong(1, format_args!("has the columns {found}, expected `{name}` among them"))
        })
    }
}

/// Records one after the other; empty lines are none.
pub struct Records<'a> {
    rest: &'a str,
    line: usize,
    format: Format,
}

impl<'a> Records<'a> {
    /// Puts the fields of the next record into `fields` and gives the line on which it begins. A
    /// quoted field may hold separators, line breaks, and quotes written twice (RFC 4180).
    pub fn next(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Option<usize> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let plain = &self.rest[..end];
            fields.clear();
            if self.format.quoted && plain.contains('"') {
                self.quoted(fields);
            } else {
                self.rest = self.rest.get(end + 1..).unwrap_or("");
                self.line += 1;
                let plain = plain.strip_suffix('\r').unwrap_or(plain);
                fields.extend(plain.split(self.format.separator).map(Cow::Borrowed));
            }
            if fields.iter().any(|field| !field.trim().is_empty()) {
                return Some(line);
            }
        }
    }

    /// A record of which at least one field may be quoted.
    fn quoted(&mut self, fields: &mut Vec<Cow<'a, str>>) {
        let (mut field, mut quoted) = (String::new(), false);
        let mut characters = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' if quoted && characters.peek().is_some_and(|(_, next)| *next == '"') => {
                    characters.next();
                    field.push('"');
                }
                '"' if quoted || field.is_empty() => quoted = !quoted,
                '\n' => {
                    self.line += 1;
                    if !quoted {
                        end = at;
                        break;
                    }
                    field.push('\n');
                }
                other if other == self.format.separator && !quoted => {
                    fields.push(Cow::Owned(std::mem::take(&mut field)));
                }
                other => field.push(other),
            }
        }
        if !quoted && field.ends_with('\r') {
            field.pop();
        }
        fields.push(Cow::Owned(field));
        self.rest = self.rest.get(end + 1..).unwrap_or("");
    }
}
