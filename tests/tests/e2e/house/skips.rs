//! What three skips change, and for whom.

use serde_json::{Value, json};

use super::{House, ids};
use crate::catalogue::{SUBJECTS, id, subject};

/// How many of the first twenty are of each subject.
fn shares(house: &House, kind: &str, user: &str) -> Vec<(&'static str, usize)> {
    let answer =
        house.home.recommend(&json!({"users": [user], "kinds": [kind], "n": 20, "request_id": user}));
    let ids = ids(&answer);
    assert_eq!(ids.len(), 20, "{answer}");
    SUBJECTS.map(|of| (of, ids.iter().filter(|id| subject(id) == of).count())).to_vec()
}

fn share(shares: &[(&'static str, usize)], of: &str) -> usize {
    shares.iter().find(|(subject, _)| *subject == of).expect("a subject").1
}

/// Skips the first three of the subject that stand in the person's list, as a person would.
fn skip_three(house: &House, kind: &str, user: &str, of: &str) {
    let answer =
        house.home.recommend(&json!({"users": [user], "kinds": [kind], "n": 20, "request_id": user}));
    let shown: Vec<String> = ids(&answer).into_iter().filter(|id| subject(id) == of).take(3).collect();
    assert_eq!(shown.len(), 3, "{of} is in the list often enough to be skipped");
    let skips: Vec<Value> = shown.iter().map(|item| json!({"item": item, "type": "skip"})).collect();
    house.home.tell(user, &json!(skips));
}

/// Has `user` skip three of a subject, and says what that changed for both.
fn check(house: &House, kind: &str, user: &str, other: &str, of: &str) -> String {
    let (before, others_before) = (shares(house, kind, user), shares(house, kind, other));
    skip_three(house, kind, user, of);
    let (after, others_after) = (shares(house, kind, user), shares(house, kind, other));
    let seen = format!("{user}: {before:?} to {after:?}; {other}: {others_before:?} to {others_after:?}");
    let (was, is) = (share(&before, of), share(&after, of));
    assert!(is * 5 <= was, "{user}'s share of {of} falls by 80 % at least: {before:?} to {after:?}");
    let (was, is) = (share(&others_before, of), share(&others_after, of));
    assert!(is >= was, "{other} has skipped nothing: {others_before:?} to {others_after:?}");
    seen
}

#[test]
fn three_skips_of_a_subject_take_it_off_the_list_of_that_person_only() {
    let Some(house) = House::alone() else { return };
    let kind = "skipped";
    house.put_catalogue(kind);
    // Nothing is known of these two but the skips.
    let mut skipped = 0;
    for of in SUBJECTS {
        let (user, other) = (format!("cold-skips-{of}"), format!("cold-keeps-{of}"));
        if share(&shares(&house, kind, &user), of) >= 3 {
            println!("{}", check(&house, kind, &user, &other, of));
            skipped += 1;
        }
    }
    assert!(skipped >= 2, "{skipped} subjects stand in the list of a newcomer often enough to be skipped");
    // These two have liked something of two subjects before.
    for user in ["warm-skips", "warm-keeps"] {
        let liked = ["baking", "jazz"]
            .map(|of| [13, 14].map(|number| json!({"item": id(kind, of, number), "type": "like"})));
        house.home.tell(user, &json!(liked.as_flattened()));
    }
    println!("{}", check(&house, kind, "warm-skips", "warm-keeps", "baking"));
    let after = shares(&house, kind, "warm-skips");
    assert!(share(&after, "jazz") >= 3, "what was liked and not skipped stays: {after:?}");
}
