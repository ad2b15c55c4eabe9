//! Which request does what. Bodies are the documents of MQTT; every refusal has the shape of its
//! errors.
//!
//! | request | does |
//! |---|---|
//! | `PUT /v1/items/{id}` | adds or replaces the item of the body |
//! | `DELETE /v1/items/{id}` | removes it |
//! | `PUT /v1/items/{id}/media/{modality}` | takes the body as its picture, sound or film |
//! | `POST /v1/users/{user}/events` | takes one event or an array |
//! | `PUT /v1/context/{key}` | sets a circumstance; an empty body clears it |
//! | `POST /v1/recommend` | answers with a list |
//! | `POST /v1/search` | answers with what matches |
//! | `GET /v1/users/{user}` | answers with what was learnt of the person |
//! | `GET /v1/users/{user}/export` | answers with everything that is stored of the person |
//! | `GET /v1/status` | answers with how the daemon is |
//! | `GET /v1/models` | answers with every model, and the switch under way |
//! | `POST /v1/models/use` | switches to the models that the body names, in the background |
//! | `POST /v1/models/rollback` | goes back to the model that was used before |
//! | `GET /v1/rankers` | answers with the rankers, and what each would have earned |
//! | `POST /v1/rankers/tune` | looks for a better one, in the background |
//! | `POST /v1/rankers/promote` | puts the shadow in use |
//! | `POST /v1/rankers/rollback` | goes back to the one that was used before |
//! | `GET /v1/plugins` | answers with the plugins that run |
//! | `POST /v1/plugins/reload` | loads what was installed or decided since |
//! | `GET /v1/plugins/{id}/log` | answers with what a plugin has said |
//! | `GET /v1/metrics` | answers with counters in the text format of Prometheus |
//! | `GET /` | a page for people |

use std::sync::Arc;
use std::time::Duration;

use attuned_encoders::Purpose;
use attuned_recommender::{IdError, ItemId, Modality, UserId};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::document::{
    self, EventsDocument, EventsTaken, ExportDocument, ItemDocument, ModelsDocument, PluginLogDocument,
    PluginsDocument, RankersDocument, RecommendationDocument, Rejection, RejectionCode,
    ReloadPluginsDocument, RequestDocument, RollbackModelDocument, SearchAnswerDocument, SearchDocument,
    StatusDocument, UseModelsDocument, UserDocument,
};
use crate::http::answer::{self, Answer};
use crate::http::page;
use crate::pipeline::Pipeline;

/// Longest time from a request's head to its answer, the body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Memory for bodies of all requests together, as a multiple of the largest body.
const BODIES_IN_MEMORY_MAX: usize = 4;

/// How much of a body that is too large is read before the connection is closed, as a multiple of
/// the largest body.
const DISCARDED_MAX: usize = 8;

/// Bodies are counted in these steps, so that small ones count too.
const BODY_STEP_BYTES: usize = 4096;

#[derive(Clone)]
struct Shared {
    pipeline: Pipeline,
    limits: Arc<Limits>,
}

struct Limits {
    body_bytes_max: usize,
    /// Steps of [`BODY_STEP_BYTES`] that may be in memory.
    body_steps: Semaphore,
}

/// A request's body, read and within its limit.
#[derive(Clone)]
struct Payload(Bytes);

/// All routes.
pub fn router(pipeline: Pipeline, body_bytes_max: usize) -> Router {
    let steps = (BODIES_IN_MEMORY_MAX * body_bytes_max).div_ceil(BODY_STEP_BYTES);
    let limits = Arc::new(Limits { body_bytes_max, body_steps: Semaphore::new(steps) });
    let shared = Shared { pipeline, limits };
    Router::new()
        .route("/v1/items/{id}", put(put_item).delete(remove_item))
        .route("/v1/items/{id}/media/{modality}", put(put_media))
        .route("/v1/users/{user}", get(show_user))
        .route("/v1/users/{user}/events", post(add_events))
        .route("/v1/users/{user}/export", get(export_user))
        .route("/v1/context/{key}", put(set_context))
        .route("/v1/recommend", post(recommend))
        .route("/v1/search", post(search))
        .route("/v1/status", get(status))
        .route("/v1/models", get(models))
        .route("/v1/models/use", post(use_models))
        .route("/v1/models/rollback", post(roll_back_model))
        .route("/v1/rankers", get(rankers))
        .route("/v1/rankers/tune", post(tune))
        .route("/v1/rankers/promote", post(promote_ranker))
        .route("/v1/rankers/rollback", post(roll_back_ranker))
        .route("/v1/plugins", get(plugins))
        .route("/v1/plugins/reload", post(reload_plugins))
        .route("/v1/plugins/{id}/log", get(plugin_log))
        .route("/v1/metrics", get(metrics))
        .route("/", get(page::show))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(shared.clone(), read_body))
        .with_state(shared)
}

