//! The recommender from outside: inputs in, lists out.

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
mod variety;
