//! What is written is read back, once, also after the store was opened again.

use attuned_recommender::{EventType, Value};

use super::*;
use crate::store::{StoreError, Written, as_stored};

/// `item` as it is read back.
fn read_back(mut item: StoredItem) -> StoredItem {
    item.content = item.content.as_ref().map(as_stored);
    item
}

#[test]
fn items_come_back_whole_and_in_order() {
    let folder = folder();
    let (store, report) = open(&folder);
    assert!(report.created && report.degraded().is_empty());
    let (full, plain) = (full_item("film:42"), plain_item("film:1"));
    let writes = vec![Write::PutItem(full.clone()), Write::PutItem(plain.clone())];
    assert_eq!(store.commit_blocking(writes), Ok(vec![Written::Done; 2]));
    drop(store);

    let (store, report) = open(&folder);
    assert_eq!((report.created, report.items, report.degraded()), (false, 2, vec![]));
    let expected = vec![plain, read_back(full)];
    assert_eq!(store.items().collect::<Result<Vec<_>, _>>(), Ok(expected.clone()));
    assert_eq!(store.item(&item_id("film:42")), Ok(Some(expected[1].clone())));
    assert_eq!(store.item(&item_id("film:4")), Ok(None));
}

#[test]
fn content_is_attached_replaced_and_removed() {
    let folder = folder();
    let (store, _) = open(&folder);
    let id = item_id("film:1");
    let put = |content| Write::PutContent { item: id.clone(), content };
    let mut item = plain_item("film:1");
    item.content_pending = true;
    assert_eq!(store.commit_blocking(vec![put(content(1))]), Ok(vec![Written::Absent]));
    assert_eq!(
        store.commit_blocking(vec![Write::PutItem(item.clone()), put(content(2))]),
        Ok(vec![Written::Done; 2])
    );
    item.content = Some(as_stored(&content(2)));
    item.content_pending = false;
    assert_eq!(store.item(&id), Ok(Some(item)));
    let removed = vec![Write::RemoveItem(id.clone()), Write::RemoveItem(id.clone()), put(content(3))];
    assert_eq!(store.commit_blocking(removed), Ok(vec![Written::Done, Written::Absent, Written::Absent]));
    assert_eq!(store.item(&id), Ok(None));
    store.commit_blocking(vec![Write::PutItem(plain_item("film:1"))]).expect("stored");
    assert_eq!(store.item(&id), Ok(Some(plain_item("film:1"))), "content of the removed item is gone");
}

#[test]
fn half_precision_keeps_directions_and_is_stable() {
    let original = content(5);
    let stored = as_stored(&original);
    for (modality, vector) in &original.embeddings {
        assert!(vector.embedding.cosine(&stored.embeddings[modality].embedding) > 0.999_999);
    }
    for (modality, vector) in &original.semantic {
        assert!(vector.cosine(&stored.semantic[modality]) > 0.999_999);
    }
}

