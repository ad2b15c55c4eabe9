//! Whether models and media folders are there and are what they say.

use attuned_encoders::{Encoders, Limits, Purpose};
use attuned_recommender::Modality;

use crate::app::ffmpeg;
use crate::config::Config;
use crate::doctor::Check;
use crate::doctor::place::megabytes;

/// Looks at the models: their files' hashes, and that each medium has one.
pub fn examine_models(config: &Config) -> Vec<Check> {
    const NAME: &str = "models";
    let advice = "install them again, or set models.path";
    let encoders = match Encoders::open(&config.models.path, Limits::default()) {
        Ok(encoders) => encoders,
        Err(error) => return vec![Check::fail(NAME, error.to_string(), advice)],
    };
    let mut checks: Vec<_> =
        encoders.problems().iter().map(|problem| Check::fail(NAME, problem.to_string(), advice)).collect();
    let models = encoders.models();
    for modality in [Modality::Text, Modality::Image, Modality::Audio] {
        if !models.iter().any(|model| model.purpose == Purpose::Encoder(modality)) && checks.is_empty() {
            let finding = format!("no model in {} is for {}", config.models.path.display(), modality.name());
            checks.push(Check::fail(NAME, finding, advice));
        }
    }
    if checks.is_empty() {
        let bytes = models.iter().map(|model| model.bytes).sum();
        let names: Vec<_> = models.iter().map(attuned_encoders::ModelSummary::id).collect();
        checks.push(Check::ok(NAME, format!("{}, {}, hashes are right", names.join(", "), megabytes(bytes))));
    }
    checks
}

/// Looks for the program that decodes films.
pub fn examine_ffmpeg(config: &Config) -> Check {
    const NAME: &str = "ffmpeg";
    let wanted = config.media.ffmpeg.display();
    match ffmpeg(&config.media) {
        Some(found) => Check::ok(NAME, format!("films are decoded by {}", found.program().display())),
        None if config.media.ffmpeg.as_os_str() == "none" => {
            Check::ok(NAME, "media.ffmpeg is none, so of films only the sound counts")
        }
        None => Check::warn(
            NAME,
            format!(
                "the program `{wanted}` of media.ffmpeg is not installed, so of films only the sound counts"
            ),
            "install ffmpeg, or set media.ffmpeg to its path or to none",
        ),
    }
}

/// Looks at the media folders.
pub fn examine_media(config: &Config) -> Check {
    const NAME: &str = "media";
    let folders = &config.media.folders;
    match folders.iter().find(|folder| std::fs::read_dir(folder).is_err()) {
        Some(folder) => Check::warn(
            NAME,
            format!("the folder {} of media.folders cannot be read", folder.display()),
            "mend the path, or let the daemon's user read it",
        ),
        None if folders.is_empty() => Check::ok(NAME, "no folder is named, so items cannot refer to files"),
        None => Check::ok(NAME, format!("{} folders can be read", folders.len())),
    }
}
