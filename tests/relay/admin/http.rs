//! Numbers and health over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use mailswitch::relay::admin::http::serve;

use super::fake::Fake;

/// Serves a relay until the runtime is dropped.
fn served(relay: Arc<Fake>) -> (tokio::runtime::Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, relay));
    (runtime, address)
}

fn asked(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_and_readiness_are_told_apart() {
    let relay = Arc::new(Fake::default());
    let (_runtime, address) = served(relay.clone());
    assert!(asked(address, "GET /healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(asked(address, "GET /readyz").ends_with("\r\n\r\nready\n"));
    *relay.not_ready.lock().unwrap() = Some("draining".into());
    let answer = asked(address, "GET /readyz");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("not ready: draining\n"), "{answer}");
    assert!(asked(address, "GET /healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(asked(address, "GET /").starts_with("HTTP/1.1 404 "));
    assert!(asked(address, "POST /metrics").starts_with("HTTP/1.1 405 "));
}

#[test]
fn what_was_counted_is_read_as_open_metrics() {
    let relay = Arc::new(Fake::default());
    let metrics = &relay.metrics;
    metrics.accepted.inc();
    metrics.refused(451);
    metrics.refused(550);
    metrics.refused(554);
    metrics.connector("to-unix").delivered.inc_by(3);
    metrics.time_to_250.observe(Duration::from_micros(300));
    metrics.time_to_250.observe(Duration::from_secs(1));
    metrics.spool_batch.count(7);
    metrics.set_queue([("to-unix".into(), 3, 0), ("to-unix".into(), 4, 1), ("b".into(), 0, 5)]);
    let (_runtime, address) = served(relay.clone());
    let answer = asked(address, "GET /metrics");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    for line in [
        "mailswitch_accepted_messages_total 1",
        r#"mailswitch_refused_total{class="4xx"} 1"#,
        r#"mailswitch_refused_total{class="5xx"} 2"#,
        r#"mailswitch_recipients_total{connector="to-unix",outcome="delivered"} 3"#,
        r#"mailswitch_recipients_total{connector="to-unix",outcome="bounced"} 0"#,
        r#"mailswitch_queue_entries{connector="to-unix",state="active"} 7"#,
        r#"mailswitch_queue_entries{connector="b",state="waiting"} 5"#,
        r#"mailswitch_time_to_250_seconds_bucket{le="0.0002"} 0"#,
        r#"mailswitch_time_to_250_seconds_bucket{le="0.0005"} 1"#,
        r#"mailswitch_time_to_250_seconds_bucket{le="+Inf"} 2"#,
        "mailswitch_time_to_250_seconds_sum 1.0003",
        r#"mailswitch_spool_batch_bucket{le="8.0"} 1"#,
        "mailswitch_spool_failed 0",
    ] {
        assert!(answer.contains(&format!("\n{line}\n")), "{line}: {answer}");
    }
    assert!(answer.ends_with("# EOF\n"));
    // What is no longer in the queue is no longer there.
    metrics.set_queue([("b".into(), 0, 2)]);
    let text = metrics.text();
    assert!(
        text.contains(r#"queue_entries{connector="b",state="waiting"} 2"#)
            && !text.contains(r#"entries{connector="to"#)
    );
}
