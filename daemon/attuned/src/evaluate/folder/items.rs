//! `items.jsonl` or `items.csv`: item documents.

use std::borrow::Cow;
use std::path::Path;

use super::NAMES_MAX;
use super::table::{Format, Table};
use crate::document::{ItemDocument, MediaInput};
use crate::evaluate::data::{Data, Described, Wrong};

pub fn read(folder: &Path, data: &mut Data) -> Result<(), Wrong> {
    let (lines, table) = (folder.join("items.jsonl"), folder.join("items.csv"));
    match (lines.is_file(), table.is_file()) {
        (true, true) => {
            Err(Wrong::file(folder.display(), "has items.jsonl and items.csv, expected one of them"))
        }
        (true, false) => read_lines(&lines, data),
        (false, true) => read_table(&table, data),
        (false, false) => Ok(()),
    }
}

fn read_lines(path: &Path, data: &mut Data) -> Result<(), Wrong> {
    // One record a line, whatever it holds: JSON has no bare line breaks.
    let table = Table::read(path, Format::LINES)?;
    for (place, line) in table.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let told = |what: String| table.wrong(place + 1, what);
        let mut json: serde_json::Value =
            serde_json::from_str(line).map_err(|error| told(format!("is not JSON: {error}")))?;
        // Data sets number their items.
        if let Some(id) = json.get_mut("id").filter(|id| id.is_number()) {
            *id = serde_json::Value::String(id.to_string());
        }
        let document: ItemDocument =
            serde_json::from_value(json).map_err(|error| told(format!("is no item document: {error}")))?;
        put(&table, place + 1, document, data)?;
    }
    Ok(())
}

/// Columns of a table of items that are fields of the document; the others are attributes.
const FIELDS: [&str; 11] =
    ["id", "item", "kind", "title", "text", "tags", "published_at", "provider", "image", "audio", "video"];

fn read_table(path: &Path, data: &mut Data) -> Result<(), Wrong> {
    let table = Table::read(path, Format::COMMAS)?;
    let (columns, mut records) = table.with_header()?;
    let id = columns.find("id").or_else(|| columns.find("item"));
    let id = id.map_or_else(|| columns.expect(&table, "id"), Ok)?;
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records.next(&mut fields) {
        let value = |at: usize| fields.get(at).map(|field| field.trim()).filter(|field| !field.is_empty());
        let named = |name: &str| columns.find(name).and_then(value).map(str::to_owned);
        let media = ["image", "audio", "video"].into_iter().filter_map(|modality| {
            let path = named(modality)?;
            Some(serde_json::json!({"modality": modality, "path": path}))
        });
        let tags = named("tags").unwrap_or_default();
        let attributes =
            columns.names().iter().enumerate().filter(|(_, name)| !FIELDS.contains(&name.as_str()));
        let document = serde_json::json!({
            "id": value(id).unwrap_or_default(),
            "kind": named("kind").unwrap_or_else(|| "item".to_owned()),
            "title": named("title"),
            "text": named("text"),
            "tags": tags.split(['|', ';']).map(str::trim).filter(|tag| !tag.is_empty()).collect::<Vec<_>>(),
            "published_at": named("published_at"),
            "provider": named("provider"),
            "media": media.collect::<Vec<_>>(),
            "attributes": attributes
                .filter_map(|(at, name)| {
                    let text = value(at)?;
                    let json = text.parse::<f64>().ok().filter(|n| n.is_finite()).map_or_else(|| text.into(), Into::into);
                    Some((name.clone(), json))
                })
                .collect::<serde_json::Map<String, serde_json::Value>>(),
        });
        let document: ItemDocument = serde_json::from_value(document)
            .map_err(|error| table.wrong(line, format_args!("is no item: {error}")))?;
        put(&table, line, document, data)?;
    }
    Ok(())
}

/// Adds an item of which only its title and tags are known.
///
/// # Errors
///
/// As for a document.
pub fn put_film(
    table: &Table,
    line: usize,
    data: &mut Data,
    kind: &str,
    id: &str,
    title: &str,
    tags: Vec<String>,
) -> Result<(), Wrong> {
    let title = Some(title.to_owned()).filter(|title| !title.is_empty());
    put(
        table,
        line,
        ItemDocument { id: id.to_owned(), kind: kind.to_owned(), title, tags, ..ItemDocument::default() },
        data,
    )
}

fn put(table: &Table, line: usize, mut document: ItemDocument, data: &mut Data) -> Result<(), Wrong> {
    if document.id.is_empty() {
        return Err(table.wrong(line, "`id` is empty, expected a name"));
    }
    let number = data.items.number(&document.id) as usize;
    if data.items.len() > NAMES_MAX {
        return Err(table.wrong(line, format_args!("more than {NAMES_MAX} items, expected at most as many")));
    }
    // The engine has ids of its own in an evaluation, so the data's may be anything.
    document.id = "item".to_owned();
    let parsed = document.parse(None).map_err(|rejection| table.wrong(line, rejection.message))?;
    let mut media = Vec::new();
    for (modality, input) in parsed.media {
        match input {
            MediaInput::Path(path) => media.push((modality, path)),
            MediaInput::Bytes(_) => {
                return Err(table.wrong(line, "`media` has bytes, expected paths below the data folder"));
            }
        }
    }
    if data.described.len() <= number {
        data.described.resize(number + 1, None);
    }
    if data.described[number].replace(Described { item: parsed.item, media }).is_some() {
        let name = &data.items.all()[number];
        return Err(table.wrong(line, format_args!("item `{name}` is described twice, expected once")));
    }
    Ok(())
}
