use super::*;

/// People of two tastes, ten each, over items 0..20 and 20..40; person `p` likes half of theirs.
fn two_tastes() -> Collaborative {
    let mut house = Collaborative::new(Recipe::default());
    for person in 0..20_u32 {
        let first = if person < 10 { 0 } else { 20 };
        for step in 0..10_u32 {
            house.like(person, first + (person * 3 + step * 7) % 20);
        }
    }
    house
}

fn scores(house: &Collaborative, history: &[u32], except: Option<u32>) -> Vec<f32> {
    house.affinity(history, except, &mut Scratch::default()).map_or_else(Vec::new, |affinity| affinity.scores)
}

#[test]
fn one_round_is_the_formula() {
    let house = two_tastes();
    let history = house.history(0).to_vec();
    let got = scores(&house, &history, Some(0));
    for item in 0..40_u32 {
        let mut wanted = 0.0_f32;
        for person in 1..20_u32 {
            let theirs = house.history(person);
            if !theirs.contains(&item) {
                continue;
            }
            let shared: f32 = history
                .iter()
                .filter(|slot| theirs.contains(slot))
                .map(|slot| (house.likers(*slot) as f32).powf(-0.3))
                .sum();
            wanted += shared * (theirs.len() as f32).powf(-0.5);
        }
        assert!((got[item as usize] - wanted).abs() < 1e-4, "{item}: {} {wanted}", got[item as usize]);
    }
    assert!(got[20..].iter().all(|score| *score == 0.0), "the other taste is not reached");
}

#[test]
fn a_like_taken_back_leaves_no_trace() {
    let before = two_tastes();
    let mut after = two_tastes();
    after.like(3, 33);
    after.like(3, before.history(3)[0]);
    after.unlike(3, 33);
    after.replace(3, before.history(3).to_vec());
    after.unlike(3, 33);
    after.unlike(99, 1);
    for person in 0..20 {
        assert_eq!(before.history(person), after.history(person));
        let history = before.history(person).to_vec();
        let (a, b) = (scores(&before, &history, Some(person)), scores(&after, &history, Some(person)));
        let same = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(same, "{person}: {a:?} {b:?}");
    }
}

#[test]
fn nobody_is_their_own_company() {
    let mut house = Collaborative::new(Recipe::default());
    house.like(0, 1);
    house.like(0, 2);
    assert!(house.affinity(&[1, 2], Some(0), &mut Scratch::default()).is_none());
    house.like(1, 2);
    house.like(1, 3);
    assert!(scores(&house, &[1, 2], Some(0))[3] > 0.0);
}

#[test]
fn what_comes_next_is_next() {
    let sequence = Sequence { anywhere: 0.0, ..Sequence::default() };
    let mut house = Collaborative::new(Recipe { sequence: Some(sequence), ..Recipe::default() });
    for person in 0..6 {
        for slot in [person % 3 + 10, 1, 2, 3, 4] {
            house.like(person, slot);
        }
    }
    let got = scores(&house, &[9, 1], None);
    assert!(got[2] > got[3] && got[3] > got[4] && got[4] > got[10], "{got:?}");
    // Liked again, 1 is what came last, whatever was in between.
    house.like(7, 1);
    house.like(7, 9);
    house.like(7, 1);
    assert_eq!(house.history(7), [9, 1]);
}

#[test]
fn a_deep_walk_reaches_those_whom_nobody_knows_directly() {
    let mut house = Collaborative::new(Recipe::default());
    // 0 likes a, 1 likes a and b, 2 likes b and c, 3 likes c and d.
    for (person, slot) in [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)] {
        house.like(person, slot);
    }
    assert_eq!(scores(&house, &[0], Some(0))[2..], [0.0, 0.0]);
    house.set_recipe(Recipe { walk_share: 0.0, deep: Some(DeepWalk::default()), ..Recipe::default() });
    let got = scores(&house, &[0], Some(0));
    assert!(got[1] > got[2] && got[2] > got[3] && got[3] > 0.0, "{got:?}");
}

