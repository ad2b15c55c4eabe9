//! Every limit, and what happens at it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::*;
use crate::store::{StoreError, Written};

fn open_with(folder: &tempfile::TempDir, change: impl FnOnce(&mut StoreSettings)) -> Store {
    let mut settings = settings(folder);
    change(&mut settings);
    Store::open(settings).expect("opens").0
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn put_media(store: &Store, content: &'static [u8]) -> Result<MediaHash, StoreError> {
    runtime().block_on(store.put_media(Bytes::from_static(content)))
}

fn with_media(id: &str, hash: MediaHash) -> Write {
    let mut item = plain_item(id);
    item.media = vec![StoredMedia { modality: Modality::Image, source: MediaSource::Hash(hash) }];
    Write::PutItem(item)
}

#[test]
fn an_oversized_record_is_refused_with_its_whole_call() {
    let folder = folder();
    let store = open_with(&folder, |settings| settings.record_bytes_max = 1000);
    let mut item = plain_item("film:1");
    item.item.text = Some("x".repeat(1000));
    let writes = vec![
        append("anna", "film:1", "e1"),
        Write::PushOutbox { message: message("a", None), now: at(0) },
        Write::PutItem(item),
    ];
    let error = store.commit_blocking(writes).expect_err("refused").to_string();
    assert_eq!(error, "record `ifilm:1` of items has 1031 bytes, expected at most 1000");
    assert_eq!(store.events_after(0).count(), 0);
    assert_eq!(store.outbox_after(0).count(), 0);
    assert_eq!(
        store.commit_blocking(vec![append("anna", "film:1", "e1")]),
        Ok(vec![Written::Event { seq: 1 }])
    );
}

#[test]
fn a_call_has_a_limit_of_writes() {
    let folder = folder();
    let store = open_with(&folder, |settings| settings.writes_per_call_max = 2);
    let three = (0..3).map(|n| append("anna", "film:1", &n.to_string())).collect();
    let error = store.commit_blocking(three).expect_err("refused").to_string();
    assert_eq!(error, "commit has 3 writes, expected at most 2");
    assert_eq!(store.commit_blocking(vec![]), Ok(vec![]));
}

#[test]
fn callers_wait_for_room_in_the_queue() {
    let folder = folder();
    let store = open_with(&folder, |settings| settings.calls_queued_max = 2);
    assert_eq!(store.orders().expect("open").max_capacity(), 2);
    runtime().block_on(async {
        let calls: Vec<_> = (0..40)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(
                    async move { store.commit(vec![append("anna", "film:1", &n.to_string())]).await },
                )
            })
            .collect();
        for call in calls {
            assert!(matches!(call.await.expect("no panic").as_deref(), Ok([Written::Event { .. }])));
        }
    });
    assert_eq!(store.events_after(0).count(), 40);
}

#[test]
fn a_large_record_never_leaves_the_log() {
    let folder = folder();
    let store = open_with(&folder, |_| {});
    let large = |n: usize| {
        let mut item = plain_item(&format!("film:{n}"));
        item.item.text = Some(format!("{n}").repeat(300_000));
        item
    };
    for n in 0..5 {
        store.commit_blocking((0..5).map(|m| Write::PutItem(large(n * 5 + m))).collect()).expect("stored");
    }
    let blobs = settings(&folder).path.join("records/blobs");
    assert_eq!(std::fs::read_dir(blobs).expect("sled's folder").count(), 0);
    assert_eq!(store.item(&item_id("film:24")), Ok(Some(large(24))));
    // A shorter successor leaves nothing of the longer one behind.
    store.commit_blocking(vec![Write::PutItem(plain_item("film:24"))]).expect("stored");
    assert_eq!(store.item(&item_id("film:24")), Ok(Some(plain_item("film:24"))));
    assert_eq!(store.items().filter_map(Result::ok).count(), 25);
}

#[test]
fn a_full_outbox_drops_what_expired_then_what_is_oldest() {
    let folder = folder();
    let limit = |settings: &mut StoreSettings| settings.outbox_messages_max = 3;
    let store = open_with(&folder, limit);
    let push = |store: &Store, topic: &str, expires_ms, now_ms| {
        let write = Write::PushOutbox { message: message(topic, expires_ms), now: at(now_ms) };
        store.commit_blocking(vec![write]).expect("stored")[0]
    };
    let topics = |store: &Store| -> Vec<String> {
        store.outbox_after(0).map(|stored| stored.expect("readable").message.topic).collect()
    };
    assert_eq!(push(&store, "a", None, 0), Written::Outbox { seq: 1, dropped: 0 });
    push(&store, "b", Some(100), 0);
    push(&store, "c", Some(50), 0);
    assert_eq!(push(&store, "d", None, 200), Written::Outbox { seq: 4, dropped: 1 });
    assert_eq!(topics(&store), ["a", "b", "d"], "c expired first");
    drop(store);
    let store = open_with(&folder, limit);
    push(&store, "e", None, 200);
    assert_eq!(topics(&store), ["a", "d", "e"], "b had expired too, also after a restart");
    push(&store, "f", None, 200);
    assert_eq!(topics(&store), ["d", "e", "f"], "a was the oldest");
    assert_eq!(store.outbox_after(4).next().expect("one").expect("readable").seq, 5);
    let remove = |seq| store.commit_blocking(vec![Write::RemoveOutbox(seq)]).expect("stored")[0];
    assert_eq!((remove(5), remove(5)), (Written::Done, Written::Absent));
    assert_eq!(topics(&store), ["d", "f"]);
    assert_eq!(store.outbox_after(0).next().expect("one").expect("readable").message, message("d", None));
}

