//! Opens every part in order, wires them, and takes them down in the opposite order. Decides
//! nothing about ranking.

mod open;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::broker::EmbeddedBroker;
use crate::config::{BrokerUrl, Config, MqttConfig};
use crate::document::{RejectionCode, State, StatusDocument};
use crate::http::{HttpSettings, Listeners};
use crate::mqtt::{self, Delivery, Link, Mqtt, MqttSettings, ProtocolVersion};
use crate::pipeline::{Known, Loops, Pipeline, PipelineSettings, run_intake, run_outbox};
use crate::service::Progress;
use crate::store::Store;
use crate::topic::{self, Prefix};

pub(crate) use open::{choose_models, engine_settings, ffmpeg};

/// How often it is looked whether the status has changed.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// Why the daemon does not run. The caller shows the sentence and picks the exit code.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration asks for what cannot be: a person must mend it.
    #[error("{0}")]
    Wrong(String),
    /// A part failed that should not: our own fault, or the machine's.
    #[error("{0}")]
    Failed(String),
}

/// A running daemon.
pub struct App {
    pipeline: Pipeline,
    progress: Progress,
    loops: Loops,
    store: Store,
    http: JoinHandle<()>,
    stop_http: oneshot::Sender<()>,
    page: Option<SocketAddr>,
    mqtt: Mqtt,
    link: watch::Receiver<Link>,
    intake: JoinHandle<()>,
    stop_intake: mpsc::Sender<()>,
    outbox: JoinHandle<()>,
    status: JoinHandle<()>,
    broker: Option<EmbeddedBroker>,
}

impl App {
    /// Opens the store, the models' headers and the plugins, restores what was learnt, and starts
    /// to listen. The broker need not be there yet: see [`App::ready`].
    ///
    /// # Errors
    ///
    /// Nothing runs; see [`AppError`].
    pub async fn start(config: &Config) -> Result<App, AppError> {
        let prefix =
            Prefix::parse(&config.mqtt.prefix).map_err(|error| AppError::Wrong(error.to_string()))?;
        let timezone = match &config.household.timezone {
            Some(name) => {
                jiff::tz::TimeZone::get(name).map_err(|error| AppError::Wrong(error.to_string()))?
            }
            None => jiff::tz::TimeZone::system(),
        };
        let progress = Progress::default();
        let for_thread = (config.clone(), progress.clone());
        let parts = tokio::task::spawn_blocking(move || open::parts(&for_thread.0, for_thread.1))
            .await
            .map_err(|error| AppError::Failed(error.to_string()))??;
        let store = parts.store.clone();
        let settings = PipelineSettings {
            recommend: config.recommend.clone(),
            engine: engine_settings(config),
            tune: config.recommend.tune,
            media_folders: config.media.folders.clone(),
            media_bytes_max: config.media.bytes_max,
            timezone,
            known: Known { language: config.household.language.clone(), children: open::children(config) },
            chain_ms_max: config.plugins.chain_ms_max,
            prefix: prefix.clone(),
        };
        let (pipeline, mut loops) =
            Pipeline::start(settings, parts).map_err(|error| AppError::Failed(error.to_string()))?;
        let listeners = Listeners::bind(HttpSettings {
            socket: Some(config.http.socket.clone()),
            listen: config.http.listen,
            body_bytes_max: config.mqtt.packet_bytes_max as usize,
        });
        let listeners = listeners.await.map_err(|error| AppError::Wrong(error.to_string()))?;
        let page = listeners.tcp_address();
        let (stop_http, http_stopped) = oneshot::channel::<()>();
        let grace = Duration::from_secs(u64::from(config.service.grace_s));
        let http = tokio::spawn(listeners.serve(pipeline.clone(), async { drop(http_stopped.await) }, grace));
        let (broker, settings) = mqtt_settings(&config.mqtt, prefix.clone())?;
        let (mqtt, deliveries, link) =
            mqtt::start(settings).map_err(|error| AppError::Wrong(error.to_string()))?;
        let (stop_intake, stopped) = mpsc::channel(1);
        let intake = tokio::spawn(run_intake(
            pipeline.clone(),
            until(deliveries, stopped),
            progress.register("intake"),
        ));
        let outgoing = loops.take_outgoing();
        let outbox = tokio::spawn(run_outbox(
            pipeline.clone(),
            outgoing,
            mqtt.publisher(),
            progress.register("outbox"),
        ));
        let status = tokio::spawn(publish_status(pipeline.clone(), mqtt.publisher(), link.clone(), prefix));
        Ok(App {
            pipeline,
            progress,
            loops,
            store,
            http,
            stop_http,
            page,
            mqtt,
            link,
            intake,
            stop_intake,
            outbox,
            status,
            broker,
        })
    }

    /// The one way in.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pulses of all loops.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where the page for people is, if `http.listen` is set.
    #[must_use]
    pub fn page(&self) -> Option<SocketAddr> {
        self.page
    }

    /// The embedded broker, if it was asked for.
    #[must_use]
    pub fn broker(&self) -> Option<&EmbeddedBroker> {
        self.broker.as_ref()
    }

