//! Figures on small data sets whose encodings are known.

use std::fs;

use attuned_recommender::Embedding;

use super::*;

/// An encoder for which a file or text is what stands in it, as numbers: the axes that it points
/// to. What has none cannot be encoded.
fn encode(_: &'static str, pieces: &[Piece]) -> Vec<Option<Arc<Encoding>>> {
    pieces
        .iter()
        .map(|piece| {
            let (modality, text) = match piece {
                Piece::Words(words) => (Modality::Text, words.clone()),
                Piece::File(modality, file) => (*modality, fs::read_to_string(file).expect("a file")),
            };
            let mut values = vec![0.0_f32; attuned_recommender::SEMANTIC_DIM];
            for axis in
                text.split(|c: char| !c.is_ascii_digit()).filter_map(|axis| axis.parse::<usize>().ok())
            {
                values[axis] += 1.0;
            }
            let embedding = Embedding::from_values(values).ok()?;
            let model = format!("{}@1", modality.name());
            Some(Arc::new(Encoding {
                modality,
                model,
                semantic: embedding.clone(),
                embedding,
                labels: Vec::new(),
            }))
        })
        .collect()
}

/// What is measured in a folder of these files.
fn measured(files: &[(&str, &str)]) -> (Vec<Part>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    let (sets, mut left_out) = find(folder.path()).expect("listed");
    let parts = measure(&sets, &mut encode, 0.5, &mut left_out);
    (parts, left_out)
}

fn value(parts: &[Part], name: &str) -> f64 {
    let measures = parts.iter().flat_map(|part| &part.measures);
    let names: Vec<&str> = measures.clone().map(|measure| measure.name.as_str()).collect();
    measures
        .clone()
        .find(|measure| measure.name == name)
        .unwrap_or_else(|| panic!("{name} is not in {names:?}"))
        .value
}

#[test]
fn captions_find_their_photos_and_photos_their_captions() {
    let captions = "file,caption\na.jpg,axis 1\na.jpg,axis 1 and 2\nb.jpg,axis 2\nb.jpg,axis 3\n";
    let (parts, left_out) = measured(&[
        ("captions.csv", captions),
        ("a.jpg", "1"),
        ("b.jpg", "2 2 2 9"),
        ("images/none.txt", ""),
    ]);
    // `axis 1 and 2` is nearer to a, `axis 3` is as far from both.
    assert_eq!(value(&parts, "caption -> photo, R@1"), 0.75);
    assert_eq!(value(&parts, "caption -> photo, R@5"), 1.0);
    assert_eq!(value(&parts, "photo -> caption, R@1"), 1.0);
    // The other captions ask: of words alone `axis 1 and 2` is between both items.
    assert_eq!(value(&parts, "fusion by words only, R@1"), 0.0);
    assert_eq!(value(&parts, "fusion by mean, picture missing, R@1"), 0.0);
    assert_eq!(value(&parts, "fusion by picture only, R@1"), 0.5);
    assert!(left_out.iter().any(|reason| reason.starts_with("speech, music and noise")), "{left_out:?}");
}

#[test]
fn classes_are_measured_across_folds_and_by_their_names() {
    let labels = "file,label,fold\n1.wav,1,a\n2.wav,1,b\n3.wav,2,a\n4.wav,2,b\n";
    let (parts, _) = measured(&[
        ("labels.csv", labels),
        ("1.wav", "1 1 1 7"),
        ("2.wav", "1 1 8"),
        ("3.wav", "2 2 2 7"),
        ("4.wav", "2 8"),
    ]);
    assert_eq!(value(&parts, "class of the nearest across folds, embedding"), 1.0);
    assert_eq!(value(&parts, "precision at 5 across folds, embedding"), 0.5);
    assert_eq!(value(&parts, "its name among all names, R@1"), 1.0);
    assert_eq!(value(&parts, "name -> one of its class, R@1"), 1.0);
}

#[test]
fn what_is_absent_or_no_data_is_said() {
    let (parts, left_out) =
        measured(&[("a/labels.csv", "file,label\n1.png,1\n2.png,2\n"), ("a/1.png", "no axis"), ("b/x", "")]);
    assert_eq!(parts, []);
    assert_eq!(
        left_out[..3],
        [
            "b: nothing in it is known to measure content by",
            "a: 1 files that its table names are absent",
            "a: nothing of it could be encoded"
        ]
    );
}

#[test]
fn chance_is_that_of_drawing_without_putting_back() {
    assert!((chance_at(1, 1, 80) - 1.0 / 80.0).abs() < 1e-12);
    assert!((chance_at(5, 1, 80) - 5.0 / 80.0).abs() < 1e-12);
    assert!((chance_at(2, 2, 4) - (1.0 - 2.0 / 4.0 * 1.0 / 3.0)).abs() < 1e-12);
    assert_eq!(chance_at(9, 3, 3), 1.0);
}
