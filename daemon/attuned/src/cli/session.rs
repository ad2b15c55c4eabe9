//! What most commands begin with: the configuration, and a daemon to ask.

use bytes::Bytes;
use hyper::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::cli::{Common, Failure};
use crate::client::{Client, Endpoint};
use crate::config::{self, Config};

/// Reads the configuration that `common` names, with the environment over it.
///
/// # Errors
///
/// [`Failure::Input`] with the sentence of what is wrong.
pub fn configuration(common: &Common) -> Result<Config, Failure> {
    // Variables that are not UTF-8 are none of ours: our names and values are.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    config::load(common.config.as_deref(), environment).map_err(|error| Failure::Input(error.to_string()))
}

/// A daemon to ask.
pub struct Session {
    client: Client,
    runtime: Runtime,
}

impl Session {
    /// Prepares to ask the daemon of the configuration that `common` names.
    ///
    /// # Errors
    ///
    /// [`Failure::Input`] if the configuration is wrong.
    pub fn open(common: &Common) -> Result<Session, Failure> {
        let config = configuration(common)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Fault(format!("no event loop: {error}")))?;
        Ok(Session { client: Client::new(Endpoint::Unix(config.http.socket)), runtime })
    }

    /// Sends `body`, a file as it is or JSON that is written already, and gives the answer's bytes.
    ///
    /// # Errors
    ///
    /// The daemon is not there, or refuses: see [`Failure`].
    pub fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Bytes, Failure> {
        Ok(self.runtime.block_on(self.client.send(method, path, body.into()))?)
    }

    /// Sends `document` and gives the document that is answered.
    ///
    /// # Errors
    ///
    /// As for [`Session::send`], and if the answer is not the document that was expected.
    pub fn ask<T: DeserializeOwned>(&self, path: &str, document: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_vec(document)
            .map_err(|error| Failure::Fault(format!("the document cannot be written as JSON: {error}")))?;
        read(path, &self.send(Method::POST, path, body)?)
    }

    /// Gives the document at `path`.
    ///
    /// # Errors
    ///
    /// As for [`Session::ask`].
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(path, &self.send(Method::GET, path, Bytes::new())?)
    }
}

fn read<T: DeserializeOwned>(path: &str, answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| {
        Failure::Fault(format!("the daemon's answer to {path} is not what this version expects: {error}"))
    })
}
