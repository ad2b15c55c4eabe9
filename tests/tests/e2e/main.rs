//! The whole path: the real program, a real broker, raw JSON.
//!
//! Each test states a fact that somebody outside can see. Tests under `house` share one running
//! daemon and keep out of each other's way by kinds and people of their own; the others start and
//! end daemons of their own. `ATTUNED_TEST_KILLS` sets how often the daemon is killed at random
//! moments (5 unless it says more), `ATTUNED_TEST_LOAD_S` for how many seconds it is asked a thousand
//! times a second while a plugin is upgraded, `ATTUNED_TEST_REQUIRE` makes skipped tests fail.

mod arrows;
mod catalogue;
mod cli;
mod demo;
mod evaluate;
mod house;
mod kill;
mod malformed;
mod models;
mod outages;
mod paho;
mod plugins;
mod rankers;
mod restart;
mod shutdown;
mod upgrades;
