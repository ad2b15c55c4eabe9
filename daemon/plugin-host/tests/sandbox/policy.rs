//! What the host does with answers, and what it lets a guest see.

use std::fs;
use std::process::Command;

use attuned_plugin_host::{Engine, Grants, limits};

use crate::house::{HOSTILE_MANIFEST, House, hostile, print, told};

/// Runs the hostile guest on five candidates in both engines with these grants.
fn check(what: &str, grants: Grants, expected: &str) {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.load(HOSTILE_MANIFEST, &hostile(), &told(what, grants)).expect("a package in order");
        assert_eq!(print(&house.rank(5)), expected, "`{what}` under {engine}");
    }
}

#[test]
fn verdicts_stay_within_the_grants() {
    check("behave", Grants::ALL, "0 +0.250 (It behaved)");
    check("behave", Grants { max_boost: 0.1, ..Grants::ALL }, "0 +0.100 (It behaved)");
    check("behave", Grants::NONE, "");
    check("boost too much", Grants::ALL, "0 +0.500; 1 -0.500; 2 +0.500; 3 -0.500; 4 +0.500");
    check("pin", Grants::ALL, "2 at 0");
    check("pin", Grants { pin: 0, ..Grants::ALL }, "");
}

#[test]
fn nonsense_is_dropped() {
    check("boost by no number", Grants::ALL, "");
    check("judge unknown positions", Grants::ALL, "0 +0.100");
    check("exclude all", Grants::ALL, "");
    check(
        "judge too often",
        Grants::ALL,
        "broke_contract: gave 6 verdicts on 5 candidates, expected at most one each",
    );
}

#[test]
fn an_order_must_be_one() {
    check("reverse", Grants::ALL, "4 +0.400; 3 +0.200; 1 -0.200; 0 -0.400");
    check("order one twice", Grants::ALL, "broke_contract: ordered position 1 twice, expected each once");
    check(
        "order unknown positions",
        Grants::ALL,
        "broke_contract: ordered position 5, expected positions below 5",
    );
}

#[test]
fn a_guest_sees_only_what_its_manifest_names_and_its_grants_give() {
    let alone = "failed: daypart=Some(\"evening\") room=None subject=None novelty=5 secret=0 \
                 language=[\"en\", \"de\", \"en\", \"de\", \"en\"] studio=[] family=[0, 2, 4] drama=[] \
                 films=[0, 2, 4] music=[] ids=None scores=[0.0, -0.1, -0.2, -0.3, -0.4]";
    check("look around", Grants::NONE, alone);
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("look around").expect("a package in order");
        let seen = print(&house.rank(2));
        assert!(seen.contains("ids=Some([\"item:0\", \"item:1\"])"), "{seen}");
        let subject = |seen: &str| seen.split("subject=Some(\"").nth(1).expect("a subject")[..32].to_owned();
        assert_eq!(subject(&seen), subject(&print(&house.rank(2))));
        assert!(!seen.contains("alice"), "{seen}");
        // Another plugin sees another pseudonym of the same user.
        let other = HOSTILE_MANIFEST.replace("org.example.hostile", "org.example.other");
        house.load(&other, &hostile(), &told("look around", Grants::ALL)).expect("a package in order");
        let degraded = house.rank(2).degraded;
        assert_ne!(subject(&degraded[0].message), subject(&degraded[1].message));
    }
}

#[test]
fn rules_see_at_most_the_limit_of_candidates() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("reverse").expect("a package in order");
        let rows = |house: &mut House, len| {
            house.rank(len).adjustments.iter().map(|adjustment| adjustment.position).max()
        };
        let all = limits::CANDIDATES_MAX;
        assert_eq!(rows(&mut house, all), Some(all - 1));
        assert_eq!(rows(&mut house, all + 500), Some(all - 1));
        assert_eq!(rows(&mut house, 0), None);
    }
}

#[test]
fn later_rules_see_what_earlier_ones_changed() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("behave").expect("a package in order");
        let second = HOSTILE_MANIFEST.replace("org.example.hostile", "org.example.second");
        house.load(&second, &hostile(), &told("look around", Grants::ALL)).expect("a package in order");
        let seen = print(&house.rank(2));
        assert!(seen.ends_with("scores=[0.25, -0.1]"), "{seen}");
    }
}

/// The interpreter's promise to a service that runs under `MemoryDenyWriteExecute=yes`. Other tests
/// of this process use machine code, so it is kept in a process of its own.
#[test]
fn the_interpreter_makes_no_memory_executable() {
    const ALONE: &str = "ATTUNED_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let mut house = House::new(Engine::Pulley);
        house.hostile("behave").expect("a package in order");
        assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)");
        let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
        let executable = maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|p| p.contains('x')));
        let made: Vec<&str> =
            executable.filter(|line| !line.contains(" /") && !line.contains("[v")).collect();
        assert_eq!(made, Vec::<&str>::new());
        return;
    }
    if !cfg!(target_os = "linux") {
        println!("skipped: it reads /proc/self/maps");
        return;
    }
    let me = std::env::current_exe().expect("a path");
    let name = "policy::the_interpreter_makes_no_memory_executable";
    let run = Command::new(me).args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().expect("run");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"));
}
