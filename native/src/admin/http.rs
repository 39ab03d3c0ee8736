//! What a local ensemble shows in a browser: the page, and a plain list of the servers.
//!
//! Not here yet: the live stream of events.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use zablab_core::config::HostPort;

use super::ask;
use super::page::{self, Page};

/// A server of the list.
#[derive(Clone, Debug)]
pub struct ServerLink {
    /// Its number.
    pub id: u16,
    /// Its process.
    pub pid: u32,
    /// Where clients connect.
    pub client: HostPort,
    /// What it prints.
    pub log: PathBuf,
}

/// Serves the page, if there is one, and the list at `/servers`, until the process ends.
pub async fn serve(listener: TcpListener, page: Option<Page>, servers: Arc<Vec<ServerLink>>) {
    let list = get(move || {
        let servers = Arc::clone(&servers);
        async move { Html(server_list(&servers).await) }
    });
    let router = Router::new().route("/servers", list.clone());
    let router = match page {
        Some(page) => router
            .fallback(get(move |uri: Uri| async move { page::answer(&page, uri.path()).await })),
        None => router.route("/", list),
    };
    let router = router.layer(axum::middleware::map_response(page::guard));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("the page is gone: {error}");
    }
}

async fn server_list(servers: &[ServerLink]) -> String {
    let mut rows = String::new();
    for server in servers {
        let mode = ask::mode(&server.client).await.unwrap_or("not serving".into());
        let ServerLink { id, pid, client, log } = server;
        let log = escaped(&log.display().to_string());
        writeln!(
            rows,
            "<tr><td>{id}<td>{mode}<td>{pid}<td><code>{client}</code><td><code>{log}</code>"
        )
        .expect("a String takes any text");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Zablab</title>\n\
         <h1>Zablab</h1>\n<table>\n\
         <tr><th>Server<th>Mode<th>Process<th>Clients connect to<th>Log\n{rows}</table>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
