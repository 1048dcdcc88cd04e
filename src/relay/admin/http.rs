//! Numbers and health over HTTP, for Prometheus and load balancers: `/metrics` (OpenMetrics), `/healthz` (the process
//! serves), `/readyz` (mail is accepted; 503 and the reason where it is not).
//!
//! It is for addresses that only they can reach: nobody is asked who they are.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Relay;

/// Connections at once: more wait until one has ended.
const MOST: usize = 16;
/// How long a client may take to ask, and how long the whole exchange may take.
const ASKING: Duration = Duration::from_secs(5);
const ALL: Duration = Duration::from_secs(30);
/// Octets of a request's head, at most.
const HEAD: usize = 8 << 10;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, relay: Arc<dyn Relay>) {
    let free = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is free, say: the next try comes when there may be one.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let relay = Arc::clone(&relay);
        tokio::spawn(async move {
            // A client that is too slow, or gone, is told by the connection's end.
            let _ = tokio::time::timeout(ALL, converse(stream, relay)).await;
            drop(permit);
        });
    }
}

async fn converse(stream: TcpStream, relay: Arc<dyn Relay>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let relay = Arc::clone(&relay);
        async move { Ok::<_, Infallible>(answer(request.method(), request.uri().path(), relay).await) }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(ASKING).max_buf_size(HEAD);
    http.serve_connection(TokioIo::new(stream), service).await
}

async fn answer(method: &Method, path: &str, relay: Arc<dyn Relay>) -> Response<Full<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "ask with GET\n".into());
    }
    match path {
        "/metrics" => {
            // Counting a long queue takes a while that other tasks need not wait for.
            match tokio::task::spawn_blocking(move || relay.metrics()).await {
                Ok(text) => page(StatusCode::OK, OPEN_METRICS, text),
                Err(_) => page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "no numbers\n".into()),
            }
        }
        "/healthz" => page(StatusCode::OK, TEXT, "good\n".into()),
        "/readyz" => match relay.ready() {
            Ok(()) => page(StatusCode::OK, TEXT, "ready\n".into()),
            Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
        },
        _ => page(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /healthz and /readyz\n".into()),
    }
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
