//! Queries: several parts together, and the relevance cut-off.

use attuned_recommender::{
    Embedding, Filter, Found, FusedContent, Modality, ModelEmbedding, Query, Settings,
};

use crate::house::{Dice, House, house_item, item_id, mix, request, semantic};

/// Items about a dog, about snow, about both, and about something else.
fn house(relevance_min: f32) -> (House, Embedding, Embedding) {
    let mut dice = Dice(11);
    let (dog, snow, other) = (dice.direction(), dice.direction(), dice.direction());
    let mut house = House::with(Settings { relevance_min, ..Settings::default() });
    for (id, vector) in [
        ("dog", mix(&[(&dog, 0.8), (&other, 0.2)])),
        ("snow", mix(&[(&snow, 0.8), (&other, 0.2)])),
        ("both", mix(&[(&dog, 0.5), (&snow, 0.5)])),
        ("else", mix(&[(&other, 1.0)])),
    ] {
        house.put(house_item(id, "scene"), semantic(Modality::Text, vector));
    }
    (house, mix(&[(&dog, 1.0)]), mix(&[(&snow, 1.0)]))
}

fn find(house: &House, query: &Query) -> Found {
    house.recommender.search(query, &[], &Filter::default(), 10, house.now)
}

fn ids(found: &Found) -> Vec<&str> {
    found.matches.iter().map(|found| found.item.as_str()).collect()
}

#[test]
fn what_matches_every_part_comes_before_what_matches_one() {
    let (house, dog, snow) = house(0.5);
    let query = Query {
        semantic: [(Modality::Image, dog.clone()), (Modality::Text, snow)].into(),
        ..Query::default()
    };
    let found = find(&house, &query);
    assert_eq!(ids(&found)[0], "both", "{found:?}");
    assert_eq!(found.matches.len(), 3, "{found:?}");
    assert!(!found.unmatched && !ids(&found).contains(&"else"), "{found:?}");
    let item_and_words =
        Query { item: Some(item_id("snow")), semantic: [(Modality::Text, dog)].into(), ..Query::default() };
    assert_eq!(ids(&find(&house, &item_and_words))[0], "both");
}

#[test]
fn what_nothing_matches_finds_nothing_and_gives_an_empty_list() {
    let (house, ..) = house(0.5);
    let far = mix(&[(&Dice(99).direction(), 1.0)]);
    let query = Query { semantic: [(Modality::Text, far)].into(), ..Query::default() };
    let found = find(&house, &query);
    assert!(found.matches.is_empty() && found.unmatched, "{found:?}");
    let mut asked = request(&["alice"], 10);
    asked.query = Some(query.clone());
    let shortlist = house.recommender.shortlist(&asked, house.now);
    assert!(shortlist.is_empty() && shortlist.is_unmatched());
    // Of what there is nothing, nothing can be unmatched.
    let none = house.recommender.search(&query, &["film".to_owned()], &Filter::default(), 10, house.now);
    assert_eq!(none, Found::default());
}

#[test]
fn without_a_cut_off_everything_is_an_answer_in_the_same_order() {
    let (strict, dog, _) = house(0.5);
    let (open, ..) = house(0.0);
    let query = Query { semantic: [(Modality::Text, dog)].into(), ..Query::default() };
    let (few, all) = (find(&strict, &query), find(&open, &query));
    assert_eq!(all.matches.len(), 4);
    assert_eq!(all.matches[..few.matches.len()], few.matches[..]);
    assert!(few.matches.len() < 4 && few.matches.iter().all(|found| found.score >= 0.5), "{few:?}");
}

#[test]
fn a_query_of_which_nothing_could_be_understood_leaves_the_list_as_it_is() {
    let (house, ..) = house(0.5);
    let mut asked = request(&["alice"], 10);
    asked.query = Some(Query::default());
    let shortlist = house.recommender.shortlist(&asked, house.now);
    assert_eq!((shortlist.len(), shortlist.is_unmatched()), (4, false));
}

