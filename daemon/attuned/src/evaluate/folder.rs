//! Data folders: which layout a folder has, and its files as [`Data`].

use std::fs;
use std::path::Path;

use super::data::{Clock, Data, Wrong};

mod features;
mod interactions;
mod items;
mod listens;
mod movielens;
mod npy;
mod recbole;
mod table;

/// Largest table that is read, in bytes: it is held in memory while it is read.
pub const TABLE_BYTES_MAX: u64 = 2 << 30;
/// Most interactions of a data set: about 40 bytes each.
pub const INTERACTIONS_MAX: usize = 50_000_000;
/// Most users, and most items.
pub const NAMES_MAX: usize = 5_000_000;
/// Most values of all vectors of one modality: 4 bytes each.
pub const FEATURE_VALUES_MAX: usize = 1 << 29;

/// Reads a data folder.
///
/// # Errors
///
/// One sentence that names the file, the line, the value, and what was expected.
pub fn read(folder: &Path) -> Result<Data, Wrong> {
    let metadata = fs::metadata(folder).map_err(|error| {
        Wrong::file(folder.display(), format_args!("cannot be read: {}", crate::cli::input_reason(&error)))
    })?;
    if !metadata.is_dir() {
        return Err(Wrong::file(folder.display(), "is no folder, expected one with interactions.csv in it"));
    }
    let name =
        folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let mut data = Data { name: name.unwrap_or_else(|| folder.display().to_string()), ..Data::default() };
    let file = folder.join("interactions.csv");
    if file.is_file() {
        interactions::read(&file, &mut data)?;
        items::read(folder, &mut data)?;
    } else if !(movielens::read(folder, &mut data)?
        || recbole::read(folder, &mut data)?
        || listens::read(folder, &mut data)?)
    {
        return Err(Wrong::file(
            folder.display(),
            "has no data in it that is known, expected interactions.csv",
        ));
    }
    features::read(folder, &mut data)?;
    if data.interactions.is_empty() {
        return Err(Wrong::file(folder.display(), "has no interactions, expected some"));
    }
    Ok(data)
}

/// Understands numbers as times: seconds, milliseconds, micro- or nanoseconds since 1970 by their
/// size, and an order where they are too small for any of these.
fn set_clock(data: &mut Data) {
    let Some(most) =
        data.interactions.iter().filter_map(|interaction| interaction.at).map(i64::saturating_abs).max()
    else {
        return;
    };
    // The units' years 1973 to 5138.
    let (clock, times, over) = if most < 100_000_000 {
        (Clock::Order, 1, 1)
    } else if most < 100_000_000_000 {
        (Clock::Time, 1000, 1)
    } else if most < 100_000_000_000_000 {
        (Clock::Time, 1, 1)
    } else if most < 100_000_000_000_000_000 {
        (Clock::Time, 1, 1000)
    } else {
        (Clock::Time, 1, 1_000_000)
    };
    data.clock = clock;
    for at in data.interactions.iter_mut().filter_map(|interaction| interaction.at.as_mut()) {
        *at = *at * times / over;
    }
}

#[cfg(test)]
mod tests;
