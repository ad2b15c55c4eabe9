//! The way of a plugin, as its author and the person who installs it type it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const FAMILY_NIGHT: &str = "org.attuned.family-night";

/// A household without a daemon, and a folder to work in.
struct House {
    folder: TempDir,
}

impl House {
    fn new(plugins: &str) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        let text = format!(
            "[store]\npath = \"{path}/store\"\n[http]\nsocket = \"{path}/none.sock\"\n\
             [plugins]\npath = \"{path}/plugins\"\n{plugins}\n"
        );
        fs::write(folder.path().join("attuned.toml"), text).expect("written");
        House { folder }
    }

    /// Runs `attuned plugin …` in `folder`.
    fn run_in(&self, folder: &Path, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attuned"));
        command.current_dir(folder).arg("plugin").args(arguments.split_whitespace());
        command.arg("--config").arg(self.folder.path().join("attuned.toml"));
        command.output().expect("it runs")
    }

    fn run(&self, arguments: &str) -> Output {
        self.run_in(self.folder.path(), arguments)
    }

    /// Runs it with `--json`, expects success, and gives the objects that it prints.
    fn json(&self, arguments: &str) -> Vec<Value> {
        let output = self.run(&format!("{arguments} --json"));
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    }

    /// Runs it and expects this exit code and this in its sentence.
    fn refused(&self, arguments: &str, code: i32, expected: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    }

    /// A copy of family-night with another version.
    fn sources(&self, version: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/family-night");
        let to = self.folder.path().join(format!("family-night-{version}"));
        fs::create_dir_all(to.join("tests")).expect("made");
        for file in ["rule.wasm", "README.md", "tests/evening.toml"] {
            fs::copy(from.join(file), to.join(file)).expect("copied");
        }
        let manifest = fs::read_to_string(from.join("plugin.toml")).expect("a manifest");
        let versioned = manifest.replace("version = \"1.0.0\"", &format!("version = \"{version}\""));
        fs::write(to.join("plugin.toml"), versioned).expect("written");
        to
    }

    fn pack(&self, version: &str, more: &str) {
        self.sources(version);
        self.json(&format!("pack family-night-{version} {more}"));
    }
}

#[test]
fn a_signed_package_is_installed_upgraded_and_rolled_back() {
    let house = House::new("");
    let key = house.json("keygen author.key").remove(0)["public_key"].as_str().expect("a key").to_owned();
    house.pack("1.0.0", "--key author.key");
    house.pack("1.1.0", "--key author.key");
    let first = "install family-night-1.0.0.attuned --grant exclude,max-boost=0.2 --set weight=0.2";
    house.refused(first, 64, &format!("is signed by {key}, which is not in plugins.trusted_keys"));
    let config = house.folder.path().join("attuned.toml");
    let text = fs::read_to_string(&config).expect("text");
    fs::write(&config, format!("{text}\ntrusted_keys = [\"{key}\"]\n")).expect("written");

    let installed = house.json(first).remove(0);
    assert_eq!(installed["signer"], key.as_str());
    assert_eq!(installed["waiting_grants"], serde_json::json!(["max-boost=0.3", "max-scale=2"]));
    let upgraded = house.json("install family-night-1.1.0.attuned").remove(0);
    assert_eq!((&upgraded["before"], &upgraded["version"]), (&"1.0.0".into(), &"1.1.0".into()));
    let shown = house.json(&format!("show {FAMILY_NIGHT}")).remove(0);
    assert_eq!(shown["previous"], "1.0.0");
    assert_eq!(shown["grants"], serde_json::json!(["exclude", "max-boost=0.2"]));
    assert_eq!(shown["settings"][1]["value"], "0.2");

    house.json(&format!("rollback {FAMILY_NIGHT}"));
    house.json(&format!("disable {FAMILY_NIGHT}"));
    let listed = house.json("list");
    let row = listed.iter().find(|row| row["from"] == "installed").expect("a row");
    assert_eq!((&row["version"], &row["enabled"]), (&"1.0.0".into(), &false.into()));
    house.json(&format!("remove {FAMILY_NIGHT}"));
    house.refused(&format!("show {FAMILY_NIGHT}"), 64, "is not installed, expected nothing, as none is");
}

