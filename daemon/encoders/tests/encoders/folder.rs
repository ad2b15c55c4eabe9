//! What becomes of a folder of models that is not in order.

use std::fs;
use std::path::Path;

use attuned_encoders::{EncodeError, Encoders, Limits, ModelError};
use attuned_recommender::Modality;

use crate::models;

/// A copy of the bundled models' folders, of which files may be replaced.
fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for name in ["minilm-l6-v2", "efficientnet-lite0", "musicnn-mtt"] {
        let to = copy.path().join(name);
        fs::create_dir(&to).expect("a folder");
        for entry in fs::read_dir(models().join(name)).expect("a bundled model").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
            }
        }
    }
    copy
}

fn edit(path: &Path, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(path).expect("read");
    let changed = change(text.clone());
    assert_ne!(text, changed, "nothing to change in {}", path.display());
    fs::write(path, changed).expect("written");
}

fn open(folder: &Path) -> Encoders {
    Encoders::open(folder, Limits::default()).expect("the folder opens")
}

#[test]
fn a_folder_that_is_absent_is_refused() {
    let error = Encoders::open(Path::new("/nonexistent/models"), Limits::default()).expect_err("refused");
    assert!(matches!(error, ModelError::Folder { .. }), "{error}");
    assert!(error.to_string().starts_with("models folder `/nonexistent/models`: "), "{error}");
}

#[test]
fn without_a_model_content_is_unavailable() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let encoders = open(empty.path());
    assert_eq!((encoders.models(), encoders.problems()), (Vec::new(), &[][..]));
    let error = encoders.encode_text("jazz").expect_err("no model");
    assert_eq!(error.to_string(), "text cannot be understood: no model is installed for it");
    let error = encoders.encode_video(b"RIFF").expect_err("no model");
    assert_eq!(error.to_string(), "video cannot be understood: no model is installed for it");
}

#[test]
fn a_damaged_model_is_set_aside_and_the_others_work_on() {
    let folder = copied();
    let weights = folder.path().join("efficientnet-lite0/model.onnx");
    let mut bytes = fs::read(&weights).expect("read");
    bytes[1_000_000] ^= 1;
    fs::write(&weights, bytes).expect("written");
    let encoders = open(folder.path());
    let [problem] = encoders.problems() else { panic!("{:?}", encoders.problems()) };
    assert!(
        problem.to_string().starts_with("model `efficientnet-lite0`: file `model.onnx` has sha256 "),
        "{problem}"
    );
    let error = encoders.encode_image(b"any").expect_err("set aside");
    assert!(
        matches!(&error, EncodeError::Unavailable { modality: Modality::Image, reason } if reason.contains("sha256"))
    );
    assert_eq!(encoders.encode_text("jazz").expect("works on").semantic.dim(), 384);
}

#[test]
fn a_network_of_another_shape_is_refused_when_it_loads() {
    let folder = copied();
    let toml = folder.path().join("efficientnet-lite0/model.toml");
    edit(&toml, |text| text.replace("shape = [1, 1000]", "shape = [1, 1001]"));
    let encoders = open(folder.path());
    let errors = encoders.load_all();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    let text = error.to_string();
    assert!(text.contains("`logits`") && text.contains("expected shape [1, 1001]"), "{text}");
    let refused = encoders.encode_image(b"any").expect_err("refused");
    assert!(
        refused.to_string().starts_with("image cannot be understood: model `efficientnet-lite0`"),
        "{refused}"
    );
}

#[test]
fn a_dimension_that_is_not_the_outputs_is_refused() {
    let folder = copied();
    edit(&folder.path().join("musicnn-mtt/model.toml"), |text| text.replacen("dim = 200", "dim = 201", 1));
    let errors = open(folder.path()).load_all();
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "model `musicnn-mtt`: model.toml: output `features` has another shape than [1, 201], expected that as dim says"
        ]
    );
}

#[test]
fn of_two_models_for_one_modality_neither_is_taken() {
    let folder = copied();
    fs::rename(folder.path().join("efficientnet-lite0"), folder.path().join("eyes")).expect("renamed");
    edit(&folder.path().join("eyes/model.toml"), |text| {
        text.replacen("\"efficientnet-lite0\"", "\"eyes\"", 1)
    });
    fs::create_dir(folder.path().join("efficientnet-lite0")).expect("a folder");
    for entry in fs::read_dir(models().join("efficientnet-lite0")).expect("a model").flatten() {
        if entry.path().is_file() {
            let to = folder.path().join("efficientnet-lite0").join(entry.file_name());
            fs::copy(entry.path(), to).expect("copied");
        }
    }
    let encoders = open(folder.path());
    assert_eq!(
        encoders.problems().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "model `eyes`: model.toml: modality is image, which `efficientnet-lite0` is for already, expected one model a modality"
        ]
    );
    assert!(matches!(encoders.encode_image(b"any"), Err(EncodeError::Unavailable { .. })));
}
