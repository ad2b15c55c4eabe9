//! A reason is true: without what it names, the item would stand lower.

use attuned_recommender::{
    Adjustment, Content, Effect, EventType, Feature, ItemId, Modality, PluginId, Ranked, Reason, Request,
    Timestamp, Tuning,
};

use crate::house::{Dice, House, house_item, mix, request, semantic};

/// Places of a list whose reasons are looked at.
const TOP: usize = 10;

/// Fewest candidates among which an item can be said to stand high.
const CANDIDATES_MIN: usize = 50;

/// A house of 120 items of six subjects, with vectors of one medium or two, tags, or nothing but a kind,
/// and four people who did something with some of them.
fn random_house(seed: u64) -> House {
    let mut house = House::new();
    let mut dice = Dice(seed);
    let centres: Vec<Vec<f32>> = (0..6).map(|_| dice.direction()).collect();
    for number in 0..120 {
        let subject = (dice.unit() * 6.0) as usize;
        let own = dice.direction();
        let near = mix(&[(&centres[subject], 0.5), (&own, 0.5)]);
        let mut item = house_item(&format!("i:{number:03}"), ["film", "music", "picture"][number % 3]);
        let mut content = Content::default();
        match number % 6 {
            0..=3 => {
                content = semantic(Modality::Text, near);
                if number % 2 == 0 {
                    let picture = mix(&[(&centres[subject], 0.4), (&own, 0.6)]);
                    content.semantic.insert(Modality::Image, picture);
                }
            }
            4 => item.tags = vec![format!("subject{subject}"), "all".to_owned()],
            _ => {}
        }
        if dice.unit() < 0.3 {
            let age_ms = (dice.unit() * 40.0 * 86_400_000.0) as i64;
            item.published_at = Some(Timestamp::from_unix_ms(house.now.unix_ms() - age_ms));
        }
        house.put(item, content);
    }
    for user in ["alice", "bob", "carol", "dave"] {
        let events = 4 + (dice.unit() * 24.0) as usize;
        for _ in 0..events {
            let item = format!("i:{:03}", (dice.unit() * 120.0) as usize);
            let event_type = EventType::ALL[(dice.unit() * EventType::ALL.len() as f32) as usize];
            house.does(user, &item, event_type, None);
        }
    }
    house
}

/// A house whose people have tastes: three subjects each, some of them shared.
fn furnished_house(seed: u64) -> House {
    let mut house = House::new();
    house.furnish(8, 25, 0.45, 0.1, seed);
    for (person, user) in ["alice", "bob", "carol", "dave"].into_iter().enumerate() {
        for subject in [person, person + 1, person + 4] {
            for number in 0..4 {
                house.does(user, &format!("s{}:{}", subject % 8, person + number), EventType::Like, None);
            }
        }
        house.does(user, &format!("s{}:24", (person + 3) % 8), EventType::Skip, None);
    }
    house
}

/// One reason taken away, and where its item stood before and after.
struct Case {
    before: usize,
    /// Its item alone goes without it.
    alone: usize,
    /// Everybody goes without it; absent where nothing then speaks for the item and it is no candidate.
    altogether: Option<usize>,
}

fn place(list: &[Ranked], item: &ItemId) -> Option<usize> {
    list.iter().position(|ranked| ranked.item == *item)
}

fn top_reason(ranked: &Ranked) -> Option<&Reason> {
    ranked.reasons.iter().filter(|reason| reason.weight > 0.0).max_by(|a, b| a.weight.total_cmp(&b.weight))
}

/// The list in which a reason is all that one item lacks: a rule takes off what the reason adds.
fn without_reason(house: &House, request: &Request, item: &ItemId, weight: f32) -> Vec<Ranked> {
    let shortlist = house.recommender.shortlist(request, house.now);
    let position = shortlist.batch().items.iter().position(|known| known.id == *item).expect("a candidate");
    let plugin = PluginId::parse("org.example.without").expect("a plugin id");
    let less = Adjustment { position, plugin, effect: Effect::Add(-weight), reason: None };
    house.recommender.rank(shortlist, &[less], request, house.now)
}

/// The cases of one person's list. A reason's feature is the one without which the reason is gone.
fn cases(house: &mut House, user: &str) -> Vec<Case> {
    let all = Request { diversity: Some(0.0), ..request(&[user], 1_000) };
    let list = house.list(&all);
    if list.len() < CANDIDATES_MIN {
        return Vec::new();
    }
    let tuning = house.recommender.tuning().clone();
    let without: Vec<Vec<Ranked>> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let factors = [(feature, 0.0)].into();
            house.recommender.set_tuning(Tuning { factors, ..tuning.clone() });
            house.list(&all)
        })
        .collect();
    house.recommender.set_tuning(tuning);
    let mut cases = Vec::new();
    for (before, ranked) in list.iter().take(TOP).enumerate() {
        let Some(top) = top_reason(ranked) else { continue };
        let still_said = |list: &&Vec<Ranked>| {
            place(list, &ranked.item).is_some_and(|place| list[place].reasons.contains(top))
        };
        let mut gone = without.iter().filter(|list| !still_said(list));
        let feature = gone.next().expect("every reason has a feature");
        assert!(gone.next().is_none(), "{} has two features: {:?}", ranked.item, top.text);
        let alone = without_reason(house, &all, &ranked.item, top.weight);
        cases.push(Case {
            before,
            alone: place(&alone, &ranked.item).expect("still a candidate"),
            altogether: place(feature, &ranked.item),
        });
    }
    cases
}

/// The share of cases in which the item stands lower, and the number of cases.
fn share(cases: &[Case], lower: impl Fn(&Case) -> bool) -> f64 {
    cases.iter().filter(|case| lower(case)).count() as f64 / cases.len() as f64
}

fn check(what: &str, house_of: fn(u64) -> House, alone_min: f64, altogether_min: f64) {
    let mut found = Vec::new();
    for seed in 0..12 {
        let mut house = house_of(seed);
        for user in ["alice", "bob", "carol", "dave"] {
            found.extend(cases(&mut house, user));
        }
    }
    let alone = share(&found, |case| case.alone > case.before);
    let altogether = share(&found, |case| case.altogether.is_none_or(|after| after > case.before));
    println!(
        "{what}: of {} items lower without their top reason {alone:.3}, if all go without it {altogether:.3}",
        found.len()
    );
    assert!(found.len() > 400, "{what}: only {} cases", found.len());
    assert!(alone >= alone_min, "{what}: {alone}");
    assert!(altogether >= altogether_min, "{what}: {altogether}");
}

#[test]
fn without_its_top_reason_an_item_stands_lower() {
    check("random houses", random_house, 0.95, 0.85);
    check("houses with tastes", furnished_house, 0.95, 0.9);
}
