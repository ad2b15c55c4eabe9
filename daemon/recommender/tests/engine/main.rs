//! The recommender from outside: inputs in, lists out.
#![expect(clippy::print_stdout, reason = "a test of how often something holds prints how often it did")]

mod counterfactual;
mod expectations;
mod exploration;
mod feedback_loop;
mod fusion;
mod house;
mod interests;
mod learning;
mod limits;
mod lists;
mod movielens;
mod not_this;
mod properties;
mod queries;
mod shadow;
mod tuning;
mod unlike;
mod variety;
