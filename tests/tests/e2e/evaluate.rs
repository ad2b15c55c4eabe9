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
    for name in ["attuned", "source:liked_by_similar", "popularity", "random", "item-knn", "ease"] {
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
    for name in ["attuned", "item-knn", "ease"] {
        near(row(&report, name), "recall", 1.0, 0.0);
        near(row(&report, name), "precision", 0.5, 0.0);
    }
    // Eleven or twelve items are unknown to everybody.
    near(row(&report, "random"), "recall", 2.0 / 12.0, 0.15);
}

#[test]
fn event_by_event_what_is_learnt_at_once_counts_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    two_tastes(folder.path());
    let arguments = ["--split", "prequential", "--k", "2", "--recommender", "attuned", "random", "ease"];
    let page = folder.path().join("report.html");
    let arguments = [&arguments[..], &["--report", page.to_str().expect("a path of text")]].concat();
    let report = report(folder.path(), &arguments);
    let names: Vec<&str> = report["recommenders"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(names, ["attuned", "attuned-overnight", "random"], "{report}");
    assert_eq!(report["left_out"][0], "ease: does not learn event by event");
    // Of 540 choices the first 54 are only learnt from.
    assert_eq!((&report["known"], &report["test"]), (&54.into(), &486.into()), "{report}");
    let recall = |name: &str| row(&report, name)["recall"].as_f64().expect("a figure");
    // Everybody's day begins with nothing known of them, so learning overnight comes too late.
    assert!(recall("attuned") > recall("attuned-overnight") + 0.05, "{report}");
    assert!(recall("attuned") > recall("random") + 0.05, "{report}");
    for name in names {
        let stretches = row(&report, name)["over_time"].as_array().expect("stretches");
        let lists: u64 = stretches.iter().filter_map(|stretch| stretch["n"].as_u64()).sum();
        assert_eq!((stretches.len(), lists), (10, 486), "{name}");
        assert!(stretches.iter().all(|stretch| stretch["coverage"].as_f64().is_some()), "{stretches:?}");
    }
    let page = fs::read_to_string(page).expect("the page");
    assert!(
        page.contains("Coverage over time") && !page.contains("NaN"),
        "the page lacks its plots over time"
    );
}

/// The same people, who now also rate: five stars for what they choose, one or two for two items of
/// the others' taste. The items have pictures' vectors and words that say of which taste they are.
fn rated_with_content(folder: &Path) {
    let (mut table, mut items) = ("user,item,type,value,split\n".to_owned(), String::new());
    for user in 0..60 {
        for place in 0..9 {
            let item = (user % 2) * 10 + (user / 2 + place * 3) % 10;
            let part = if place < 7 { "train" } else { "test" };
            writeln!(table, "{user},{item},rate,5,{part}").expect("written");
        }
        for (place, part) in ["train", "test"].into_iter().enumerate() {
            let item = (1 - user % 2) * 10 + (user + place) % 10;
            writeln!(table, "{user},{item},rate,{},{part}", 1 + place).expect("written");
        }
    }
    let mut values = Vec::new();
    for item in 0..20 {
        let tag = if item < 10 { "crime" } else { "comedy" };
        writeln!(items, r#"{{"id":{item},"kind":"film","title":"Film {item}","tags":["{tag}"]}}"#)
            .expect("written");
        values.extend([(item / 10) as f32 + 0.5, 1.0, (item % 10) as f32 / 10.0].map(f32::to_le_bytes));
    }
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 3), }\n";
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(values.concat());
    fs::write(folder.join("interactions.csv"), table).expect("written");
    fs::write(folder.join("items.jsonl"), items).expect("written");
    fs::write(folder.join("image_feat.npy"), npy).expect("written");
}

#[test]
fn content_ratings_and_plots_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    rated_with_content(folder.path());
    let page = folder.path().join("report.html");
    let page = page.to_str().expect("a path of text");
    let arguments =
        ["--report", page, "--k", "5", "--rating-min", "4", "--recommender", "attuned,item-knn,ease"];
    let report = report(folder.path(), &arguments);
    assert_eq!(report["split"], "given");
    // Two of five stars are to be found for everybody; what they dislike is not.
    assert_eq!((&report["test"], &report["users_tested"]), (&120.into(), &60.into()), "{report}");
    for name in ["attuned", "item-knn", "ease"] {
        let row = row(&report, name);
        // Three items of their taste are not known, of which two are to be found.
        near(row, "recall", 1.0, 0.0);
        near(row, "hit_rate", 1.0, 0.0);
        assert!(row["ild"].as_f64().is_some() && row["calibration_kl"].as_f64().is_some(), "{row}");
        let told = &row["like_dislike"];
        let counts = ["liked_as_liked", "liked_as_disliked", "disliked_as_liked", "disliked_as_disliked"]
            .map(|cell| told["confusion"][cell].as_u64().expect("a count"));
        assert_eq!((counts.iter().sum::<u64>(), told["n"].as_u64()), (180, Some(180)), "{told}");
        // The taste is plain to see.
        near(told, "accuracy", 1.0, 0.05);
        // Stars of the engine are cautious after one low rating; the mean alone has 1.41.
        let rmse_max = if name == "attuned" { 1.3 } else { 0.7 };
        assert!(row["rmse"].as_f64().is_some_and(|rmse| rmse < rmse_max), "{row}");
    }
    let names: Vec<&str> =
        report["ablation"].as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["everything", "without text", "without image", "without descriptions", "no content"]);
    let page = fs::read_to_string(page).expect("the page");
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    for part in ["<svg", "attuned", "Coverage against accuracy", "Calibration of liking", "told: disliked"] {
        assert!(page.contains(part), "the page lacks {part}");
    }
    for outside in ["http:", "https:", "<script", "<link", "NaN"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
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
    wrong(
        folder.path(),
        &["--split", "tomorrow"],
        2,
        "expected given, leave-last-out, global-time, random, cold-items, cold-users:EVENTS or prequential",
    );
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