    /// Resolves when every subscription is in place, however long the broker takes.
    pub async fn ready(&self) {
        let mut link = self.link.clone();
        let mut told = false;
        loop {
            match &*link.borrow_and_update() {
                Link::Ready => return,
                Link::Down { reason } if !told => {
                    told = true;
                    tracing::warn!(%reason, "the broker does not answer, trying again");
                }
                Link::Down { .. } | Link::Connecting => {}
            }
            if link.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes nothing new, finishes what is in work, writes down what was learnt, and says goodbye.
    /// Work that is not done within `grace` is left: nothing of it was acknowledged.
    pub async fn stop(self, grace: Duration) {
        let App {
            pipeline, loops, store, http, stop_http, mqtt, intake, stop_intake, outbox, status, ..
        } = self;
        let deadline = tokio::time::Instant::now() + grace;
        drop(stop_intake);
        status.abort();
        if tokio::time::timeout_at(deadline, intake).await.is_err() {
            tracing::warn!(?grace, "work in flight was not done in time, the broker keeps it");
        }
        drop(stop_http);
        if tokio::time::timeout_at(deadline, http).await.is_err() {
            tracing::warn!(?grace, "requests over HTTP were not done in time");
        }
        // Answers that are stored but not sent are sent after the next start.
        drained(&store, deadline).await;
        if let Err(rejection) = pipeline.save().await {
            tracing::warn!(reason = %rejection, "what was learnt is not written down, the next start learns it again");
        }
        // The offline status goes out in any case: leave it a second.
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        mqtt.stop(left.max(Duration::from_secs(1))).await;
        outbox.abort();
        drop(pipeline);
        // The outbox task holds the pipeline until its abort has come through.
        drop(outbox.await);
        drop(status.await);
        if tokio::time::timeout(Duration::from_secs(2), loops.ended()).await.is_err() {
            tracing::warn!("the loops of the pipeline did not end in time");
        }
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the store did not close");
        }
    }
}

/// Waits until the outbox is empty.
async fn drained(store: &Store, deadline: tokio::time::Instant) {
    while store.outbox_after(0).next().is_some() {
        if tokio::time::Instant::now() >= deadline {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The deliveries until `stopped` closes.
fn until(
    mut deliveries: mpsc::Receiver<Delivery>,
    mut stopped: mpsc::Receiver<()>,
) -> mpsc::Receiver<Delivery> {
    let (forward, until) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let delivery = tokio::select! {
                biased;
                None = stopped.recv() => return,
                delivery = deliveries.recv() => delivery,
            };
            let Some(delivery) = delivery else { return };
            if forward.send(delivery).await.is_err() {
                return;
            }
        }
    });
    until
}

/// Publishes the status whenever the link comes up, and whenever it has changed in more than its
/// counts.
async fn publish_status(
    pipeline: Pipeline,
    publisher: mqtt::Publisher,
    mut link: watch::Receiver<Link>,
    prefix: Prefix,
) {
    let mut published: Option<StatusDocument> = None;
    let mut ticks = tokio::time::interval(STATUS_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = link.changed() => match changed {
                Ok(()) => published = None,
                Err(_) => return,
            },
        }
        if *link.borrow_and_update() != Link::Ready {
            continue;
        }
        let status = match pipeline.status().await {
            Ok(status) => status,
            Err(rejection) if rejection.code == RejectionCode::Unavailable => return,
            Err(rejection) => {
                tracing::warn!(reason = %rejection, "no status");
                continue;
            }
        };
        let essence = |status: &StatusDocument| {
            (status.state, status.plugins.clone(), status.degraded.clone(), status.switch.clone())
        };
        if published.as_ref().map(essence) == Some(essence(&status)) {
            continue;
        }
        if status.state == State::Degraded {
            tracing::warn!(degraded = ?status.degraded, "something is left out");
        }
        let Ok(payload) = serde_json::to_vec(&status) else { continue };
        let message = mqtt::Outgoing {
            topic: topic::status(&prefix),
            payload: payload.into(),
            retain: true,
            correlation: None,
            expires_at: None,
        };
        if let Err(error) = publisher.publish(message).await {
            tracing::warn!(%error, "status not published");
            continue;
        }
        published = Some(status);
    }
}

fn mqtt_settings(
    config: &MqttConfig,
    prefix: Prefix,
) -> Result<(Option<EmbeddedBroker>, MqttSettings), AppError> {
    let version = if config.version == 3 { ProtocolVersion::V3 } else { ProtocolVersion::V5 };
    let (broker, mut settings) = match &config.url {
        BrokerUrl::Embedded => {
            let broker = EmbeddedBroker::start(version, config.embedded_port, config.packet_bytes_max)
                .map_err(|error| AppError::Wrong(error.to_string()))?;
            let settings = MqttSettings::new("127.0.0.1", broker.port(), prefix);
            (Some(broker), settings)
        }
        BrokerUrl::Remote(endpoint) => {
            let mut settings = MqttSettings::new(endpoint.host.clone(), endpoint.port, prefix);
            settings.user = endpoint.user.clone();
            settings.tls = endpoint.tls.then(|| mqtt::Tls {
                ca_file: config.ca_file.clone(),
                client: config.cert_file.clone().zip(config.key_file.clone()).map(
                    |(certificate_file, key_file)| mqtt::ClientCertificate { certificate_file, key_file },
                ),
            });
            (None, settings)
        }
    };
    if let Some(file) = &config.password_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| AppError::Wrong(format!("mqtt.password_file {}: {error}", file.display())))?;
        settings.password = text.lines().next().map(str::to_owned);
    }
    settings.client_id = config.client_id.clone();
    settings.version = version;
    settings.packet_bytes_max = config.packet_bytes_max;
    settings.session_expiry = Duration::from_secs(u64::from(config.session_expiry_s));
    settings.inbound_queue_max = config.inbound_queue_max;
    Ok((broker, settings))
}
