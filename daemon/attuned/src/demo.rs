//! The demo: a broker, a small real catalogue, three people and an evening, in one process.
//!
//! Everything goes the way it goes in a home: a device publishes items, people's devices publish
//! events and ask for lists, all over MQTT with clients that know nothing of the daemon but its
//! topics. The program under them is the one that `attuned run` runs.

mod device;
mod evening;
mod print;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::{App, AppError};
use crate::broker::EmbeddedBroker;
use crate::config::{BrokerUrl, Config, PluginConsent, shared_folder};
use crate::document::{QueryDocument, SearchDocument};

use device::Device;
use evening::{Act, Evening};

/// How long the daemon may take to understand the whole catalogue.
const UNDERSTAND_WITHIN: Duration = Duration::from_secs(120);

/// What the demo shows to whoever runs it.
pub trait Audience {
    /// One line for people.
    ///
    /// # Errors
    ///
    /// Nobody listens any more: the demo ends.
    fn say(&mut self, line: &str) -> Result<(), AppError>;

    /// One document for machines; people are told in words.
    ///
    /// # Errors
    ///
    /// Nobody listens any more: the demo ends.
    fn show(&mut self, what: &str, document: &Value) -> Result<(), AppError>;

    /// How far long work has come.
    fn progress(&mut self, done: u64, of: u64, what: &str);
}

/// Runs the demo. With `keep`, it goes on until `stop` resolves, with its page and broker open.
///
/// # Errors
///
/// A part could not start, or an answer did not come; the sentence says which.
pub async fn run(
    config: Config,
    keep: bool,
    audience: &mut dyn Audience,
    stop: impl Future<Output = ()>,
) -> Result<(), AppError> {
    let folder = Folder::new()?;
    let config = demo_config(config, &folder)?;
    let started = Instant::now();
    let app = App::start(&config).await?;
    app.ready().await;
    let shown = show(&app, &config, started, audience).await;
    if shown.is_ok() && keep {
        let page = app.page().map_or("no page".to_owned(), |address| format!("http://{address}"));
        let port = app.broker().map_or(0, EmbeddedBroker::port);
        audience.say("")?;
        audience.say(&format!(
            "It goes on until you stop it (Ctrl-C): page {page}, broker mqtt://127.0.0.1:{port} (MQTT 5)"
        ))?;
        stop.await;
    }
    app.stop(Duration::from_secs(5)).await;
    shown
}

async fn show(
    app: &App,
    config: &Config,
    started: Instant,
    audience: &mut dyn Audience,
) -> Result<(), AppError> {
    let port = app
        .broker()
        .map(EmbeddedBroker::port)
        .ok_or_else(|| AppError::Failed("the demo has no broker".to_owned()))?;
    let prefix = &config.mqtt.prefix;
    let evening = Evening::read(&config.media.folders[0])?;
    audience.say(&format!(
        "A broker listens on 127.0.0.1:{port}, the daemon was ready after {:.1} s.",
        started.elapsed().as_secs_f64()
    ))?;

    let library = Device::connect("library", port, prefix).await?;
    for item in &evening.items {
        let id = item["id"].as_str().unwrap_or_default();
        library.publish(&format!("items/{id}"), item, false).await?;
    }
    audience.say(&format!(
        "The library publishes {} items: words, {} pictures, {} sounds. The daemon reads, looks and listens.",
        evening.items.len(),
        evening.media_count("image"),
        evening.media_count("audio"),
    ))?;
    understood(app, evening.items.len() as u64, audience).await?;

    let home = Device::connect("home", port, prefix).await?;
    home.publish("context/daypart", &json!("evening"), true).await?;
    evening.play(Act::Evening, &home).await?;
    audience.say(&format!("Three people spend an evening: {} events.", evening.count(Act::Evening)))?;
    settled(app, evening.count(Act::Evening)).await?;

    let television = Device::connect("television", port, prefix).await?;
    for person in &evening.people {
        let request = person.request(5);
        let answer = television.ask(&request).await?;
        audience.say("")?;
        audience.say(&format!("What next for {}? {}", person.id, person.about))?;
        print::list(audience, &format!("list for {}", person.id), &answer)?;
    }

    let asked = json!({"request_id": "demo-before", "users": ["ben"], "n": 20, "explain": true});
    let before = television.ask(&asked).await?;
    evening.play(Act::Skips, &home).await?;
    settled(app, evening.count(Act::Evening) + evening.count(Act::Skips)).await?;
    let after = television
        .ask(&json!({"request_id": "demo-after", "users": ["ben"], "n": 20, "explain": true}))
        .await?;
    audience.say("")?;
    audience.say("Ben skips three spooky things in a row. What that changed for him:")?;
    print::change(audience, &before, &after)?;

    let group = json!({"request_id": "demo-group", "users": ["anna", "mia"], "n": 3, "kinds": ["film"],
        "filter": {"max_age_rating": 6}, "context": {"device-class": "tv", "occasion": "family"}, "explain": true});
    let answer = television.ask(&group).await?;
    audience.say("")?;
    audience.say("A film for Anna and Mia together, suitable from 6:")?;
    print::list(audience, "list for anna and mia", &answer)?;

    audience.say("")?;
    audience.say("One search across media: a photograph of a cat, no words.")?;
    let picture = std::fs::read(config.media.folders[0].join("media/kitten-with-wool.jpg"))
        .map_err(|error| AppError::Failed(error.to_string()))?;
    let image = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, picture);
    let query = QueryDocument { image: Some(image), ..QueryDocument::default() };
    let search = SearchDocument { query, n: Some(4), ..SearchDocument::default() };
    let found = app.pipeline().search(search).await.map_err(|error| AppError::Failed(error.to_string()))?;
    let found = serde_json::to_value(found).map_err(|error| AppError::Failed(error.to_string()))?;
    print::found(audience, &found)?;
    audience.say("")?;
    audience.say(&format!(
        "Done after {:.1} s; nothing of it left this machine.",
        started.elapsed().as_secs_f64()
    ))
}

