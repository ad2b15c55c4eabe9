//! What is wrong with the files is noticed, told, and does not keep the daemon from starting.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::store::key::{Key, Kind};
use crate::store::tree::{Changes, Tree};
use crate::store::{StoreError, Written};

/// A closed store with 300 events and 20 items.
fn filled() -> tempfile::TempDir {
    let folder = folder();
    let (store, _) = open(&folder);
    for batch in 0..30 {
        let id = |n: usize| format!("e{}", batch * 10 + n);
        store.commit_blocking((0..10).map(|n| append("anna", "film:1", &id(n))).collect()).expect("stored");
    }
    let items = (0..20).map(|n| Write::PutItem(full_item(&format!("film:{n}")))).collect();
    store.commit_blocking(items).expect("stored");
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).expect("copied")),
        }
    }
}

/// Opens a copy of a filled store whose file of records was changed by `change`. Whatever is not
/// there any more must be told.
fn check(original: &tempfile::TempDir, change: impl FnOnce(&mut Vec<u8>)) -> OpenReport {
    let folder = folder();
    copy(&settings(original).path, &settings(&folder).path);
    let db = settings(&folder).path.join("records/db");
    let mut bytes = fs::read(&db).expect("sled's file");
    change(&mut bytes);
    fs::write(&db, bytes).expect("written");

    let (store, report) = open(&folder);
    let events = store.events_after(0).filter(Result::is_ok).count();
    let items = store.items().filter(Result::is_ok).count();
    let told = report.degraded();
    assert!(
        (events, items) == (300, 20) || !told.is_empty(),
        "{events} events, {items} items, told {told:?}"
    );
    let missing = |kind| report.missing.get(&kind).copied().unwrap_or(0) as usize;
    assert!(events + missing(Kind::Event) >= 300 || report.damaged_total > 0, "{report:?}");
    assert!(items + missing(Kind::Item) >= 20 || report.damaged_total > 0, "{report:?}");
    // Numbers are never given twice, as snapshots of profiles refer to them.
    assert_eq!(
        store.commit_blocking(vec![append("ben", "film:1", "new")]),
        Ok(vec![Written::Event { seq: 301 }])
    );
    drop(store);
    let (_, again) = open(&folder);
    assert_eq!(again.degraded(), Vec::<String>::new(), "told once");
    report
}

#[test]
fn flipped_bytes_are_told() {
    let original = filled();
    // Opened once more, sled has a snapshot of where its pages are, trusts it, and stumbles over what
    // it finds there; without one, it takes the damage for the end of its log.
    drop(open(&original));
    let length = fs::metadata(settings(&original).path.join("records/db")).expect("there").len() as usize;
    let reports: Vec<OpenReport> = (1..8)
        .map(|step| {
            check(&original, |bytes| {
                for byte in &mut bytes[length * step / 9..][..8] {
                    *byte ^= 0xff;
                }
            })
        })
        .collect();
    let set_aside = reports.iter().filter(|report| report.set_aside.is_some()).count();
    let told = reports.iter().filter(|report| !report.degraded().is_empty()).count();
    println!("{told} of {} told, {set_aside} set aside", reports.len());
    assert!(told > 0);
}

#[test]
fn a_cut_file_is_told() {
    let original = filled();
    let mut told = 0;
    for share in [0, 10, 30, 50, 70, 90, 99] {
        let report = check(&original, |bytes| bytes.truncate(bytes.len() * share / 100));
        told += usize::from(!report.degraded().is_empty());
    }
    assert!(told >= 4, "told {told} times");
}

#[test]
fn what_was_set_aside_is_kept_three_times() {
    let original = filled();
    let path = settings(&original).path;
    for _ in 0..4 {
        // sled's own description of its file.
        fs::write(path.join("records/conf"), [0xff; 40]).expect("written");
        let (_, report) = open(&original);
        assert!(report.set_aside.is_some(), "{report:?}");
    }
    let mut names: Vec<String> = fs::read_dir(&path)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("damaged"))
        .collect();
    names.sort();
    assert_eq!(names, ["records.damaged-1", "records.damaged-2", "records.damaged-3"]);
}

