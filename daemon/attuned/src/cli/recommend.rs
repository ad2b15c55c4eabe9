//! `attuned recommend`.

use clap::Args;

use crate::cli::input::{Pair, Source};
use crate::cli::query::About;
use crate::cli::session::Session;
use crate::cli::{Common, Failure, Printer, list};
use crate::document::{self, RecommendationDocument, RequestDocument};

/// Ask what is next for somebody, and why.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  attuned recommend --user alice
  attuned recommend --user alice --user bob --kind film -n 5     something for both
  attuned recommend --user alice --filter max_duration_min=120 --filter language='[\"en\",\"de\"]'
  attuned recommend --user alice --text 'rain on a tin roof'     about something
  attuned recommend --user alice --context room=living --exclude film:42 --diversity 0.5
  echo '{\"users\":[\"alice\"],\"n\":3}' | attuned recommend - --json")]
pub struct Recommend {
    /// A request document, which options go over; `-` for standard input
    #[arg(value_name = "FILE|-")]
    request: Option<Source>,
    /// For whom; several make a list for the group, none a list for nobody in particular
    #[arg(short, long = "user", value_name = "USER", value_delimiter = ',')]
    users: Vec<String>,
    /// Most items to answer with
    #[arg(short, value_name = "N")]
    n: Option<u32>,
    /// Only items of this kind; may be repeated
    #[arg(short, long = "kind", visible_alias = "kinds", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// A circumstance; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<Pair>,
    /// An item that must not be in the list; may be repeated
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    exclude: Vec<String>,
    /// A condition: max_ATTRIBUTE, min_ATTRIBUTE, or ATTRIBUTE to be equal; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<Pair>,
    /// How different the items should be, 0 to 1
    #[arg(long, value_name = "0..1")]
    diversity: Option<f32>,
    /// How closely the list should keep to the mix of tags that the people like, 0 to 1
    #[arg(long, value_name = "0..1")]
    calibration: Option<f32>,
    /// Whether items that the recommender is unsure of may be tried
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    explore: Option<bool>,
    /// The language of the reasons: en, de or zh [default: that of the house]
    #[arg(long, value_name = "LANGUAGE", value_parser = ["en", "de", "zh"])]
    language: Option<String>,
    /// Whether the reasons are answered
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    explain: Option<bool>,
    /// Whether items that the person has seen may come again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    seen: Option<bool>,
    /// Names the request; its answer carries the same id
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    // Its heading would go on over what follows.
    #[command(flatten)]
    about: About,
}

pub fn run(recommend: Recommend, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let request = recommend.document()?;
    let answer: RecommendationDocument = Session::open(common)?.ask("/v1/recommend", &request)?;
    if printer.is_json() { printer.object(&answer) } else { printer.text(list::recommendation(&answer)) }
}

impl Recommend {
    /// The document given, with the options over it.
    fn document(self) -> Result<RequestDocument, Failure> {
        let mut request = match &self.request {
            Some(source) => document::parse::<RequestDocument>("request", &source.read()?)
                .map_err(|rejection| Failure::Input(format!("{source}: {rejection}")))?,
            None => RequestDocument::default(),
        };
        if !self.users.is_empty() {
            request.users = self.users;
        }
        if !self.kinds.is_empty() {
            request.kinds = self.kinds;
        }
        request.exclude.extend(self.exclude);
        request.context.extend(self.context.into_iter().map(|pair| (pair.key, pair.value)));
        request.filter.extend(self.filter.into_iter().map(|pair| (pair.key, pair.value)));
        request.query = self.about.document()?.or(request.query);
        request.request_id = self.request_id.or(request.request_id);
        request.n = self.n.or(request.n);
        request.diversity = self.diversity.or(request.diversity);
        request.calibration = self.calibration.or(request.calibration);
        request.explore = self.explore.or(request.explore);
        request.language = self.language.or(request.language);
        request.explain = self.explain.or(request.explain);
        request.seen = self.seen.or(request.seen);
        Ok(request)
    }
}