#[test]
fn a_repeated_event_is_counted_once() {
    let folder = folder();
    let (store, _) = open(&folder);
    let written = store.commit_blocking(vec![
        append("anna", "film:1", "e1"),
        append("anna", "film:2", "e1"),
        append("ben", "film:1", "e1"),
        append("anna", "film:1", "e2"),
    ]);
    let event = |seq| Written::Event { seq };
    assert_eq!(written, Ok(vec![event(1), Written::Duplicate { seq: 1 }, event(2), event(3)]));
    assert_eq!(
        store.commit_blocking(vec![append("ben", "film:1", "e1")]),
        Ok(vec![Written::Duplicate { seq: 2 }])
    );
    let anonymous =
        || Write::AppendEvent { event: super::event("anna", "film:1", EventType::View), id: None };
    assert_eq!(store.commit_blocking(vec![anonymous(), anonymous()]), Ok(vec![event(4), event(5)]));
    drop(store);
    let (store, report) = open(&folder);
    assert_eq!(report.events, 5);
    assert_eq!(
        store.commit_blocking(vec![append("anna", "film:9", "e2"), append("anna", "film:9", "e3")]),
        Ok(vec![Written::Duplicate { seq: 3 }, event(6)])
    );
    let seqs = |events: Vec<Result<crate::store::StoredEvent, StoreError>>| -> Vec<u64> {
        events.into_iter().map(|event| event.expect("readable").seq).collect()
    };
    assert_eq!(seqs(store.events_after(0).collect()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(store.events_after(4).collect()), [5, 6]);
    assert_eq!(seqs(store.events_of(&user("anna")).expect("readable").collect()), [1, 3, 4, 5, 6]);
    assert_eq!(store.event_seq(&user("anna"), &event_id("e3")), Ok(Some(6)));
}

#[test]
fn a_comment_is_understood_later() {
    let folder = folder();
    let (store, _) = open(&folder);
    let mut said = event("anna", "film:1", EventType::Comment);
    let append = Write::AppendEvent { event: said.clone(), id: Some(event_id("c")) };
    let understood = Write::SetComment { seq: 1, comment: comment() };
    assert_eq!(store.commit_blocking(vec![append]), Ok(vec![Written::Event { seq: 1 }]));
    assert_eq!(store.commit_blocking(vec![understood]), Ok(vec![Written::Done]));
    let nowhere = Write::SetComment { seq: 2, comment: comment() };
    assert_eq!(store.commit_blocking(vec![nowhere]), Ok(vec![Written::Absent]));
    let stored = store.event(1).expect("readable").expect("there");
    // A vector read back is scaled to unit length once more.
    let semantic = stored.event.comment.as_ref().and_then(|c| c.semantic.clone()).expect("a vector");
    assert!(semantic.cosine(&embedding(384, 9)) > 0.999_999_9);
    said.comment = Some(Comment { sentiment: Some(-0.25), semantic: Some(semantic) });
    assert_eq!((stored.event, stored.id), (said, Some(event_id("c"))));
}

#[test]
fn context_values_are_set_and_removed() {
    let folder = folder();
    let (store, _) = open(&folder);
    let set = |key: &str, value| Write::SetContext { key: key.to_owned(), value };
    let weather = Value::Map([("sky".to_owned(), Value::Text("rain".to_owned()))].into());
    let writes = vec![
        set("weather", Some(weather.clone())),
        set("room", Some(Value::Bool(true))),
        set("room", None),
        set("away", None),
    ];
    let done = vec![Written::Done, Written::Done, Written::Done, Written::Absent];
    assert_eq!(store.commit_blocking(writes), Ok(done));
    assert_eq!(store.context().collect::<Result<Vec<_>, _>>(), Ok(vec![("weather".to_owned(), weather)]));
    let refused = store.commit_blocking(vec![set("", Some(Value::Bool(true)))]).expect_err("refused");
    assert_eq!(refused.to_string(), "context key has 0 bytes, expected 1 to 256 bytes without NUL");
}

fn profile(who: &str, through: u64) -> Write {
    Write::PutProfile { user: user(who), through, state: user_state() }
}

#[test]
fn what_was_learnt_comes_back_whole() {
    let folder = folder();
    let (store, _) = open(&folder);
    let household = household_state();
    let put = Write::PutHousehold { through: 4, state: household.clone() };
    assert_eq!(
        store.commit_blocking(vec![profile("ben", 3), profile("anna", 3), profile("anna", 4), put]),
        Ok(vec![Written::Done; 4])
    );
    drop(store);
    let (store, report) = open(&folder);
    assert_eq!(report.degraded(), Vec::<String>::new());
    let profiles: Vec<_> = store.profiles().map(|profile| profile.expect("readable")).collect();
    let found: Vec<_> = profiles.iter().map(|profile| (profile.user.as_str(), profile.through)).collect();
    assert_eq!(found, [("anna", 4), ("ben", 3)]);
    assert_eq!(profiles[0].state, user_state());
    assert_eq!(store.profile(&user("ben")).map(|p| p.map(|p| p.state)), Ok(Some(user_state())));
    assert_eq!(store.profile(&user("cleo")), Ok(None));
    let stored = store.household().expect("readable").expect("there");
    assert_eq!((stored.through, stored.state), (4, household));
}

/// Whether any key or value has `text` in it.
fn holds(store: &Store, text: &str) -> bool {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    crate::store::key::Kind::ALL.into_iter().any(|kind| {
        let mut entries = crate::store::read::all(&store.inner.tree, kind, None);
        entries.any(|entry| entry.map(|(key, value)| has(key.as_bytes()) || has(&value)).expect("readable"))
    })
}

#[test]
fn a_forgotten_user_leaves_nothing() {
    let folder = folder();
    let (store, _) = open(&folder);
    let anonymous = Write::AppendEvent { event: event("annabel", "film:1", EventType::View), id: None };
    let mut writes: Vec<Write> = (0..300).map(|n| append("annabel", "film:1", &format!("e{n}"))).collect();
    writes.extend([anonymous, profile("annabel", 301), append("anna", "film:1", "e1"), profile("anna", 302)]);
    store.commit_blocking(writes).expect("stored");
    assert!(holds(&store, "annabel"));
    // An event of the same call is forgotten with the others; one that comes later is not.
    let call = vec![
        append("annabel", "film:1", "last"),
        Write::ForgetUser(user("annabel")),
        append("annabel", "film:1", "first"),
        Write::ForgetUser(user("annabel")),
        Write::ForgetUser(user("nobody")),
    ];
    let forgotten = |events| Written::Forgotten { events };
    assert_eq!(
        store.commit_blocking(call),
        Ok(vec![
            Written::Event { seq: 303 },
            forgotten(302),
            Written::Event { seq: 304 },
            forgotten(1),
            forgotten(0)
        ])
    );
    assert!(!holds(&store, "annabel"));
    assert!(holds(&store, "anna") && store.profile(&user("anna")).is_ok_and(|profile| profile.is_some()));
    drop(store);
    let (store, report) = open(&folder);
    assert_eq!((report.events, report.degraded()), (1, vec![]));
    assert_eq!(
        store.commit_blocking(vec![append("annabel", "film:1", "e1")]),
        Ok(vec![Written::Event { seq: 305 }])
    );
}
