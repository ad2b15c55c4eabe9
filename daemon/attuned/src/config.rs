//! Configuration: one TOML file, overridden by the environment, checked before anything starts.
//!
//! `config/attuned.toml` is the manual; a test holds it to these fields and defaults.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use attuned_plugin_host::PublicKey;
use attuned_recommender::{EventType, UserId};
use serde::{Deserialize, Serialize};

mod load;
mod plugins;
mod share;
mod url;

pub use load::{ConfigError, SYSTEM_FILE, load};
pub use plugins::{PluginConsent, PluginEngine, PluginsConfig};
pub use share::{search_path, shared_folder};
pub use url::{BrokerUrl, Endpoint, UrlError};

/// Everything that can be set. Each part is handed to the part of the program that it is for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The broker.
    pub mqtt: MqttConfig,
    /// Where everything durable is kept.
    pub store: StoreConfig,
    /// What understands content.
    pub models: ModelsConfig,
    /// Ranking rules of third parties.
    pub plugins: PluginsConfig,
    /// Pictures, sounds and films.
    pub media: MediaConfig,
    /// The local interface of the command line and of the page for people.
    pub http: HttpConfig,
    /// Lists.
    pub recommend: RecommendConfig,
    /// What answers a query.
    pub search: SearchConfig,
    /// The home.
    pub household: HouseholdConfig,
    /// Its people, as far as something is known of them beforehand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub person: Vec<PersonConfig>,
    /// The process.
    pub service: ServiceConfig,
}

/// `[mqtt]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttConfig {
    /// `mqtt://user@host:1883`, `mqtts://host:8883`, or `embedded` for a broker in the process.
    pub url: BrokerUrl,
    /// A file with the password on its first line.
    pub password_file: Option<PathBuf>,
    /// First levels of every topic.
    pub prefix: String,
    /// 5, or 3 for MQTT 3.1.1.
    pub version: u8,
    /// Names the session at the broker, which keeps messages for it.
    pub client_id: String,
    /// Authorities to trust for `mqtts://`, PEM; absent means the system's.
    pub ca_file: Option<PathBuf>,
    /// Own certificate for `mqtts://`, PEM.
    pub cert_file: Option<PathBuf>,
    /// Key of the own certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// Largest packet taken from the broker, bytes.
    pub packet_bytes_max: u32,
    /// How long the broker keeps messages for an absent daemon, seconds (MQTT 5).
    pub session_expiry_s: u32,
    /// Messages taken from the broker and not yet stored.
    pub inbound_queue_max: u16,
    /// Port of the embedded broker on loopback; 0 for a free one.
    pub embedded_port: u16,
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            url: BrokerUrl::local(),
            password_file: None,
            prefix: "attuned/v1".to_owned(),
            version: 5,
            client_id: "attuned".to_owned(),
            ca_file: None,
            cert_file: None,
            key_file: None,
            packet_bytes_max: 16 * 1024 * 1024,
            session_expiry_s: 7 * 86_400,
            inbound_queue_max: 32,
            embedded_port: 1883,
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The folder.
    pub path: PathBuf,
    /// Memory for the store's cache, MiB.
    pub cache_mib: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("/var/lib/attuned/store"), cache_mib: 16 }
    }
}

/// `[models]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The folder that holds one folder a model.
    pub path: PathBuf,
    /// Models to use, as `name` or `name@version`, where nobody chose by `attuned model use`.
    pub prefer: Vec<String>,
    /// What they run on.
    pub runtime: ModelsRuntime,
    /// After how long a model that is not used leaves memory, minutes; 0 means never.
    pub idle_minutes: f32,
    /// Memory for all loaded models together, estimated, MiB; 0 means no bound.
    pub memory_mib: u32,
    /// What is kept of what was understood, so that the same content is not encoded twice, MiB on
    /// disk; 0 means nothing.
    pub cache_mib: u32,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            path: shared_folder("models"),
            prefer: Vec::new(),
            runtime: ModelsRuntime::Cpu,
            idle_minutes: 10.0,
            memory_mib: 400,
            cache_mib: 64,
        }
    }
}