/// Reads the body within the limits of size, memory and time, and answers in time.
async fn read_body(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let limits = Arc::clone(&shared.limits);
    let answered = async {
        let body = std::mem::replace(request.body_mut(), Body::empty());
        let bytes_max = limits.body_bytes_max;
        let expected = body.size_hint().upper().map_or(bytes_max, |bytes| bytes as usize);
        let steps = u32::try_from(expected.min(bytes_max).div_ceil(BODY_STEP_BYTES)).unwrap_or(u32::MAX);
        let _in_memory = limits.body_steps.acquire_many(steps).await.expect("the semaphore is never closed");
        match collect(body, bytes_max).await {
            Ok(body) => request.extensions_mut().insert(Payload(body)),
            Err(rejection) => return answer::refused(&path, &rejection),
        };
        next.run(request).await
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, answered).await {
        Ok(response) => response,
        Err(_) => {
            let seconds = REQUEST_TIMEOUT.as_secs();
            let message =
                format!("{path} was not answered within {seconds} s, expected to be asked again later");
            answer::refused(&path, &Rejection::new(RejectionCode::Unavailable, message))
        }
    }
}

/// Reads a body of at most `bytes_max` bytes. What goes over it is read on and thrown away for a
/// while: a sender that is still writing when the connection closes does not hear the refusal.
async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Rejection> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Rejection::invalid(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= bytes_max {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
        if seen > bytes_max.saturating_mul(DISCARDED_MAX) {
            break;
        }
    }
    if seen > bytes_max {
        return Err(Rejection::too_large(format!("the body is over {bytes_max} bytes, expected less")));
    }
    Ok(kept.into())
}

type WithBody = axum::Extension<Payload>;

