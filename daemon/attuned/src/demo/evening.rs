//! The catalogue and the script of the evening.

use std::path::Path;

use serde_json::{Value, json};

use super::device::Device;
use crate::app::AppError;

/// One of the two acts of the evening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// What shapes the three tastes.
    Evening,
    /// What changes one of them.
    Skips,
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Act::Evening => "evening",
            Act::Skips => "skips",
        }
    }
}

/// One person of the household.
pub(super) struct Person {
    pub id: &'static str,
    pub about: &'static str,
    /// Most years of age that a list for them may ask for.
    age: Option<u32>,
}

impl Person {
    /// A request for a list of `n` items.
    pub(super) fn request(&self, n: u32) -> Value {
        let mut request = json!({"request_id": format!("demo-{}", self.id), "users": [self.id], "n": n, "explain": true,
            "context": {"device-class": "tv"}});
        if let Some(age) = self.age {
            request["filter"] = json!({"max_age_rating": age});
        }
        request
    }
}

pub(super) struct Evening {
    pub items: Vec<Value>,
    pub people: [Person; 3],
    script: Vec<Value>,
}

impl Evening {
    pub(super) fn read(folder: &Path) -> Result<Evening, AppError> {
        let items = lines(&folder.join("catalogue.jsonl"))?;
        let script = lines(&folder.join("evening.jsonl"))?;
        let people = [
            Person {
                id: "anna",
                about: "She watched a NASA film to its end and looked at rockets and planets.",
                age: None,
            },
            Person {
                id: "ben",
                about: "He heard jazz, watched a noir, and most of a vampire film.",
                age: None,
            },
            Person {
                id: "mia",
                about: "She is ten and likes animals; the list is held to ages up to 10.",
                age: Some(10),
            },
        ];
        Ok(Evening { items, people, script })
    }

    pub(super) fn media_count(&self, modality: &str) -> usize {
        let media = self.items.iter().filter_map(|item| item["media"].as_array()).flatten();
        media.filter(|media| media["modality"] == modality).count()
    }

    pub(super) fn count(&self, act: Act) -> usize {
        self.script.iter().filter(|line| line["act"] == act.name()).count()
    }

    /// Publishes the events of an act, as if the evening ended now.
    pub(super) async fn play(&self, act: Act, home: &Device) -> Result<(), AppError> {
        let minute = |line: &Value| line["minute"].as_i64().unwrap_or(0);
        let last = self.script.iter().map(minute).max().unwrap_or(0);
        let now = jiff::Timestamp::now();
        for line in self.script.iter().filter(|line| line["act"] == act.name()) {
            let mut event = line["event"].clone();
            let ago = jiff::SignedDuration::from_mins(last - minute(line));
            event["ts"] = json!((now - ago).to_string());
            let user = line["user"].as_str().unwrap_or_default();
            home.publish(&format!("users/{user}/events"), &event, false).await?;
        }
        Ok(())
    }
}

fn lines(file: &Path) -> Result<Vec<Value>, AppError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| AppError::Wrong(format!("{} cannot be read: {error}", file.display())))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| AppError::Wrong(format!("{} line {}: {error}", file.display(), number + 1)))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}
