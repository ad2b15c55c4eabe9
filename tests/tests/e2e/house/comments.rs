//! What people say about an item changes what they are recommended.

use serde_json::json;

use super::{House, ids};
use crate::catalogue::{SUBJECTS, id, subject};

/// How many of the first twenty are of that subject.
fn share(house: &House, kind: &str, user: &str, of: &str) -> usize {
    let answer =
        house.home.recommend(&json!({"users": [user], "kinds": [kind], "n": 20, "request_id": user}));
    let ids = ids(&answer);
    assert_eq!(ids.len(), 20, "{answer}");
    ids.iter().filter(|id| subject(id) == of).count()
}

#[test]
fn words_raise_and_lower_what_is_like_the_item_they_are_about() {
    let Some(house) = House::alone() else { return };
    let kind = "commented";
    house.put_catalogue(kind);
    let shares = SUBJECTS.map(|of| (share(&house, kind, "silent", of), of));
    let (_, of) = shares.into_iter().max().expect("four subjects");
    let comment = |user: &str, text: &str| {
        let about =
            [11, 12, 13].map(|number| json!({"item": id(kind, of, number), "type": "comment", "text": text}));
        house.home.tell(user, &json!(about));
    };
    let before = share(&house, kind, "silent", of);
    let said = [
        ("I loved it, what a wonderful film", true),
        ("not bad at all", true),
        ("Ein wunderbarer Film", true),
        ("太好看了，我很喜欢", true),
        ("boring, what a waste of time", false),
        ("langweilig", false),
        ("太无聊了", false),
    ];
    for (number, (text, liked)) in said.into_iter().enumerate() {
        let user = format!("says-{number}");
        comment(&user, text);
        let after = share(&house, kind, &user, of);
        println!("{text}: {before} to {after} of 20 are {of}");
        if liked {
            assert!(after > before, "{text}: {before} to {after}");
        } else {
            assert!(after < before, "{text}: {before} to {after}");
        }
    }
    // A value that is given counts, whatever the words say.
    let about = [11, 12, 13].map(
        |number| json!({"item": id(kind, of, number), "type": "comment", "value": -0.9, "text": "I loved it"}),
    );
    house.home.tell("ironic", &json!(about));
    assert!(share(&house, kind, "ironic", of) < before);
}
