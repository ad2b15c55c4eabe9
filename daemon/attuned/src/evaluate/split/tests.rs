//! What is known and what is asked, on small data.

use expect_test::{Expect, expect};

use super::*;
use crate::evaluate::data::Interaction;

/// Data of `user item time [part]` lines, times and parts where they are there.
fn data(lines: &str) -> Data {
    let mut data = Data { name: "home".to_owned(), ..Data::default() };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let at = words[2].parse().ok();
        if at.is_some() {
            data.clock = Clock::Order;
        }
        data.interactions.push(Interaction {
            user: data.users.number(words[0]),
            item: data.items.number(words[1]),
            event_type: None,
            value: None,
            at,
            part: words.get(3).map(|part| match *part {
                "train" => Part::Train,
                "valid" => Part::Valid,
                _ => Part::Test,
            }),
        });
    }
    data
}

/// By user, what is known and what is to be found, in both stages.
fn check(lines: &str, split: Split, expected: Expect) {
    let data = data(lines);
    let told = match divide(&data, split, None, 1) {
        Err(Wrong(sentence)) => sentence,
        Ok(stages) => {
            let names = |items: &[u32]| {
                items
                    .iter()
                    .map(|item| data.items.all()[*item as usize].as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let stage = |what: &str, stage: &Stage| {
                let users = data.users.all().iter().enumerate().map(|(user, name)| {
                    format!(
                        "{what} {name}: {} -> {}",
                        names(&stage.history.known[user]),
                        names(&stage.held[user])
                    )
                    .trim_end()
                    .to_owned()
                });
                users.collect::<Vec<_>>()
            };
            let mut told = stages.tune.as_ref().map(|tune| stage("tune", tune)).unwrap_or_default();
            told.extend(stage("test", &stages.test));
            told.join("\n")
        }
    };
    expected.assert_eq(&told);
}

const ORDERED: &str = "
    ann x 3
    ann y 1
    ann z 2
    bob y 1
    bob x 1
    cem x 9
    ann w 4";

#[test]
fn the_last_is_the_test_and_knows_the_one_before() {
    check(
        ORDERED,
        Split::LeaveLastOut,
        expect![[r#"
        tune ann: y z -> x
        tune bob: y ->
        tune cem: x ->
        test ann: x y z -> w
        test bob: y -> x
        test cem: x ->"#]],
    );
}

#[test]
fn what_is_valid_by_the_column_is_neither_known_nor_masked_in_the_test() {
    let lines = "
        ann x - train
        ann y - valid
        ann z - test
        bob x - train
        bob y - test";
    check(
        lines,
        Split::Given,
        expect![[r#"
        tune ann: x -> y
        tune bob: x ->
        test ann: x -> z
        test bob: x -> y"#]],
    );
}

#[test]
fn without_a_valid_part_a_tenth_of_train_is_held_out() {
    let mut lines: String = (0..20).map(|item| format!("ann i{item} - train\n")).collect();
    lines.push_str("ann z - test");
    let data = data(&lines);
    let stages = divide(&data, Split::Given, None, 1).expect("divided");
    let tune = stages.tune.expect("something is held out");
    assert_eq!((tune.history.known[0].len(), tune.held[0].len()), (18, 2));
    assert!(tune.held[0].iter().all(|item| !tune.history.known[0].contains(item)));
    assert_eq!(stages.test.history.known[0].len(), 20);
    assert!(!stages.same_history);
}

#[test]
fn by_time_nothing_known_is_later_than_what_is_asked() {
    let lines: String = (0..100).map(|at| format!("u{} i{at} {at}\n", at % 7)).collect();
    let data = data(&lines);
    let stages = divide(&data, Split::GlobalTime, None, 1).expect("divided");
    let times = |rows: &[u32]| {
        rows.iter().map(|row| data.interactions[*row as usize].at.expect("a time")).collect::<Vec<_>>()
    };
    let tune = stages.tune.expect("a valid part");
    assert_eq!(times(&tune.history.rows), (0..79).collect::<Vec<_>>());
    assert_eq!(times(&tune.held_rows), (79..89).collect::<Vec<_>>());
    assert_eq!(times(&stages.test.history.rows), (0..89).collect::<Vec<_>>());
    assert_eq!(times(&stages.test.held_rows), (89..100).collect::<Vec<_>>());
}

#[test]
fn what_was_known_before_is_not_asked_for() {
    let lines = "
        ann x 1
        ann y 2
        ann x 3
        bob x 1
        bob y 2";
    let data = data(lines);
    let stages = divide(&data, Split::LeaveLastOut, None, 1).expect("divided");
    assert_eq!((stages.test.repeats, stages.test.asked()), (1, vec![1]));
}

#[test]
fn a_split_without_what_it_goes_by_is_refused() {
    check("ann x -", Split::Given, expect!["home has no column `split`, expected one for --split given"]);
    check(
        "ann x -",
        Split::LeaveLastOut,
        expect!["home has no column `timestamp`, expected one for --split leave-last-out"],
    );
    check("ann x 1", Split::LeaveLastOut, expect!["home has nothing to be found by --split leave-last-out"]);
}

/// 20 people, each with 5 of 40 items, by time.
fn many() -> String {
    let lines = (0..20).flat_map(|user| {
        (0..5).map(move |time| format!("u{user} i{} {}", (user * 7 + time * 11) % 40, user * 10 + time))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_fifth_by_chance_is_the_test_and_a_tenth_is_valid() {
    let data = data(&many());
    let stages = divide(&data, Split::Random, None, 3).expect("can be divided");
    let tune = stages.tune.as_ref().expect("valid");
    let sizes = [&stages.test, tune].map(|stage| (stage.history.rows.len(), stage.held_rows.len()));
    assert_eq!(sizes, [(80, 20), (70, 10)]);
    assert!(tune.held_rows.iter().all(|row| stages.test.history.rows.contains(row)), "valid is known");
    let other = divide(&data, Split::Random, None, 4).expect("can be divided");
    assert_ne!(other.test.held_rows, stages.test.held_rows);
}

#[test]
fn of_new_items_nothing_is_known_and_nothing_else_is_ranked() {
    let data = data(&many());
    let stages = divide(&data, Split::ColdItems, None, 3).expect("can be divided");
    for (stage, share) in [(stages.tune.as_ref().expect("valid"), 0.1), (&stages.test, 0.2)] {
        let offered = stage.offered.as_ref().expect("not all");
        assert_eq!(offered.iter().filter(|offered| **offered).count(), (40.0 * share) as usize);
        assert!(stage.history.known.iter().flatten().all(|item| !offered[*item as usize]));
        assert!(stage.held.iter().flatten().all(|item| offered[*item as usize]));
        let mut scores = vec![1.0; 40];
        stage.mask(0, &mut scores);
        assert_eq!(scores.iter().filter(|score| !score.is_nan()).count(), (40.0 * share) as usize);
        assert_eq!(stage.withheld().count(), 40 - (40.0 * share) as usize);
    }
}

#[test]
fn of_new_people_the_first_events_are_known() {
    let data = data(&many());
    for events in [0, 2] {
        let stages = divide(&data, Split::ColdUsers(events), None, 3).expect("can be divided");
        for (stage, count) in [(stages.tune.as_ref().expect("valid"), 2), (&stages.test, 4)] {
            let asked = stage.asked();
            assert_eq!(asked.len(), count);
            for user in asked {
                assert_eq!(stage.history.known[user as usize].len(), events);
                assert_eq!(stage.held[user as usize].len(), 5 - events);
            }
        }
    }
    let parsed: Split = "cold-users:2".parse().expect("a split");
    assert_eq!((parsed, parsed.to_string().as_str()), (Split::ColdUsers(2), "cold-users:2"));
    assert!("cold-users".parse::<Split>().is_err());
}

#[test]
fn where_many_items_are_new_some_are_held_out_whole() {
    let plain: String = many().lines().map(|line| format!("{line} train\n")).collect();
    let new: String = (0..10).map(|item| format!("u0 n{item} 999 test\n")).collect();
    let held_whole = |lines: &str| {
        let data = data(lines);
        let stages = divide(&data, Split::Given, None, 3).expect("can be divided");
        let tune = stages.tune.expect("held out");
        let counts = |lists: &[Vec<u32>]| {
            let mut counts = vec![0; data.items.len()];
            lists.iter().flatten().for_each(|item| counts[*item as usize] += 1);
            counts
        };
        let (held, known) = (counts(&tune.held), counts(&tune.history.known));
        let whole = held.iter().zip(&known).filter(|(held, known)| **held > 1 && **known == 0).count();
        (held.iter().sum::<usize>(), whole > 0)
    };
    // One of everybody's five, and five that are all that is known of items: half of a tenth.
    assert_eq!(held_whole(&format!("{plain}{new}")), (25, true));
    assert_eq!(held_whole(&format!("{plain}u0 n0 999 test")), (20, false));
}