async fn put_item(
    State(shared): State<Shared>,
    uri: Uri,
    Path(id): Path<String>,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<()> {
    let done = async {
        let id = item_id(&id)?;
        let item: ItemDocument = document::parse("item", &body)?;
        shared.pipeline.put_item_at(&id, item).await
    };
    Answer::done(uri.path(), done.await)
}

async fn remove_item(State(shared): State<Shared>, uri: Uri, Path(id): Path<String>) -> Answer<()> {
    let done = async { shared.pipeline.remove_item(item_id(&id)?).await };
    Answer::done(uri.path(), done.await)
}

async fn put_media(
    State(shared): State<Shared>,
    uri: Uri,
    Path((id, modality)): Path<(String, String)>,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<()> {
    let done = async {
        let id = item_id(&id)?;
        let modality = match Modality::from_name(&modality) {
            Some(modality) if modality != Modality::Text => modality,
            Some(_) | None => {
                return Err(Rejection::invalid(format!(
                    "modality is `{modality}`, expected image, audio or video"
                )));
            }
        };
        shared.pipeline.put_media(id, modality, body).await
    };
    Answer::done(uri.path(), done.await)
}

async fn add_events(
    State(shared): State<Shared>,
    uri: Uri,
    Path(user): Path<String>,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<EventsTaken> {
    let taken = async {
        let user = user_id(&user)?;
        let taken = shared.pipeline.add_events(user, EventsDocument::read(&body)?).await?;
        match taken.rejected.as_slice() {
            [first, more @ ..] if taken.taken + taken.duplicates == 0 => {
                Err(Rejection::invalid(match more.len() {
                    0 => first.clone(),
                    more => format!("{first} (and {more} more events that cannot be taken)"),
                }))
            }
            _ => Ok(taken),
        }
    };
    Answer::of(uri.path(), taken.await)
}

async fn set_context(
    State(shared): State<Shared>,
    uri: Uri,
    Path(key): Path<String>,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<()> {
    let done = async {
        let value = if body.is_empty() { None } else { Some(document::parse("context", &body)?) };
        shared.pipeline.set_context(key, value).await
    };
    Answer::done(uri.path(), done.await)
}

async fn recommend(
    State(shared): State<Shared>,
    uri: Uri,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<RecommendationDocument> {
    let list = async {
        let request: RequestDocument = document::parse("request", &body)?;
        shared.pipeline.recommend(request).await
    };
    Answer::of(uri.path(), list.await)
}

async fn search(
    State(shared): State<Shared>,
    uri: Uri,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<SearchAnswerDocument> {
    let matches = async {
        let search: SearchDocument = document::parse("search", &body)?;
        shared.pipeline.search(search).await
    };
    Answer::of(uri.path(), matches.await)
}

async fn show_user(State(shared): State<Shared>, uri: Uri, Path(user): Path<String>) -> Answer<UserDocument> {
    let known = async { shared.pipeline.user(user_id(&user)?).await };
    Answer::of(uri.path(), known.await)
}

async fn export_user(
    State(shared): State<Shared>,
    uri: Uri,
    Path(user): Path<String>,
) -> Answer<ExportDocument> {
    let stored = async { shared.pipeline.export(user_id(&user)?).await };
    Answer::of(uri.path(), stored.await)
}

async fn status(State(shared): State<Shared>, uri: Uri) -> Answer<StatusDocument> {
    Answer::of(uri.path(), shared.pipeline.status().await)
}

async fn models(State(shared): State<Shared>, uri: Uri) -> Answer<ModelsDocument> {
    Answer::of(uri.path(), shared.pipeline.models().await)
}

async fn use_models(
    State(shared): State<Shared>,
    uri: Uri,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<ModelsDocument> {
    let switched = async {
        let wanted: UseModelsDocument = document::parse("use-models", &body)?;
        shared.pipeline.use_models(wanted.models).await
    };
    Answer::of(uri.path(), switched.await)
}

async fn roll_back_model(
    State(shared): State<Shared>,
    uri: Uri,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<ModelsDocument> {
    let switched = async {
        let wanted: RollbackModelDocument = document::parse("rollback-model", &body)?;
        let purpose = Purpose::from_name(&wanted.modality).ok_or_else(|| {
            let modality = &wanted.modality;
            Rejection::invalid(format!(
                "modality is `{modality}`, expected text, image, audio, video or fusion"
            ))
        })?;
        shared.pipeline.roll_back_model(purpose).await
    };
    Answer::of(uri.path(), switched.await)
}

async fn rankers(State(shared): State<Shared>, uri: Uri) -> Answer<RankersDocument> {
    Answer::of(uri.path(), shared.pipeline.rankers().await)
}

async fn tune(State(shared): State<Shared>, uri: Uri) -> Answer<RankersDocument> {
    Answer::of(uri.path(), shared.pipeline.tune().await)
}

async fn promote_ranker(State(shared): State<Shared>, uri: Uri) -> Answer<RankersDocument> {
    Answer::of(uri.path(), shared.pipeline.promote_ranker().await)
}

async fn roll_back_ranker(State(shared): State<Shared>, uri: Uri) -> Answer<RankersDocument> {
    Answer::of(uri.path(), shared.pipeline.roll_back_ranker().await)
}

async fn plugins(State(shared): State<Shared>, uri: Uri) -> Answer<PluginsDocument> {
    Answer::of(uri.path(), shared.pipeline.plugins().await)
}

async fn reload_plugins(
    State(shared): State<Shared>,
    uri: Uri,
    axum::Extension(Payload(body)): WithBody,
) -> Answer<PluginsDocument> {
    let loaded = async {
        let wanted: ReloadPluginsDocument = document::parse("reload-plugins", &body)?;
        shared.pipeline.reload_plugins(&wanted.anew).await
    };
    Answer::of(uri.path(), loaded.await)
}

async fn plugin_log(
    State(shared): State<Shared>,
    uri: Uri,
    Path(id): Path<String>,
) -> Answer<PluginLogDocument> {
    Answer::of(uri.path(), shared.pipeline.plugin_log(&id).await)
}

async fn metrics(State(shared): State<Shared>, uri: Uri) -> Response {
    match shared.pipeline.metrics().await {
        Ok(text) => ([(CONTENT_TYPE, document::METRICS_CONTENT_TYPE)], text).into_response(),
        Err(rejection) => answer::refused(uri.path(), &rejection),
    }
}

async fn no_route(uri: Uri) -> Response {
    let message = format!("there is nothing at {}, see the routes in the README", uri.path());
    answer::refused(uri.path(), &Rejection::new(RejectionCode::NotFound, message))
}

async fn no_method(method: Method, uri: Uri) -> Response {
    answer::method_not_allowed(uri.path(), method.as_str()).into_response()
}

fn item_id(text: &str) -> Result<ItemId, Rejection> {
    ItemId::parse(text).map_err(|error| in_path("item", &error))
}

fn user_id(text: &str) -> Result<UserId, Rejection> {
    UserId::parse(text).map_err(|error| in_path("user", &error))
}

fn in_path(what: &str, error: &IdError) -> Rejection {
    Rejection::invalid(format!("{what} in the path: {error}"))
}