/// What models run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelsRuntime {
    /// The processor.
    Cpu,
    /// A GPU, or the processor if none can be used.
    GpuOrCpu,
}

/// `[media]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Folders that a `path` of an item's media may lie in; none means no paths are taken.
    pub folders: Vec<PathBuf>,
    /// Largest picture, sound or film, bytes.
    pub bytes_max: u64,
    /// Largest picture, pixels.
    pub pixels_max: u64,
    /// How much of a sound is analysed, seconds.
    pub seconds_max: u32,
    /// The program that decodes films: a name that is looked for in `PATH`, a path, or `none`.
    pub ffmpeg: PathBuf,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            bytes_max: 12 * 1024 * 1024,
            pixels_max: 64_000_000,
            seconds_max: 240,
            ffmpeg: PathBuf::from("ffmpeg"),
        }
    }
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// The Unix socket that the command line talks to.
    pub socket: PathBuf,
    /// A TCP address for the page for people; absent means none. There is no password on it.
    pub listen: Option<SocketAddr>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { socket: PathBuf::from("/run/attuned/attuned.sock"), listen: None }
    }
}

/// `[recommend]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecommendConfig {
    /// Items in a list that does not say how many.
    pub n_default: u32,
    /// Most items in a list.
    pub n_max: u32,
    /// How different the items of a list are, from 0 to 1, unless the request says.
    pub diversity: f32,
    /// How that is sought.
    pub diversity_method: DiversityMethod,
    /// How closely a list keeps to the mix of tags that a person likes, from 0 to 1, unless the
    /// request says.
    pub calibration: f32,
    /// Most items of one provider in a list; 0 for any number.
    pub per_provider_max: u32,
    /// Most items of one kind in a list that is not asked for one kind alone; 0 for any number.
    pub per_kind_max: u32,
    /// How often somebody may have played an item that is still shown where seen ones are asked
    /// for; 0 for any number.
    pub plays_max: u32,
    /// The share of a list's places, from 0 to 1, that may go to items of which little is known, where
    /// the request allows it.
    pub explore_share: f32,
    /// What becomes of a ranker that would have served the house better, which is looked for by night.
    pub tune: TuneConfig,
    /// After how long a like or a play counts half, days.
    pub taste_half_life_days: f32,
    /// How much more what was liked in these days counts, as a share of what it counts for long.
    pub mood_share: f32,
    /// After how long that counts half, days.
    pub mood_half_life_days: f32,
    /// By what the strength of types of events is multiplied, from 0 to 4; types that are not named keep
    /// theirs.
    pub event_weights: BTreeMap<String, f32>,
    /// After how long a skip or a dislike counts half, days.
    pub dislike_half_life_days: f32,
}

impl Default for RecommendConfig {
    fn default() -> Self {
        Self {
            n_default: 10,
            n_max: 100,
            diversity: 0.2,
            diversity_method: DiversityMethod::Mmr,
            calibration: 0.0,
            per_provider_max: 0,
            per_kind_max: 0,
            plays_max: 0,
            explore_share: 0.1,
            tune: TuneConfig::Apply,
            taste_half_life_days: 120.0,
            mood_share: 0.0,
            mood_half_life_days: 3.0,
            event_weights: BTreeMap::new(),
            dislike_half_life_days: 45.0,
        }
    }
}

/// What becomes of a better ranker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TuneConfig {
    /// It is put in use; `attuned ranker rollback` goes back.
    Apply,
    /// It is compared with the one in use until a person puts it in use.
    Shadow,
    /// None is looked for by itself.
    Off,
}

/// How the items of a list are kept different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiversityMethod {
    /// By the greatest likeness of an item to one above it.
    Mmr,
    /// By what all items above have of it together.
    Dpp,
}

/// `[[person]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonConfig {
    /// The person's id, as in events and requests.
    pub id: String,
    /// Whether it is a child: nothing is tried out on children.
    #[serde(default)]
    pub child: bool,
}

