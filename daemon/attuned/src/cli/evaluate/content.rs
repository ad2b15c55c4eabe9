//! Understanding the items of a data folder, as the daemon understands items.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use attuned_encoders::{EncodeError, Encoders, Encoding};
use attuned_recommender::{Content, Modality};

use crate::cli::encode::in_order;
use crate::cli::input::Source;
use crate::cli::progress::Progress;
use crate::cli::{Failure, Printer};
use crate::evaluate::Data;
use crate::evaluate::data::Described;
use crate::pipeline::{add_mean, text_of};

/// Most sentences about single files that are told; the others are counted.
const UNREADABLE_TOLD_MAX: usize = 5;

/// Puts into the data what the models say of its items' words and media. What cannot be understood
/// is noted.
pub fn understand(
    data: &mut Data,
    folder: &Path,
    encoders: &Encoders,
    printer: &Printer,
) -> Result<(), Failure> {
    let items: Vec<(usize, &Described)> = data
        .described
        .iter()
        .enumerate()
        .filter_map(|(number, item)| Some((number, item.as_ref()?)))
        .collect();
    let mut contents: Vec<Content> = vec![Content::default(); data.items.len()];
    let mut unreadable = Vec::new();
    let progress = Progress::start("understanding items", items.len(), printer);
    in_order(
        &items,
        |(_, described)| understood(described, folder, encoders),
        |(number, _), (content, reasons)| {
            progress.step();
            contents[*number] = content;
            let name = &data.items.all()[*number];
            unreadable.extend(reasons.into_iter().map(|reason| format!("item `{name}`: {reason}")));
            Ok(())
        },
    )?;
    drop(progress);
    let more = unreadable.len().saturating_sub(UNREADABLE_TOLD_MAX);
    data.notes.extend(unreadable.into_iter().take(UNREADABLE_TOLD_MAX));
    if more > 0 {
        data.notes.push(format!("{more} more files could not be understood"));
    }
    data.content = contents;
    Ok(())
}

fn understood(described: &Described, folder: &Path, encoders: &Encoders) -> (Content, Vec<String>) {
    let mut pieces: BTreeMap<Modality, Vec<Encoding>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    let mut take = |modality: Modality, encoding: Result<Encoding, String>| match encoding {
        Ok(encoding) => pieces.entry(modality).or_default().push(encoding),
        Err(reason) => unreadable.push(reason),
    };
    let text = text_of(&described.item);
    if !text.is_empty() {
        take(Modality::Text, encoders.encode_text(&text).map_err(|error| error.to_string()));
    }
    for (modality, path) in &described.media {
        take(*modality, file(*modality, path, folder, encoders));
    }
    let mut content = Content::default();
    for (modality, encodings) in pieces {
        add_mean(&mut content, modality, &encodings);
    }
    match encoders.fuse(&content.semantic) {
        Ok(fused) => content.fused = fused.map(Box::new),
        Err(problem) => unreadable.push(problem.to_string()),
    }
    (content, unreadable)
}

fn file(modality: Modality, path: &str, folder: &Path, encoders: &Encoders) -> Result<Encoding, String> {
    let inside =
        Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err(format!("`{path}` leads out of the data folder, expected a path below it"));
    }
    let bytes = Source::File(folder.join(path)).read().map_err(|failure| failure.to_string())?;
    let encoding: Result<Encoding, EncodeError> = match modality {
        Modality::Text => encoders.encode_text(&String::from_utf8_lossy(&bytes)),
        Modality::Image => encoders.encode_image(&bytes),
        Modality::Audio => encoders.encode_audio(&bytes),
        Modality::Video => encoders.encode_video(&bytes),
    };
    encoding.map_err(|error| format!("{path}: {error}"))
}
