//! The sandbox, tried with real components under both engines: every limit, every fault, and the
//! plugins that ship.

mod contract;
mod faults;
mod fixtures;
mod house;
mod packages;
mod policy;
