//! Help: the guides of this version, the cheat sheet, the version.

use super::browser::Browser;
use crate::api::server::Server;

#[tokio::test]
async fn help_leads_to_every_guide() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let page = browser.page("/sources").await;
    let help = &page[page.find("<dialog id=\"help\"").unwrap()..];
    assert!(help.contains("raise MonitorFailure") && help.contains(env!("CARGO_PKG_VERSION")), "{help}");
    let addresses = help.split("href=\"/guides/").skip(1).filter_map(|rest| rest.split('"').next());
    let addresses: Vec<String> = addresses.map(|name| format!("/guides/{name}")).collect();
    assert!(addresses.len() > 10, "{addresses:?}");
    for address in &addresses {
        let guide = browser.page(address).await;
        assert!(guide.contains("<article class=\"guide\"><h1") && guide.contains("aria-current=\"page\""), "{address}");
    }
    let monitors = browser.page("/guides/MONITORS.md").await;
    assert!(
        monitors.contains("<a href=\"/guides/SOURCES.md\">") && monitors.contains("<td>printed output</td>"),
        "{monitors}"
    );
    assert_eq!(browser.get("/guides/../../Cargo.toml").await.status, 404);
    assert_eq!(browser.get("/guides/BENCHMARKS.md").await.status, 404);
}
