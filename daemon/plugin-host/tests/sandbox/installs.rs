//! What installing, upgrading and going back do to the folder of installed plugins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attuned_plugin_host::{
    Consent, Engine, Grants, Installed, InstalledPlugin, Package, PluginError, limits,
};
use tempfile::TempDir;

use crate::house::{HOSTILE_MANIFEST, House, hostile, package, print};

/// A folder of installed plugins, and one to make packages in.
struct Yard {
    folder: TempDir,
}

impl Yard {
    fn new() -> Yard {
        Yard { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("installed")
    }

    /// The package of the hostile guest with these changes of its manifest.
    fn package(&self, changes: &[(&str, &str)]) -> Package {
        let manifest = changes.iter().fold(HOSTILE_MANIFEST.to_owned(), |manifest, (from, to)| {
            assert!(manifest.contains(from), "{from}");
            manifest.replace(from, to)
        });
        let folder = self.folder.path().join("made");
        fs::create_dir_all(&folder).expect("made");
        Package::read_folder(&package(&folder, &manifest, &hostile())).expect("a package")
    }

    fn install(&self, changes: &[(&str, &str)], given: &Consent) -> Result<InstalledPlugin, PluginError> {
        Installed::install(&self.path(), &self.package(changes), None, given, |_, _| Ok(()))
    }

    /// Every plugin as `id version (version before)`, and which folders there are.
    fn check(&self, plugins: &str, folders: &str) {
        let installed = Installed::read(&self.path()).expect("readable");
        let row = |plugin: &InstalledPlugin| {
            let before = plugin.previous.as_ref().map_or(String::new(), |v| format!(" ({})", v.version));
            format!(
                "{} {}{before}",
                plugin.id.as_str().trim_start_matches("org.example."),
                plugin.current.version
            )
        };
        let rows: Vec<String> = installed.plugins().iter().map(row).collect();
        assert_eq!(rows.join("; "), plugins);
        let mut found: Vec<String> = names(&self.path())
            .into_iter()
            .filter(|name| self.path().join(name).is_dir())
            .flat_map(|id| names(&self.path().join(&id)))
            .map(|name| name.split('-').next().unwrap_or_default().to_owned())
            .collect();
        found.sort();
        assert_eq!(found.join(" "), folders);
        for plugin in installed.plugins() {
            for version in [Some(&plugin.current), plugin.previous.as_ref()].into_iter().flatten() {
                installed.package(&plugin.id, version).expect("whole");
            }
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

const HOSTILE_ID: &str = "org.example.hostile";

fn given(grants: Grants) -> Consent {
    Consent { grants, ..Consent::default() }
}

#[test]
fn the_version_before_is_kept_to_go_back_to() {
    let yard = Yard::new();
    yard.install(&[], &Consent::default()).expect("installed");
    yard.check("hostile 1.0.0", "1.0.0");
    yard.install(&[("1.0.0", "1.1.0")], &Consent::default()).expect("installed");
    yard.check("hostile 1.1.0 (1.0.0)", "1.0.0 1.1.0");
    yard.install(&[("1.0.0", "2.0.0")], &Consent::default()).expect("installed");
    yard.check("hostile 2.0.0 (1.1.0)", "1.1.0 2.0.0");
    // What is installed already changes nothing.
    yard.install(&[("1.0.0", "2.0.0")], &Consent::default()).expect("installed");
    yard.check("hostile 2.0.0 (1.1.0)", "1.1.0 2.0.0");
    Installed::roll_back(&yard.path(), HOSTILE_ID).expect("rolled back");
    yard.check("hostile 1.1.0 (2.0.0)", "1.1.0 2.0.0");
    Installed::roll_back(&yard.path(), HOSTILE_ID).expect("rolled forth");
    yard.check("hostile 2.0.0 (1.1.0)", "1.1.0 2.0.0");
    Installed::remove(&yard.path(), HOSTILE_ID).expect("removed");
    yard.check("", "");
    let error = Installed::roll_back(&yard.path(), HOSTILE_ID).expect_err("gone").to_string();
    assert_eq!(error, "plugin `org.example.hostile`: is not installed, expected nothing, as none is");
}

#[test]
fn an_upgrade_does_not_widen_its_grants() {
    let yard = Yard::new();
    let exclude = Grants { exclude: true, max_boost: 0.2, ..Grants::NONE };
    yard.install(&[("subject = true\nitem-ids = true\n", "")], &given(exclude)).expect("installed");
    let upgraded = yard.install(&[("1.0.0", "1.1.0")], &Consent::default()).expect("installed");
    assert_eq!(upgraded.consent.grants, exclude);
    let asked = yard.package(&[]).asked();
    assert_eq!(asked.beyond(upgraded.consent.grants), ["subject", "item-ids", "pin=1", "max-boost=0.5"]);
    // In the sandbox, the smaller of the two holds.
    let mut house = House::new(Engine::Pulley);
    let installed = Installed::read(&yard.path()).expect("readable");
    let folder = installed.folder(&upgraded.id, &upgraded.current);
    let summary = house.host.load(&folder, &upgraded.consent, house.now).expect("loaded");
    assert_eq!(summary.grants, exclude);
    assert_eq!(print(&house.rank(5)), "0 +0.200 (It behaved)");
    // A person gives more.
    let more = yard.install(&[("1.0.0", "1.1.0")], &given(Grants { pin: 1, ..Grants::NONE })).expect("given");
    assert_eq!(more.consent.grants, Grants { pin: 1, ..exclude });
}

#[test]
fn settings_outlive_an_upgrade_that_still_has_them() {
    let yard = Yard::new();
    let told =
        Consent { settings: BTreeMap::from([("do".to_owned(), "pin".to_owned())]), ..Consent::default() };
    yard.install(&[], &told).expect("installed");
    let upgraded = yard.install(&[("1.0.0", "1.1.0")], &Consent::default()).expect("installed");
    assert_eq!(upgraded.consent, told);
    let renamed = yard.install(&[("settings.do", "settings.what"), ("1.0.0", "1.2.0")], &Consent::default());
    assert_eq!(renamed.expect("installed").consent, Consent::default());
}

#[test]
fn a_failed_check_changes_nothing() {
    let yard = Yard::new();
    yard.install(&[], &Consent::default()).expect("installed");
    let refuse = |folder: &Path, _: &Consent| {
        assert!(folder.join("plugin.toml").exists());
        Err(PluginError::Refused { plugin: "it".to_owned(), reason: "does not fit".to_owned() })
    };
    let newer = yard.package(&[("1.0.0", "1.1.0")]);
    let error =
        Installed::install(&yard.path(), &newer, None, &Consent::default(), refuse).expect_err("refused");
    assert_eq!(error.to_string(), "plugin `it`: does not fit");
    let installed = Installed::read(&yard.path()).expect("readable");
    assert_eq!(installed.plugins()[0].current.version, "1.0.0");
    yard.check("hostile 1.0.0", "1.0.0");
    let other = yard.package(&[(HOSTILE_ID, "org.example.other")]);
    Installed::install(&yard.path(), &other, None, &Consent::default(), refuse).expect_err("refused");
    assert!(!yard.path().join("org.example.other").exists());
}

#[test]
fn a_power_cut_leaves_the_state_before_or_after() {
    let yard = Yard::new();
    yard.install(&[], &Consent::default()).expect("installed");
    // As if the power went while the files of 1.1.0, or the state after it, were written.
    let half = yard.path().join(HOSTILE_ID).join(".new");
    fs::create_dir(&half).expect("made");
    fs::write(half.join("plugin.toml"), "manif").expect("written");
    fs::write(yard.path().join(".state.toml.new"), "state = ").expect("written");
    assert_eq!(Installed::read(&yard.path()).expect("readable").plugins()[0].current.version, "1.0.0");
    yard.install(&[("1.0.0", "1.1.0")], &Consent::default()).expect("installed");
    yard.check("hostile 1.1.0 (1.0.0)", "1.0.0 1.1.0");
}

#[test]
fn files_that_were_changed_after_installing_are_noticed() {
    let yard = Yard::new();
    let plugin = yard.install(&[], &Consent::default()).expect("installed");
    let installed = Installed::read(&yard.path()).expect("readable");
    let manifest = installed.folder(&plugin.id, &plugin.current).join("plugin.toml");
    let text = fs::read_to_string(&manifest).expect("text");
    fs::write(&manifest, text.replace("max-boost = 0.5", "max-boost = 5.0")).expect("written");
    let error = installed.package(&plugin.id, &plugin.current).expect_err("changed").to_string();
    let expected = "its files are not those that were installed, install it again";
    assert_eq!(error, format!("plugin `{HOSTILE_ID}`: {expected}"));
    // Installing again mends it.
    yard.install(&[], &Consent::default()).expect("installed");
    installed.package(&plugin.id, &plugin.current).expect("whole");
}

#[test]
fn the_order_is_a_person_s() {
    let yard = Yard::new();
    for id in ["a", "b", "c"] {
        yard.install(&[(HOSTILE_ID, &format!("org.example.{id}"))], &Consent::default()).expect("installed");
    }
    let first = ["org.example.c".to_owned(), "org.example.a".to_owned()];
    Installed::order(&yard.path(), &first).expect("ordered");
    yard.check("c 1.0.0; a 1.0.0; b 1.0.0", "1.0.0 1.0.0 1.0.0");
    let error =
        Installed::order(&yard.path(), &["org.example.d".to_owned()]).expect_err("unknown").to_string();
    assert!(
        error.ends_with("is not installed, expected org.example.c, org.example.a, org.example.b"),
        "{error}"
    );
}

#[test]
fn plugins_have_a_limit_and_ids_that_are_no_folders_are_refused() {
    let yard = Yard::new();
    for n in 0..limits::INSTALLED_MAX {
        yard.install(&[(HOSTILE_ID, &format!("p{n}"))], &Consent::default()).expect("installed");
    }
    let error = yard.install(&[], &Consent::default()).expect_err("too many").to_string();
    assert!(error.ends_with("64 plugins are installed, expected fewer; remove one"), "{error}");
    for id in ["..", ".lock"] {
        let error =
            yard.install(&[(HOSTILE_ID, id)], &Consent::default()).expect_err("no folder").to_string();
        assert!(error.ends_with("expected one that begins with a letter or digit"), "{error}");
    }
}

#[test]
fn a_damaged_state_is_told_and_not_replaced() {
    let yard = Yard::new();
    yard.install(&[], &Consent::default()).expect("installed");
    fs::write(yard.path().join("state.toml"), "state = 1\nplugin = 7\n").expect("written");
    let error = yard.install(&[("1.0.0", "1.1.0")], &Consent::default()).expect_err("damaged").to_string();
    assert!(error.contains("state.toml invalid type: integer `7`"), "{error}");
    assert_eq!(fs::read_to_string(yard.path().join("state.toml")).expect("text"), "state = 1\nplugin = 7\n");
}
