//! The sandbox, tried with real components under both engines: every limit, every fault, and the
//! plugins that ship.

mod adversaries;
mod archives;
mod contract;
mod faults;
mod fixtures;
mod house;
mod installs;
mod packages;
mod policy;
mod reload;
mod shadow;
