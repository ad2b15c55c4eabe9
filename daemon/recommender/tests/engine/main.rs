//! The recommender from outside: inputs in, lists out.

mod house;
mod learning;
