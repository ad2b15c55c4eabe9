//! What holds whatever happens, in a house where some items have vectors, some only a device's own
//! embeddings, some only tags and some nothing.

use std::collections::BTreeMap;

use attuned_recommender::{
    Adjustment, Column, Comment, Content, DiversityMethod, Effect, Embedding, Event, EventType, Filter,
    Input, Item, ItemId, Language, Modality, PluginId, Query, Ranked, Recommender, Request, Settings,
    Timestamp, Value, item::ModelEmbedding,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::house::{Dice, START, day, house_item, item_id, mix, user_id};

const ITEMS: usize = 48;
const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// One step of a random history.
#[derive(Debug, Clone)]
struct Step {
    user: usize,
    item: usize,
    event_type: EventType,
    value: Option<f32>,
    hours: i64,
    room: usize,
}

fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let types = proptest::sample::select(EventType::ALL.to_vec());
    let value = prop_oneof![
        3 => Just(None),
        4 => (0.0_f32..1.0).prop_map(Some),
        1 => (-3.0_f32..6.0).prop_map(Some),
        1 => Just(Some(f32::NAN)),
    ];
    // Two items more than there are: people also do things with unknown ones. Hours may go back.
    let step = (0..3_usize, 0..ITEMS + 2, types, value, -30_i64..60, 0..3_usize);
    vec(
        step.prop_map(|(user, item, event_type, value, hours, room)| Step {
            user,
            item,
            event_type,
            value,
            hours,
            room,
        }),
        0..max,
    )
}

fn name(item: usize) -> String {
    format!("i:{item:02}")
}

fn furnish(recommender: &mut Recommender) {
    let mut dice = Dice(7);
    let centres: Vec<Vec<f32>> = (0..4).map(|_| dice.direction()).collect();
    for number in 0..ITEMS {
        let mut item = house_item(&name(number), ["film", "music", "picture"][number % 3]);
        let own = dice.direction();
        let near = mix(&[(&centres[number % 4], 0.5), (&own, 0.5)]);
        let mut content = Content::default();
        match number % 6 {
            0..=2 => {
                content.semantic.insert(Modality::Text, near);
                if number % 2 == 0 {
                    let picture = mix(&[(&centres[number % 4], 0.4), (&own, 0.6)]);
                    content.semantic.insert(Modality::Image, picture);
                }
            }
            3 => {
                let embedding =
                    Embedding::from_values((0..12).map(|_| dice.unit()).collect()).expect("a direction");
                let model = "device".to_owned();
                content.embeddings.insert(Modality::Audio, ModelEmbedding { model, embedding });
            }
            4 => item.tags = vec![format!("tag{}", number % 5), "all".to_owned()],
            _ => {}
        }
        item.provider = (number % 4 > 0).then(|| format!("provider{}", number % 4));
        item.published_at = (number % 2 == 0).then(|| day(-(number as i64)));
        item.expires_at = (number % 11 == 0).then(|| day(1));
        item.attributes = [("duration_min".to_owned(), Value::Number(10.0 * number as f64))].into();
        recommender.apply(Input::PutItem { item, content }, day(0));
    }
}

/// The history as events with the time at which each is applied.
fn events(steps: &[Step]) -> Vec<(Event, Timestamp)> {
    let mut at = START;
    let mut dice = Dice(3);
    steps
        .iter()
        .map(|step| {
            at += step.hours * 3_600_000;
            let comment = (step.event_type == EventType::Comment).then(|| Comment {
                sentiment: step.value,
                semantic: Some(Embedding::from_values(dice.direction()).expect("a direction")),
            });
            let room = ["living", "kitchen", "bath"][step.room].to_owned();
            let event = Event {
                user: user_id(USERS[step.user]),
                item: item_id(&name(step.item)),
                event_type: step.event_type,
                value: step.value,
                at: Timestamp::from_unix_ms(at),
                context: [("room".to_owned(), Value::Text(room))].into(),
                comment,
            };
            (event, Timestamp::from_unix_ms(at))
        })
        .collect()
}

