//! Every route for everyone: made from the table of rights, so that a route without a row is found, and each row is
//! asked for by request, by a session, a token, nobody, and a page of another site.

use std::collections::BTreeSet;

use revere::web::{ROUTES, Route, openapi_document};
use revere_model::{Clock as _, Concerns, Denial, Holders, Operation, Rights, Role, Scope};
use serde_json::json;

use super::{Visitor, person};
use crate::api::server::{Answer, Server, send};
use crate::support::by_server;

/// Where a route is asked for.
fn address(route: &Route) -> String {
    let path = route.path.replace("{key}", "ops").replace("{slug}", "queue").replace("{file}", "app.css");
    let path =
        path.replace("{secret}", "none").replace("{provider}", "oidc").replace("{version}", "1").replace("{run}", "1");
    // One that is there; of what could be ended or deleted none, so that the next one finds it.
    let id = if route.path.contains("monitor") && route.method != "DELETE" { "1" } else { "77777" };
    path.replace("{id}", id)
}

/// What an answer says of rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Says {
    /// Whoever asked may.
    Yes,
    /// They have to say who they are.
    WhoAreYou,
    /// They may not.
    No,
}

pub(super) fn says(answer: &Answer) -> Says {
    let to_log_in = answer.status == 303 && answer.header("location").starts_with("/login?to=");
    match answer.status {
        401 => Says::WhoAreYou,
        _ if to_log_in => Says::WhoAreYou,
        403 => Says::No,
        _ => Says::Yes,
    }
}

#[test]
fn every_route_of_the_api_and_of_the_pages_is_in_the_table() {
    let mut in_table: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(in_table.len(), ROUTES.len(), "a route stands there twice");
    let document = serde_json::to_value(openapi_document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let route = (method.to_uppercase(), path.clone());
            assert!(in_table.remove(&route), "{route:?} has no row in web/access_table.rs: nobody can reach it");
        }
    }
    let pages = include_str!("../../../src/web/pages/mod.rs");
    for line in pages.lines().filter(|line| line.trim().starts_with(".route(")) {
        let path = line.split('"').nth(1).unwrap();
        let call = line.split('"').nth(2).unwrap().trim_start_matches([',', ' ']).split('(').next().unwrap();
        let methods: &[&str] = match call {
            "get" => &["GET"],
            "post" => &["POST"],
            "get_and_post" => &["GET", "POST"],
            other => panic!("by which methods is {path} reached? {other:?}"),
        };
        for method in methods {
            let route = ((*method).to_owned(), path.to_owned());
            assert!(in_table.remove(&route), "{route:?} has no row in web/access_table.rs: nobody can reach it");
        }
    }
    assert!(in_table.is_empty(), "no such route (any more): {in_table:?}");
    let used: BTreeSet<Operation> = ROUTES.iter().map(|route| route.operation).collect();
    assert_eq!(used, Operation::ALL.iter().copied().collect(), "an operation that no route is");
}

/// What is expected of a role, a session or a token, by the table alone.
fn expected(rights: &Rights, operation: Operation) -> Says {
    match rights.might(operation) {
        Ok(()) => Says::Yes,
        Err(Denial::NotLoggedIn(_)) => Says::WhoAreYou,
        Err(_) => Says::No,
    }
}

/// A request of this server's own pages, or of a program.
async fn ask(visitor: &Visitor<'_>, server: &Server, route: &Route, how: &str, credential: Option<&str>) -> Answer {
    let path = address(route);
    let mut request = match how {
        "token" | "program" => server.request(route.method, &path),
        _ => visitor.request(route.method, &path),
    };
    if let Some(credential) = credential {
        request = request.header("authorization", format!("Bearer {credential}"));
    }
    let unsafe_method = route.method != "GET";
    if unsafe_method && how == "foreign" {
        request = request.header("origin", "https://evil.example");
    } else if unsafe_method && how == "cross-site" {
        request = request.header("sec-fetch-site", "cross-site");
    } else if unsafe_method && how == "session" {
        request = request.header("origin", &server.base);
    }
    if unsafe_method && route.path.starts_with("/api/") {
        return send(request.json(&json!({}))).await;
    }
    if unsafe_method {
        let cookies = visitor.cookies.lock().unwrap().clone();
        let token = cookies.get("revere_form").cloned().unwrap_or_default();
        return send(request.form(&[("token", token.as_str())])).await;
    }
    // A stream goes on for ever: its head is enough.
    if ["/events", "/api/v1/events"].contains(&route.path) {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = if status == 200 { String::new() } else { response.text().await.unwrap() };
        return Answer { status, headers, text };
    }
    send(request).await
}

