//! Metrics and health over HTTP, on an address of their own: two pages, one request a connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::listener::Shared;
use crate::error::{Error, Result, SqlState};

/// The longest request that is read.
const LONGEST: usize = 8 << 10;
/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Requests at a time; one more is closed.
const TOGETHER: usize = 16;
/// How long to wait when the system has no more sockets to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// Listens on `host:port` (58030 when that cannot be).
pub(super) async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::new(SqlState::IO_ERROR, format!("could not listen on {address} for metrics"))
            .with_detail(format!("{error}."))
            .with_hint("Choose another address with --metrics.")
    })
}

/// Answers until `ended`.
pub(super) async fn serve(socket: TcpListener, shared: Arc<Shared>, ended: CancellationToken) {
    let places = Arc::new(Semaphore::new(TOGETHER));
    loop {
        let accepted = tokio::select! {
            biased;
            () = ended.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move {
                        // Whoever takes too long is not waited for.
                        let _ = timeout(PATIENCE, answer(stream, &shared)).await;
                        drop(place);
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection for metrics");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|part| part == b"\r\n\r\n") && request.len() < LONGEST {
        let mut piece = [0u8; 1024];
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            count => request.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = page(&String::from_utf8_lossy(line), shared);
    let head_only = line.starts_with(b"HEAD ");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !head_only {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// The status and the text of what a request's first line asks for.
fn page(line: &str, shared: &Shared) -> (&'static str, String) {
    let mut words = line.split(' ');
    let (verb, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    match (verb, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", shared.metrics.text(&shared.now())),
        ("GET" | "HEAD", "/health") if shared.stopping.is_cancelled() => {
            ("503 Service Unavailable", "stopping\n".to_string())
        }
        ("GET" | "HEAD", "/health") => ("200 OK", "ok\n".to_string()),
        ("GET" | "HEAD", _) => ("404 Not Found", "there are /metrics and /health\n".to_string()),
        _ => ("405 Method Not Allowed", "only GET is answered\n".to_string()),
    }
}
