//! Places that are explored: how often, for whom, how likely each item was there, and what can be
//! learnt from a log of it.

use std::collections::BTreeMap;

use attuned_recommender::off_policy::{Logged, Method, estimate};
use attuned_recommender::{Content, EventType, Item, Ranked, ReasonKind, Request, Settings};

use crate::house::{Dice, House, house_item, ids, request, user_id};

/// Eight films of which alice likes some tags, so that they stand at different heights.
fn cinema(explore_share: f32) -> House {
    let mut house = House::with(Settings { explore_share, ..Settings::default() });
    for (number, tags) in
        ["noir", "noir road", "war", "comedy", "noir war", "road", "", "comedy road"].into_iter().enumerate()
    {
        let tags = tags.split(' ').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        house.put(Item { tags, ..house_item(&format!("film:{number}"), "film") }, Content::default());
    }
    house.does("alice", "film:0", EventType::Like, None);
    house.does("alice", "film:3", EventType::Dislike, None);
    house
}

fn exploring(n: usize, seed: u64) -> Request {
    Request { explore: true, seed, diversity: Some(0.0), ..request(&["alice"], n) }
}

fn explored(list: &[Ranked]) -> usize {
    list.iter().filter(|r| r.reasons.iter().any(|reason| reason.kind == ReasonKind::Explore)).count()
}

#[test]
fn as_many_places_are_explored_as_the_budget_allows() {
    for (share, n, expected) in [(0.0, 4, 0.0), (0.1, 4, 0.4), (0.5, 4, 2.0), (0.5, 3, 1.5), (1.0, 4, 4.0)] {
        let house = cinema(share);
        let lists: Vec<Vec<Ranked>> = (0..2_000).map(|seed| house.list(&exploring(n, seed))).collect();
        let mean = lists.iter().map(|list| explored(list)).sum::<usize>() as f64 / 2_000.0;
        assert!((mean - expected).abs() < 0.05, "{mean} of {n} places at {share}");
        assert!(lists.iter().all(|list| explored(list) <= (share * n as f32).ceil() as usize));
    }
}

#[test]
fn nobody_who_did_not_ask_and_no_child_is_explored() {
    let mut house = cinema(1.0);
    let same = |house: &House, request: &dyn Fn(u64) -> Request| {
        let lists: Vec<String> = (0..50).map(|seed| ids(&house.list(&request(seed)))).collect();
        lists.iter().all(|list| *list == lists[0])
    };
    assert!(!same(&house, &|seed| exploring(6, seed)));
    assert!(same(&house, &|seed| Request { explore: false, ..exploring(6, seed) }));
    let children = [user_id("carol")].into();
    house.recommender = attuned_recommender::Recommender::new(Settings {
        children,
        explore_share: 1.0,
        ..Settings::default()
    });
    for number in 0..8 {
        house.put(house_item(&format!("film:{number}"), "film"), Content::default());
    }
    assert!(!same(&house, &|seed| exploring(6, seed)));
    // A child among others as well.
    for users in [&["carol"][..], &["alice", "carol"]] {
        assert!(same(&house, &|seed| Request { explore: true, seed, ..request(users, 6) }), "{users:?}");
    }
}

/// How often each item had the place, and how likely it was said to be.
fn check_propensities(share: f32, n: usize, place: usize) {
    let house = cinema(share);
    let seeds = 6_000_u64;
    // Given what stands above: only lists that begin alike are counted together.
    let mut by_above: BTreeMap<String, BTreeMap<String, (u32, f64)>> = BTreeMap::new();
    for seed in 0..seeds {
        let list = house.list(&exploring(n, seed));
        let item = list[place].item.to_string();
        let entry = by_above.entry(ids(&list[..place])).or_default().entry(item).or_default();
        *entry = (entry.0 + 1, list[place].propensity);
    }
    let mut compared = 0;
    for (above, items) in by_above {
        let all: u32 = items.values().map(|(count, _)| count).sum();
        if all < 500 {
            continue;
        }
        for (item, (count, said)) in items {
            let error = (said * (1.0 - said) / f64::from(all)).sqrt();
            let often = f64::from(count) / f64::from(all);
            assert!(
                (often - said).abs() < 4.0 * error + 1e-3,
                "{item} after [{above}]: {often} is not {said}"
            );
            compared += 1;
        }
    }
    assert!(compared > 2, "{compared} items were compared");
}

#[test]
fn items_are_shown_as_often_as_their_propensities_say() {
    check_propensities(1.0, 1, 0);
    check_propensities(0.4, 1, 0);
    check_propensities(0.5, 4, 3);
}

#[test]
fn intervals_from_a_log_of_lists_hold_the_truth() {
    let house = cinema(0.7);
    let shown: Vec<String> = (0..6).map(|number| format!("film:{}", [1, 2, 4, 5, 6, 7][number])).collect();
    let of = |item: &str| shown.iter().position(|known| known == item).expect("one of the films");
    // How likely each film is liked, and how likely the policy to be judged shows it.
    let truth = [0.7, 0.2, 0.5, 0.4, 0.3, 0.6];
    let judged = [0.1, 0.1, 0.3, 0.1, 0.1, 0.3];
    let value: f64 = truth.iter().zip(judged).map(|(truth, judged)| truth * judged).sum();
    // The lists do not change between requests, so each seed's is made once.
    let lists: Vec<(usize, f64)> = (0..4_000)
        .map(|seed| {
            let list = house.list(&exploring(1, seed));
            (of(list[0].item.as_str()), list[0].propensity)
        })
        .collect();
    for method in [Method::Ips, Method::Snips] {
        let mut held = 0;
        for seed in 0..100 {
            let mut dice = Dice(seed);
            let log: Vec<Logged> = (0..800)
                .map(|_| {
                    let (film, propensity) = lists[(dice.unit() * lists.len() as f32) as usize];
                    let reward = f64::from(u8::from(f64::from(dice.unit()) < truth[film]));
                    Logged { reward, propensity, target: judged[film], predicted: 0.0, expected: 0.0 }
                })
                .collect();
            let (low, high) = estimate(&log, method).expect("an estimate").interval;
            held += u32::from(low <= value && value <= high);
        }
        assert!(held >= 93, "{method:?}: {held} of 100 intervals hold {value}");
    }
}

#[test]
fn what_is_tried_out_says_so() {
    let house = cinema(1.0);
    let texts: std::collections::BTreeSet<String> = (0..100)
        .flat_map(|seed| house.list(&exploring(3, seed)))
        .flat_map(|ranked| ranked.reasons)
        .filter(|reason| reason.kind == ReasonKind::Explore)
        .map(|reason| reason.text)
        .collect();
    assert!(texts.contains("new to you"), "{texts:?}");
}
