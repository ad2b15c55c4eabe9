//! What guests must not do, one case a fault, each under both engines.

use std::time::{Duration, Instant};

use attuned_plugin_host::{Cause, Engine, Grants, PluginState, limits};

use crate::house::{HOSTILE_MANIFEST, House, hostile, limited, print, told};

/// Runs the hostile guest on five candidates in both engines. After a fault it must answer the next
/// request as if nothing had happened, which a poisoned instance could not.
fn check(what: &str, expected: &str) {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile(what).expect("a package in order");
        assert_eq!(print(&house.rank(5)), expected, "`{what}` under {engine}");
        house.hostile("behave").expect("a package in order");
        assert_eq!(print(&house.rank(5)), "0 +0.250 (It behaved)", "after `{what}` under {engine}");
    }
}

#[test]
fn fuel_ends_an_endless_loop() {
    // Under the interpreter the same fuel lasts longer than the deadline, so this guest gets less.
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let manifest = limited("fuel = 50_000\nfuel-per-candidate = 2_000\nwall-ms = 50\n");
        let consent = told("loop", Grants::ALL);
        house.load(&manifest, &hostile(), &consent).expect("a package in order");
        assert_eq!(print(&house.rank(5)), "fuel: used up its fuel of 60000", "{engine}");
        assert_eq!(house.host.plugins()[0].counters.fuel_used, 60_000, "{engine}");
    }
}

#[test]
fn the_deadline_ends_what_uses_no_fuel() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let manifest = limited("fuel = 10_000_000\nfuel-per-candidate = 100_000\n");
        let consent = told("loop slowly", Grants::ALL);
        house.load(&manifest, &hostile(), &consent).expect("a package in order");
        let start = Instant::now();
        let outcome = house.rank(limits::CANDIDATES_MAX);
        assert_eq!(print(&outcome), "deadline: passed its time limit of 10.0 ms", "{engine}");
        // The machine may be busy; a guest that nobody stops would take minutes.
        assert!(start.elapsed() < Duration::from_secs(2), "{:?} under {engine}", start.elapsed());
    }
}

#[test]
fn the_memory_limit_ends_a_hoard() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let manifest = limited("memory-mib = 4\nwall-ms = 50\nfuel = 10_000_000\n");
        let consent = told("eat memory", Grants::ALL);
        house.load(&manifest, &hostile(), &consent).expect("a package in order");
        let outcome = house.rank(5);
        assert_eq!(outcome.degraded[0].cause, Cause::Memory, "{} under {engine}", print(&outcome));
        assert!(outcome.degraded[0].message.starts_with("wanted more than its 4 MiB of memory"));
    }
}

#[test]
fn a_panic_costs_only_its_own_answer_and_is_told() {
    check(
        "panic",
        "trap: stopped: wasm `unreachable` instruction executed, after it had said: \
         panicked at src/lib.rs:36:24: the rule is out of luck",
    );
}

#[test]
fn the_stack_limit_ends_a_deep_recursion() {
    check("recurse", "trap: passed its stack limit of 512 KiB");
}

#[test]
fn an_instance_is_replaced_after_every_trap() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("recurse on odd requests").expect("a package in order");
        for seed in [1, 2, 3, 4, 6] {
            let got = print(&house.rank_seeded(3, seed));
            let expected = if seed % 2 == 1 { "trap: passed its stack limit of 512 KiB" } else { "0 +0.250" };
            assert_eq!(got, expected, "request {seed} under {engine}");
        }
        assert_eq!(house.host.plugins()[0].counters.failures, 2);
        assert_eq!(house.host.plugins()[0].state, PluginState::Ready);
    }
}

#[test]
fn the_hostcall_limit_ends_what_hands_over_too_much() {
    let expected = "broke_contract: handed over more than 1024 KiB in one call";
    check("fail hugely", expected);
    check("answer hugely", expected);
    check("log hugely", expected);
}

#[test]
fn a_text_of_failure_is_cut() {
    check("fail at length", &format!("failed: {}", "é".repeat(limits::ERROR_TEXT_BYTES / 2)));
}

#[test]
fn a_flood_of_lines_is_rationed() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("flood the log").expect("a package in order");
        assert_eq!(print(&house.rank(5)), "");
        let summary = house.host.plugins().remove(0);
        let log = house.host.log(&summary.id);
        assert_eq!(log.len(), limits::LOG_LINES_PER_CALL);
        assert!(log[19].text.starts_with("19 x") && log[19].text.len() == limits::LOG_LINE_BYTES);
        assert_eq!(summary.counters.dropped_log_lines, 80);
    }
}

#[test]
fn a_check_that_never_ends_or_refuses_keeps_the_plugin_out() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let refusal = |house: &mut House, what: &str| house.hostile(what).expect_err("refused").to_string();
        let looping = refusal(&mut house, "loop in check");
        assert!(
            // The interpreter is slower, so that time may be over first.
            looping == "plugin `org.example.hostile`: check: used up its fuel of 10000000"
                || looping == "plugin `org.example.hostile`: check: passed its time limit of 50.0 ms",
            "{looping}"
        );
        assert_eq!(
            refusal(&mut house, "refuse its setting"),
            "plugin `org.example.hostile`: check: setting `do` is invalid"
        );
        assert_eq!(house.host.plugins(), []);
    }
}

#[test]
fn all_plugins_together_have_a_limit() {
    const SLOW: usize = 6;
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        let slow = limited("wall-ms = 50\nfuel = 10_000_000\nfuel-per-candidate = 100_000\n");
        let consent = told("loop slowly", Grants::ALL);
        // On a machine that lacks time a clock tick may come early, and leave a rest to the next.
        for n in 0..SLOW {
            let slow = slow.replace("org.example.hostile", &format!("org.example.slow{n}"));
            house.load(&slow, &hostile(), &consent).expect("a package in order");
        }
        let next = HOSTILE_MANIFEST.replace("org.example.hostile", "org.example.next");
        house.load(&next, &hostile(), &told("behave", Grants::ALL)).expect("in order");
        let causes: Vec<Cause> =
            house.rank(limits::CANDIDATES_MAX).degraded.into_iter().map(|degraded| degraded.cause).collect();
        assert_eq!(causes.len(), SLOW + 1, "{engine}: {causes:?}");
        assert_eq!(causes[0], Cause::Deadline, "{engine}");
        assert_eq!(causes[SLOW], Cause::ChainBudget, "{engine}");
        let next = house.host.plugins().remove(SLOW);
        assert_eq!((next.state, next.counters.failures), (PluginState::Ready, 0));
    }
}

#[test]
fn a_plugin_that_keeps_failing_is_left_out_and_tried_again() {
    for engine in Engine::ALL {
        let mut house = House::new(engine);
        house.hostile("panic").expect("a package in order");
        for _ in 0..3 {
            assert_eq!(house.rank(5).degraded[0].cause, Cause::Trap);
        }
        let outcome = house.rank(5);
        assert_eq!(outcome.degraded[0].cause, Cause::CircuitOpen, "{engine}");
        assert!(outcome.degraded[0].message.starts_with("is left out for a while"), "{}", print(&outcome));
        house.later(30);
        assert_eq!(house.rank(5).degraded[0].cause, Cause::Trap);
        house.later(59);
        assert_eq!(house.rank(5).degraded[0].cause, Cause::CircuitOpen);
        let counters = house.host.plugins().remove(0).counters;
        assert_eq!((counters.calls, counters.failures, counters.left_out), (4, 4, 2));
    }
}
