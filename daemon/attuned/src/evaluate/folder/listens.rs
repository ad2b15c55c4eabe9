//! What people listened to: ListenBrainz (`*.listens`, `listens*.jsonl`, one listen a line), Last.fm's
//! thousand users (`userid-timestamp-artid-artname-traid-traname.tsv`), and scrobbles of one person as
//! Last.fm exporters write them (`scrobbles.csv` with `uts`, `artist`, `track`).
//!
//! An item is a track, its tag the artist.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::interactions::{Line, put};
use super::items::put_film;
use super::set_clock;
use super::table::{Format, Table};
use crate::evaluate::data::{Data, Wrong};

/// Last.fm's thousand users.
const LASTFM_1K: &str = "userid-timestamp-artid-artname-traid-traname.tsv";
/// The person of a file that names none.
const SOMEBODY: &str = "me";

/// One listen as ListenBrainz writes it.
#[derive(Deserialize)]
struct Listen {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(alias = "timestamp")]
    listened_at: Option<serde_json::Number>,
    track_metadata: Track,
}

#[derive(Deserialize)]
struct Track {
    artist_name: String,
    track_name: String,
}

/// Reads the folder if it holds listens.
pub fn read(folder: &Path, data: &mut Data) -> Result<bool, Wrong> {
    let listens = listen_files(folder)?;
    let (thousand, scrobbles) = (folder.join(LASTFM_1K), folder.join("scrobbles.csv"));
    if !listens.is_empty() {
        for file in listens {
            read_listens(&Table::read(&file, Format::LINES)?, data)?;
        }
    } else if thousand.is_file() {
        let table = Table::read(&thousand, Format::TABS)?;
        let mut records = table.records();
        let mut fields: Vec<Cow<'_, str>> = Vec::new();
        while let Some(line) = records.next(&mut fields) {
            let field = |place: usize| fields.get(place).map_or("", |field| field.trim());
            listen(&table, line, data, field(0), field(1), field(3), field(5))?;
        }
    } else if scrobbles.is_file() {
        let table = Table::read(&scrobbles, Format::COMMAS)?;
        let (columns, mut records) = table.with_header()?;
        let place = |name| columns.expect(&table, name);
        let (at, artist, track) = (place("uts")?, place("artist")?, place("track")?);
        let user = columns.find("user");
        let mut fields: Vec<Cow<'_, str>> = Vec::new();
        while let Some(line) = records.next(&mut fields) {
            let field = |place: usize| fields.get(place).map_or("", |field| field.trim());
            listen(&table, line, data, user.map_or(SOMEBODY, field), field(at), field(artist), field(track))?;
        }
    } else {
        return Ok(false);
    }
    set_clock(data);
    Ok(true)
}

fn read_listens(table: &Table, data: &mut Data) -> Result<(), Wrong> {
    for (place, line) in table.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read: Listen = serde_json::from_str(line)
            .map_err(|error| table.wrong(place + 1, format_args!("is no listen: {error}")))?;
        let at = read.listened_at.map(|at| at.to_string()).unwrap_or_default();
        let Track { artist_name, track_name } = read.track_metadata;
        let user = read.user_name.as_deref().unwrap_or(SOMEBODY);
        listen(table, place + 1, data, user, &at, &artist_name, &track_name)?;
    }
    Ok(())
}

fn listen(
    table: &Table,
    line: usize,
    data: &mut Data,
    user: &str,
    at: &str,
    artist: &str,
    track: &str,
) -> Result<(), Wrong> {
    let item = if track.is_empty() { String::new() } else { format!("{artist} - {track}") };
    let known = data.items.find(&item).is_some();
    put(
        table,
        line,
        data,
        Line { user, item: &item, event_type: "play", value: "", at: Some(at), part: None },
    )?;
    if known {
        return Ok(());
    }
    // Longer names than a document allows say enough by their beginning.
    let artist: String = artist.chars().take(crate::document::item::NAME_CHARS_MAX).collect();
    let track: String = track.chars().take(crate::document::item::TITLE_CHARS_MAX).collect();
    let tags = if artist.is_empty() { Vec::new() } else { vec![artist] };
    put_film(table, line, data, "music", &item, &track, tags)
}

fn listen_files(folder: &Path) -> Result<Vec<PathBuf>, Wrong> {
    let told = |error: std::io::Error| {
        Wrong::file(folder.display(), format_args!("cannot be listed: {}", crate::cli::input_reason(&error)))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".listens") || (name.starts_with("listens") && name.ends_with(".jsonl")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
