//! `model.toml`, right and wrong.

use std::fs;

use attuned_recommender::Modality;

use super::*;

const IMAGE: &str = r#"
format = 1
name = "eyes"
version = "2"
modality = "image"
dim = 4
licence = "MIT"
[source]
package = "p"
version = "1"
script = "s.py"
[[file]]
path = "model.onnx"
sha256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
bytes = 3
[network]
file = "model.onnx"
[[network.input]]
name = "image"
type = "f32"
shape = [1, 3, 8, 8]
[[network.output]]
name = "features"
role = "embedding"
shape = [1, "dim"]
[image]
resize_shorter_side = 10
crop = 8
filter = "bicubic"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[bridge]
labels = "labels.txt"
temperature = 2.0
top = 50
label_vectors = "vectors.f16"
"#;

/// Opens a folder `eyes` with this `model.toml` and a `model.onnx` that holds `content`.
fn open(toml: &str, content: &str) -> Result<Model, ModelError> {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let folder = parent.path().join("eyes");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("model.toml"), toml).expect("written");
    fs::write(folder.join("model.onnx"), content).expect("written");
    let model = Model::read(&folder)?;
    model.check_sizes()?;
    model.check_hashes()?;
    Ok(model)
}

#[track_caller]
fn check(find: &str, replace: &str, expected: &str) {
    let toml = IMAGE.replacen(find, replace, 1);
    assert_ne!(toml, IMAGE, "`{find}` is not in the sample");
    assert_eq!(open(&toml, "foo").expect_err("refused").to_string(), format!("model `eyes`: {expected}"));
}

#[test]
fn a_model_is_named_with_its_version() {
    let model = open(IMAGE, "foo").expect("opens");
    assert_eq!((model.id().as_str(), model.bytes()), ("eyes@2", 3));
    assert_eq!(model.purpose, Purpose::Encoder(Modality::Image));
}

#[test]
fn a_wrong_model_toml_is_refused_by_one_sentence() {
    check(
        "dim = 4",
        "dims = 4",
        "model.toml, line 6: unknown field `dims`, expected one of `format`, `name`, `version`, `modality`, `dim`, `licence`, `optional`, `space`, `source`, `file`, `network`, `text`, `image`, `audio`, `video`, `fusion`, `bridge`, `semantic`",
    );
    check("dim = 4", "dim = \"4\"", "model.toml, line 6: invalid type: string \"4\", expected usize");
    check("format = 1", "format = 2", "model.toml: format is 2, expected 1");
    check("\"eyes\"", "\"ears\"", "model.toml: name is `ears`, expected the folder's name `eyes`");
    check(
        "\"image\"",
        "\"smell\"",
        "model.toml: modality is `smell`, expected text, image, audio, video or fusion",
    );
    check(
        "\"image\"",
        "\"audio\"",
        "model.toml: a model of audio has the section [audio] and no other of [text], [image], [audio], [video] and [fusion]",
    );
    check(
        "path = \"model.onnx\"",
        "path = \"../model.onnx\"",
        "model.toml: file path is `../model.onnx`, expected one inside the model's folder",
    );
    check(
        "crop = 8",
        "crop = 11",
        "model.toml: crop is 11 and resize_shorter_side 10, expected 1 <= crop <= resize_shorter_side <= 4096",
    );
    check("temperature = 2.0", "temperature = 0.0", "model.toml: temperature is 0, expected above 0");
    check(
        "2c26",
        "zz26",
        "model.toml: sha256 of `model.onnx` is `zz26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae`, expected 64 hexadecimal digits",
    );
}

#[test]
fn a_file_that_is_another_is_refused_by_one_sentence() {
    let refusal = |content| open(IMAGE, content).expect_err("refused").to_string();
    assert_eq!(
        refusal("longer"),
        "model `eyes`: file `model.onnx` has 6 bytes, expected 3 as model.toml says, and at most 2147483648"
    );
    assert_eq!(
        refusal("bar"),
        "model `eyes`: file `model.onnx` has sha256 fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9, expected 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae as model.toml says"
    );
    let listed = IMAGE.replacen("path = \"model.onnx\"", "path = \"weights.bin\"", 1);
    let missing = open(&listed, "foo").expect_err("refused").to_string();
    assert!(missing.starts_with("model `eyes`: file `weights.bin`: "), "{missing}");
}

#[test]
fn a_file_that_is_not_listed_is_not_read() {
    // The temporary folder is gone by now, so the refusal comes from the list alone.
    let error = open(IMAGE, "foo").expect("opens").file("labels.txt").expect_err("refused").to_string();
    assert_eq!(error, "model `eyes`: model.toml: `labels.txt` is used, expected a [[file]] entry for it");
}

/// Opens a folder of that name with the sample's `model.toml`.
fn open_in(folder: &str) -> Result<Model, ModelError> {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let folder = parent.path().join(folder);
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("model.toml"), IMAGE).expect("written");
    fs::write(folder.join("model.onnx"), "foo").expect("written");
    Model::read(&folder)
}

#[test]
fn a_folder_may_name_the_version_too() {
    assert_eq!(open_in("eyes@2").expect("opens").id(), "eyes@2");
    assert_eq!(
        open_in("eyes@3").expect_err("refused").to_string(),
        "model `eyes@3`: model.toml: name is `eyes`, expected the folder's name `eyes@3`"
    );
}

#[test]
fn a_model_names_the_space_of_its_vectors_or_takes_the_usual_one() {
    let space = |toml: &str| open(toml, "foo").expect("opens").document.space();
    assert_eq!(space(IMAGE), "minilm-l6-v2@1");
    assert_eq!(space(&IMAGE.replacen("dim = 4", "dim = 4\nspace = \"two@1\"", 1)), "two@1");
}

#[test]
fn a_picture_s_model_has_labels_or_gives_the_shared_space_itself() {
    let refusal = "model `eyes`: model.toml: a model of image has a section [bridge] with label_vectors or an output of role semantic";
    let without = IMAGE.split("[bridge]").next().expect("the part before").to_owned();
    assert_eq!(open(&without, "foo").expect_err("refused").to_string(), refusal);
    let named_only = IMAGE.replacen("label_vectors = \"vectors.f16\"", "", 1);
    assert_eq!(open(&named_only, "foo").expect_err("refused").to_string(), refusal);
    open(&without.replacen("\"embedding\"", "\"semantic\"", 1), "foo").expect("opens");
    open(&named_only.replacen("\"embedding\"", "\"semantic\"", 1), "foo").expect("opens");
}