#[test]
fn what_nobody_trusted_has_signed_needs_a_word() {
    let house = House::new("");
    house.pack("1.0.0", "");
    let install = "install family-night-1.0.0.attuned";
    house.refused(install, 64, "is not signed, expected the signature of a key in plugins.trusted_keys");
    assert_eq!(house.json(&format!("{install} --allow-unsigned")).remove(0)["signer"], Value::Null);
    // Nobody gave anything: it looks, without effect, and says so.
    let shown = house.json(&format!("show {FAMILY_NIGHT}")).remove(0);
    assert_eq!(shown["grants"], serde_json::json!([]));
    assert_eq!(shown["waiting_grants"], serde_json::json!(["exclude", "max-boost=0.3", "max-scale=2"]));
}

#[test]
fn a_changed_package_is_refused_whatever_is_allowed() {
    let house = House::new("");
    house.json("keygen author.key");
    house.pack("1.0.0", "--key author.key");
    let package = house.folder.path().join("family-night-1.0.0.attuned");
    let mut bytes = fs::read(&package).expect("bytes");
    let word = b"Family titles on the living-room TV";
    let at = bytes.windows(word.len()).position(|found| found == word).expect("the summary");
    bytes[at] = b'f';
    fs::write(&package, bytes).expect("written");
    let install = "install family-night-1.0.0.attuned --allow-unsigned";
    house.refused(install, 64, "does not fit the files: they are not those that were signed");
}

#[test]
fn grants_and_settings_are_checked_when_they_are_typed() {
    let house = House::new("");
    house.pack("1.0.0", "");
    let install = "install family-night-1.0.0.attuned --allow-unsigned";
    house.refused(&format!("{install} --grant network"), 2, "grant `network` is unknown, expected subject");
    house.refused(
        &format!("{install} --set weight=9"),
        64,
        "setting `weight` is \"9\", expected a number from 0 to 0.3",
    );
    // Nothing was installed by what was refused.
    house.refused(&format!("show {FAMILY_NIGHT}"), 64, "is not installed");
    house.json(&format!("{install} --grant all"));
    house.refused(&format!("set {FAMILY_NIGHT} colour=red"), 64, "setting `colour` is unknown");
    house.refused(
        &format!("grant {FAMILY_NIGHT} subject"),
        64,
        "does not ask for subject, expected some of exclude",
    );
    let set = house.json(&format!("set {FAMILY_NIGHT} weight=0.3 hide-horror=true")).remove(0);
    assert_eq!(set["settings"], serde_json::json!({"weight": "0.3", "hide-horror": "true"}));
    let unset = house.json(&format!("set {FAMILY_NIGHT} weight=")).remove(0);
    assert_eq!(unset["settings"], serde_json::json!({"hide-horror": "true"}));
    assert_eq!(house.json(&format!("revoke {FAMILY_NIGHT}")).remove(0)["grants"], serde_json::json!([]));
}

#[test]
fn fixtures_are_run_under_both_engines_and_told() {
    let house = House::new("");
    let sources = house.sources("1.0.0");
    let trials = house.json("test family-night-1.0.0");
    let engines: Vec<&Value> = trials.iter().map(|trial| &trial["engine"]).collect();
    assert_eq!(engines, ["pulley", "native"]);
    assert!(trials.iter().all(|trial| trial["passed"] == true && trial["fuel"].as_u64() > Some(0)));
    let fixture = sources.join("tests/evening.toml");
    let text = fs::read_to_string(&fixture).expect("a fixture");
    fs::write(&fixture, text.replace("+0.225", "+0.3")).expect("written");
    let output = house.run("test family-night-1.0.0");
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("reasons of film:toy are +0.225 Passt zum Familienabend; expected +0.3 Passt"),
        "{said}"
    );
    assert!(said.contains("0 of 2 passed"), "{said}");
}

