use clap::CommandFactory;
use expect_test::{Expect, expect};

use super::*;

#[test]
fn the_arguments_fit_together() {
    Cli::command().debug_assert();
}

/// Parses a command line and says how the program would end on wrong usage.
fn check(line: &str, expected: &str) {
    let words = std::iter::once("attuned").chain(line.split_whitespace());
    let got = match Cli::try_parse_from(words) {
        Ok(cli) => format!("{}{:?}", if cli.common.json { "json " } else { "" }, kind(&cli.command)),
        Err(error) => format!("{} {}", error.exit_code(), error.kind()),
    };
    assert_eq!(got, expected, "{line}");
}

fn kind(command: &Command) -> &'static str {
    match command {
        Command::Run(_) => "run",
        Command::Demo(_) => "demo",
        Command::Item(_) => "item",
        Command::Event(_) => "event",
        Command::Recommend(_) => "recommend",
        Command::Search(_) => "search",
        Command::Encode(_) => "encode",
        Command::Evaluate(_) => "evaluate",
        Command::User(_) => "user",
        Command::Model(_) => "model",
        Command::Ranker(_) => "ranker",
        Command::Plugin(_) => "plugin",
        Command::Config(_) => "config",
        Command::Doctor(_) => "doctor",
        Command::Completions(_) => "completions",
    }
}

#[test]
fn every_command_takes_json_and_config_before_or_after_its_name() {
    for line in [
        "run",
        "demo",
        "item put -",
        "event alice -",
        "recommend",
        "search --text x",
        "model bench --quality data",
        "encode --text x",
        "evaluate --data data",
        "user show alice",
        "user export alice",
        "model list",
        "model verify",
        "model bench minilm-l6-v2",
        "model use eyes@2 --wait",
        "model rollback image",
        "ranker show",
        "ranker tune",
        "ranker promote",
        "ranker rollback",
        "plugin new my-rule",
        "plugin build",
        "plugin test my-rule",
        "plugin bench",
        "plugin keygen author.key",
        "plugin pack --key author.key",
        "plugin install a-1.0.0.attuned --grant all --set weight=1 --allow-unsigned",
        "plugin list",
        "plugin show org.x",
        "plugin grant org.x exclude",
        "plugin revoke org.x",
        "plugin set org.x weight=1",
        "plugin enable org.x",
        "plugin disable org.x",
        "plugin order org.x org.y",
        "plugin remove org.x",
        "plugin rollback org.x",
        "plugin logs org.x",
        "config check",
        "config show",
        "doctor",
        "completions bash",
    ] {
        let name = line.split(' ').next().expect("a word");
        check(&format!("{line} --json --config a.toml"), &format!("json {name:?}"));
        check(&format!("--json --config a.toml {line}"), &format!("json {name:?}"));
    }
}

#[test]
fn events_and_items_are_checked_before_anything_is_sent() {
    check("event alice --item film:42 --type like", "\"event\"");
    check("event alice --item film:42 --type comment --value -0.5 --text no", "\"event\"");
    check("event alice events.jsonl", "\"event\"");
    check("event alice", "2 one or more required arguments were not provided");
    check("event alice --item film:42", "2 one or more required arguments were not provided");
    check("event alice --item film:42 --type loved", "2 one of the values isn't valid for an argument");
    check(
        "event alice e.jsonl --item film:42 --type like",
        "2 an argument cannot be used with one or more of the other specified arguments",
    );
    check("event al/ice e.jsonl", "2 invalid value for one of the arguments");
    check("item put items.jsonl", "\"item\"");
    check("item remove", "2 one or more required arguments were not provided");
    check("item remove film:42 film:43", "\"item\"");
    check("item media film:42 image a.jpg", "\"item\"");
    check("item media film:42 text a.txt", "2 one of the values isn't valid for an argument");
}

#[test]
fn requests_take_every_field_as_an_option() {
    check(
        "recommend -u alice,bob --user carol -n 3 --kind film --context room=kitchen --text rain --image a.jpg \
         --audio a.ogg --item film:1 --exclude film:2,film:3 --filter max_duration_min=90 --diversity 0.2 \
         --language de --explore --explain=false --seen=true --request-id r1",
        "\"recommend\"",
    );
    check("recommend -", "\"recommend\"");
    check("recommend --context kitchen", "2 invalid value for one of the arguments");
    check("recommend -n many", "2 invalid value for one of the arguments");
    check("search --text waves --kinds film,music -n 5", "\"search\"");
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    check("", "2 ");
    check("fly", "2 unrecognized subcommand");
    check("recommend --usr alice", "2 unexpected argument found");
    check("encode", "2 one or more required arguments were not provided");
    check("completions tcsh", "2 one of the values isn't valid for an argument");
    check("help", "0 ");
    check("--version", "0 ");
    check("recommend --help", "0 ");
}

#[test]
fn each_failure_has_its_exit_code() {
    let said = || "x".to_owned();
    let codes: Vec<u8> = [
        Failure::NobodyReads,
        Failure::Usage(said()),
        Failure::Input(said()),
        Failure::Unreachable(said()),
        Failure::Fault(said()),
        Failure::Told(EXIT_INPUT),
    ]
    .iter()
    .map(Failure::exit_code)
    .collect();
    assert_eq!(codes, [0, 2, 64, 69, 70, 64]);
    let refused = |error: ClientError| Failure::from(error).exit_code();
    assert_eq!(refused(ClientError::Refused { message: said() }), 64);
    assert_eq!(refused(ClientError::Unavailable { message: said() }), 69);
    assert_eq!(refused(ClientError::Fault { message: said() }), 70);
}

fn help(command: &str, expected: Expect) {
    let mut cli = Cli::command();
    let command = cli.find_subcommand_mut(command).expect("a command");
    let help = command.render_long_help().to_string();
    // clap puts spaces on empty lines, which nobody sees.
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn help_teaches_by_example() {
    for command in Cli::command().get_subcommands() {
        let mut leaves: Vec<_> = command.get_subcommands().collect();
        if leaves.is_empty() {
            leaves.push(command);
        }
        for leaf in leaves {
            let examples = leaf.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                examples.contains(&format!("attuned {}", command.get_name())),
                "{}: {examples}",
                leaf.get_name()
            );
        }
    }
    help(
        "search",
        expect![[r#"
            Find items by words, a picture, a sound, a film, another item, or several at once

            Usage: search [OPTIONS]

            Options:
              -n <N>
                      Most items to answer with

              -k, --kind <KIND>
                      Only items of this kind; may be repeated

                      [alias: --kinds]

                  --filter <KEY=VALUE>
                      A condition: max_ATTRIBUTE, min_ATTRIBUTE, or ATTRIBUTE to be equal; may be repeated

              -h, --help
                      Print help (see a summary with '-h')

            What it should be about:
                  --text <WORDS>
                      Words

                  --image <FILE>
                      A picture

                  --audio <FILE>
                      A sound

                  --video <FILE>
                      A film

                  --item <ID>
                      An item to be like

            Any medium finds any other: words find pictures and music, a picture finds films. What matches
            nothing that was asked for is left out, so a search may find nothing; search.relevance_min in the
            configuration says how strictly.

            Examples:
              attuned search --text 'waves on a beach'
              attuned search --image beach.jpg --kind music -n 5
              attuned search --audio song.ogg --filter language=en
              attuned search --image dog.jpg --text 'in the snow'    dogs in the snow first, then dogs, then
              snow
              attuned search --item film:42
        "#]],
    );
}
