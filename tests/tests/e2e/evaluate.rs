//! `attuned evaluate`, on data whose figures are known.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use attuned_tests::daemon::program;
use attuned_tests::process::{self, Ended};
use attuned_tests::tools::{skip, tree};
use serde_json::Value;

fn evaluate(data: &Path, arguments: &[&str]) -> Ended {
    let data = data.to_str().expect("a path of text");
    process::run("attuned", &program(&[&["evaluate", "--data", data], arguments].concat()), b"")
}

fn report(data: &Path, arguments: &[&str]) -> Value {
    let ended = evaluate(data, &[arguments, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("one object")
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["recommenders"].as_array().expect("rows");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} is not in {report}"))
}

fn near(row: &Value, figure: &str, expected: f64, by: f64) {
    let value = row[figure].as_f64().unwrap_or_else(|| panic!("{figure} is not in {row}"));
    assert!((value - expected).abs() <= by, "{figure} of {} is {value}, expected {expected}", row["name"]);
}

/// Sixty people of two tastes in twenty items: everybody chooses nine of the ten items of their
/// taste in an order of their own, so that the tenth is not known by anybody but the others of the taste.
fn two_tastes(folder: &Path) {
    let mut table = "user,item,type,timestamp\n".to_owned();
    for user in 0..60 {
        for place in 0..9 {
            let item = (user % 2) * 10 + (user / 2 + place * 3) % 10;
            let day = 20 + user / 30;
            writeln!(table, "u{user},film {item},like,2026-10-{day}T{:02}:00:00Z", 8 + place)
                .expect("written");
        }
    }
    fs::write(folder.join("interactions.csv"), table).expect("written");
}

#[test]
fn people_of_two_tastes_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    two_tastes(folder.path());
    let report = report(folder.path(), &["--k", "2"]);
    assert_eq!((&report["split"], &report["k"]), (&"leave-last-out".into(), &2.into()), "{report}");
    assert_eq!((&report["users"], &report["items"]), (&60.into(), &20.into()), "{report}");
    assert_eq!(report["recommenders"][0]["name"], "attuned", "the engine stands first");
    for name in ["attuned", "source:liked_by_similar", "popularity", "random", "item-knn"] {
        let row = row(&report, name);
        for figure in ["recall", "ndcg", "precision", "map", "hit_rate", "mrr", "auc"] {
            let value = row[figure].as_f64().unwrap_or_else(|| panic!("{figure} is not in {row}"));
            let interval: Vec<f64> =
                serde_json::from_value(row["interval"][figure].clone()).expect("two ends");
            assert!(interval[0] <= value && value <= interval[1], "{figure} of {name}: {value} {interval:?}");
        }
        for figure in ["coverage", "novelty", "fit_s", "ms_per_user"] {
            assert!(row[figure].as_f64().is_some_and(|value| value >= 0.0), "{figure} of {name}: {row}");
        }
    }
    // Of the two items of a taste that a person does not know yet, one is the right one, and two places take both.
    for name in ["attuned", "item-knn"] {
        near(row(&report, name), "recall", 1.0, 0.0);
        near(row(&report, name), "precision", 0.5, 0.0);
    }
    // Eleven or twelve items are unknown to everybody.
    near(row(&report, "random"), "recall", 2.0 / 12.0, 0.15);
}

#[test]
fn people_see_an_aligned_table_and_one_sentence_where_something_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    two_tastes(folder.path());
    let ended = evaluate(folder.path(), &["--recommender", "random", "popularity"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr, "", "no bars where nobody looks");
    assert!(ended.stdout.contains("60 users (60 tested), 20 items"), "{}", ended.stdout);
    let start: Vec<&str> =
        ended.stdout.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(start, ["recommender", "random", "popularity"], "{}", ended.stdout);
    let wrong = |folder: &Path, arguments: &[&str], code: i32, part: &str| {
        let ended = evaluate(folder, arguments);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{} does not say {part:?}", ended.stderr);
        assert_eq!(ended.stdout, "");
    };
    wrong(folder.path(), &["--split", "given"], 64, "has no column `split`, expected one for --split given");
    wrong(folder.path(), &["--split", "tomorrow"], 2, "expected given, leave-last-out or global-time");
    wrong(folder.path(), &["--recommender", "oracle"], 2, "expected one of attuned,");
    wrong(folder.path(), &["--k", "0"], 2, "0 is not in 1..=1000");
    wrong(&folder.path().join("no"), &[], 64, "no cannot be read");
    fs::write(folder.path().join("interactions.csv"), "user,item,split\na,1,test\na,2,nowhere\n")
        .expect("written");
    wrong(
        folder.path(),
        &[],
        64,
        "interactions.csv line 3: `split` is `nowhere`, expected train, valid or test",
    );
}

#[test]
fn published_baselines_come_out_as_published() {
    let beside = tree().join("../shared");
    let shared = std::env::var_os("ATTUNED_SHARED").map_or(beside, PathBuf::from).join("data");
    if !shared.is_dir() {
        return skip("shared", &format!("{} is absent", shared.display()));
    }
    // published.csv beside each: full ranking, what is known masked, four digits.
    for (name, recall, ndcg) in
        [("rec-tiktok-multimodal", 0.0597, 0.0255), ("rec-amazon-baby", 0.0463, 0.0194)]
    {
        let report = report(&shared.join(name), &["--recommender", "popularity"]);
        near(row(&report, "popularity"), "recall", recall, 1e-4);
        near(row(&report, "popularity"), "ndcg", ndcg, 1e-4);
    }
}
