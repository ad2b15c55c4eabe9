//! A shadow: another tuning that is compared with the one in use where places are explored.

use attuned_recommender::{
    Adjustment, Content, Effect, EventType, Explored, Feature, Input, PluginId, Ranked, Request, Settings,
    Tuning,
};

use crate::house::{House, day, house_item, item_id, request, user_id};

/// Twelve people with likes among sixty films, of which some are more popular than others.
fn house() -> House {
    let mut house = House::with(Settings { explore_share: 0.5, ..Settings::default() });
    for film in 0..60 {
        house.put(house_item(&format!("film:{film}"), "film"), Content::default());
    }
    for person in 0..12 {
        for step in 0..8 {
            let film = (person * 5 + step * step) % 40;
            house.does(&format!("person{person}"), &format!("film:{film}"), EventType::Complete, None);
        }
    }
    house
}

/// A tuning that does not look at what others like.
fn alone() -> Tuning {
    let others = [Feature::Collaborative, Feature::Projected, Feature::Popular];
    Tuning { factors: others.map(|feature| (feature, 0.0)).into(), ..Tuning::default() }
}

fn asked(seed: u64) -> Request {
    Request { explore: true, diversity: Some(0.0), seed, ..request(&["person3"], 10) }
}

/// A list that explores, and what is logged of it.
fn logged(house: &House, request: &Request, adjustments: &[Adjustment]) -> (Vec<Ranked>, Vec<Explored>) {
    let shortlist = house.recommender.shortlist(request, house.now);
    let list = house.recommender.rank(shortlist.clone(), adjustments, request, house.now);
    let explored = house.recommender.explored(&list, &shortlist, adjustments, request, house.now);
    (list, explored)
}

/// What another house, whose ranker in use is `tuning`, would put first that is not above.
fn first_of(house: &mut House, tuning: Tuning, request: &Request, above: &[Ranked]) -> String {
    house.recommender.set_tuning(tuning);
    let list = house.list(&Request { explore: false, ..request.clone() });
    house.recommender.set_tuning(Tuning::default());
    let first = list.iter().find(|ranked| above.iter().all(|above| above.item != ranked.item));
    first.expect("more than is above").item.to_string()
}

#[test]
fn what_either_ranker_would_have_shown_is_known_of_every_explored_place() {
    let mut house = house();
    house.recommender.set_shadow(Some(alone()));
    let (mut places, mut differ) = (0, 0);
    for seed in 0..40 {
        let request = asked(seed);
        let (list, explored) = logged(&house, &request, &[]);
        let by_chance: Vec<usize> = (0..list.len()).filter(|place| list[*place].propensity < 1.0).collect();
        assert_eq!(explored.iter().map(|explored| explored.place).collect::<Vec<_>>(), by_chance);
        for Explored { place, item, propensity, score, present, shadow } in explored {
            let shadow = shadow.expect("there is one");
            assert!(propensity > 0.0 && (0.0..=1.0).contains(&score));
            assert_eq!((&item, propensity), (&list[place].item, list[place].propensity));
            if seed < 4 {
                let above = &list[..place];
                let of_present = first_of(&mut house, Tuning::default(), &request, above);
                assert_eq!(present.same, of_present == item.as_str());
                let of_shadow = first_of(&mut house, alone(), &request, above);
                assert_eq!(shadow.same, of_shadow == item.as_str(), "place {place}");
            }
            places += 1;
            differ += usize::from(present != shadow);
        }
    }
    assert!(places > 100 && differ > 20, "{differ} of {places}");
}

#[test]
fn a_shadow_learns_and_forgets_with_the_ranker_in_use() {
    let (mut early, mut late) = (house(), house());
    early.recommender.set_shadow(Some(alone()));
    for house in [&mut early, &mut late] {
        house.does("person1", "film:55", EventType::Like, None);
        house.does("person2", "film:55", EventType::Like, None);
        house.does("person2", "film:55", EventType::Undo, None);
        house.recommender.apply(Input::ForgetUser(user_id("person4")), day(1));
        house.recommender.apply(Input::RemoveItem(item_id("film:7")), day(1));
    }
    late.recommender.set_shadow(Some(alone()));
    for seed in 0..20 {
        assert_eq!(logged(&early, &asked(seed), &[]), logged(&late, &asked(seed), &[]));
    }
}

#[test]
fn a_shadow_of_the_same_tuning_is_the_ranker_in_use_and_heeds_rules() {
    let mut house = house();
    house.recommender.set_shadow(Some(Tuning::default()));
    let best = house.list(&request(&["person3"], 1))[0].item.clone();
    let shortlist = house.recommender.shortlist(&asked(0), house.now);
    let position = shortlist.batch().items.iter().position(|item| item.id == best).expect("in the list");
    let plugin = PluginId::parse("org.attuned.test").expect("an id");
    let excluded = Adjustment { position, plugin, effect: Effect::Exclude, reason: None };
    for adjustments in [&[] as &[Adjustment], &[excluded]] {
        for seed in 0..20 {
            let (_, explored) = logged(&house, &asked(seed), adjustments);
            assert!(!explored.is_empty());
            assert!(explored.iter().all(|explored| explored.shadow == Some(explored.present)));
            assert!(adjustments.is_empty() || explored.iter().all(|explored| explored.item != best));
        }
    }
    house.recommender.set_shadow(None);
    let (_, explored) = logged(&house, &asked(1), &[]);
    assert!(explored.iter().all(|explored| explored.shadow.is_none()));
    let (_, none) = logged(&house, &Request { explore: false, ..asked(1) }, &[]);
    assert!(none.is_empty());
}
