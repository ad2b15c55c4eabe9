//! Simulates the loop from lists to what people do to lists, over 30 days in a house of 40 people and 960
//! items, and prints what becomes of it: whether what is popular crowds out the rest, providers get their
//! share, and people see all that they are interested in.
//! `cargo run --release -p attuned-recommender --example feedback_loop [DAYS] [SEED]`
//!
//! The last five days of 30, seed 1 (columns as in `simulation::Health`); on the first five, when nothing is
//! known of anybody, `coverage` is .86 to .89 by any policy:
//!
//! | policy | taken | popular | gini | providers | coverage | entropy | of each |
//! |---|---|---|---|---|---|---|---|
//! | as set: a place of ten explored, diversity .3 | .280 | .839 | .806 | .061 | .662 | 2.52 | .97 |
//! | calibrated: also calibration .5 | .279 | .811 | .755 | .054 | .662 | 2.90 | 1.22 |
//! | curious: also two places of ten explored | .292 | .793 | .740 | .068 | .863 | 3.21 | 1.79 |
//! | not explored: diversity .3 alone | .270 | .824 | .803 | .070 | .438 | 2.51 | .49 |
//! | nor diverse | .281 | .834 | .824 | .100 | .406 | 2.43 | .44 |
//! | narrow: nor diverse, and what was taken comes again | .401 | .984 | .969 | .079 | .256 | 1.87 | .01 |
//! | crowd: narrow, and what most take before all else | .159 | .995 | .990 | .152 | .894 | 3.32 | 3.32 |
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

mod simulation;

use simulation::{Health, Policy, Size, WINDOW, simulate};

fn main() {
    let mut asked = std::env::args().skip(1);
    let days = asked.next().and_then(|days| days.parse().ok()).unwrap_or(30);
    let seed = asked.next().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let size = Size { people: 40, items_each: 60, days, places: 10, seed };
    println!(
        "{:<13} {:>6}{}",
        "policy",
        "days",
        Health::COLUMNS.map(|column| format!("{column:>10}")).join("")
    );
    let policies = [
        Policy::engine(),
        Policy::calibrated(),
        Policy::curious(),
        Policy::unexplored(),
        Policy::plain(),
        Policy::narrow(),
        Policy::crowd(),
    ];
    for policy in policies {
        for (window, health) in simulate(&policy, size).into_iter().enumerate() {
            let last = (window + 1) * WINDOW;
            println!(
                "{:<13} {:>6}{}",
                policy.name,
                format!("{}-{last}", last - WINDOW + 1),
                health.figures()
            );
        }
    }
}