#[test]
fn media_are_kept_once_and_read_back_checked() {
    let folder = folder();
    let store = open_with(&folder, |settings| settings.media_file_bytes_max = 10);
    let hash = put_media(&store, b"zither").expect("stored");
    assert_eq!(put_media(&store, b"zither"), Ok(hash));
    assert_eq!((store.media(&hash), store.media_bytes()), (Ok(Bytes::from_static(b"zither")), 6));
    assert_eq!(MediaHash::parse(&hash.to_string()), Some(hash));
    assert!(matches!(store.media(&MediaHash::of(b"other")), Err(StoreError::Unavailable { .. })));
    let error = put_media(&store, b"elevenbytes").expect_err("refused").to_string();
    assert_eq!(error, "media file has 11 bytes, expected at most 10");
    std::fs::write(store.media_path(&hash), b"guitar").expect("written");
    assert!(matches!(store.media(&hash), Err(StoreError::Damaged { .. })));
}

#[test]
fn at_the_next_start_media_of_no_item_are_removed() {
    let folder = folder();
    let store = open_with(&folder, |_| {});
    let (used, unused) =
        (put_media(&store, b"used").expect("stored"), put_media(&store, b"unused").expect("stored"));
    store.commit_blocking(vec![with_media("film:1", used)]).expect("stored");
    drop(store);
    std::fs::write(settings(&folder).path.join("media/incoming"), b"half a fi").expect("written");
    let (store, report) = open(&folder);
    assert_eq!((report.media_removed, store.media_bytes()), (1, 4));
    assert!(store.media(&used).is_ok() && !store.media_path(&unused).exists());
    assert!(!settings(&folder).path.join("media/incoming").exists());
}

#[test]
fn full_media_make_room_by_removing_old_garbage_only() {
    let folder = folder();
    let store = open_with(&folder, |settings| settings.media_bytes_max = 15);
    let used = put_media(&store, b"used.").expect("stored");
    store.commit_blocking(vec![with_media("film:1", used)]).expect("stored");
    let fresh = put_media(&store, b"fresh").expect("stored");
    let old = put_media(&store, b"old..").expect("stored");
    let refused = put_media(&store, b"more.").expect_err("refused").to_string();
    assert_eq!(refused, "media file has 5 bytes, and 15 are stored, expected together at most 15");
    let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
    for hash in [used, old] {
        let file = std::fs::File::options().write(true).open(store.media_path(&hash)).expect("there");
        file.set_modified(hours_ago).expect("set");
    }
    put_media(&store, b"more.").expect("stored");
    assert!(store.media(&used).is_ok() && store.media(&fresh).is_ok() && store.media(&old).is_err());
    assert_eq!(store.media_bytes(), 15);
}

#[test]
fn of_too_many_shown_lists_the_oldest_go_and_those_of_a_forgotten_person() {
    let folder = folder();
    let limit = |settings: &mut StoreSettings| settings.shown_lists_max = 20;
    let store = open_with(&folder, limit);
    let push = |store: &Store, who: &str, ms: i64| {
        let write = Write::PushShown { request: ms as u64, shown: some_shown(who, ms) };
        store.commit_blocking(vec![write]).expect("stored");
    };
    let kept =
        |store: &Store| -> Vec<StoredShown> { store.shown().map(|shown| shown.expect("readable")).collect() };
    (0..20).for_each(|ms| push(&store, if ms % 2 == 0 { "anna" } else { "ben" }, ms));
    assert_eq!(kept(&store).len(), 20);
    drop(store);
    let store = open_with(&folder, limit);
    push(&store, "anna", 20);
    let of = |store: &Store| kept(store).first().map(|shown| shown.at);
    assert_eq!((kept(&store).len(), of(&store)), (19, Some(some_shown("anna", 2).at)), "two made room");
    store.commit_blocking(vec![Write::ForgetUser(user("anna"))]).expect("stored");
    assert!(kept(&store).iter().all(|shown| shown.users == [user("ben")]));
    assert_eq!(kept(&store).len(), 9);
    (30..50).for_each(|ms| push(&store, "anna", ms));
    assert!(kept(&store).len() <= 20, "it is counted again");
}