/// `[search]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Least relevance, from 0 to 1, with which an item is an answer to a query.
    pub relevance_min: f32,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { relevance_min: 0.5 }
    }
}

/// `[household]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HouseholdConfig {
    /// IANA name of the time zone that decides what is evening; absent means the system's.
    pub timezone: Option<String>,
    /// Language of reasons, where a request does not say, and of plugins: en, de, zh.
    pub language: String,
}

impl Default for HouseholdConfig {
    fn default() -> Self {
        Self { timezone: None, language: "en".to_owned() }
    }
}

/// `[service]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// What is logged, as in `info` or `attuned=debug,warn`.
    pub log: String,
    /// How long work in flight may take when the service stops, seconds.
    pub grace_s: u32,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), grace_s: 8 }
    }
}

impl Config {
    /// Checks what a type cannot say. Paths are checked where they are used.
    ///
    /// # Errors
    ///
    /// One sentence naming the key, its value and what was expected: stop and show it.
    pub fn check(&self, file: &Path) -> Result<(), ConfigError> {
        let wrong = |key: &str, value: &dyn std::fmt::Display, expected: &str| {
            Err(ConfigError::Value {
                file: file.to_owned(),
                key: key.to_owned(),
                value: value.to_string(),
                expected: expected.to_owned(),
            })
        };
        if !matches!(self.mqtt.version, 3 | 5) {
            return wrong("mqtt.version", &self.mqtt.version, "5, or 3 for MQTT 3.1.1");
        }
        let prefix = &self.mqtt.prefix;
        if prefix.is_empty()
            || prefix.len() > 128
            || prefix.contains(['+', '#', '\0'])
            || prefix.ends_with('/')
        {
            return wrong("mqtt.prefix", prefix, "1 to 128 characters without +, # or a / at the end");
        }
        if self.mqtt.client_id.is_empty() {
            return wrong("mqtt.client_id", &"", "a name that no other client of the broker has");
        }
        if self.mqtt.inbound_queue_max == 0 {
            return wrong("mqtt.inbound_queue_max", &0, "at least 1");
        }
        if u64::from(self.mqtt.packet_bytes_max) < self.media.bytes_max + 64 * 1024 {
            return wrong(
                "mqtt.packet_bytes_max",
                &self.mqtt.packet_bytes_max,
                "at least media.bytes_max and 65536 for the topic and properties",
            );
        }
        if self.mqtt.cert_file.is_some() != self.mqtt.key_file.is_some() {
            return wrong("mqtt.cert_file", &"alone", "mqtt.cert_file and mqtt.key_file together");
        }
        let idle = self.models.idle_minutes;
        if !(idle.is_finite() && (0.0..=1e6).contains(&idle)) {
            return wrong("models.idle_minutes", &idle, "0 (never) to 1000000");
        }
        let recommend = &self.recommend;
        if recommend.n_max == 0 || recommend.n_max > 1000 {
            return wrong("recommend.n_max", &recommend.n_max, "1 to 1000");
        }
        if recommend.n_default == 0 || recommend.n_default > recommend.n_max {
            return wrong("recommend.n_default", &recommend.n_default, "1 to recommend.n_max");
        }
        for (key, share) in [
            ("recommend.diversity", recommend.diversity),
            ("recommend.calibration", recommend.calibration),
            ("recommend.explore_share", recommend.explore_share),
            ("recommend.mood_share", recommend.mood_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(key, &share, "0 to 1");
            }
        }
        for (key, days) in [
            ("recommend.taste_half_life_days", recommend.taste_half_life_days),
            ("recommend.dislike_half_life_days", recommend.dislike_half_life_days),
            ("recommend.mood_half_life_days", recommend.mood_half_life_days),
        ] {
            if !(days.is_finite() && days > 0.0) {
                return wrong(key, &days, "more than 0");
            }
        }
        for (name, weight) in &recommend.event_weights {
            if EventType::from_name(name).is_none() {
                let names = EventType::ALL.map(EventType::name).join(", ");
                return wrong("recommend.event_weights", name, &format!("one of {names}"));
            }
            if !(0.0..=4.0).contains(weight) {
                return wrong(&format!("recommend.event_weights.{name}"), weight, "0 to 4");
            }
        }
        if !(0.0..=1.0).contains(&self.search.relevance_min) {
            return wrong("search.relevance_min", &self.search.relevance_min, "0 to 1");
        }
        if !(1..=25).contains(&self.plugins.chain_ms_max) {
            return wrong("plugins.chain_ms_max", &self.plugins.chain_ms_max, "1 to 25");
        }
        for key in &self.plugins.trusted_keys {
            if key.parse::<PublicKey>().is_err() {
                return wrong("plugins.trusted_keys", key, "ed25519: and 64 hexadecimal digits");
            }
        }
        for consent in &self.plugins.enabled {
            if !(consent.max_boost.is_finite() && consent.max_boost >= 0.0) {
                return wrong("plugins.enabled.max_boost", &consent.max_boost, "0 or more");
            }
            if !(consent.max_scale.is_finite() && consent.max_scale >= 1.0) {
                return wrong("plugins.enabled.max_scale", &consent.max_scale, "1 or more");
            }
        }
        if let Some(zone) = &self.household.timezone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return wrong("household.timezone", zone, "an IANA name such as Europe/Vienna");
        }
        if !matches!(self.household.language.as_str(), "en" | "de" | "zh") {
            return wrong("household.language", &self.household.language, "en, de or zh");
        }
        for person in &self.person {
            if let Err(error) = UserId::parse(&person.id) {
                return wrong("person.id", &person.id, &format!("an id: {error}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../../config/attuned.toml");

    #[test]
    fn the_manual_shows_the_defaults() {
        let manual: Config = toml::from_str(MANUAL).expect("a configuration");
        let mut defaults = Config::default();
        // Where the program's files lie depends on where the program lies.
        defaults.models.path = "/usr/share/attuned/models".into();
        defaults.plugins.shipped = "/usr/share/attuned/plugins".into();
        assert_eq!(manual, defaults);
    }

    #[test]
    fn the_manual_shows_every_key() {
        let mut config = Config::default();
        config.mqtt.password_file = Some("x".into());
        config.mqtt.ca_file = Some("x".into());
        config.mqtt.cert_file = Some("x".into());
        config.mqtt.key_file = Some("x".into());
        config.http.listen = Some(SocketAddr::from(([127, 0, 0, 1], 1)));
        config.household.timezone = Some("UTC".to_owned());
        let every = toml::Table::try_from(&config).expect("a table");
        for (part, keys) in &every {
            let after = MANUAL.split(&format!("\n[{part}]\n")).nth(1).expect("the part is in the manual");
            let section = after.split("\n[").next().unwrap_or_default();
            for key in keys.as_table().expect("a table").keys() {
                let shown = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
                assert!(section.lines().any(shown), "{part}.{key} is not in config/attuned.toml");
            }
        }
    }

    #[test]
    fn the_manual_s_person_is_one() {
        let lines = MANUAL.lines().skip_while(|line| *line != "# [[person]]");
        let person: Vec<&str> = lines.map_while(|line| line.strip_prefix("# ")).collect();
        let config: Config = toml::from_str(&person.join("\n")).expect("a configuration");
        assert_eq!(config.person, [PersonConfig { id: "ben".to_owned(), child: true }]);
        assert!(config.check(Path::new("x")).is_ok());
    }

    #[test]
    fn a_person_s_id_is_checked() {
        let config: Config = toml::from_str("[[person]]\nid = \"b n\"").expect("a configuration");
        let error = config.check(Path::new("x")).expect_err("refused").to_string();
        assert!(error.contains("person.id"), "{error}");
    }

    #[test]
    fn the_manual_s_plugin_row_is_one() {
        let row = MANUAL.lines().find_map(|line| line.strip_prefix("# enabled = ")).expect("a row");
        let config: Config = toml::from_str(&format!("[plugins]\nenabled = {row}")).expect("a configuration");
        assert_eq!(config.plugins.enabled[0].max_scale, 2.0);
    }
}