#[test]
fn the_low_pass_filter_keeps_what_is_smooth() {
    // 600 people of three tastes with scattered likes: within a taste everything belongs together.
    let mut house = Collaborative::new(Recipe { low_pass: 1.0, ..Recipe::default() });
    for person in 0..600_u32 {
        for step in 0..8 {
            let draw = crate::random::split_mix(u64::from(person * 8 + step)) % 100;
            house.like(person, (person % 3) * 100 + draw as u32);
        }
    }
    let low_pass = LowPass::fit(&house).expect("enough people");
    let mut got = vec![0.0; house.slots()];
    let history = house.history(0).to_vec();
    low_pass.score(&history, &house, &mut got);
    let mean = |from: usize| got[from..from + 100].iter().sum::<f32>() / 100.0;
    assert!(mean(0) > 10.0 * mean(100).abs().max(mean(200).abs()), "{} {} {}", mean(0), mean(100), mean(200));
    // The strongest direction of a connected part is the root of the degrees: a filter of one
    // taste's likes alone gives scores in proportion to the likers.
    assert!(LowPass::fit(&two_tastes()).is_none(), "too few people");
}

#[test]
fn tuning_looks_at_the_order_only_where_there_is_one() {
    let build = |ordered: bool| {
        let mut house = Collaborative::new(Recipe::default());
        let mut held_out = Vec::new();
        for person in 0..400_u32 {
            let start = (crate::random::split_mix(u64::from(person)) % 50) as u32;
            let mut walked: Vec<u32> = (0..8).map(|step| (start + step) % 50).collect();
            let next = if ordered { walked.pop() } else { walked.pop().map(|_| walked.remove(3)) };
            if !ordered {
                walked.sort_by_key(|slot| crate::random::split_mix(u64::from(person * 64 + slot)));
            }
            for slot in walked {
                house.like(person, slot);
            }
            held_out.push(HeldOut { person, liked: next.into_iter().collect() });
        }
        tuned(&house, &held_out).0
    };
    assert!(build(true).sequence.is_some());
    assert!(build(false).sequence.is_none());
}

#[test]
fn without_anything_held_out_the_recipe_stays() {
    let recipe = Recipe { person_power: 0.9, ..Recipe::default() };
    let mut house = two_tastes();
    house.set_recipe(recipe.clone());
    assert_eq!(tuned(&house, &[]).0, recipe);
}

#[test]
fn of_an_item_with_too_many_likers_some_are_visited() {
    let mut house = Collaborative::default();
    let people = 3 * walk::LIKERS_MAX as u32 + 1;
    for person in 0..people {
        house.like(person, 0);
        house.like(person, 1 + person % 5);
    }
    let affinity = house.affinity(&[0], None, &mut Scratch::default()).expect("shared liking");
    let of_one = (people as f32).powf(-0.3) * 2.0_f32.powf(-0.5);
    let visited = affinity.evidence / of_one;
    assert!(visited < walk::LIKERS_MAX as f32 * 1.01 && visited > walk::LIKERS_MAX as f32 * 0.5, "{visited}");
    assert!(
        affinity.scores[1..].iter().all(|score| *score > 0.0),
        "none is passed over: {:?}",
        affinity.scores
    );
}

#[test]
fn a_walk_starts_from_the_latest_of_a_long_history() {
    let mut house = Collaborative::default();
    let history: Vec<u32> = (0..walk::HISTORY_MAX as u32 + 10).collect();
    let (forgotten, remembered, target) = (9, 10, history.len() as u32);
    house.like(0, forgotten);
    house.like(0, target);
    assert!(house.affinity(&history, None, &mut Scratch::default()).is_none());
    house.like(1, remembered);
    house.like(1, target);
    assert!(scores(&house, &history, None)[target as usize] > 0.0);
}
