//! What becomes of a house in which the recommender learns from what it showed: people keep seeing all
//! that they are interested in, and what is popular does not crowd out the rest.

#[path = "../../examples/feedback_loop/simulation.rs"]
mod simulation;

use std::collections::BTreeMap;

use attuned_recommender::{EventType, ReasonKind, Request, Settings};

use crate::house::{House, ids, request};
use simulation::{Health, Policy, Size, simulate};

/// What is left at the end of what was there in the first days, when nothing was known of anybody: of the
/// interests that are shown to people, and of the variety of subjects that each sees. And how unequal
/// items are in the end.
fn left_of(policy: &Policy) -> [f64; 3] {
    let mean = |windows: &[Vec<Health>], of: &dyn Fn(&[Health]) -> f64| {
        windows.iter().map(|windows| of(windows)).sum::<f64>() / windows.len() as f64
    };
    let houses: Vec<Vec<Health>> = (1..=2)
        .map(|seed| simulate(policy, Size { people: 16, items_each: 60, days: 20, places: 10, seed }))
        .collect();
    let left = |of: fn(&Health) -> f64| {
        let (first, last) = (mean(&houses, &|w| of(&w[0])), mean(&houses, &|w| of(&w[w.len() - 1])));
        last / first
    };
    let gini = mean(&houses, &|windows| windows[windows.len() - 1].gini);
    let left = [left(|health| health.coverage), left(|health| health.entropy_each), gini];
    println!("{}: interests left {:.2}, entropy {:.2}; in the end", policy.name, left[0], left[1]);
    println!("{}", Health::COLUMNS.map(|column| format!("{column:>10}")).join(""));
    houses.iter().filter_map(|windows| windows.last()).for_each(|last| println!("{}", last.figures()));
    left
}

#[test]
fn the_loop_does_not_close_into_a_bubble() {
    for (policy, interests_min, entropy_min) in
        [(Policy::engine(), 0.6, 0.35), (Policy::calibrated(), 0.65, 0.5), (Policy::curious(), 0.8, 0.6)]
    {
        let [interests, entropy, gini] = left_of(&policy);
        let what = policy.name;
        assert!(interests >= interests_min && entropy >= entropy_min, "{what}: {interests} {entropy}");
        assert!(gini <= 0.95, "{what}: {gini}");
    }
    // So that this can fail: two ways of making lists of which one does close and the other crowds out.
    let [interests, entropy, _] = left_of(&Policy::narrow());
    assert!(interests <= 0.4 && entropy <= 0.1, "{interests} {entropy}");
    let [.., gini] = left_of(&Policy::crowd());
    assert!(gini >= 0.97, "{gini}");
}

/// A house with two well-known tastes and six subjects of which nothing is known.
fn settled() -> House {
    let mut house = House::with(Settings { explore_share: 0.5, ..Settings::default() });
    house.furnish(8, 6, 0.5, 0.1, 3);
    for number in 0..3 {
        for subject in 0..2 {
            house.does("alice", &format!("s{subject}:{number}"), EventType::Like, None);
        }
    }
    house
}

#[test]
fn an_explored_place_goes_to_what_is_little_known_as_often_as_is_said() {
    let house = settled();
    let asked = |seed| Request { explore: true, seed, diversity: Some(0.0), ..request(&["alice"], 4) };
    let (mut explored_known, mut explored_unknown) = (0, 0);
    let mut by_above: BTreeMap<String, BTreeMap<String, (u32, f64)>> = BTreeMap::new();
    for seed in 0..8_000 {
        let list = house.list(&asked(seed));
        for ranked in &list {
            let explored = ranked.reasons.iter().any(|reason| reason.kind == ReasonKind::Explore);
            let liked = ranked.item.as_str().starts_with("s0:") || ranked.item.as_str().starts_with("s1:");
            assert!(explored || liked, "{} {:?}", ranked.item, ranked.reasons);
            match (explored, liked) {
                (true, true) => explored_known += 1,
                (true, false) => explored_unknown += 1,
                (false, _) => {}
            }
        }
        let counted =
            by_above.entry(ids(&list[..2])).or_default().entry(list[2].item.to_string()).or_default();
        *counted = (counted.0 + 1, list[2].propensity);
    }
    // Half of the time all draw, and what is well liked nearly always wins then.
    let share = f64::from(explored_unknown) / f64::from(explored_known + explored_unknown);
    assert!((0.48..0.7).contains(&share), "{share} of the explored places show what is little known");
    let mut compared = 0;
    for (above, items) in by_above {
        let all: u32 = items.values().map(|(count, _)| count).sum();
        let said: f64 = items.values().map(|(_, propensity)| propensity).sum();
        assert!((said - 1.0).abs() < 0.02, "after [{above}]: together {said}");
        for (item, (count, said)) in items {
            let error = (said * (1.0 - said) / f64::from(all)).sqrt();
            let often = f64::from(count) / f64::from(all);
            assert!((often - said).abs() < 4.5 * error, "{item} after [{above}]: {often} is not {said}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared} items were compared");
}
