//! Several pieces in one run of a network.

use std::fs;

use attuned_encoders::{EncodeError, Encoding};

use crate::{encoders, models, rows, shared};

/// Captions of photographs, if they are there, and the project's own texts, short and long.
fn texts() -> Vec<String> {
    let own = fs::read_to_string(models().join("train/golden_sentences.txt")).expect("sentences");
    let mut texts: Vec<String> = own.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let long = texts.join(" ");
    texts.extend([30, 60, 90, 200, 300, 400, 2000].map(|end| long.chars().take(end).collect()));
    if let Some(folder) = shared("data/image-coco-captions") {
        texts.extend(rows(&folder.join("captions.csv"), 2).into_iter().take(40).map(|row| row[1].clone()));
    }
    texts
}

#[track_caller]
fn check_same(text: &str, together: &Encoding, alone: &Encoding) {
    assert_eq!((&together.model, &together.labels), (&alone.model, &alone.labels), "{text:?}");
    for (a, b) in [(&together.embedding, &alone.embedding), (&together.semantic, &alone.semantic)] {
        let pairs = || a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let dot: f64 = pairs().map(|(a, b)| a * b).sum();
        let lengths = pairs().map(|(a, _)| a * a).sum::<f64>() * pairs().map(|(_, b)| b * b).sum::<f64>();
        let cosine = dot / lengths.sqrt();
        assert!(cosine >= 0.999_999, "{text:?}: cosine {cosine:.8} with what it gives alone");
    }
}

#[test]
fn texts_together_give_what_each_gives_alone() {
    let encoders = encoders();
    let mut texts = texts();
    texts.push("一只猫在椅子上睡觉".to_owned());
    texts.push("一个男人在冲浪板上冲浪".to_owned());
    texts.push("eine Katze schläft auf einem Stuhl".to_owned());
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = encoders.encode_texts(&all);
    assert_eq!(together.len(), texts.len());
    for (text, together) in texts.iter().zip(together) {
        let alone = encoders.encode_text(text).expect("understood");
        check_same(text, &together.expect("understood"), &alone);
    }
}

#[test]
fn a_text_that_cannot_be_read_costs_the_others_nothing() {
    let encoders = encoders();
    let too_long = "x".repeat(2 << 20);
    let results = encoders.encode_texts(&["rain", "", &too_long, "jazz in the rain"]);
    let alone = |text| encoders.encode_text(text).expect("understood");
    check_same("rain", results[0].as_ref().expect("understood"), &alone("rain"));
    assert!(matches!(results[1], Err(EncodeError::Unreadable { .. })), "{:?}", results[1]);
    assert!(matches!(results[2], Err(EncodeError::OverLimit { .. })));
    check_same("jazz", results[3].as_ref().expect("understood"), &alone("jazz in the rain"));
    assert_eq!(encoders.encode_texts(&[]), []);
}
