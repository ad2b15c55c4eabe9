//! What the end-to-end tests and the benchmark stand on: a real broker, the real program, and
//! clients that speak to it in wire bytes.
//!
//! Knows nothing of the program's types: documents are raw JSON here, so that a change of what
//! devices see breaks a test. Waiting is for a condition with a deadline, never for a time.

pub mod broker;
pub mod daemon;
pub mod device;
pub mod dice;
pub mod http;
pub mod media;
pub mod process;
pub mod tools;
pub mod wait;