/// Three photographs of a subject, as near to each other as those of one kind of animal are, among
/// photographs of anything.
#[test]
fn a_photograph_finds_others_of_its_kind() {
    let mut dice = Dice(12);
    let subject = dice.direction();
    let mut house = House::with(Settings::default());
    for at in 0..3 {
        let like_it = mix(&[(&subject, 0.7), (&dice.direction(), 0.7)]);
        house.put(house_item(&format!("like:{at}"), "photo"), semantic(Modality::Image, like_it));
    }
    for at in 0..60 {
        let other = mix(&[(&dice.direction(), 1.0)]);
        house.put(house_item(&format!("other:{at}"), "photo"), semantic(Modality::Image, other));
    }
    let asking = mix(&[(&subject, 0.7), (&dice.direction(), 0.7)]);
    let query = Query { semantic: [(Modality::Image, asking)].into(), ..Query::default() };
    let found = find(&house, &query);
    let mut places = ids(&found);
    places.sort_unstable();
    assert_eq!(places, ["like:0", "like:1", "like:2"], "{found:?}");
    let far = mix(&[(&Dice(98).direction(), 1.0)]);
    let far = Query { semantic: [(Modality::Image, far)].into(), ..Query::default() };
    assert!(find(&house, &far).unmatched);
}

/// A text model whose own vectors all lie close together, as multilingual-e5-small's do: they neither
/// cut what the shared space finds nor make a match of what it does not.
#[test]
fn a_crowded_space_of_its_own_cuts_nothing_and_adds_nothing() {
    let mut dice = Dice(13);
    let (subject, common) = (dice.direction(), dice.direction());
    let crowded = |dice: &mut Dice| ModelEmbedding {
        model: "words@1".to_owned(),
        embedding: mix(&[(&common, 0.9), (&dice.direction(), 0.4)]),
    };
    let mut house = House::with(Settings::default());
    for at in 0..30 {
        let vector = match at {
            0 => mix(&[(&subject, 0.7), (&dice.direction(), 0.5)]),
            _ => mix(&[(&dice.direction(), 1.0)]),
        };
        let mut content = semantic(Modality::Text, vector);
        content.embeddings.insert(Modality::Text, crowded(&mut dice));
        house.put(house_item(&format!("text:{at}"), "text"), content);
    }
    for (asked, expected) in [(subject, &["text:0"][..]), (Dice(97).direction(), &[])] {
        let query = Query {
            semantic: [(Modality::Text, mix(&[(&asked, 1.0)]))].into(),
            embeddings: [(Modality::Text, crowded(&mut dice))].into(),
            ..Query::default()
        };
        assert_eq!(ids(&find(&house, &query)), expected);
    }
}

/// Photographs with words about something else: either finds its item, and neither is an answer to
/// what is in no medium.
#[test]
fn an_item_is_found_by_its_picture_and_by_its_words_though_they_say_different_things() {
    let mut dice = Dice(14);
    let mut house = House::with(Settings::default());
    let scenes: Vec<(Vec<f32>, Vec<f32>)> = (0..20).map(|_| (dice.direction(), dice.direction())).collect();
    for (at, (words, picture)) in scenes.iter().enumerate() {
        let mut content = semantic(Modality::Text, mix(&[(words, 1.0)]));
        content.semantic.insert(Modality::Image, mix(&[(picture, 1.0)]));
        // Words outweigh a picture as much as in the bundled fusion.
        let embedding = mix(&[(words, 0.96), (picture, 0.04)]);
        let shares = [(Modality::Text, 0.83), (Modality::Image, 0.17)].into();
        content.fused = Some(Box::new(FusedContent { model: "mean@1".to_owned(), embedding, shares }));
        house.put(house_item(&format!("scene:{at}"), "scene"), content);
    }
    let ask = |like: &[f32], far: &[f32]| {
        let asked = mix(&[(like, 0.25), (far, 0.75)]);
        find(&house, &Query { semantic: [(Modality::Text, asked)].into(), ..Query::default() })
    };
    let far = Dice(96).direction();
    for at in [0, 7, 19] {
        let (words, picture) = &scenes[at];
        let expected = format!("scene:{at}");
        for (part, modality) in [(words, Modality::Text), (picture, Modality::Image)] {
            let found = ask(part, &far);
            assert_eq!(ids(&found), [expected.as_str()], "{modality:?}");
            assert_eq!(found.matches[0].modality, Some(modality));
        }
    }
    assert!(ask(&far, &far).unmatched);
}
