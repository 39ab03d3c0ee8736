//! The page of a local ensemble: a folder of files, or a plain list of the servers.
//!
//! Not here yet: the live stream of events.

use std::fmt::Write;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use zablab_core::config::HostPort;

use super::ask;

/// What is shown.
#[derive(Clone, Debug)]
pub enum Page {
    /// The files of this folder.
    Folder(PathBuf),
    /// A list of the servers.
    Servers,
}

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

/// Serves the page until the process ends.
pub async fn serve(listener: TcpListener, page: Page, servers: Arc<Vec<ServerLink>>) {
    let router = match page {
        Page::Folder(folder) => Router::new()
            .fallback(get(move |uri: Uri| async move { file(&folder, uri.path()).await })),
        Page::Servers => {
            Router::new().route("/", get(move || async move { Html(server_list(&servers).await) }))
        }
    };
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("the page is gone: {error}");
    }
}

async fn file(folder: &Path, url_path: &str) -> Response {
    let Some(path) = local_path(folder, url_path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(&path).await {
        Ok(bytes) => ([(CONTENT_TYPE, content_type(&path))], Body::from(bytes)).into_response(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            StatusCode::NOT_FOUND.into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The file that a path of a URL means; `None` for what could lead out of the folder.
fn local_path(folder: &Path, url_path: &str) -> Option<PathBuf> {
    let relative = Path::new(url_path.trim_start_matches('/'));
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || url_path.contains('%') {
        return None;
    }
    let path = folder.join(relative);
    Some(if url_path.ends_with('/') { path.join("index.html") } else { path })
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_leads_out_of_the_folder() {
        let folder = Path::new("/page");
        let path = |url| local_path(folder, url);
        assert_eq!(path("/"), Some("/page/index.html".into()));
        assert_eq!(path("/a/b.js"), Some("/page/a/b.js".into()));
        assert_eq!(path("//etc/passwd"), Some("/page/etc/passwd".into()));
        for url in ["/../secret", "/a/../../secret", "/%2e%2e/secret"] {
            assert_eq!(path(url), None, "{url}");
        }
    }
}