/// Waits until every item is stored and understood.
async fn understood(app: &App, items: u64, audience: &mut dyn Audience) -> Result<(), AppError> {
    wait_until(app, UNDERSTAND_WITHIN, |status| {
        let (stored, pending) = (status.items.unwrap_or(0), status.pending.unwrap_or(0));
        audience.progress(stored.saturating_sub(pending), items, "items understood");
        stored >= items && pending == 0
    })
    .await
}

/// Waits until `events` events are stored.
async fn settled(app: &App, events: usize) -> Result<(), AppError> {
    wait_until(app, Duration::from_secs(20), |status| status.events.unwrap_or(0) >= events as u64).await
}

async fn wait_until(
    app: &App,
    within: Duration,
    mut reached: impl FnMut(&crate::document::StatusDocument) -> bool,
) -> Result<(), AppError> {
    let deadline = Instant::now() + within;
    loop {
        let status = app.pipeline().status().await.map_err(|error| AppError::Failed(error.to_string()))?;
        if reached(&status) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(AppError::Failed(format!("the daemon was not done within {within:?}: {status:?}")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The configuration, with a broker of its own, an empty store and the bundled catalogue.
fn demo_config(config: Config, folder: &Folder) -> Result<Config, AppError> {
    let mut config = Config {
        models: config.models,
        plugins: config.plugins,
        household: config.household,
        ..Config::default()
    };
    let catalogue = shared_folder("demo");
    if !catalogue.join("catalogue.jsonl").is_file() {
        return Err(AppError::Wrong(format!("the demo's catalogue is not in {}", catalogue.display())));
    }
    config.mqtt.url = BrokerUrl::Embedded;
    config.mqtt.embedded_port = 0;
    config.mqtt.version = 5;
    config.store.path = folder.0.join("store");
    config.plugins.path = folder.0.join("plugins");
    config.http.socket = folder.0.join("attuned.sock");
    config.http.listen = Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    config.media.folders = vec![catalogue];
    if config.plugins.enabled.is_empty() {
        config.plugins.enabled = vec![PluginConsent {
            id: "org.attuned.family-night".to_owned(),
            max_boost: 0.3,
            max_scale: 2.0,
            exclude: false,
            exclude_most: false,
            pin: 0,
            subject: false,
            item_ids: false,
            shadow: false,
            settings: toml::Table::new(),
        }];
    }
    Ok(config)
}

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, AppError> {
        let path = std::env::temp_dir().join(format!("attuned-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .map_err(|error| AppError::Wrong(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the demo's folder stays");
        }
    }
}
