//! Loading beside a host that goes on, and components that are compiled once.

use std::fs;
use std::path::Path;

use attuned_plugin_host::{Consent, Engine, Grants, HostSettings, PluginHost};
use attuned_recommender::{PluginId, Timestamp};

use crate::house::{HOSTILE_MANIFEST, House, hostile, package, print, told};

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn id(text: &str) -> PluginId {
    PluginId::parse(text).expect("an id")
}

#[test]
fn a_chain_is_replaced_between_two_requests() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("behave").expect("a package in order");
        assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)");
        let folder = tempfile::tempdir().expect("a folder");
        let other = HOSTILE_MANIFEST.replace("org.example.hostile", "org.example.other");
        let folder = package(folder.path(), &other, &hostile());
        let loader = house.host.loader();
        // On a thread of its own, as the daemon does it.
        let load = std::thread::spawn(move || loader.load(&folder, &told("pin", Grants::ALL), NOW));
        let loaded = load.join().expect("no panic").expect("a package in order");
        assert_eq!(
            print(&house.rank(5)),
            "0 +0.250 (It behaved)",
            "nothing changes before it is put in place"
        );
        house.host.replace(vec![
            (id("org.example.other"), Some(loaded)),
            (id("org.example.hostile"), None),
            (id("org.example.unknown"), None),
        ]);
        assert_eq!(print(&house.rank(5)), "2 at 0; 0 +0.250 (It behaved)");
        let plugins = house.host.plugins();
        // The one that stayed goes on counting.
        assert_eq!(plugins.iter().map(|plugin| plugin.counters.calls).collect::<Vec<_>>(), [1, 3]);
        house.host.replace(Vec::new());
        assert_eq!(print(&house.rank(5)), "");
    }
}

/// A host with a cache in `folder`, and the hostile guest loaded in it.
fn cached(engine: Engine, folder: &Path) -> PluginHost {
    let mut settings = HostSettings::new(engine, [7; 32]);
    settings.cache = Some(folder.join("compiled"));
    let mut host = PluginHost::new(settings).expect("an engine");
    let consent: Consent = told("behave", Grants::ALL);
    host.load(&package(folder, HOSTILE_MANIFEST, &hostile()), &consent, NOW).expect("in order");
    host
}

#[test]
fn a_component_is_compiled_once_and_runs_the_same_from_the_cache() {
    for engine in Engine::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let compiled = || {
            let entries = fs::read_dir(folder.path().join("compiled")).expect("a folder");
            let entries = entries.map(|entry| entry.expect("an entry"));
            let entries = entries.filter(|entry| entry.path().extension().is_some());
            entries
                .map(|entry| (entry.path(), entry.metadata().expect("there").modified().expect("a time")))
                .collect::<Vec<_>>()
        };
        let rank = |host: &mut PluginHost| {
            let (batch, context) = (crate::house::batch(5), crate::house::evening());
            print(&host.rank(&batch.into(), &context.into(), NOW))
        };
        assert_eq!(rank(&mut cached(engine, folder.path())), "0 +0.250 (It behaved)");
        let first = compiled();
        assert_eq!(first.len(), 1);
        assert_eq!(rank(&mut cached(engine, folder.path())), "0 +0.250 (It behaved)");
        assert_eq!(compiled(), first, "it was not compiled again");
        let mut bytes = fs::read(&first[0].0).expect("bytes");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&first[0].0, bytes).expect("written");
        assert_eq!(rank(&mut cached(engine, folder.path())), "0 +0.250 (It behaved)");
        assert_ne!(compiled(), first, "it was compiled again");
    }
}
