//! The daemon: what it is told over MQTT and HTTP, what it keeps, and what it answers.
//!
//! `pipeline` knows the order in which things happen; the other modules each own one edge and know
//! nothing of each other.

pub mod app;
pub mod broker;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod document;
pub mod evaluate;
pub mod http;
pub mod mqtt;
pub mod pipeline;
pub mod plugins;
pub mod quality;
pub mod service;
pub mod store;
pub mod topic;
