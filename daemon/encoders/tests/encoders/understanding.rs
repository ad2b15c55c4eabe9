//! What the models make of real pictures, sounds and films.

use std::fs;

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
    // The optional model of other languages lies beside them and is not needed for these.
    let summaries: Vec<_> = encoders
        .models()
        .iter()
        .filter(|model| !model.optional)
        .map(|model| (model.purpose, model.dim, model.loaded))
        .collect();
    let loaded = [(Modality::Text, 384), (Modality::Image, 1280), (Modality::Audio, 1024)];
    let mut expected = loaded.map(|(modality, dim)| (Purpose::Encoder(modality), dim, true)).to_vec();
    expected.push((Purpose::Encoder(Modality::Video), 2944, false));
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
        match encoders.encode_video(&bytes) {
            Ok(encoding) => {
                heard += 1;
                check_encoding(&encoding, Modality::Video, "film-leaky@1", 2944);
            }
            Err(error) => {
                let sentence = error.to_string();
                assert!(
                    matches!(error, EncodeError::Unreadable { modality: Modality::Video, .. }),
                    "{sentence}"
                );
                assert!(
                    sentence.contains("need ffmpeg, which is not installed, and of its sound: "),
                    "{sentence}"
                );
            }
        }
    }
    assert!(heard >= 2, "{heard} films were heard");
}

#[test]
fn a_text_is_read_by_the_model_for_its_language_into_the_one_shared_space() {
    let encoders = encoders();
    let encode = |text: &str| encoders.encode_text(text).expect("understood");
    let english =
        ["a cat asleep on a chair", "a man riding a wave on a surfboard", "a plate of noodles with meat"];
    let english = english.map(encode);
    assert!(english.iter().all(|encoding| encoding.model == "minilm-l6-v2@1"));
    let others = [
        ["一只猫在椅子上睡觉", "一个男人在冲浪板上冲浪", "一盘肉和面条"],
        [
            "eine Katze schläft auf einem Stuhl",
            "ein Mann reitet auf einem Surfbrett auf einer Welle",
            "ein Teller Nudeln mit Fleisch",
        ],
        ["椅子の上で眠っている猫", "サーフボードで波に乗る男性", "肉の入った麺の皿"],
    ];
    for language in others {
        for (own, text) in language.iter().enumerate() {
            let encoding = encode(text);
            check_encoding(&encoding, Modality::Text, "multilingual-e5-small@1", 384);
            let cosines: Vec<f32> =
                english.iter().map(|english| encoding.semantic.cosine(&english.semantic)).collect();
            let nearest = (0..3).max_by(|a, b| cosines[*a].total_cmp(&cosines[*b])).expect("three");
            assert_eq!(nearest, own, "{text}: {cosines:?}");
        }
    }
}

#[test]
fn a_long_text_is_the_sum_of_its_windows() {
    let encoders = encoders();
    let encode = |text: &str| encoders.encode_text(text).expect("understood").embedding;
    let jazz = "A quartet plays slow jazz in a small club, saxophone, piano, bass and brushes. ";
    let bread = "Knead flour, water, salt and yeast, let the dough rise and bake the bread. ";
    let (of_jazz, of_bread) = (encode(&jazz.repeat(40)), encode(&bread.repeat(40)));
    let mixed = encode(&format!("{}{}", jazz.repeat(40), bread.repeat(40)));
    let (near_jazz, near_bread) = (mixed.cosine(&of_jazz), mixed.cosine(&of_bread));
    assert!(near_jazz > 0.6 && near_bread > 0.6, "both halves count: {near_jazz}, {near_bread}");
    // A last window of a few words hardly counts.
    let tail = encode(&format!("{}{bread}", jazz.repeat(40))).cosine(&of_jazz);
    assert!(tail > 0.9, "{tail}");
}

#[test]
fn comments_are_read_as_people_mean_them() {
    let encoders = encoders();
    let comments: Vec<Vec<&str>> =
        include_str!("comments.tsv").lines().map(|line| line.splitn(3, '\t').collect()).collect();
    let read = on_two_threads(&comments, |comment| {
        let encoding = encoders.encode_text(comment[2]).expect("understood");
        encoders.sentiment(comment[2], Some(&encoding))
    });
    let right = |comment: &[&str], sentiment: &Option<f32>| {
        sentiment.is_some_and(|sentiment| (sentiment > 0.0) == (comment[1] == "+"))
    };
    for (comment, sentiment) in comments.iter().zip(&read).filter(|(c, s)| !right(c.as_slice(), s)) {
        println!("{sentiment:?}: {comment:?}");
    }
    let count = comments.iter().zip(&read).filter(|(c, s)| right(c.as_slice(), s)).count();
    println!("{count} of {} comments are read as they are meant", comments.len());
    assert!(count * 100 >= 80 * comments.len(), "{count} of {}", comments.len());
    let said = |text: &str| {
        let encoding = encoders.encode_text(text).expect("understood");
        encoders.sentiment(text, Some(&encoding)).unwrap_or(0.0)
    };
    assert!(said("I loved it, what a wonderful film") > 0.6);
    assert!((0.1..0.8).contains(&said("not bad at all")), "{}", said("not bad at all"));
    for text in ["boring, what a waste of time", "langweilig", "太无聊了"] {
        assert!(said(text) < -0.3, "{text}: {}", said(text));
    }
}