#[tokio::test]
async fn each_role_may_what_the_table_says_by_session_and_by_token() {
    let server = Server::with_local_users().await;
    let owner = person(&server, "owner", Role::Administrator, &[]).await;
    server.store.create_monitor(&crate::support::spec("m"), &by_server(server.clock.now())).await.unwrap();
    let mut faults = Vec::new();
    for (name, role, tags) in [
        ("vera", Role::Viewer, &[][..]),
        ("edgar", Role::Editor, &[]),
        ("shopkeeper", Role::Editor, &["shop"]),
        ("ada", Role::Administrator, &[]),
    ] {
        // Log-ins of one minute from one address are few.
        server.clock.advance(jiff::SignedDuration::from_secs(61));
        let user = person(&server, name, role, tags).await;
        let maker = Visitor::logged_in(&server, name).await;
        let token = maker.token(role.as_str(), "").await;
        let of_token = Rights { token: true, ..user.rights() };
        for route in ROUTES {
            // A route may end the session that asks for it, so each has its own.
            let visitor = Visitor::of(&server);
            *visitor.cookies.lock().unwrap() = maker.cookies.lock().unwrap().clone();
            if route.path == "/logout" || route.path == "/account/sessions/end" {
                let fresh = Visitor::logged_in(&server, name).await;
                assert_eq!(fresh.get("/account").await.status, 200);
                let asked = ask(&fresh, &server, route, "session", None).await;
                assert_eq!((asked.status, asked.header("location")), (303, "/login"), "{name}: {route:?}");
                // The cookie is still there; what it was good for is not.
                assert_eq!(says(&fresh.get("/account").await), Says::WhoAreYou, "{name}: {route:?}");
                let asked = ask(&Visitor::of(&server), &server, route, "token", Some(&token)).await;
                assert_eq!(says(&asked), Says::No, "{name} by token: {route:?}");
                *maker.cookies.lock().unwrap() =
                    Visitor::logged_in(&server, name).await.cookies.lock().unwrap().clone();
                continue;
            }
            let by_session = says(&ask(&visitor, &server, route, "session", None).await);
            let wanted = expected(&user.rights(), route.operation);
            // What is for one monitor is refused with that monitor's tags by the operation itself.
            let of_a_tag = !tags.is_empty() && route.operation.concerns() == Concerns::Monitor;
            if by_session != wanted && !(of_a_tag && by_session == Says::No) {
                faults.push(format!(
                    "{name} by session, {} {}: {by_session:?}, not {wanted:?}",
                    route.method, route.path
                ));
            }
            // Forms are for browsers: a token has no form token, whatever its rights.
            let form = route.method != "GET" && !route.path.starts_with("/api/");
            let by_token = says(&ask(&Visitor::of(&server), &server, route, "token", Some(&token)).await);
            let wanted = if form { Says::No } else { expected(&of_token, route.operation) };
            if by_token != wanted && !(of_a_tag && by_token == Says::No) {
                faults.push(format!("{name} by token, {} {}: {by_token:?}, not {wanted:?}", route.method, route.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(server.store.user(revere::store::Lookup::Id(owner.id)).await.unwrap().is_some());
    assert!(server.get("/healthz").await.status == 200);
}

#[tokio::test]
async fn who_does_not_say_who_they_are_may_what_anyone_may() {
    let server = Server::with_local_users().await;
    person(&server, "owner", Role::Administrator, &[]).await;
    let stranger = Visitor::of(&server);
    stranger.get("/login").await;
    for route in ROUTES {
        let anyone = route.operation.least().is_none();
        for (how, credential) in [("session", None), ("program", None), ("token", Some("revere_unknown"))] {
            // A program that sends a form has no form token: that is refused before anything else.
            if anyone && route.method != "GET" && how != "session" {
                continue;
            }
            let answer = ask(&stranger, &server, route, how, credential).await;
            let wanted = if anyone { Says::Yes } else { Says::WhoAreYou };
            assert_eq!(says(&answer), wanted, "{how}: {route:?}: {}", answer.text);
            if answer.status == 401 && how != "session" {
                answer.problem(401);
                assert!(answer.header("www-authenticate").starts_with("Bearer "), "{route:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_in_anybodys_name() {
    let server = Server::with_local_users().await;
    let stranger = Visitor::of(&server);
    stranger.get("/login").await;
    person(&server, "owner", Role::Administrator, &[]).await;
    for (name, role, tags) in [
        ("vera", Role::Viewer, &[][..]),
        ("edgar", Role::Editor, &[]),
        ("shopkeeper", Role::Editor, &["shop"]),
        ("ada", Role::Administrator, &[]),
    ] {
        // Log-ins of one minute from one address are few.
        server.clock.advance(jiff::SignedDuration::from_secs(61));
        person(&server, name, role, tags).await;
        let browser = Visitor::logged_in(&server, name).await;
        let token = browser.token(role.as_str(), "").await;
        for route in ROUTES.iter().filter(|route| route.method != "GET") {
            for how in ["foreign", "cross-site"] {
                for (visitor, credential) in [(&browser, None), (&stranger, None), (&stranger, Some(token.as_str()))] {
                    let answer = ask(visitor, &server, route, how, credential).await;
                    assert_eq!(says(&answer), Says::No, "{name} {how}: {route:?}: {}", answer.text);
                    let said = answer.text.contains("comes from a page of another site");
                    assert!(said, "{name} {how}: {route:?} was refused for something else: {}", answer.text);
                }
            }
        }
        assert_eq!(browser.get("/account").await.status, 200, "nobody logged {name} out");
    }
}

#[tokio::test]
async fn a_token_for_metrics_reads_metrics_alone() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let token = Visitor::logged_in(&server, "ada").await.token("metrics", "").await;
    for route in ROUTES.iter().filter(|route| route.operation.least().is_some()) {
        let answer = ask(&Visitor::of(&server), &server, route, "token", Some(&token)).await;
        let wanted = if route.path == "/metrics" { Says::Yes } else { Says::No };
        assert_eq!(says(&answer), wanted, "{route:?}");
    }
    let only = |operation: &&Operation| operation.holders() == Holders::Scoped(Scope::Metrics);
    assert_eq!(Operation::ALL.iter().filter(only).collect::<Vec<_>>(), [&Operation::SeeMetrics]);
}

#[tokio::test]
async fn where_nobody_has_to_log_in_everybody_may_and_there_is_nobody_to_manage() {
    let server = Server::start().await;
    let browser = Visitor::of(&server);
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(browser.get("/login").await.header("location"), "/");
    server.get("/metrics").await;
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(browser.get("/account").await.status, 409);
    assert!(!browser.get("/").await.text.contains("Anybody who reaches"));
}
