//! Figures on small data sets whose encodings are known.

use std::fs;

use attuned_recommender::{Embedding, Label};

use super::*;

/// What stands in a text, as numbers: the axes that it points to, and behind `#` its label.
fn encoding(modality: Modality, text: &str) -> Option<Encoding> {
    let (axes, label) = text.split_once('#').unwrap_or((text, ""));
    let mut values = vec![0.0_f32; attuned_recommender::SEMANTIC_DIM];
    for axis in axes.split(|c: char| !c.is_ascii_digit()).filter_map(|axis| axis.parse::<usize>().ok()) {
        values[axis] += 1.0;
    }
    let embedding = Embedding::from_values(values).ok()?;
    let labels = (!label.is_empty()).then(|| Label { name: label.trim().to_owned(), score: 0.5 });
    Some(Encoding {
        modality,
        model: format!("{}@1", modality.name()),
        semantic: embedding.clone(),
        embedding,
        labels: labels.into_iter().collect(),
    })
}

/// An encoder for which a file or text is what stands in its first line. What has no axes cannot be
/// encoded.
fn encode(_: &'static str, pieces: &[Piece]) -> Vec<Option<Arc<Encoding>>> {
    pieces
        .iter()
        .map(|piece| {
            let (modality, text) = match piece {
                Piece::Words(words) => (Modality::Text, words.clone()),
                Piece::File(modality, file) => (*modality, fs::read_to_string(file).expect("a file")),
            };
            encoding(modality, text.lines().next()?).map(Arc::new)
        })
        .collect()
}

/// The parts of a film are the further lines of its file: what the film says, `|`, and what its
/// middle frame says.
fn watch(films: &[PathBuf]) -> Vec<Option<Vec<Watched>>> {
    films
        .iter()
        .map(|film| {
            let text = fs::read_to_string(film).expect("a file");
            let parts: Option<Vec<Watched>> = text
                .lines()
                .skip(1)
                .map(|line| {
                    let (film, middle) = line.split_once('|')?;
                    let seen = |text| encoding(Modality::Video, text);
                    Some(Watched { film: seen(film)?, middle: seen(middle)? })
                })
                .collect();
            parts.filter(|parts| !parts.is_empty())
        })
        .collect()
}

/// Joins media by the sum of their vectors; `words` takes the words alone.
fn fusion(model: &str, used: bool) -> Fusion<'static> {
    let model = model.to_owned();
    let words_alone = model == "words";
    let fuse = move |media: &BTreeMap<Modality, Embedding>| {
        let mut sum = vec![0.0; attuned_recommender::SEMANTIC_DIM];
        for (_, vector) in media.iter().filter(|(modality, _)| !words_alone || **modality == Modality::Text) {
            sum.iter_mut().zip(vector.as_slice()).for_each(|(sum, value)| *sum += value);
        }
        let embedding = Embedding::from_values(sum).ok()?;
        Some(FusedContent { model: "sum".to_owned(), embedding, shares: BTreeMap::new() })
    };
    Fusion { model, used, fuse: Box::new(fuse) }
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
    let mut models = Models {
        encode: Box::new(encode),
        watch: Box::new(watch),
        fusions: vec![fusion("sum", true), fusion("words", false)],
    };
    let parts = measure(&sets, &mut models, 0.5, &mut left_out);
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
    assert_eq!(value(&parts, "item of words only, R@1"), 0.0);
    assert_eq!(value(&parts, "item of picture only, R@1"), 0.5);
    // With the pictures a is nearer to its words again, and `axis 3` as far from both.
    assert_eq!(value(&parts, "item by sum (used), R@1"), 0.5);
    assert_eq!(value(&parts, "item by sum (used), R@1 above the best single medium"), 0.0);
    assert_eq!(value(&parts, "item by sum (used), picture missing, R@1"), 0.0);
    assert_eq!(value(&parts, "item by sum (used), words missing, R@1 above picture only"), 0.0);
    assert_eq!(value(&parts, "item by words, R@1 above the best single medium"), -0.5);
    assert!(
        !parts[0].measures.iter().any(|measure| measure.name.starts_with("item by words, words missing"))
    );
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

/// Two films that begin alike and one that does not; their middle frames are all the same.
#[test]
fn films_are_measured_against_their_middle_frame() {
    let labels = "file,label,description\na.mp4,asl_1,\nb.mp4,asl_2,\nc.mp4,asl_3,\nd.mp4,sea,4\n";
    let film = |axis: u32| format!("{axis}\n{axis} | 9\n{axis} | 9\n{axis} {axis} 8 | 9\n");
    let (parts, _) = measured(&[
        ("labels.csv", labels),
        ("a.mp4", &film(1)),
        ("b.mp4", &film(2)),
        ("c.mp4", &film(3)),
        ("d.mp4", &film(4)),
    ]);
    assert_eq!(value(&parts, "words -> film, R@1, film"), 1.0);
    assert_eq!(value(&parts, "words -> film, R@1, middle frame"), 0.0);
    assert_eq!(value(&parts, "words -> film, R@1, film above frame"), 1.0);
    let name = "first 70 % of a film -> its last 70 %";
    assert_eq!(value(&parts, &format!("{name}, film")), 1.0);
    assert_eq!(value(&parts, &format!("{name}, middle frame")), 0.0);
    assert_eq!(value(&parts, &format!("{name} among `asl …`, film above frame")), 1.0);
    let cases =
        |name: &str| parts[0].measures.iter().find(|measure| measure.name == name).map(|measure| measure.n);
    assert_eq!(cases(&format!("{name} among `asl …`, film")), Some(3));
    // A film that nothing can be seen of is compared with no frame.
    let (parts, _) = measured(&[("labels.csv", labels), ("a.mp4", &film(1)), ("b.mp4", "2")]);
    assert_eq!(value(&parts, "words -> film, R@1, film"), 1.0);
    assert!(!parts[0].measures.iter().any(|measure| measure.name.contains("frame")), "{parts:?}");
}

#[test]
fn the_first_label_says_what_a_sound_is_and_words_only_where_labels_do_not() {
    let labels = "file,label\n1.wav,speech\n2.wav,music\n3.wav,noise\n4.wav,music\n";
    let sounds = |of: [&'static str; 4]| {
        measured(&[
            ("labels.csv", labels),
            ("1.wav", of[0]),
            ("2.wav", of[1]),
            ("3.wav", of[2]),
            ("4.wav", of[3]),
        ])
    };
    let (parts, _) = sounds(["1 #whispering", "1 #violin, fiddle", "1 #rain", "1 #rain"]);
    assert_eq!(value(&parts, "kind recognised by the first label"), 0.75);
    assert_eq!(value(&parts, "kind recognised by the first label, of music"), 0.5);
    assert_eq!(value(&parts, "kind recognised by the first label, of noise"), 1.0);
    // The words of the kinds hold no axes here, so they cannot be encoded.
    let (_, left_out) = sounds(["1 #a voice", "1 #a tune", "1", "1"]);
    assert!(left_out.iter().any(|reason| reason.ends_with("words cannot be encoded")), "{left_out:?}");
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
