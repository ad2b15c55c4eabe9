//! What a list or a search is about: the arguments that `recommend` and `search` share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::cli::Failure;
use crate::cli::input::Source;
use crate::document::QueryDocument;

/// What it should be about. Of several, an item must match at least one; the more, the better.
#[derive(Debug, Args)]
#[command(next_help_heading = "What it should be about")]
pub struct About {
    /// Words
    #[arg(long, value_name = "WORDS")]
    pub text: Option<String>,
    /// A picture
    #[arg(long, value_name = "FILE")]
    pub image: Option<Source>,
    /// A sound
    #[arg(long, value_name = "FILE")]
    pub audio: Option<Source>,
    /// A film
    #[arg(long, value_name = "FILE")]
    pub video: Option<Source>,
    /// An item to be like
    #[arg(long, value_name = "ID")]
    pub item: Option<String>,
}

impl About {
    /// The query; `None` if nothing was said.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if a file cannot be read.
    pub fn document(self) -> Result<Option<QueryDocument>, Failure> {
        let query = QueryDocument {
            text: self.text,
            image: self.image.as_ref().map(base64).transpose()?,
            audio: self.audio.as_ref().map(base64).transpose()?,
            video: self.video.as_ref().map(base64).transpose()?,
            item: self.item,
        };
        Ok((query != QueryDocument::default()).then_some(query))
    }
}

/// The bytes of a file as documents carry them.
///
/// # Errors
///
/// [`Failure::Input`] if it cannot be read.
pub fn base64(source: &Source) -> Result<String, Failure> {
    Ok(STANDARD.encode(source.read()?))
}
