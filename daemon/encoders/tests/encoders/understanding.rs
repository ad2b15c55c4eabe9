//! What the models make of real pictures, sounds and films.

use std::fs;
use std::path::Path;
use std::time::Instant;

use attuned_encoders::{EncodeError, Encoding, LABELS_MAX, Purpose};
use attuned_recommender::Modality;

use crate::{encoders, models, on_two_threads, rows, shared};

fn check_encoding(encoding: &Encoding, modality: Modality, model: &str, dim: usize) {
    assert_eq!((encoding.modality, encoding.model.as_str()), (modality, model));
    assert_eq!((encoding.embedding.dim(), encoding.semantic.dim()), (dim, 384));
    for vector in [&encoding.embedding, &encoding.semantic] {
        let length: f32 = vector.as_slice().iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-4, "length {length}");
    }
    assert!(encoding.labels.len() <= LABELS_MAX);
    assert!(encoding.labels.iter().all(|label| (0.0..=1.0).contains(&label.score)));
    assert!(encoding.labels.is_sorted_by(|a, b| a.score >= b.score));
}

fn golden(model: &str, file: &str) -> Vec<u8> {
    fs::read(models().join(model).join("golden").join(file)).expect("a golden file")
}

#[test]
fn each_medium_gives_embedding_semantic_vector_and_labels() {
    let encoders = encoders();
    assert!(encoders.models().iter().all(|model| !model.loaded));
    let text = encoders.encode_text("a cat asleep on a chair").expect("understood");
    check_encoding(&text, Modality::Text, "minilm-l6-v2@1", 384);
    let picture = encoders.encode_image(&golden("efficientnet-lite0", "cat.png")).expect("understood");
    check_encoding(&picture, Modality::Image, "efficientnet-lite0@2", 1280);
    assert!(picture.labels[0].name.contains("cat"), "{:?}", picture.labels);
    let sound = encoders.encode_audio(&golden("yamnet", "plucked.wav")).expect("understood");
    check_encoding(&sound, Modality::Audio, "yamnet@1", 1024);
    let summaries: Vec<_> =
        encoders.models().iter().map(|model| (model.purpose, model.dim, model.loaded)).collect();
    let loaded = [(Modality::Text, 384), (Modality::Image, 1280), (Modality::Audio, 1024)];
    let mut expected = loaded.map(|(modality, dim)| (Purpose::Encoder(modality), dim, true)).to_vec();
    expected.push((Purpose::Fusion, 384, false));
    assert_eq!(summaries, expected);

    encoders.unload();
    assert!(encoders.models().iter().all(|model| !model.loaded));
    assert_eq!(encoders.encode_text("a cat asleep on a chair").expect("loads again"), text);
}

#[test]
fn threads_share_one_model_and_agree() {
    let encoders = encoders();
    let texts = ["rain", "jazz", "rain", "jazz", "rain", "jazz"];
    let encodings = on_two_threads(&texts, |text| encoders.encode_text(text).expect("understood"));
    assert!(encodings.iter().step_by(2).all(|encoding| *encoding == encodings[0]));
    assert!(encodings[0].embedding.cosine(&encodings[1].embedding) < 0.9);
}

#[test]
fn photos_are_named_as_people_named_them() {
    let Some(folder) = shared("data/image-imagenet-samples") else { return };
    let encoders = encoders();
    let photos = rows(&folder.join("labels.csv"), 3);
    let right = on_two_threads(&photos, |row| {
        let bytes = fs::read(folder.join("images").join(&row[0])).expect("a photo");
        let labels = encoders.encode_image(&bytes).expect("understood").labels;
        labels.first().is_some_and(|label| label.name.eq_ignore_ascii_case(&row[2]))
    });
    let top_1 = right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
    println!("ImageNet samples: top-1 {top_1:.3} of {}", right.len());
    assert!(top_1 >= 0.70, "top-1 {top_1:.3}");
}

#[test]
fn films_are_heard_or_refused_by_a_sentence() {
    let Some(folder) = shared("data/video-clips") else { return };
    let encoders = encoders();
    let mut heard = 0;
    for row in rows(&folder.join("labels.csv"), 6) {
        let bytes = fs::read(folder.join(&row[0])).expect("a film");
        let started = Instant::now();
        match encoders.encode_video(&bytes) {
            Ok(encoding) => {
                heard += 1;
                check_encoding(&encoding, Modality::Video, "yamnet@1", 1024);
            }
            Err(error) => {
                let sentence = error.to_string();
                assert!(
                    matches!(error, EncodeError::Unreadable { modality: Modality::Video, .. }),
                    "{sentence}"
                );
                assert!(sentence.ends_with("only GIF, WebP and PNG animations are read"), "{sentence}");
            }
        }
        println!("{}: {:?}", Path::new(&row[0]).display(), started.elapsed());
    }
    assert!(heard >= 2, "{heard} films were heard");
}
