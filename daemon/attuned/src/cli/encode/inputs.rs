//! What `encode` is given: any number of inputs of any kind, in the order in which they were
//! typed, which clap alone would lose between options of different names.

use attuned_recommender::Modality;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};

use crate::cli::Failure;
use crate::cli::input::Source;

/// The options as clap sees them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Inputs are answered in the order in which they are given; with --json, one object a line:
  {\"modality\",\"model\",\"dim\",\"embedding\":[…],\"semantic\":[…384],\"labels\":[{\"name\",\"score\"}]}
A wrong input is told on standard error, the others are answered, and the exit code is 64.
With --fuse, one object for all of them, as an item with these media has it:
  {\"model\",\"fused\":[…384],\"shares\":{\"text\":0.7,\"image\":0.3}}

Examples:
  attuned encode --image cat.jpg
  attuned encode --json --text 'a cat on a mat' --image cat.jpg --audio purr.ogg
  attuned encode --json --text-file captions.txt > captions.jsonl
  attuned encode --json --fuse --text 'a cat on a mat' --image cat.jpg")]
struct Options {
    /// Words
    #[arg(long, value_name = "WORDS")]
    text: Vec<String>,
    /// A file with words on each line, each line an input; `-` for standard input
    #[arg(long, value_name = "LINES|-")]
    text_file: Vec<Source>,
    /// A picture; `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    image: Vec<Source>,
    /// A sound
    #[arg(long, value_name = "FILE|-")]
    audio: Vec<Source>,
    /// A film
    #[arg(long, value_name = "FILE|-")]
    video: Vec<Source>,
    /// Join all inputs, as the media of one item, into one vector in the shared space
    #[arg(long)]
    fuse: bool,
}

/// Turn words, pictures, sounds and films into embeddings and labels; needs no daemon.
#[derive(Debug)]
pub struct Encode {
    given: Vec<Given>,
    /// Whether the inputs are the media of one item.
    pub fuse: bool,
}

/// One option with its value.
#[derive(Debug, Clone, PartialEq)]
enum Given {
    Words(String),
    Lines(Source),
    File(Modality, Source),
}

/// One thing to encode.
#[derive(Debug)]
pub struct Input {
    /// Names it in messages.
    pub name: String,
    /// What it is.
    pub modality: Modality,
    /// What it consists of.
    pub content: Content,
}

/// What an input consists of. Files are read when their turn comes.
#[derive(Debug)]
pub enum Content {
    /// Words.
    Words(String),
    /// A file.
    File(Source),
}

impl Encode {
    /// Everything to encode, in order.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if a file of lines cannot be read.
    pub fn inputs(self) -> Result<Vec<Input>, Failure> {
        let mut inputs = Vec::new();
        for given in self.given {
            match given {
                Given::Words(words) => inputs.push(Input {
                    name: format!("text `{words}`"),
                    modality: Modality::Text,
                    content: Content::Words(words),
                }),
                Given::Lines(source) => {
                    let text = source.read_text()?;
                    inputs.extend(text.lines().enumerate().map(|(place, line)| Input {
                        name: format!("{source} line {}", place + 1),
                        modality: Modality::Text,
                        content: Content::Words(line.to_owned()),
                    }));
                }
                Given::File(modality, source) => {
                    inputs.push(Input { name: source.to_string(), modality, content: Content::File(source) });
                }
            }
        }
        Ok(inputs)
    }
}

impl FromArgMatches for Encode {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = Options::from_arg_matches(matches)?;
        let mut given = Vec::new();
        let file = |modality| move |source| Given::File(modality, source);
        place(matches, "text", options.text, Given::Words, &mut given);
        place(matches, "text_file", options.text_file, Given::Lines, &mut given);
        place(matches, "image", options.image, file(Modality::Image), &mut given);
        place(matches, "audio", options.audio, file(Modality::Audio), &mut given);
        place(matches, "video", options.video, file(Modality::Video), &mut given);
        given.sort_by_key(|(index, _)| *index);
        Ok(Self { given: given.into_iter().map(|(_, given)| given).collect(), fuse: options.fuse })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Adds the values of one option with their places on the command line.
fn place<T>(
    matches: &ArgMatches,
    option: &str,
    values: Vec<T>,
    given: impl Fn(T) -> Given,
    all: &mut Vec<(usize, Given)>,
) {
    if matches.value_source(option) == Some(ValueSource::CommandLine) {
        let places = matches.indices_of(option).into_iter().flatten();
        all.extend(places.zip(values).map(|(index, value)| (index, given(value))));
    }
}

impl Args for Encode {
    fn augment_args(command: clap::Command) -> clap::Command {
        let required = clap::ArgGroup::new("inputs")
            .args(["text", "text_file", "image", "audio", "video"])
            .multiple(true)
            .required(true);
        Options::augment_args(command).group(required)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        encode: Encode,
    }

    fn check(line: &str, expected: &str) {
        let got = match Line::try_parse_from(line.split(' ')) {
            Ok(line) => {
                let inputs = line.encode.inputs().expect("no files of lines");
                inputs
                    .iter()
                    .map(|i| format!("{} {}", i.modality.name(), i.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Err(error) => error.kind().to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn inputs_keep_the_order_in_which_they_were_typed() {
        check(
            "attuned --image a.png --text x --image b.png --audio c.ogg --text y --video d.mp4",
            "image a.png, text text `x`, image b.png, audio c.ogg, text text `y`, video d.mp4",
        );
        check("attuned --text x --text x", "text text `x`, text text `x`");
        check("attuned", "one or more required arguments were not provided");
    }

    #[test]
    fn each_line_of_a_file_is_an_input() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines.txt");
        std::fs::write(&path, "one\n\nthree\r\n").expect("written");
        let given = vec![Given::Lines(Source::File(path.clone()))];
        let inputs = Encode { given, fuse: false }.inputs().expect("read");
        let words: Vec<_> = inputs
            .iter()
            .map(|input| match &input.content {
                Content::Words(words) => words.as_str(),
                Content::File(_) => "a file",
            })
            .collect();
        assert_eq!(words, ["one", "", "three"]);
        assert_eq!(inputs[1].name, format!("{} line 2", path.display()));
    }
}
