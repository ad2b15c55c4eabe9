//! `attuned search`.

use clap::Args;

use crate::cli::input::Pair;
use crate::cli::query::About;
use crate::cli::session::Session;
use crate::cli::{Common, Failure, Printer, list};
use crate::document::{SearchAnswerDocument, SearchDocument};

/// Find items by words, a picture, a sound, a film, another item, or several at once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Any medium finds any other: words find pictures and music, a picture finds films. What matches
nothing that was asked for is left out, so a search may find nothing; search.relevance_min in the
configuration says how strictly.

Examples:
  attuned search --text 'waves on a beach'
  attuned search --image beach.jpg --kind music -n 5
  attuned search --audio song.ogg --filter language=en
  attuned search --image dog.jpg --text 'in the snow'    dogs in the snow first, then dogs, then snow
  attuned search --item film:42")]
pub struct Search {
    /// Most items to answer with
    #[arg(short, value_name = "N")]
    n: Option<u32>,
    /// Only items of this kind; may be repeated
    #[arg(short, long = "kind", visible_alias = "kinds", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// A condition: max_ATTRIBUTE, min_ATTRIBUTE, or ATTRIBUTE to be equal; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<Pair>,
    // Its heading would go on over what follows.
    #[command(flatten)]
    about: About,
}

pub fn run(search: Search, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let query = search.about.document()?.ok_or_else(|| {
        Failure::Usage(
            "nothing to search for, expected --text, --image, --audio, --video or --item".to_owned(),
        )
    })?;
    let document = SearchDocument {
        query,
        n: search.n,
        kinds: search.kinds,
        filter: search.filter.into_iter().map(|pair| (pair.key, pair.value)).collect(),
    };
    let answer: SearchAnswerDocument = Session::open(common)?.ask("/v1/search", &document)?;
    if printer.is_json() { printer.object(&answer) } else { printer.text(list::matches(&answer)) }
}
