//! RecBole's atomic files: `<name>.inter` and perhaps `<name>.item`, separated by tabs, with the type
//! of each column in the header (`user_id:token`, `rating:float`, `genre:token_seq` …).
//!
//! Format: <https://recbole.io/docs/user_guide/data/atomic_files.html>.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use super::interactions::{Line, put, understand_untyped};
use super::items::put_film;
use super::set_clock;
use super::table::{Columns, Format, Table};
use crate::evaluate::data::{Data, Wrong};

/// Reads the folder if it has a file of interactions.
pub fn read(folder: &Path, data: &mut Data) -> Result<bool, Wrong> {
    let Some(file) = only(folder, "inter")? else { return Ok(false) };
    let table = Table::read(&file, Format::TABS)?;
    let (columns, mut records) = table.with_header()?;
    let expect = |name: &str| {
        typed(&columns, name).ok_or_else(|| {
            let found = columns.names().join(", ");
            table.wrong(1, format_args!("has the columns {found}, expected `{name}:token` among them"))
        })
    };
    let places = [
        Some(expect("user_id")?),
        Some(expect("item_id")?),
        typed(&columns, "rating"),
        typed(&columns, "timestamp"),
    ];
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records.next(&mut fields) {
        let [user, item, value, at] =
            places.map(|place| place.and_then(|place| fields.get(place)).map_or("", |field| field.trim()));
        let at = places[3].is_some().then_some(at);
        put(&table, line, data, Line { user, item, event_type: "", value, at, part: None })?;
    }
    let rated: Vec<usize> =
        (0..data.interactions.len()).filter(|row| data.interactions[*row].value.is_some()).collect();
    understand_untyped(data, &rated);
    set_clock(data);
    let items = file.with_extension("item");
    if items.is_file() {
        read_items(&Table::read(&items, Format::TABS)?, data)?;
    }
    Ok(true)
}

/// Titles are columns with such a word in their name; other sequences of tokens are tags.
fn read_items(table: &Table, data: &mut Data) -> Result<(), Wrong> {
    let (columns, mut records) = table.with_header()?;
    let id = typed(&columns, "item_id").ok_or_else(|| {
        let found = columns.names().join(", ");
        table.wrong(1, format_args!("has the columns {found}, expected `item_id:token` among them"))
    })?;
    let is_title = |name: &str| ["title", "name"].iter().any(|word| name.contains(word));
    let title = columns.names().iter().position(|name| is_title(name));
    let tags: Vec<usize> = (0..columns.names().len())
        .filter(|place| Some(*place) != title && columns.names()[*place].ends_with(":token_seq"))
        .collect();
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records.next(&mut fields) {
        let field = |place: usize| fields.get(place).map_or("", |field| field.trim());
        let words =
            tags.iter().flat_map(|place| field(*place).split([' ', ','])).filter(|tag| !tag.is_empty());
        let words = words.map(str::to_owned).collect();
        put_film(table, line, data, "item", field(id), title.map_or("", field), words)?;
    }
    Ok(())
}

/// A column by its name, whatever its type.
fn typed(columns: &Columns, name: &str) -> Option<usize> {
    columns.names().iter().position(|column| column.split(':').next() == Some(name))
}

/// The one file with this extension; none if there is none.
fn only(folder: &Path, extension: &str) -> Result<Option<PathBuf>, Wrong> {
    let told = |error: std::io::Error| {
        Wrong::file(folder.display(), format_args!("cannot be listed: {}", crate::cli::input_reason(&error)))
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|own| own == extension) && path.is_file() {
            found.push(path);
        }
    }
    if found.len() > 1 {
        return Err(Wrong::file(
            folder.display(),
            format_args!("has {} files .{extension}, expected one", found.len()),
        ));
    }
    Ok(found.pop())
}
