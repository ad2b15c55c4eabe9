//! Answers: documents, and refusals in the shape that MQTT's errors have.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::document::{Rejection, RejectionCode};

/// What a route answers: a document, or why not. The `topic` of a refusal is the request's path.
pub enum Answer<T> {
    /// It was done, and there is something to say.
    Document(T),
    /// It was done.
    Done,
    /// It was not done.
    Refused {
        /// The path of the request.
        path: String,
        /// Why.
        rejection: Rejection,
    },
}

impl<T> Answer<T> {
    /// The document, or the refusal of what was sent to `path`.
    pub fn of(path: &str, result: Result<T, Rejection>) -> Self {
        match result {
            Ok(document) => Answer::Document(document),
            Err(rejection) => Answer::Refused { path: path.to_owned(), rejection },
        }
    }
}

impl Answer<()> {
    /// Nothing but success, or the refusal of what was sent to `path`.
    pub fn done(path: &str, result: Result<(), Rejection>) -> Self {
        match result {
            Ok(()) => Answer::Done,
            Err(rejection) => Answer::Refused { path: path.to_owned(), rejection },
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self {
            Answer::Document(document) => json(StatusCode::OK, &document),
            Answer::Done => StatusCode::NO_CONTENT.into_response(),
            Answer::Refused { path, rejection } => refused(&path, &rejection),
        }
    }
}

/// The refusal of what was sent to `path`.
pub fn refused(path: &str, rejection: &Rejection) -> Response {
    json(status(rejection.code), &rejection.document(path))
}

/// The refusal of a request that a web page of others sent.
pub fn forbidden(path: &str, message: String) -> Response {
    json(StatusCode::FORBIDDEN, &Rejection::invalid(message).document(path))
}

/// The refusal of a method that the path does not have.
pub fn method_not_allowed(path: &str, method: &str) -> Response {
    let message = format!("`{method}` is not what {path} takes, see the routes in the README");
    json(StatusCode::METHOD_NOT_ALLOWED, &Rejection::invalid(message).document(path))
}

fn status(code: RejectionCode) -> StatusCode {
    match code {
        RejectionCode::Invalid => StatusCode::BAD_REQUEST,
        RejectionCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RejectionCode::NotFound => StatusCode::NOT_FOUND,
        RejectionCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        RejectionCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn json(status: StatusCode, document: &impl Serialize) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    match serde_json::to_vec(document) {
        Ok(body) => (status, [(CONTENT_TYPE, JSON)], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
