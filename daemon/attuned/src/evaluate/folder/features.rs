//! Vectors that came with the data: `features/<modality>.npy` or `<modality>_feat.npy`, in which row
//! i is of item i.

use std::fs;
use std::path::{Path, PathBuf};

use attuned_recommender::{Modality, embedding::EMBEDDING_DIM_MAX};

use super::npy;
use crate::evaluate::data::{Data, Features, Wrong};

pub fn read(folder: &Path, data: &mut Data) -> Result<(), Wrong> {
    let mut found: Vec<(Modality, PathBuf)> = Vec::new();
    for (path, name) in files(folder, "_feat")?.into_iter().chain(files(&folder.join("features"), "")?) {
        let modality = modality_of(&name).ok_or_else(|| {
            Wrong::file(path.display(), format_args!("is of `{name}`, expected text, image, audio or video"))
        })?;
        if let Some((_, other)) = found.iter().find(|(other, _)| *other == modality) {
            let what =
                format!("is of {} as {} is, expected one file a modality", modality.name(), other.display());
            return Err(Wrong::file(path.display(), what));
        }
        found.push((modality, path));
    }
    found.sort();
    for (modality, path) in found {
        let features = read_one(modality, &path, data)?;
        data.features.push(features);
    }
    // Items that a later file named are of no use to an earlier one.
    let items = data.items.len();
    data.features.iter_mut().for_each(|features| features.rows.resize(items, None));
    Ok(())
}

/// The `.npy` files of a folder whose names end so, without that end; none if there is no folder.
fn files(folder: &Path, end: &str) -> Result<Vec<(PathBuf, String)>, Wrong> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let told = |error: std::io::Error| {
        Wrong::file(folder.display(), format_args!("cannot be listed: {}", crate::cli::input_reason(&error)))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()?.strip_suffix(end)).map(str::to_owned);
        if let (Some("npy"), Some(name)) = (path.extension().and_then(|e| e.to_str()), name) {
            files.push((path, name));
        }
    }
    files.sort();
    Ok(files)
}

/// Data sets have other words for what was seen, heard and read.
fn modality_of(name: &str) -> Option<Modality> {
    Modality::from_name(name).or(match name {
        "visual" | "vision" | "picture" => Some(Modality::Image),
        "acoustic" | "sound" => Some(Modality::Audio),
        "textual" | "words" => Some(Modality::Text),
        "film" | "movie" => Some(Modality::Video),
        _ => None,
    })
}

fn read_one(modality: Modality, path: &Path, data: &mut Data) -> Result<Features, Wrong> {
    let matrix = npy::read(path)?;
    let [rows, dim] = matrix.shape;
    let told = |what: String| Wrong::file(path.display(), what);
    if dim == 0 || dim > EMBEDDING_DIM_MAX {
        return Err(told(format!("has vectors of {dim} values, expected 1 to {EMBEDDING_DIM_MAX}")));
    }
    if let Some(at) = matrix.values.iter().position(|value| !value.is_finite()) {
        let what =
            format!("has {} in row {} column {}, expected numbers", matrix.values[at], at / dim, at % dim);
        return Err(told(what));
    }
    for name in data.items.all() {
        match name.parse::<usize>() {
            Err(_) => {
                return Err(told(format!(
                    "has a row for each item by its number, but item `{name}` is no whole number"
                )));
            }
            Ok(number) if number >= rows => {
                return Err(told(format!(
                    "has {rows} rows, expected {} or more: there is item {number}",
                    number + 1
                )));
            }
            Ok(_) => {}
        }
    }
    // An item that nobody met yet may still be recommended.
    let mut by_item = vec![None; data.items.len()];
    let mut without = 0;
    for (row, values) in matrix.values.chunks_exact(dim).enumerate() {
        let number = data.items.number(&row.to_string()) as usize;
        if by_item.len() <= number {
            by_item.resize(number + 1, None);
        }
        if values.iter().any(|value| *value != 0.0) {
            by_item[number] = Some(values.into());
        } else {
            without += 1;
        }
    }
    if without > 0 {
        data.notes.push(format!("{without} items have no {} vector", modality.name()));
    }
    Ok(Features { modality, dim, rows: by_item })
}
