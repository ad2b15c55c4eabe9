//! Which model is picked.

use super::*;

/// A folder of models as `model.toml` alone describes them: no file is listed, so none is needed.
struct Models(tempfile::TempDir);

impl Models {
    fn new() -> Models {
        Models(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Adds a model; `more` stands at the top of its `model.toml`.
    fn with(self, folder: &str, name: &str, version: &str, modality: &str, more: &str) -> Models {
        let section = match modality {
            "text" => "[text]\ntokenizer = \"t\"\ntokens_max = 8",
            "image" => {
                "[image]\nresize_shorter_side = 8\ncrop = 8\nfilter = \"bicubic\"\nscale = 1.0\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]"
            }
            other => panic!("no sample of {other}"),
        };
        let more = more
            .strip_prefix("languages")
            .map_or((more, String::new()), |value| ("", format!("languages{value}")));
        let toml = format!(
            "format = 1\nname = \"{name}\"\nversion = \"{version}\"\nmodality = \"{modality}\"\ndim = 384\nlicence = \"MIT\"\nfile = []\n{}\n\
             [source]\npackage = \"p\"\nversion = \"1\"\nscript = \"s\"\n[network]\nfile = \"m\"\ninput = []\n\
             output = [{{ name = \"o\", role = \"semantic\", shape = [1, 384] }}]\n{section}\n{}\n",
            more.0, more.1
        );
        let path = self.0.path().join(folder);
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("model.toml"), toml).expect("written");
        self
    }

    fn folders(&self) -> Vec<Folder> {
        scan(self.0.path()).expect("the folder is listed")
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is picked, as `purpose=model`, and the problems.
#[track_caller]
fn check(models: &Models, wanted: &[&str], remembered: &[&str], picked: &[&str], problems: &[&str]) {
    let folders = models.folders();
    let choice = Choice { wanted: names(wanted), remembered: names(remembered) };
    let selection = Selection::of(&folders, &choice);
    let used: Vec<String> = selection
        .used
        .iter()
        .filter_map(|(purpose, model)| Some(format!("{}={}", purpose.name(), model.as_ref().ok()?.id())))
        .chain(selection.languages.iter().map(|model| format!("beside={}", model.id())))
        .collect();
    assert_eq!(used, picked);
    assert_eq!(selection.problems.iter().map(ToString::to_string).collect::<Vec<_>>(), problems);
}

#[test]
fn the_highest_version_of_the_first_name_is_picked_unless_somebody_chose() {
    let models = Models::new()
        .with("eyes@9", "eyes", "9", "image", "")
        .with("eyes@10", "eyes", "10", "image", "")
        .with("sight", "sight", "1", "image", "")
        .with("aaa", "aaa", "1", "image", "optional = true");
    check(&models, &[], &[], &["image=eyes@10"], &[]);
    check(&models, &["eyes@9"], &[], &["image=eyes@9"], &[]);
    check(&models, &["eyes"], &["sight@1"], &["image=eyes@10"], &[]);
    check(&models, &["aaa", "sight"], &[], &["image=aaa@1"], &[]);
    check(&models, &[], &["sight@1"], &["image=sight@1"], &[]);
    check(&models, &[], &["sight@2"], &["image=eyes@10"], &[]);
    check(
        &models,
        &["ears"],
        &[],
        &["image=eyes@10"],
        &["model `ears`: it is to be used, but is not in the models folder"],
    );
}

#[test]
fn an_optional_model_is_picked_only_where_there_is_no_other() {
    let models = Models::new().with("aaa", "aaa", "1", "image", "optional = true");
    check(&models, &[], &[], &["image=aaa@1"], &[]);
}

#[test]
fn a_model_of_another_space_is_passed_over_until_its_text_model_is_used() {
    let models = Models::new()
        .with("minilm-l6-v2", "minilm-l6-v2", "1", "text", "")
        .with("eyes", "eyes", "1", "image", "")
        .with("two-words", "two-words", "1", "text", "space = \"two@1\"\noptional = true")
        .with("two-eyes", "two-eyes", "1", "image", "space = \"two@1\"");
    check(&models, &[], &[], &["text=minilm-l6-v2@1", "image=eyes@1"], &[]);
    check(&models, &["two-words"], &[], &["text=two-words@1", "image=two-eyes@1"], &[]);
    check(&models, &["two-eyes"], &[], &["text=minilm-l6-v2@1", "image=eyes@1"], &[]);
    check(&models, &["two-words"], &["eyes@1"], &["text=two-words@1", "image=two-eyes@1"], &[]);
}

#[test]
fn if_all_models_are_of_another_space_that_is_said() {
    let models = Models::new().with("minilm-l6-v2", "minilm-l6-v2", "1", "text", "").with(
        "two-eyes",
        "two-eyes",
        "1",
        "image",
        "space = \"two@1\"",
    );
    check(
        &models,
        &[],
        &[],
        &["text=minilm-l6-v2@1"],
        &[
            "model `two-eyes`: its vectors are of the space `two@1`, and those of the text model in use of `minilm-l6-v2@1`, expected the same",
        ],
    );
}

#[test]
fn a_text_model_of_a_language_is_used_beside_the_one_for_all() {
    let models = Models::new().with("aaa-zh", "aaa-zh", "1", "text", "languages = [\"zh\"]").with(
        "minilm-l6-v2",
        "minilm-l6-v2",
        "1",
        "text",
        "",
    );
    // It makes a space of its own unless it says whose it maps into.
    check(&models, &[], &[], &["text=minilm-l6-v2@1"], &[]);
    let path = models.0.path().join("aaa-zh/model.toml");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, text.replacen("dim = 384", "dim = 384\nspace = \"minilm-l6-v2@1\"", 1))
        .expect("written");
    check(&models, &[], &[], &["text=minilm-l6-v2@1", "beside=aaa-zh@1"], &[]);
}

#[test]
fn a_version_that_lies_in_two_folders_is_used_from_the_first() {
    let models =
        Models::new().with("eyes", "eyes", "1", "image", "").with("eyes@1", "eyes", "1", "image", "");
    check(
        &models,
        &[],
        &[],
        &["image=eyes@1"],
        &["model `eyes@1`: model.toml: version 1 of `eyes` is in the folder `eyes` already"],
    );
}

#[test]
fn versions_are_compared_number_by_number() {
    let ordered = ["1", "1.2", "1.10", "2", "10"];
    for pair in ordered.windows(2) {
        assert!(version_key(pair[0]) < version_key(pair[1]), "{pair:?}");
    }
}