/// Changes the records of a closed store behind its back.
fn tamper(folder: &tempfile::TempDir, change: impl FnOnce(&Arc<Tree>) -> Changes) {
    let tree = Arc::new(Tree::open(&settings(folder).path.join("records"), 16 << 20).expect("opens"));
    let changes = change(&tree);
    tree.apply(&changes).expect("written");
    tree.close();
}

#[test]
fn a_wrong_checksum_costs_one_record() {
    let folder = filled();
    tamper(&folder, |tree| {
        let mut changes = BTreeMap::new();
        for key in [Key::event(7), Key::item(&item_id("film:3")), Key::content(&item_id("film:4"))] {
            let mut value = tree.get(&key).expect("readable").expect("there");
            *value.last_mut().expect("not empty") ^= 1;
            changes.insert(key, Some(value));
        }
        changes
    });
    let (store, report) = open(&folder);
    assert_eq!((report.damaged_total, report.missing.len(), report.set_aside.is_none()), (3, 0, true));
    let told = report.degraded();
    assert!(
        told[0].starts_with("3 stored records are damaged, first `ifilm:3` of items: has checksum"),
        "{told:?}"
    );
    assert!(matches!(store.event(7), Err(StoreError::Damaged { .. })));
    assert!(matches!(store.item(&item_id("film:3")), Err(StoreError::Damaged { .. })));
    let item = store.item(&item_id("film:4")).expect("readable").expect("there");
    assert_eq!((item.content, item.content_pending), (None, true), "can be understood again");
    assert_eq!(store.events_after(0).filter(Result::is_ok).count(), 299);
    assert_eq!(store.items().filter(Result::is_ok).count(), 19);
    // The damaged item can be put again; the event is still known as counted.
    store.commit_blocking(vec![Write::PutItem(plain_item("film:3"))]).expect("stored");
    assert_eq!(store.item(&item_id("film:3")), Ok(Some(plain_item("film:3"))));
    assert_eq!(
        store.commit_blocking(vec![append("anna", "film:1", "e6")]),
        Ok(vec![Written::Duplicate { seq: 7 }])
    );
}

#[test]
fn vanished_records_are_counted() {
    let folder = filled();
    tamper(&folder, |_| [(Key::event(300), None), (Key::event(12), None)].into());
    let (_, report) = open(&folder);
    assert_eq!(report.degraded(), ["2 events are missing from the store"]);
}

#[test]
fn a_second_opener_is_refused() {
    let folder = folder();
    let (store, _) = open(&folder);
    let path = settings(&folder).path;
    let error = Store::open(settings(&folder)).err().expect("refused");
    assert_eq!(error.to_string(), format!("store `{}` is in use by another process", path.display()));
    store.close();
    assert_eq!(store.commit_blocking(vec![]), Err(StoreError::Closed));
    assert_eq!(store.event(1), Err(StoreError::Closed));
    open(&folder);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = filled();
    let manifest = settings(&folder).path.join("manifest.json");
    fs::write(&manifest, r#"{"format":3,"something":"new"}"#).expect("written");
    let error = Store::open(settings(&folder)).err().expect("refused").to_string();
    let path = settings(&folder).path;
    assert_eq!(error, format!("store `{}` has format 3, this program reads up to 1", path.display()));
    assert_eq!(fs::read_to_string(&manifest).expect("there"), r#"{"format":3,"something":"new"}"#);
}

#[test]
fn an_unreadable_manifest_is_told_and_written_anew() {
    let folder = filled();
    let manifest = settings(&folder).path.join("manifest.json");
    let good = fs::read_to_string(&manifest).expect("there");
    for bad in ["", "{", "[1]", r#"{"format":1}"#, &good.replace("\"events\": 300", "\"events\": 301")] {
        fs::write(&manifest, bad).expect("written");
        let (store, report) = open(&folder);
        assert!(
            report.degraded()[0].starts_with("the store's manifest is unreadable: "),
            "{bad}: {report:?}"
        );
        assert_eq!(store.events_after(0).filter(Result::is_ok).count(), 300);
    }
    assert_eq!(open(&folder).1.degraded(), Vec::<String>::new());
}
