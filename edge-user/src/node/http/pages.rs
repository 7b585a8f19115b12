//! The pages of the HTTP service.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;

use super::auth::Secret;
use crate::node::checks::Service;
use crate::node::metrics::Metrics;

/// Prometheus's text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HEALTH: &str = "/health";
const JSON: &str = "application/json";

/// The pages, and the secret that they are protected by.
pub(super) struct Pages {
    pub(super) secret: Option<Secret>,
    /// Whether the health check is protected, too.
    pub(super) protect_health: bool,
    pub(super) metrics: Metrics,
}

/// A page.
type Page = Response<Full<Bytes>>;

impl Pages {
    /// The response. A request's body is not read.
    pub(super) fn respond(&self, request: &Request<Incoming>) -> Page {
        let (path, query) = (request.uri().path(), request.uri().query());
        self.page(request.method(), path, query.unwrap_or_default(), request.headers())
    }

    fn page(&self, method: &Method, path: &str, query: &str, fields: &HeaderMap) -> Page {
        if let Some(secret) = self.secret.as_ref().filter(|_| path != HEALTH || self.protect_health)
            && !fields.get(AUTHORIZATION).is_some_and(|field| secret.admits(field.as_bytes()))
        {
            let challenge = (WWW_AUTHENTICATE, "Basic realm=\"edge\", charset=\"UTF-8\"");
            let code = StatusCode::UNAUTHORIZED;
            return page(code, TEXT, "user and password are needed\n", Some(challenge));
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let code = StatusCode::METHOD_NOT_ALLOWED;
            return page(code, TEXT, "GET and HEAD only\n", Some((ALLOW, "GET, HEAD")));
        }
        match path {
            "/metrics" => match self.metrics.text() {
                Ok(text) => page(StatusCode::OK, METRICS, text, None),
                Err(error) => {
                    page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n"), None)
                }
            },
            "/version" => {
                let version = concat!("edge ", env!("CARGO_PKG_VERSION"), "\n");
                page(StatusCode::OK, TEXT, version, None)
            }
            HEALTH => self.health(query),
            "/points" => self.points(query),
            _ => page(StatusCode::NOT_FOUND, TEXT, "404 page not found\n", None),
        }
    }

    /// All servers, or `top=N` of them.
    fn points(&self, query: &str) -> Page {
        let top = match query.split_once('=') {
            None if query.is_empty() => Some(usize::MAX),
            Some(("top", n)) => n.parse().ok(),
            _ => None,
        };
        let Some(top) = top else {
            return page(StatusCode::BAD_REQUEST, TEXT, "write /points or /points?top=20\n", None);
        };
        match serde_json::to_string(&self.metrics.answer_counts.points(top)) {
            Ok(text) => page(StatusCode::OK, JSON, text + "\n", None),
            Err(error) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n"), None),
        }
    }

    /// Of the whole node, or of one `service`.
    fn health(&self, query: &str) -> Page {
        let service = match query.split_once('=') {
            None if query.is_empty() => Ok(None),
            Some(("service", name)) => name.parse::<Service>().map(Some),
            _ => Err("write /health or /health?service=dns4".to_owned()),
        };
        let service = match service {
            Ok(service) => service,
            Err(text) => return page(StatusCode::BAD_REQUEST, TEXT, text + "\n", None),
        };
        let reasons = self.metrics.health.liveness().problems(service);
        let (code, word) = if reasons.is_empty() {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "unwell")
        };
        page(code, JSON, format!("{}\n", json!({ "status": word, "reasons": reasons })), None)
    }
}

fn page(
    code: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
    field: Option<(HeaderName, &'static str)>,
) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = code;
    let fields = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")];
    for (name, value) in fields.into_iter().chain(field) {
        page.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    page
}
