//! Which crate may know which: read from the manifests.

use std::collections::{BTreeMap, BTreeSet};

use attuned_tests::tools::tree;

/// A package's own name and what it depends on; dependencies of its tests apart.
struct Package {
    dependencies: BTreeSet<String>,
    test_dependencies: BTreeSet<String>,
}

fn manifest(path: &str) -> toml::Table {
    let file = tree().join(path).join("Cargo.toml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn names(manifest: &toml::Table, parts: &[&str]) -> BTreeSet<String> {
    let mut tables = vec![manifest];
    // `[target.'cfg(…)'.dependencies]` counts like any other.
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    tables.extend(targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table)));
    let dependencies =
        tables.iter().flat_map(|table| parts.iter().filter_map(|part| table.get(*part)?.as_table()));
    let name = |(name, value): (&String, &toml::Value)| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
    };
    dependencies.flat_map(|table| table.iter().map(name)).collect()
}

/// All members of the workspace, by their folders, and the plugins that ship.
fn packages() -> BTreeMap<String, Package> {
    let members = manifest(".")["workspace"]["members"].as_array().expect("members").clone();
    let mut folders: Vec<String> =
        members.iter().map(|folder| folder.as_str().expect("a folder").to_owned()).collect();
    for entry in std::fs::read_dir(tree().join("plugins")).expect("plugins/") {
        let path = entry.expect("an entry").path();
        if path.join("Cargo.toml").is_file() {
            folders.push(format!("plugins/{}", path.file_name().expect("a name").to_string_lossy()));
        }
    }
    let package = |folder: String| {
        let manifest = manifest(&folder);
        let dependencies = names(&manifest, &["dependencies", "build-dependencies"]);
        let test_dependencies = names(&manifest, &["dev-dependencies"]);
        (folder, Package { dependencies, test_dependencies })
    };
    folders.into_iter().map(package).collect()
}

fn ours(package: &Package) -> Vec<&str> {
    package.dependencies.iter().map(String::as_str).filter(|name| name.starts_with("attuned")).collect()
}

#[test]
fn arrows_between_our_crates_point_one_way() {
    for (folder, package) in packages() {
        let expected: &[&str] = match folder.as_str() {
            "daemon/recommender" | "daemon/encoders/kernels" | "daemon/plugin-host/compiled" | "sdk" => &[],
            "daemon/encoders" => &["attuned-kernels", "attuned-recommender"],
            "daemon/plugin-host" => &["attuned-compiled", "attuned-recommender"],
            "daemon/attuned" => &["attuned-encoders", "attuned-plugin-host", "attuned-recommender"],
            // They speak wire bytes and know none of our types.
            "tests" => &[],
            plugin if plugin.starts_with("plugins/") => &["attuned-plugin"],
            other => panic!("{other} is new: say here what it may depend on"),
        };
        assert_eq!(ours(&package), expected, "{folder}");
        if folder == "tests" {
            assert!(!package.test_dependencies.iter().any(|name| name.starts_with("attuned")), "{folder}");
        }
    }
}

#[test]
fn the_recommender_is_pure() {
    let packages = packages();
    let recommender = &packages["daemon/recommender"].dependencies;
    let foreign = [
        "tokio",
        "tract",
        "wasmtime",
        "sled",
        "rumqttc",
        "serde",
        "rand",
        "fastrand",
        "getrandom",
        "jiff",
        "chrono",
    ];
    for name in recommender {
        assert!(
            !foreign.iter().any(|foreign| name.starts_with(foreign)),
            "daemon/recommender depends on {name}"
        );
    }
}

#[test]
fn each_large_library_is_known_to_one_folder() {
    let owners = [
        ("tract", "daemon/encoders"),
        ("image", "daemon/encoders"),
        ("fast_image_resize", "daemon/encoders"),
        ("symphonia", "daemon/encoders"),
        ("tokenizers", "daemon/encoders"),
        ("wasmtime", "daemon/plugin-host"),
        ("sled", "daemon/attuned"),
        ("rumqttd", "daemon/attuned"),
        ("axum", "daemon/attuned"),
        ("wit-bindgen", "sdk"),
    ];
    let packages = packages();
    for (library, owner) in owners {
        let found = |names: &BTreeSet<String>| {
            names.iter().any(|name| name == library || name.starts_with(&format!("{library}-")))
        };
        let users: Vec<&str> = packages
            .iter()
            .filter(|(_, package)| found(&package.dependencies) || found(&package.test_dependencies))
            .map(|(folder, _)| folder.as_str())
            .collect();
        assert!(users.contains(&owner), "{library}: {users:?}");
        assert!(users.iter().all(|user| user.starts_with(owner)), "{library}: {users:?}");
    }
}

#[test]
fn the_clock_and_chance_come_into_the_recommender_as_arguments() {
    let forbidden = ["Instant::now", "SystemTime::now", "thread_rng", "rand::", "RandomState"];
    let mut folders = vec![tree().join("daemon/recommender/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            for word in forbidden {
                assert!(!text.contains(word), "{} has {word}", path.display());
            }
        }
    }
}