fn lived(settings: Settings, events: &[(Event, Timestamp)]) -> Recommender {
    let mut recommender = Recommender::new(settings);
    furnish(&mut recommender);
    for (event, now) in events {
        recommender.apply(Input::Event(event.clone()), *now);
    }
    recommender
}

fn requests() -> impl Strategy<Value = Request> {
    let users = vec(proptest::sample::select(vec!["alice", "bob", "carol", "stranger"]), 0..4);
    let kinds = vec(proptest::sample::select(vec!["film", "music", "nothing"]), 0..3);
    let query = proptest::option::of((0..ITEMS, any::<u64>(), any::<bool>()));
    let bound = proptest::option::of(0.0_f64..500.0);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let share = || proptest::option::of(-1.0_f32..2.0);
    let shares = (share(), share());
    (users, 0..40_usize, kinds, query, bound, vec(0..ITEMS, 0..4), flags, shares, any::<u64>()).prop_map(
        |(users, n, kinds, query, bound, exclude, (explore, seen, in_room), shares, seed)| {
            let (diversity, calibration) = shares;
            let room = in_room.then(|| ("room".to_owned(), Value::Text("kitchen".to_owned())));
            let filter = bound.map(|bound| ("max_duration_min".to_owned(), Value::Number(bound)));
            Request {
                users: users.into_iter().map(user_id).collect(),
                n,
                kinds: kinds.into_iter().map(str::to_owned).collect(),
                context: room.into_iter().collect(),
                query: query.map(|(item, seed, like)| Query {
                    semantic: [(Modality::Text, mix(&[(&Dice(seed).direction(), 1.0)]))].into(),
                    embeddings: BTreeMap::new(),
                    text: Some("tag3 all of it".to_owned()),
                    item: like.then(|| item_id(&name(item))),
                    unmeasured: false,
                }),
                exclude: exclude.into_iter().map(|item| item_id(&name(item))).collect(),
                filter: Filter::from_values(filter.into_iter().collect()).expect("a filter"),
                diversity,
                calibration,
                explore,
                seen,
                language: [None, Some(Language::De), Some(Language::Zh)][(seed % 3) as usize],
                seed,
            }
        },
    )
}

fn adjustments() -> impl Strategy<Value = Vec<Adjustment>> {
    let effect = prop_oneof![
        4 => (-0.5_f32..0.5).prop_map(Effect::Add),
        1 => proptest::sample::select(vec![f32::NAN, f32::INFINITY, 0.0]).prop_map(Effect::Add),
        1 => Just(Effect::Exclude),
        1 => (0_u32..50).prop_map(Effect::Pin),
    ];
    let adjustment = (0..60_usize, effect, any::<bool>()).prop_map(|(position, effect, why)| Adjustment {
        position,
        plugin: PluginId::parse("org.example.rule").expect("a plugin id"),
        effect,
        reason: why.then(|| "because".to_owned()),
    });
    vec(adjustment, 0..12)
}

fn list(
    recommender: &Recommender,
    request: &Request,
    adjustments: &[Adjustment],
    now: Timestamp,
) -> Vec<Ranked> {
    recommender.rank(recommender.shortlist(request, now), adjustments, request, now)
}

/// The lists of everybody, alone and together.
fn lists(recommender: &Recommender, now: Timestamp) -> Vec<Vec<Ranked>> {
    let everybody = [&["alice"][..], &["bob"], &["carol"], &["alice", "bob"], &[]];
    everybody
        .iter()
        .map(|users| {
            let mut request = crate::house::request(users, ITEMS);
            request.explore = true;
            list(recommender, &request, &[], now)
        })
        .collect()
}

