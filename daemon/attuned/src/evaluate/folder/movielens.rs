//! MovieLens as GroupLens gives it out: `u.data` and `u.item` (100k), `ratings.dat` and `movies.dat`
//! (1M, 10M), `ratings.csv` and `movies.csv` (20M and later).

use std::borrow::Cow;
use std::path::Path;

use super::interactions::{Line, put};
use super::items::put_film;
use super::set_clock;
use super::table::{Format, Table};
use crate::evaluate::data::{Data, Wrong};

/// The genres of `u.item`, in the order of its last columns, as `u.genre` has them.
const GENRES: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// Columns of `u.item` before its genres: number, title, two dates and an address.
const BEFORE_GENRES: usize = 5;

/// Reads the folder if it is one of these.
pub fn read(folder: &Path, data: &mut Data) -> Result<bool, Wrong> {
    let [old, middle, new] = ["u.data", "ratings.dat", "ratings.csv"].map(|name| folder.join(name));
    if old.is_file() {
        ratings(&Table::read(&old, Format::TABS)?, false, data)?;
        films(&folder.join("u.item"), Format { separator: '|', ..Format::TABS }, Films::Flags, data)?;
    } else if middle.is_file() {
        ratings(&Table::read(&middle, Format::COLONS)?, false, data)?;
        films(&folder.join("movies.dat"), Format::COLONS, Films::Names, data)?;
    } else if new.is_file() {
        ratings(&Table::read(&new, Format::COMMAS)?, true, data)?;
        films(&folder.join("movies.csv"), Format::COMMAS, Films::NamesWithHeader, data)?;
    } else {
        return Ok(false);
    }
    set_clock(data);
    Ok(true)
}

/// User, film, stars, time; with a header, or in this order.
fn ratings(table: &Table, header: bool, data: &mut Data) -> Result<(), Wrong> {
    let (places, mut records) = if header {
        let (columns, records) = table.with_header()?;
        let place = |name| columns.expect(table, name);
        ([place("userId")?, place("movieId")?, place("rating")?, place("timestamp")?], records)
    } else {
        ([0, 1, 2, 3], table.records())
    };
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    while let Some(line) = records.next(&mut fields) {
        let [user, item, value, at] = places.map(|place| fields.get(place).map_or("", |field| field.trim()));
        put(table, line, data, Line { user, item, event_type: "rate", value, at: Some(at), part: None })?;
    }
    Ok(())
}

/// How the genres of a film stand.
#[derive(Clone, Copy, PartialEq)]
enum Films {
    /// A column each, 1 for those that it has.
    Flags,
    /// In the third column, by their names.
    Names,
    /// The same, below a header.
    NamesWithHeader,
}

fn films(path: &Path, format: Format, films: Films, data: &mut Data) -> Result<(), Wrong> {
    if !path.is_file() {
        return Ok(());
    }
    let table = Table::read(path, format)?;
    let mut records = table.records();
    let mut fields: Vec<Cow<'_, str>> = Vec::new();
    let mut skip = films == Films::NamesWithHeader;
    while let Some(line) = records.next(&mut fields) {
        if std::mem::take(&mut skip) {
            continue;
        }
        let field = |place: usize| fields.get(place).map_or("", |field| field.trim());
        let genres: Vec<String> = match films {
            Films::Flags => GENRES
                .into_iter()
                .enumerate()
                .filter(|(place, _)| field(BEFORE_GENRES + place) == "1")
                .map(|(_, genre)| genre.to_owned())
                .collect(),
            Films::Names | Films::NamesWithHeader => {
                let genres = field(2).split('|').filter(|genre| !genre.is_empty() && !genre.starts_with('('));
                genres.map(str::to_owned).collect()
            }
        };
        put_film(&table, line, data, "film", field(0), field(1), genres)?;
    }
    Ok(())
}
