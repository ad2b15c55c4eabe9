//! One running daemon for all tests that do not need one of their own: starting one and loading its
//! models costs seconds and memory.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use attuned_tests::broker::Broker;
use attuned_tests::daemon::{Daemon, Home, Setup};
use attuned_tests::device::{Device, Version};
use attuned_tests::{media, tools};
use serde_json::{Value, json};

use crate::catalogue;

mod additivity;
mod commands;
mod comments;
mod errors;
mod lists;
mod media_in;
mod queries;
mod skips;

/// A broker, and a daemon with the plugin that ships and the demo's pictures and sounds.
pub struct House {
    /// First, so that it ends first.
    _daemon: Daemon,
    pub home: Arc<Home>,
    pub broker: Broker,
}

impl House {
    /// The running one, or else a new one; `None`, after the reason was printed, without a broker.
    pub fn enter() -> Option<Arc<House>> {
        static RUNNING: Mutex<Weak<House>> = Mutex::new(Weak::new());
        let mosquitto = tools::mosquitto()?;
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(house) = running.upgrade() {
            return Some(house);
        }
        let house = Arc::new(House::start(Broker::start(&mosquitto)));
        *running = Arc::downgrade(&house);
        Some(house)
    }

    /// One that no other test enters, for what looks at people who do nothing: items and likes of
    /// other tests move their lists.
    pub fn alone() -> Option<House> {
        tools::mosquitto().map(|mosquitto| House::start(Broker::start(&mosquitto)))
    }

    fn start(broker: Broker) -> House {
        let folders = format!("[media]\nfolders = [{:?}]", media::folder());
        let home = Home::new(broker.port(), &Setup { more: folders, ..Setup::with_family_night() });
        let daemon = home.start();
        House { _daemon: daemon, home, broker }
    }

    /// A device that speaks to its broker.
    pub fn device(&self, version: Version) -> Device {
        Device::connect(self.broker.port(), version)
    }

    /// Puts the sixty texts as items of `kind`, and waits until they are understood.
    pub fn put_catalogue(&self, kind: &str) {
        for item in catalogue::items(kind) {
            self.home.put(&item);
        }
        self.wait_until_understood();
    }

    /// Waits until every item is understood, those of other tests included.
    pub fn wait_until_understood(&self) {
        self.home.wait_until_understood(0);
    }

    /// Items of a list of all of `kind`, for nobody.
    pub fn ids_of(&self, kind: &str) -> Vec<String> {
        ids(&self.home.recommend(&json!({"kinds": [kind], "n": 100, "explain": false})))
    }
}

/// The items of an answer, in order.
pub fn ids(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().expect("items");
    items.iter().map(|item| item["item"].as_str().expect("an id").to_owned()).collect()
}
