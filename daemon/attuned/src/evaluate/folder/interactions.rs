//! `interactions.csv`: `user,item`, and perhaps `type`, `value`, `timestamp` and `split`.

use std::borrow::Cow;
use std::path::Path;

use attuned_recommender::EventType;

use super::table::{Format, Table};
use super::{INTERACTIONS_MAX, NAMES_MAX, set_clock};
use crate::evaluate::data::{Data, Interaction, Part, Wrong};

pub fn read(path: &Path, data: &mut Data) -> Result<(), Wrong> {
    let table = Table::read(path, Format::COMMAS)?;
    let (columns, mut records) = table.with_header()?;
    let (user, item) = (columns.expect(&table, "user")?, columns.expect(&table, "item")?);
    let optional = ["type", "value", "timestamp", "split"].map(|name| columns.find(name));
    let mut untyped = Vec::new();
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records.next(&mut fields) {
        let field = |at: usize| fields.get(at).map_or("", |field| field.trim());
        let [event_type, value, at, part] = optional.map(|column| column.map(field));
        let (event_type, value) = (event_type.unwrap_or(""), value.unwrap_or(""));
        put(&table, line, data, Line { user: field(user), item: field(item), event_type, value, at, part })?;
        if event_type.is_empty() && !value.is_empty() {
            untyped.push(data.interactions.len() - 1);
        }
    }
    understand_untyped(data, &untyped);
    set_clock(data);
    Ok(())
}

/// One interaction as it is written.
pub struct Line<'a> {
    pub user: &'a str,
    pub item: &'a str,
    /// Empty where it is not said.
    pub event_type: &'a str,
    /// Empty where it is not said.
    pub value: &'a str,
    /// Absent where the data has no times.
    pub at: Option<&'a str>,
    /// Absent where the data is not divided.
    pub part: Option<&'a str>,
}

/// Adds an interaction to the data.
///
/// # Errors
///
/// A field is none.
pub fn put(table: &Table, line: usize, data: &mut Data, written: Line<'_>) -> Result<(), Wrong> {
    let told = |error: String| table.wrong(line, error);
    for (what, name) in [("user", written.user), ("item", written.item)] {
        if name.is_empty() {
            return Err(table.wrong(line, format_args!("`{what}` is empty, expected a name")));
        }
    }
    let some = |text: &'_ str| !text.is_empty();
    let interaction = Interaction {
        user: data.users.number(written.user),
        item: data.items.number(written.item),
        event_type: some(written.event_type)
            .then(|| event_type_of(written.event_type))
            .transpose()
            .map_err(told)?,
        value: some(written.value).then(|| number("value", written.value)).transpose().map_err(told)?,
        at: written.at.map(time_of).transpose().map_err(told)?,
        part: written.part.map(part_of).transpose().map_err(told)?,
    };
    if let (Some(EventType::Rate), Some(stars)) = (interaction.event_type, interaction.value)
        && !(0.5..=5.0).contains(&stars)
    {
        return Err(table.wrong(line, format_args!("`value` of a rating is `{stars}`, expected 1 to 5")));
    }
    data.interactions.push(interaction);
    within(table, line, data)
}

/// Refuses what would not fit into memory.
fn within(table: &Table, line: usize, data: &Data) -> Result<(), Wrong> {
    for (what, count, max) in [
        ("interactions", data.interactions.len(), INTERACTIONS_MAX),
        ("users", data.users.len(), NAMES_MAX),
        ("items", data.items.len(), NAMES_MAX),
    ] {
        if count > max {
            return Err(table.wrong(line, format_args!("more than {max} {what}, expected at most as many")));
        }
    }
    Ok(())
}

/// Values without a type are ratings if they go from 1 to 5 or 10, shares played if they lie
/// between 0 and 1, and else say nothing (they may be counts).
pub fn understand_untyped(data: &mut Data, rows: &[usize]) {
    let values = || rows.iter().filter_map(|row| data.interactions[*row].value);
    let (least, most) = (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max));
    let meaning = match (least, most) {
        (0.0.., ..=1.0) => Some((EventType::Play, 1.0)),
        (0.5.., ..=5.0) => Some((EventType::Rate, 1.0)),
        (0.5.., ..=10.0) => Some((EventType::Rate, 0.5)),
        _ => None,
    };
    if meaning.is_none() && !rows.is_empty() {
        data.notes
            .push(format!("values from {least} to {most} are neither ratings nor shares, and are not used"));
    }
    for row in rows {
        let interaction = &mut data.interactions[*row];
        match meaning {
            Some((event_type, factor)) => {
                interaction.event_type = Some(event_type);
                interaction.value = interaction.value.map(|value| value * factor);
            }
            None => interaction.value = None,
        }
    }
}

fn event_type_of(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = EventType::ALL.into_iter().map(EventType::name).collect();
        format!("`type` is `{text}`, expected one of {}", names.join(", "))
    })
}

fn part_of(text: &str) -> Result<Part, String> {
    match text {
        "train" => Ok(Part::Train),
        "valid" | "validation" | "val" => Ok(Part::Valid),
        "test" => Ok(Part::Test),
        other => Err(format!("`split` is `{other}`, expected train, valid or test")),
    }
}

fn number(what: &str, text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) | Err(_) => Err(format!("`{what}` is `{text}`, expected a number")),
    }
}

/// A number as it is, or a date in RFC 3339 as milliseconds.
fn time_of(text: &str) -> Result<i64, String> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number.abs() < 9e18 => Ok(number as i64),
        _ => text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| {
            format!("`timestamp` is `{text}`, expected a number or a time as 2026-11-22T18:00:00Z")
        }),
    }
}
