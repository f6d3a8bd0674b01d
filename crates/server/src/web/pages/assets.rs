//! What browsers fetch once: the style sheet, the scripts, the icons. Embedded in the binary.
//!
//! An asset is asked for under an address that holds the hash of its bytes, so it may be kept for ever and still
//! changes with the next version. An address with another hash is answered too, but not to be kept: during an upgrade
//! a page of the old version may ask the new server.

use std::sync::LazyLock;

use axum::{
    extract::{Path, Query},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

use crate::{hexadecimal::hex, web::Problem};

/// One embedded file.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: String,
    /// `/static/app.1f3b9c….css`
    address: String,
}

macro_rules! assets {
    ($($name:literal $kind:literal),* $(,)?) => {
        [$(($name, $kind, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/static/", $name)).as_slice())),*]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files = assets![
        "app.css" "text/css; charset=utf-8",
        "app.js" "text/javascript; charset=utf-8",
        "chart.css" "text/css; charset=utf-8",
        "chart.js" "text/javascript; charset=utf-8",
        "editor.js" "text/javascript; charset=utf-8",
        "push_worker.js" "text/javascript; charset=utf-8",
    ];
    files
        .into_iter()
        .map(|(name, kind, bytes)| {
            let hash = hex(&Sha256::digest(bytes)[..8]);
            let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
            let address = format!("/static/{stem}.{hash}.{extension}");
            Asset { name, kind, bytes, hash, address }
        })
        .collect()
});

/// Where `name` is fetched. An unknown name is a mistake in a template, which every test of that template shows.
pub(super) fn address(name: &str) -> &'static str {
    &ASSETS.iter().find(|asset| asset.name == name).unwrap_or_else(|| panic!("no asset is called {name}")).address
}

/// `/static/{file}`
pub(super) async fn fetch(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parts = file.split('.');
    let four = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some(stem), Some(hash), Some(extension), None] = four else {
        return Err(unknown(&file));
    };
    let name = format!("{stem}.{extension}");
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(|| unknown(&file))?;
    let tag = format!("\"{}\"", asset.hash);
    let keep = if hash == asset.hash { "public, max-age=31536000, immutable" } else { "no-store" };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // Whatever compresses on the way may weaken the tag; the bytes are the same.
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return Ok(
            (StatusCode::NOT_MODIFIED, [(header::ETAG, tag), (header::CACHE_CONTROL, keep.into())]).into_response()
        );
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::ETAG, HeaderValue::from_str(&tag).expect("quotes and hexadecimal digits")),
    ];
    Ok((headers, asset.bytes).into_response())
}

fn unknown(file: &str) -> Problem {
    Problem::not_found("file", format!("/static/{}", file.chars().take(100).collect::<String>()))
}

/// `/push.js`: the service worker, under the one address that a browser asks for it again and again, in front of all that it may
/// be for.
pub(super) async fn push_worker() -> Response {
    let asset = ASSETS.iter().find(|asset| asset.name == "push_worker.js").expect("it is embedded");
    // It asks this server alone, where its browser exchanges its subscription.
    let policy = "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, asset.bytes).into_response()
}

/// What the icon shows.
#[derive(serde::Deserialize)]
pub(super) struct IconParams {
    failing: Option<u64>,
}

/// `/icon.svg?failing=3`: the icon of the tab, with the number of failing monitors.
pub(super) async fn icon(Query(params): Query<IconParams>) -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, drawn(params.failing.unwrap_or(0))).into_response()
}

fn drawn(failing: u64) -> String {
    const LANTERN: &str = "<path d='M13 3h6v3h-6zM10 7h12l2 4v13l-2 4H10l-2-4V11z' fill='#0a58b5'/>\
        <path d='M16 12c3 3 4 5 4 7a4 4 0 0 1-8 0c0-2 1-4 4-7z' fill='#ffd24a'/>";
    let badge = match failing {
        0 => String::new(),
        failing => {
            let (number, size) = match failing {
                1..=9 => (failing.to_string(), 20),
                10..=99 => (failing.to_string(), 16),
                _ => ("99+".to_owned(), 11),
            };
            format!(
                "<circle cx='20' cy='20' r='12' fill='#c21823'/><text x='20' y='20' dy='.36em' text-anchor='middle' \
                 font-family='sans-serif' font-weight='bold' font-size='{size}' fill='#fff'>{number}</text>"
            )
        }
    };
    format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>{LANTERN}{badge}</svg>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_the_hash_of_the_bytes() {
        for asset in ASSETS.iter() {
            assert_eq!(asset.hash.len(), 16, "{}", asset.name);
            assert!(address(asset.name).contains(&asset.hash), "{}", asset.name);
            assert!(!asset.bytes.is_empty(), "{}", asset.name);
        }
    }

    #[test]
    fn the_icon_counts_to_ninety_nine() {
        assert!(!drawn(0).contains("<text"));
        assert!(drawn(7).contains(">7<"));
        assert!(drawn(100).contains(">99+<"));
    }
}
