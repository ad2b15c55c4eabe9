//! Photographs and their captions: either alone, and joined.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use attuned_encoders::{Choice, Encoders};
use attuned_recommender::{Embedding, Modality};

use crate::{encoders, on_two_threads, rows, shared};

/// COCO photographs in the shared space, each with its captions.
struct Photos {
    pictures: Vec<Embedding>,
    captions: Vec<Vec<Embedding>>,
}

impl Photos {
    fn read(encoders: &Encoders) -> Option<Photos> {
        let folder = shared("data/image-coco-captions")?;
        let rows = rows(&folder.join("captions.csv"), 2);
        let names: Vec<String> =
            rows.iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let pictures = on_two_threads(&names, |name| {
            let bytes = fs::read(folder.join("images").join(name)).expect("a photo");
            encoders.encode_image(&bytes).expect("understood").semantic
        });
        let vectors =
            on_two_threads(&rows, |row| encoders.encode_text(&row[1]).expect("understood").semantic);
        let mut captions = vec![Vec::new(); names.len()];
        for (row, vector) in rows.iter().zip(vectors) {
            captions[names.binary_search(&row[0]).expect("its photo")].push(vector);
        }
        Some(Photos { pictures, captions })
    }

    /// The share of queries whose own item is among the first `k`.
    fn recall(ranks: &[usize], k: usize) -> f64 {
        ranks.iter().filter(|rank| **rank < k).count() as f64 / ranks.len() as f64
    }

    /// Every caption in turn is the words of its photo's item, and the others ask for it.
    fn ranks(&self, item: impl Fn(&Embedding, &Embedding) -> Embedding) -> Vec<usize> {
        let turns = self.captions.iter().map(Vec::len).min().expect("photos");
        (0..turns).flat_map(|turn| self.ranks_of_turn(turn, &item)).collect()
    }

    fn ranks_of_turn(&self, turn: usize, item: impl Fn(&Embedding, &Embedding) -> Embedding) -> Vec<usize> {
        let items: Vec<Embedding> = self
            .captions
            .iter()
            .zip(&self.pictures)
            .map(|(captions, picture)| item(&captions[turn], picture))
            .collect();
        let queries = self.captions.iter().enumerate().flat_map(|(photo, captions)| {
            captions
                .iter()
                .enumerate()
                .filter(move |(at, _)| *at != turn)
                .map(move |(_, query)| (photo, query))
        });
        queries
            .map(|(photo, query)| {
                let own = query.cosine(&items[photo]);
                items.iter().filter(|item| query.cosine(item) > own).count()
            })
            .collect()
    }
}

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn print(name: &str, ranks: &[usize]) {
    let recall = [1, 5, 10].map(|k| format!("R@{k} {:.3}", Photos::recall(ranks, k)));
    println!("{name}, {} queries: {}", ranks.len(), recall.join(" "));
}

#[test]
fn captions_find_their_photos_and_with_words_better_than_words_alone() {
    let encoders = encoders();
    let Some(photos) = Photos::read(&encoders) else { return };
    let of_pictures = photos.ranks(|_, picture| picture.clone());
    print("picture alone", &of_pictures);
    let (at_5, at_10) = (Photos::recall(&of_pictures, 5), Photos::recall(&of_pictures, 10));
    assert!(at_5 >= 0.86 && at_10 >= 0.92, "R@5 {at_5:.3}, R@10 {at_10:.3}");

    let of_words = photos.ranks(|words, _| words.clone());
    print("words alone", &of_words);
    for kind in ["fusion-mean", "fusion-concat", "fusion-attention", "fusion-cross-attention"] {
        let chosen = encoders.choosing(&Choice { wanted: vec![kind.to_owned()], ..Choice::default() });
        let fuse = |parts: &[(Modality, &Embedding)]| {
            let parts: BTreeMap<Modality, Embedding> =
                parts.iter().map(|(modality, part)| (*modality, (*part).clone())).collect();
            let fused = chosen.fuse(&parts).expect("the model runs").expect("there is one");
            assert!(fused.model.starts_with(kind), "{}", fused.model);
            assert_eq!(fused.shares.len(), parts.len());
            fused.embedding
        };
        let joined =
            photos.ranks(|words, picture| fuse(&[(Modality::Text, words), (Modality::Image, picture)]));
        print(kind, &joined);
        // With a medium missing, what is left is as good as it is alone.
        let left = photos.ranks(|words, _| fuse(&[(Modality::Text, words)]));
        let lost = Photos::recall(&of_words, 1) - Photos::recall(&left, 1);
        assert!(lost.abs() < 0.005, "{kind} without the picture loses {lost:.3}");
        if kind == "fusion-mean" {
            let gain = Photos::recall(&joined, 1) - Photos::recall(&of_words, 1);
            assert!(gain > 0.0, "{kind} gains {gain:+.3} in R@1 over words alone");
            assert!(Photos::recall(&joined, 5) > Photos::recall(&of_words, 5));
        }
    }
    let usual = encoders.models().into_iter().map(|model| model.name).find(|name| name.starts_with("fusion"));
    assert_eq!(usual.as_deref(), Some("fusion-mean"), "what is used where nothing is chosen");
}