fn seen_by(recommender: &Recommender, request: &Request, item: &ItemId) -> (bool, bool) {
    let tallies = request.users.iter().filter_map(|user| {
        recommender.user_state(user).and_then(|state| state.taste.items.get(item).cloned())
    });
    tallies.fold((false, false), |(seen, hidden), tally| (seen || tally.seen, hidden || tally.hidden))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_list_is_exact_ordered_and_allowed(
        steps in steps(30),
        request in requests(),
        adjustments in adjustments(),
        days in -3_i64..400,
        dpp in any::<bool>(),
        limit in prop_oneof![Just(0_usize), 1..6_usize],
    ) {
        let diversity_method = if dpp { DiversityMethod::Dpp } else { DiversityMethod::Mmr };
        let settings = Settings {
            diversity_method,
            per_provider_max: limit,
            per_kind_max: limit,
            plays_max: limit as u32,
            explore_share: limit as f32 / 8.0,
            ..Settings::default()
        };
        let recommender = lived(settings, &events(&steps));
        let now = day(days);
        let shortlist = recommender.shortlist(&request, now);
        let excluded: Vec<ItemId> = adjustments
            .iter()
            .filter(|a| a.effect == Effect::Exclude)
            .filter_map(|a| Some(shortlist.batch().items.get(a.position)?.id.clone()))
            .collect();
        let pinned: Vec<ItemId> = adjustments
            .iter()
            .filter(|a| matches!(a.effect, Effect::Pin(_)))
            .filter_map(|a| Some(shortlist.batch().items.get(a.position)?.id.clone()))
            .collect();
        let ranked = recommender.rank(shortlist, &adjustments, &request, now);

        prop_assert!(ranked.len() <= request.n);
        for item in &ranked {
            let sum = item.reasons.iter().fold(item.bias, |sum, reason| sum + reason.weight);
            prop_assert!((sum - item.log_odds).abs() < 1e-5, "{sum} is not {}", item.log_odds);
            prop_assert!(item.log_odds.is_finite() && (0.0..=1.0).contains(&item.score()));
            prop_assert!(!item.reasons.is_empty());
            prop_assert!(item.propensity > 0.0 && item.propensity <= 1.0);
            prop_assert!(request.explore || item.propensity == 1.0);
            prop_assert!(item.reasons.iter().all(|reason| !reason.text.is_empty()));

            let known = recommender.item(&item.item).expect("a known item");
            prop_assert!(request.kinds.is_empty() || request.kinds.contains(&known.kind));
            prop_assert!(request.filter.allows(known));
            prop_assert!(!request.exclude.contains(&item.item));
            prop_assert!(known.expires_at.is_none_or(|at| now < at));
            prop_assert!(!excluded.contains(&item.item));
            let (seen, hidden) = seen_by(&recommender, &request, &item.item);
            prop_assert!(!hidden && (request.seen || !seen));
            let asked_for = request.query.as_ref().and_then(|query| query.item.as_ref());
            prop_assert!(asked_for != Some(&item.item));
        }
        let free: Vec<&Ranked> = ranked.iter().filter(|item| !pinned.contains(&item.item)).collect();
        for pair in free.windows(2) {
            prop_assert!(pair[0].log_odds >= pair[1].log_odds - 1e-6);
        }
        let count = |of: &dyn Fn(&Item) -> Option<String>| {
            let mut counts = BTreeMap::<String, usize>::new();
            for ranked in &free {
                let item = recommender.item(&ranked.item).expect("a known item");
                of(item).into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
            }
            counts.into_values().max().unwrap_or(0)
        };
        prop_assert!(limit == 0 || count(&|item| item.provider.clone()) <= limit);
        prop_assert!(
            limit == 0 || request.kinds.len() == 1 || count(&|item| Some(item.kind.clone())) <= limit
        );
        let mut once: Vec<&ItemId> = ranked.iter().map(|item| &item.item).collect();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), ranked.len());
        prop_assert_eq!(list(&recommender, &request, &adjustments, now), ranked);
    }

    #[test]
    fn what_rules_see_is_within_its_range(steps in steps(30), request in requests(), days in -3_i64..400) {
        let recommender = lived(Settings::default(), &events(&steps));
        let batch = recommender.shortlist(&request, day(days)).batch();
        prop_assert_eq!(batch.features.len(), Column::ALL.len());
        for column in Column::ALL {
            let values = &batch.features[column.name()];
            prop_assert_eq!(values.len(), batch.scores.len());
            for value in values {
                prop_assert!(!value.is_nan() || column.absent().is_some(), "{}", column.name());
                if let Some((least, most)) = column.range() {
                    // The mean of a group is as exact as its sum.
                    let within = (least - 1e-6..=most + 1e-6).contains(value);
                    prop_assert!(value.is_nan() || within, "{} is {value}", column.name());
                }
            }
        }
    }

    #[test]
    fn what_is_undone_never_happened(steps in steps(40), pick in any::<prop::sample::Index>(), few in any::<bool>()) {
        let settings = Settings { undo_max: if few { 6 } else { 64 }, ..Settings::default() };
        let history: Vec<Step> =
            steps.into_iter().filter(|step| step.event_type != EventType::Undo).collect();
        prop_assume!(!history.is_empty());
        // The event to undo: the latest of its person on its item, and still kept.
        let picked = pick.index(history.len());
        let (user, item) = (history[picked].user, history[picked].item);
        let latest = history.iter().rposition(|s| s.user == user && s.item == item).expect("the picked one");
        let later = history[latest..].iter().filter(|s| s.user == user).count();
        prop_assume!(later <= settings.undo_max);

        let with = events(&history);
        let now = with.iter().map(|(event, _)| event.at).max().expect("an event");
        let mut undone = lived(settings.clone(), &with);
        let mut undo = with[latest].0.clone();
        undo.event_type = EventType::Undo;
        undone.apply(Input::Event(undo), now);

        let mut without = with.clone();
        without.remove(latest);
        let never = lived(settings, &without);
        for user in USERS {
            let taste = |recommender: &Recommender| {
                recommender.user_state(&user_id(user)).map(|state| state.taste).unwrap_or_default()
            };
            prop_assert_eq!(taste(&undone), taste(&never));
        }
        prop_assert_eq!(lists(&undone, now), lists(&never, now));
    }

    #[test]
    fn a_restart_changes_nothing(steps in steps(50), at in any::<prop::sample::Index>(), few in any::<bool>()) {
        let settings = Settings { undo_max: if few { 4 } else { 64 }, ..Settings::default() };
        let history = events(&steps);
        let cut = if history.is_empty() { 0 } else { at.index(history.len()) };
        let stopped = lived(settings.clone(), &history[..cut]);

        let mut restarted = Recommender::new(settings.clone());
        furnish(&mut restarted);
        restarted.restore_household(stopped.household_state());
        for user in USERS {
            if let Some(state) = stopped.user_state(&user_id(user)) {
                restarted.restore_user(user_id(user), state);
            }
        }
        for (event, now) in &history[cut..] {
            restarted.apply(Input::Event(event.clone()), *now);
        }
        let never_stopped = lived(settings, &history);
        let now = day(90);
        prop_assert_eq!(lists(&restarted, now), lists(&never_stopped, now));
        for user in USERS {
            prop_assert_eq!(restarted.user_state(&user_id(user)), never_stopped.user_state(&user_id(user)));
        }
    }

    #[test]
    fn a_forgotten_person_leaves_no_trace(steps in steps(40)) {
        let history = events(&steps);
        let mut forgot = lived(Settings::default(), &history);
        forgot.apply(Input::ForgetUser(user_id("alice")), day(90));
        let others: Vec<(Event, Timestamp)> =
            history.into_iter().filter(|(event, _)| event.user != user_id("alice")).collect();
        let never = lived(Settings::default(), &others);
        prop_assert_eq!(lists(&forgot, day(90)), lists(&never, day(90)));
    }

    #[test]
    fn search_scores_lie_in_the_unit_interval_and_order_is_total(request in requests()) {
        let recommender = lived(Settings::default(), &[]);
        let query = request.query.clone().unwrap_or_default();
        let found = recommender.search(&query, &request.kinds, &request.filter, request.n, day(0)).matches;
        prop_assert!(found.len() <= request.n);
        for item in &found {
            prop_assert!((0.0..=1.0).contains(&item.score) && item.score > 0.0);
            prop_assert!(request.filter.allows(recommender.item(&item.item).expect("a known item")));
        }
        for pair in found.windows(2) {
            prop_assert!(
                pair[0].score > pair[1].score || (pair[0].score == pair[1].score && pair[0].item < pair[1].item)
            );
        }
    }
}
