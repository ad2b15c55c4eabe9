//! What becomes of a folder of models that is not in order.

use std::fs;
use std::path::Path;
use std::time::Duration;

use attuned_encoders::{Choice, EncodeError, Encoders, Limits, ModelError, ModelState, Runtime};
use attuned_recommender::Modality;

use crate::models;

/// A copy of the bundled models' folders, of which files may be replaced.
fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for name in ["minilm-l6-v2", "efficientnet-lite0", "yamnet"] {
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
    edit(&folder.path().join("yamnet/model.toml"), |text| text.replacen("dim = 1024", "dim = 1025", 1));
    let errors = open(folder.path()).load_all();
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "model `yamnet`: model.toml: output `features` has another shape than [1, 1025], expected that as dim says"
        ]
    );
}

/// Copies a bundled model into the folder under another name.
fn add_copy(folder: &Path, of: &str, name: &str) {
    fs::create_dir(folder.join(name)).expect("a folder");
    for entry in fs::read_dir(models().join(of)).expect("a model").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.join(name).join(entry.file_name())).expect("copied");
        }
    }
    edit(&folder.join(name).join("model.toml"), |text| {
        text.replacen(&format!("\"{of}\""), &format!("\"{name}\""), 1)
    });
}

#[test]
fn of_several_models_the_one_that_is_chosen_is_used() {
    let folder = copied();
    add_copy(folder.path(), "efficientnet-lite0", "eyes");
    let encoders = open(folder.path());
    assert_eq!(encoders.problems(), []);
    let picture = fs::read(models().join("efficientnet-lite0/golden/cat.png")).expect("read");
    let model = |encoders: &Encoders| encoders.encode_image(&picture).expect("understood").model;
    assert_eq!(model(&encoders), "efficientnet-lite0@2");
    let wanted = vec!["eyes".to_owned()];
    let other = encoders.choosing(&Choice { wanted, ..Choice::default() });
    assert_eq!(model(&other), "eyes@2");
    assert_eq!(model(&encoders), "efficientnet-lite0@2", "the first choice stands");
    let states: Vec<_> = other.found().into_iter().map(|found| (found.folder, found.state)).collect();
    let [(_, first), (_, second), ..] = states.as_slice() else { panic!("{states:?}") };
    assert_eq!((first, second), (&ModelState::Available, &ModelState::InUse));
}

#[test]
fn models_are_unloaded_to_make_room_and_when_they_are_idle() {
    let folder = copied();
    // Room for one of them at a time.
    let encoders =
        Encoders::open_choosing(folder.path(), Limits::default(), &Choice::default(), 40 << 20, Runtime::Cpu)
            .expect("opens");
    let loaded = || -> Vec<String> {
        encoders.models().into_iter().filter(|model| model.loaded).map(|model| model.name).collect()
    };
    let picture = fs::read(models().join("efficientnet-lite0/golden/cat.png")).expect("read");
    let sound = fs::read(models().join("yamnet/golden/beat.wav")).expect("read");
    encoders.encode_audio(&sound).expect("understood");
    assert_eq!(loaded(), ["yamnet"]);
    let before = encoders.encode_image(&picture).expect("understood");
    assert_eq!(loaded(), ["efficientnet-lite0"], "there is room for one");
    encoders.encode_audio(&sound).expect("understood");
    assert_eq!(loaded(), ["yamnet"]);
    assert_eq!(encoders.unload_idle(Duration::from_secs(3600)), 0);
    assert_eq!(encoders.unload_idle(Duration::ZERO), 1);
    assert_eq!(loaded(), Vec::<String>::new());
    assert_eq!(encoders.encode_image(&picture), Ok(before), "loaded again, it gives the same");
}

#[test]
fn a_model_larger_than_the_budget_is_loaded_alone() {
    let encoders = Encoders::open_choosing(&models(), Limits::default(), &Choice::default(), 1, Runtime::Cpu)
        .expect("opens");
    let sound = fs::read(models().join("yamnet/golden/beat.wav")).expect("read");
    encoders.encode_audio(&sound).expect("understood");
    assert_eq!(encoders.models().iter().filter(|model| model.loaded).count(), 1);
}

#[test]
fn a_folder_that_is_added_later_is_found() {
    let folder = copied();
    let encoders = open(folder.path());
    encoders.load_all();
    add_copy(folder.path(), "yamnet", "ears");
    let later = encoders.rescan(&Choice { remembered: vec!["yamnet@1".to_owned()], ..Choice::default() });
    let later = later.expect("listed");
    assert!(later.found().iter().any(|found| found.folder == "ears"));
    assert!(later.models().iter().all(|model| model.loaded), "what is in memory stays there");
    assert_eq!(later.only("ears").expect("there").models()[0].name, "ears");
    let none = later.only("noses").expect_err("there is none");
    assert!(none.to_string().starts_with("model `noses`: it is not in the models folder"), "{none}");
}
