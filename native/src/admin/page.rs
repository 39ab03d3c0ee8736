//! The page's files over HTTP: from a folder, or from the binary itself.
//!
//! Only what the folder holds, and read only: nothing here knows what the files are for.

use std::borrow::Cow;
use std::io;
use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// What the page may load, as the page says it itself, and who may frame it.
const POLICY: &str = concat!(include_str!("../../../www/csp.txt"), "; frame-ancestors 'self'");
/// Where an installed page is, seen from the folder of the program.
const INSTALLED: &str = "../share/zablab/page";
/// The build names these files after their content.
const NAMED_BY_CONTENT: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Ask whether it is still the same before using it again.
const ASK_AGAIN: &str = "no-cache";

/// Where the files are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Page {
    /// In this folder.
    Folder(PathBuf),
    /// In the binary.
    #[cfg(feature = "page")]
    Embedded,
}

#[cfg(feature = "page")]
static EMBEDDED: include_dir::Dir<'_> =
    include_dir::include_dir!("$CARGO_MANIFEST_DIR/../www/dist");

impl Page {
    /// The page in the folder that was asked for, else the installed one, else the built-in one.
    ///
    /// # Errors
    /// The folder that was asked for is none.
    pub fn find(asked: Option<&Path>) -> Result<Option<Page>, String> {
        let program = std::env::current_exe().unwrap_or_default();
        let installed = program.parent().map(|folder| folder.join(INSTALLED));
        match (asked, installed) {
            (Some(folder), _) if !folder.is_dir() => {
                Err(format!("{} is no folder", folder.display()))
            }
            (Some(folder), _) => Ok(Some(Page::Folder(folder.to_owned()))),
            (None, Some(folder)) if folder.is_dir() => Ok(Some(Page::Folder(folder))),
            (None, _) => Ok(Page::embedded()),
        }
    }

    #[cfg(feature = "page")]
    #[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
    fn embedded() -> Option<Page> {
        Some(Page::Embedded)
    }

    #[cfg(not(feature = "page"))]
    fn embedded() -> Option<Page> {
        None
    }

    async fn read(&self, name: &Path) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Page::Folder(folder) => tokio::fs::read(folder.join(name)).await.map(Cow::Owned),
            #[cfg(feature = "page")]
            Page::Embedded => match EMBEDDED.get_file(name) {
                Some(file) => Ok(Cow::Borrowed(file.contents())),
                None => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }
}

