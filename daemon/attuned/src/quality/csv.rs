//! Tables of comma-separated values with a header, as RFC 4180 has them.

use std::fs;
use std::path::Path;

/// Largest table that is read, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// A table whose columns are found by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    /// Reads a table; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// A sentence naming the file: it cannot be read, or is no table.
    pub fn read(path: &Path) -> Result<Option<Csv>, String> {
        let told = |what: String| format!("{} {what}", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() > BYTES_MAX => {
                return Err(told(format!("is larger than {BYTES_MAX} bytes")));
            }
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
        let bytes = fs::read(path).map_err(|error| told(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| told("is not UTF-8".to_owned()))?;
        Csv::parse(&text).map(Some).ok_or_else(|| told("has no header".to_owned()))
    }

    fn parse(text: &str) -> Option<Csv> {
        let mut records = records(text.trim_start_matches('\u{feff}')).into_iter();
        let header = records.next()?.into_iter().map(|name| name.trim().to_owned()).collect();
        Some(Csv { header, rows: records.collect() })
    }

    /// The values of a column in the order of the rows, empty where a row is too short; `None` if
    /// there is no such column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Vec<&str>> {
        let at = self.header.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(|row| row.get(at).map_or("", |value| value.trim())).collect())
    }
}

/// The records of a text; a quoted field may hold commas, line breaks, and quotes written twice.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                push(&mut records, std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    record.push(field);
    push(&mut records, record);
    records
}

/// Adds a record unless it is an empty line.
fn push(records: &mut Vec<Vec<String>>, record: Vec<String>) {
    if record.iter().any(|field| !field.is_empty()) {
        records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_whatever_is_quoted() {
        let table =
            Csv::parse("file,caption\r\na.jpg,\"one, \"\"two\"\"\nthree\"\r\n\r\nb.jpg,plain\nc.jpg\n")
                .expect("a table");
        assert_eq!(table.column("file").expect("it is there"), ["a.jpg", "b.jpg", "c.jpg"]);
        assert_eq!(table.column("caption").expect("it is there"), ["one, \"two\"\nthree", "plain", ""]);
        assert_eq!(table.column("label"), None);
        assert_eq!(Csv::parse(""), None);
    }
}
