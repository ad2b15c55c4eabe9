//! Plugins that run without effect.

use attuned_plugin_host::{Cause, Consent, Engine, Grants, PluginState, ShadowReport};

use crate::house::{HOSTILE_MANIFEST, House, hostile, limited, print, told};

/// A house where one plugin behaves, and this one after it runs in shadow.
fn house(engine: Engine, what: &str) -> House {
    let mut house = House::new(engine);
    house.hostile("behave").expect("a package in order");
    shadow(&mut house, HOSTILE_MANIFEST, what);
    house
}

fn shadow(house: &mut House, manifest: &str, what: &str) {
    let manifest = manifest.replace("org.example.hostile", "org.example.shadow");
    let consent = Consent { shadow: true, ..told(what, Grants::ALL) };
    house.load(&manifest, &hostile(), &consent).expect("a package in order");
}

fn report(house: &House) -> ShadowReport {
    house.host.plugins().remove(1).shadow.expect("it runs in shadow")
}

#[test]
fn what_is_in_shadow_changes_nothing_and_is_reported() {
    for engine in Engine::ALL {
        let mut house = house(engine, "reverse");
        for request in 1..=3 {
            assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)", "{engine}");
            assert_eq!(report(&house).requests, request - 1, "it waits until the answer is out");
            house.host.rank_in_shadow(false);
            // A second time there is nothing more to see.
            house.host.rank_in_shadow(false);
        }
        let report = report(&house);
        assert_eq!((report.requests, report.skipped, report.changed_lists), (3, 0, 3));
        // It sees 0.25, -0.1, -0.2, -0.3, -0.4 and deals them out the other way round, held to 0.5 each.
        let examples: Vec<String> = report
            .examples
            .iter()
            .rev()
            .take(4)
            .rev()
            .map(|example| format!("{} {}-{}", example.item, example.from, example.to.expect("it stays")))
            .collect();
        assert_eq!(examples, ["item:0 1-4", "item:1 2-5", "item:3 4-2", "item:4 5-1"], "{engine}");
        assert_eq!((report.moved_items, report.moved_places, report.excluded_items), (12, 36, 0));
        assert_eq!(report.mean_places(), 3.0);
        house.rank(5);
        house.host.rank_in_shadow(true);
        assert_eq!(self::report(&house).skipped, 1);
    }
}

#[test]
fn what_is_in_shadow_can_take_nothing_off() {
    for engine in Engine::ALL {
        // With the grant that it has, as the manifest does not ask for more, it may take off most.
        let manifest = HOSTILE_MANIFEST.replace("exclude = true", "exclude = true\nexclude-most = true");
        let mut house = House::new(engine);
        house.hostile("behave").expect("a package in order");
        shadow(&mut house, &manifest, "exclude all");
        assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)", "{engine}");
        house.host.rank_in_shadow(false);
        assert_eq!((report(&house).changed_lists, report(&house).excluded_items), (1, 5));
    }
}

#[test]
fn a_failure_in_shadow_is_counted_and_names_nobody() {
    for engine in Engine::ALL {
        let mut house = house(engine, "panic");
        for _ in 0..4 {
            assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)", "{engine}");
            house.host.rank_in_shadow(false);
        }
        let shadow = house.host.plugins().remove(1);
        assert!(matches!(shadow.state, PluginState::Open { .. }));
        let counters = shadow.counters;
        assert_eq!((counters.calls, counters.failures, counters.openings, counters.left_out), (3, 3, 1, 1));
        assert_eq!(counters.failures_by_cause.into_iter().collect::<Vec<_>>(), [(Cause::Trap, 3)]);
        assert_eq!(report(&house), ShadowReport::default());
    }
}

#[test]
fn a_plugin_in_shadow_has_the_same_limits() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("behave").expect("a package in order");
        shadow(&mut house, &limited("fuel = 50_000\nfuel-per-candidate = 2_000\nwall-ms = 50\n"), "loop");
        assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)");
        house.host.rank_in_shadow(false);
        let counters = house.host.plugins().remove(1).counters;
        assert_eq!(counters.last_failure.as_deref(), Some("used up its fuel of 60000"), "{engine}");
        assert_eq!(counters.fuel_total, 60_000);
    }
}