#[test]
fn what_a_rule_asks_for_and_nobody_gives_is_noted() {
    let house = House::new("");
    let manifest = house.sources("1.0.0").join("plugin.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.contains("facets = [") && text.contains("features = ["));
    let more = text
        .replace("facets = [", "facets = [\"aquarium\", ")
        .replace("features = [", "features = [\"novelity\", ");
    fs::write(&manifest, more).expect("written");
    let said = String::from_utf8_lossy(&house.run("test family-night-1.0.0").stdout).into_owned();
    let notes: Vec<&str> = said.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 2, "{said}");
    assert!(
        notes[0]
            .starts_with("note: input.features names `novelity`, which this version does not know, expected")
    );
    assert!(
        notes[1].ends_with("names `aquarium`, which is there only where a home publishes context/aquarium")
    );
}

/// From nothing to an installed rule. It compiles the rule, which takes a minute.
#[test]
fn a_new_rule_is_built_tested_packed_and_installed() {
    let house = House::new("");
    house.json("new my-rule");
    let folder = house.folder.path().join("my-rule");
    let built = house.run_in(&folder, "build");
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    if said.contains("no compiler for wasm32-unknown-unknown is here") {
        println!("skipped: {said}");
        return;
    }
    assert!(built.status.success(), "{said}");
    for arguments in ["test", "bench", "pack", "install my-rule-0.1.0.attuned --allow-unsigned --grant all"] {
        let output = house.run_in(&folder, arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let shown = house.json("show local.my-rule").remove(0);
    assert_eq!(shown["grants"], serde_json::json!(["max-boost=0.5"]));
    house.refused("new my-rule", 64, "exists already, expected a new folder");
}

#[test]
fn a_rule_without_its_tool_is_answered_by_what_to_install() {
    let house = House::new("");
    for (lang, source, expected) in [
        ("js", "rule.js", "componentize-js is not here: `npm install` in the plugin's folder installs it"),
        ("python", "rule.py", "componentize-py is not here: `python3 -m venv .venv && .venv/bin/pip install"),
    ] {
        house.json(&format!("new {lang}-rule --lang {lang}"));
        let folder = house.folder.path().join(format!("{lang}-rule"));
        assert!(folder.join(source).is_file() && folder.join("attuned-plugin/README.md").is_file());
        let mut command = Command::new(env!("CARGO_BIN_EXE_attuned"));
        let output =
            command.args(["plugin", "build"]).arg(&folder).env("PATH", "").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let empty = house.folder.path().join("empty");
    fs::create_dir(&empty).expect("made");
    fs::write(empty.join("plugin.toml"), "manifest = 1\n").expect("written");
    house.refused("build empty", 64, "has no rule, expected one of src/lib.rs, rule.js, rule.py");
}

/// What is new in JavaScript and Python, and the examples, are built where the tools are in `PATH`, and
/// run within the limits. Compiling an interpreter takes most of a minute for each engine.
#[test]
fn rules_in_javascript_and_python_are_built_and_pass_their_fixtures() {
    let house = House::new("");
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    for (lang, example, source) in [("js", "party-mix", "rule.js"), ("python", "morning-brief", "rule.py")] {
        let folder = house.folder.path().join(example);
        fs::create_dir_all(folder.join("tests")).expect("made");
        let mut files = vec!["plugin.toml".to_owned(), "README.md".to_owned(), source.to_owned()];
        for fixture in fs::read_dir(plugins.join(example).join("tests")).expect("fixtures") {
            files.push(format!("tests/{}", fixture.expect("an entry").file_name().to_string_lossy()));
        }
        for file in files {
            fs::copy(plugins.join(example).join(&file), folder.join(&file)).expect("copied");
        }
        house.json(&format!("new {lang}-rule --lang {lang}"));
        for name in [example.to_owned(), format!("{lang}-rule")] {
            let built = house.run(&format!("build {name}"));
            let said = String::from_utf8_lossy(&built.stderr).into_owned();
            if said.contains("is not here: ") {
                println!("skipped: {name}: {said}");
                continue;
            }
            assert!(built.status.success(), "{name}: {said}");
            let trials = house.json(&format!("test {name}"));
            assert!(trials.len() >= 2);
            for trial in trials {
                println!(
                    "{name}: {} under {}: {} µs, fuel {}",
                    trial["fixture"], trial["engine"], trial["microseconds"], trial["fuel"]
                );
                assert_eq!(trial["passed"], true, "{trial}");
            }
            house.json(&format!("pack {name}"));
        }
    }
}
