//! The page of who is on call: now, next, the coming two weeks, gaps, and who takes whose place.

use super::browser::Browser;
use crate::api::server::Server;

#[tokio::test]
async fn it_shows_who_is_on_call_and_warns_of_gaps() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let alerts = browser.page("/alerts").await;
    assert!(
        alerts.contains("href=\"/on-call\">On call</a>") && alerts.contains("<b>Nobody is on call</b>"),
        "{alerts}"
    );
    let page = browser.page("/on-call").await;
    assert!(page.contains("● now</span> <b class=\"foreign\">bob</b>"), "{page}");
    assert!(page.contains("○ next</span> <b>nobody</b>"), "{page}");
    assert!(page.contains("at 2 times within the coming two weeks"), "{page}");
    assert!(page.contains(">Fri 3 Jul, 22:00</time>") && page.contains("✕ nobody"), "{page}");
}

#[tokio::test]
async fn somebody_is_put_in_another_ones_place_and_taken_out_again() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let typed = [
        ("rota", "night"),
        ("person", "carol"),
        ("instead_of", ""),
        ("from", ""),
        ("until", "soon"),
        ("reason", "swap"),
    ];
    let refused = browser.submit("/on-call", &typed).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("expected a date and a time such as") && refused.text.contains("value=\"swap\""),
        "{}",
        refused.text
    );
    let typed = [
        ("rota", "night"),
        ("person", "carol"),
        ("instead_of", "bob"),
        ("from", ""),
        ("until", "2026-07-02T08:00"),
        ("reason", "swap"),
    ];
    let answer = browser.submit("/on-call", &typed).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/on-call"));
    let page = browser.page("/on-call").await;
    assert!(page.contains("● now</span> <b class=\"foreign\">carol</b>") && page.contains("● in force"), "{page}");
    assert!(page.contains("<p class=\"foreign\">swap</p>"), "{page}");
    // Nobody is on call in whose place this one would be.
    let slip = [
        ("rota", "night"),
        ("person", "bob"),
        ("instead_of", "alice"),
        ("from", ""),
        ("until", "2026-07-01T20:00"),
        ("reason", ""),
    ];
    assert_eq!(browser.submit("/on-call", &slip).await.status, 303);
    let page = browser.page("/on-call").await;
    assert!(page.contains("● in force") && page.contains("○ no effect now"), "{page}");
    let answer = browser.submit("/on-call/overrides/1/end", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/on-call"));
    assert!(browser.page("/on-call").await.contains("● now</span> <b class=\"foreign\">bob</b>"));
}
