//! Keeps web pages of others off the TCP listener.
//!
//! A page that somebody in the house opens can make the browser send requests to any address in
//! the house. Such a request gives itself away by its headers: `Origin` names the foreign page, or
//! `Host` names the foreign site whose name was pointed at this machine (DNS rebinding).

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::http::answer;

/// Endings of names that only a home network gives (RFC 6762, RFC 8375, and what routers use).
const HOME_DOMAINS: [&str; 7] =
    [".local", ".home.arpa", ".lan", ".home", ".internal", ".fritz.box", ".localhost"];

/// Refuses what a foreign page sends, by 403.
pub fn against_foreign_pages(router: Router) -> Router {
    router.layer(middleware::from_fn(async |request: Request, next: Next| -> Response {
        match check(request.headers()) {
            Ok(()) => next.run(request).await,
            Err(message) => answer::forbidden(request.uri().path(), message),
        }
    }))
}

fn check(headers: &HeaderMap) -> Result<(), String> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    if !is_at_home(host) {
        return Err(format!(
            "header `Host: {host}` names no machine of this network, expected an address, or a name \
             without dots or under .local, .lan, .home.arpa, .home, .internal or .fritz.box"
        ));
    }
    match text(ORIGIN) {
        Some(origin) if origin.strip_prefix("http://").or(origin.strip_prefix("https://")) != Some(host) => {
            Err(format!("header `Origin: {origin}` names a foreign page, expected a page of `{host}`"))
        }
        Some(_) | None => Ok(()),
    }
}

fn is_at_home(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => return v6.split_once(']').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok()),
        None => host.split_once(':').map_or(host, |(name, _port)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || (!name.is_empty() && !name.contains('.'))
        || HOME_DOMAINS.iter().any(|domain| name.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: &str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a header"));
        if !origin.is_empty() {
            headers.insert(ORIGIN, origin.parse().expect("a header"));
        }
        assert_eq!(super::check(&headers).is_ok(), expected, "host {host:?}, origin {origin:?}");
    }

    #[test]
    fn names_of_the_house_are_served() {
        for host in ["127.0.0.1:8787", "localhost:8787", "[::1]:8787", "192.168.1.9", "box", "box.local:80"] {
            check(host, "", true);
            check(host, &format!("http://{host}"), true);
        }
    }

    #[test]
    fn foreign_pages_and_rebound_names_are_not() {
        check("127.0.0.1:8787", "http://evil.example", false);
        check("127.0.0.1:8787", "null", false);
        check("127.0.0.1:8787", "http://127.0.0.1:9999", false);
        check("evil.example", "", false);
        check("evil.example:8787", "http://evil.example:8787", false);
        check("local.evil.example", "", false);
        check("", "", false);
        check("[evil.example]", "", false);
    }
}