/// The file that a path of a URL means.
pub async fn answer(page: &Page, url_path: &str) -> Response {
    let Some(name) = file_name(url_path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let bytes = match page.read(&name).await {
        Ok(Cow::Borrowed(bytes)) => Body::from(bytes),
        Ok(Cow::Owned(bytes)) => Body::from(bytes),
        Err(error) => return failed(&error).into_response(),
    };
    let cache = if name.starts_with(NAMED_BY_CONTENT) { FOR_EVER } else { ASK_AGAIN };
    ([(CONTENT_TYPE, content_type(&name)), (CACHE_CONTROL, cache)], bytes).into_response()
}

/// What every answer of this server says, whatever it is: a browser may only do what the page
/// needs with it.
pub async fn guard(mut response: Response) -> Response {
    let guards: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in guards {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn failed(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The file, relative to the page; `None` for what could lead out of it. No file of the page has
/// a name that a URL would have to escape.
fn file_name(url_path: &str) -> Option<PathBuf> {
    let name = Path::new(url_path.trim_start_matches('/'));
    let inside = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || url_path.contains(['%', '\\']) {
        return None;
    }
    Some(if url_path.ends_with('/') { name.join("index.html") } else { name.to_owned() })
}

fn content_type(name: &Path) -> &'static str {
    match name.extension().and_then(|extension| extension.to_str()) {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::body::to_bytes;

    use super::*;
    use crate::testing::TempDir;

    /// Status, kind, how long it may be kept, and the content.
    async fn get(page: &Page, url_path: &str) -> (u16, String, String, Vec<u8>) {
        let response = answer(page, url_path).await;
        let header = |name| {
            let value = response.headers().get(name).map(|value| value.to_str());
            value.map_or(String::new(), |value| value.expect("it is text").to_owned())
        };
        let (kind, cache) = (header(CONTENT_TYPE), header(CACHE_CONTROL));
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("it is in memory");
        (status, kind, cache, body.to_vec())
    }

    fn folder() -> TempDir {
        let dir = TempDir::new();
        let page = dir.path().join("page");
        fs::create_dir_all(page.join("assets")).expect("a folder");
        fs::write(page.join("index.html"), "<p>").expect("a file");
        fs::write(page.join("assets/core-1a.wasm"), b"\0asm").expect("a file");
        fs::write(dir.path().join("secret"), "outside").expect("a file");
        dir
    }

    #[tokio::test]
    async fn files_have_their_kind_and_age() {
        let dir = folder();
        let page = Page::Folder(dir.path().join("page"));
        let html = "text/html; charset=utf-8";
        let index = (200, html.to_owned(), ASK_AGAIN.to_owned(), b"<p>".to_vec());
        assert_eq!(get(&page, "/").await, index);
        assert_eq!(get(&page, "/index.html").await, index);
        let (status, kind, cache, bytes) = get(&page, "/assets/core-1a.wasm").await;
        assert_eq!((status, kind.as_str(), cache.as_str()), (200, "application/wasm", FOR_EVER));
        assert_eq!(bytes, b"\0asm");
        assert_eq!(content_type(Path::new("a.js")), "text/javascript; charset=utf-8");
        assert_eq!(content_type(Path::new("a.css")), "text/css; charset=utf-8");
        assert_eq!(content_type(Path::new("a.json")), "application/json");
        assert_eq!(content_type(Path::new("a.svg")), "image/svg+xml");
    }

    #[tokio::test]
    async fn what_is_no_file_of_the_page_is_not_found() {
        let dir = folder();
        let page = Page::Folder(dir.path().join("page"));
        for url in [
            "/assets",
            "/assets/",
            "/nothing",
            "/index.html/x",
            "/../secret",
            "/assets/../../secret",
            "/%2e%2e/secret",
            "/..\\secret",
            "//etc/passwd",
        ] {
            let (status, _, _, body) = get(&page, url).await;
            assert_eq!((status, body), (404, Vec::new()), "{url}");
        }
    }

    #[test]
    fn no_url_leads_out_of_the_page() {
        assert_eq!(file_name("/"), Some("index.html".into()));
        assert_eq!(file_name("/a/b.js"), Some("a/b.js".into()));
        assert_eq!(file_name("//etc/passwd"), Some("etc/passwd".into()));
        for url in ["/../secret", "/a/../../secret", "/%2e%2e/secret"] {
            assert_eq!(file_name(url), None, "{url}");
        }
    }

    #[tokio::test]
    async fn every_answer_says_what_a_browser_may_do() {
        let response = guard(StatusCode::NOT_FOUND.into_response()).await;
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("it is text");
        let rules: Vec<&str> = policy.split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'self'",
        ] {
            assert!(rules.contains(&rule), "{rule} in {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[test]
    fn a_folder_that_is_asked_for_must_be_there() {
        let dir = folder();
        let page = dir.path().join("page");
        assert_eq!(Page::find(Some(&page)), Ok(Some(Page::Folder(page.clone()))));
        assert!(Page::find(Some(&page.join("index.html"))).is_err());
        assert!(Page::find(None).is_ok_and(|page| page == Page::embedded()));
    }

    #[cfg(feature = "page")]
    #[tokio::test]
    async fn the_built_in_page_is_the_built_one() {
        let (status, kind, _, body) = get(&Page::Embedded, "/").await;
        assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
        assert!(String::from_utf8_lossy(&body).contains("id=\"app\""));
        assert_eq!(get(&Page::Embedded, "/../Cargo.toml").await.0, 404);
    }
}
