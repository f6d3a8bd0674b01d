//! Every route with the operation it is: the guard looks here before any handler runs, and the tests of who may do what
//! are made from it. What is not here cannot be reached.

use axum::http::Method;
use revere_model::Operation;

/// A route: a method and a path as the router writes it, and the operation that whoever asks must be allowed, for one
/// monitor at least. Which one is looked at by the operation itself.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method; `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// The path, its parameters in braces.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
}

macro_rules! routes {
    ($($operation:ident { $($method:ident $path:literal)* })*) => {
        /// All routes.
        pub const ROUTES: &[Route] = &[
            $($(Route { method: stringify!($method), path: $path, operation: Operation::$operation },)*)*
        ];
    };
}

routes! {
    SeeHealth {
        GET "/healthz"
    }
    LogIn {
        GET "/login"
        POST "/login"
        GET "/login/{provider}"
        GET "/login/{provider}/callback"
        POST "/logout"
        GET "/logout/{provider}"
        GET "/link/{secret}"
        POST "/link/{secret}"
        GET "/static/{file}"
        GET "/icon.svg"
        GET "/push.js"
        GET "/manifest.webmanifest"
        GET "/apple-touch-icon.png"
        GET "/icon-192.png"
        GET "/icon-512.png"
        GET "/favicon.ico"
    }
    SeeMetrics {
        GET "/metrics"
    }
    SeeDescriptions {
        GET "/api/v1/openapi.json"
        POST "/api/v1/schedule"
        GET "/create/read-back"
        GET "/guides/{name}"
    }
    SeeMonitors {
        GET "/api/v1/monitors"
        GET "/api/v1/monitors/{id}"
        GET "/api/v1/monitors/{id}/runs"
        GET "/api/v1/monitors/{id}/flips"
        GET "/api/v1/monitors/{id}/gaps"
        GET "/api/v1/monitors/{id}/acknowledgement"
        GET "/api/v1/monitors/{id}/versions"
        GET "/api/v1/monitors/{id}/versions/{version}"
        GET "/api/v1/monitors/{id}/difference"
        GET "/api/v1/deleted-monitors"
        GET "/api/v1/events"
        GET "/api/v1/rights"
        GET "/"
        GET "/counts"
        POST "/zone"
        POST "/filters"
        POST "/filters/delete"
        GET "/monitor/{id}"
        GET "/monitor/{id}/chart"
        GET "/monitor/{id}/run/{run}"
        GET "/monitor/{id}/run-at"
        GET "/monitor/{id}/history"
        GET "/monitor/{id}/history.csv"
        GET "/monitor/{id}/versions"
        GET "/monitor/{id}/versions/{version}"
        GET "/monitor/{id}/difference"
        GET "/deleted"
        GET "/events"
    }
    CreateMonitor {
        POST "/api/v1/monitors"
        GET "/create"
        POST "/create"
        POST "/examples/{slug}"
    }
    EditMonitor {
        PUT "/api/v1/monitors/{id}"
        PATCH "/api/v1/monitors/{id}"
        POST "/monitors/change"
        GET "/monitor/{id}/edit"
        POST "/monitor/{id}/edit"
        POST "/monitor/{id}/pause"
        POST "/monitor/{id}/resume"
    }
    DeleteMonitor {
        DELETE "/api/v1/monitors/{id}"
        GET "/monitor/{id}/delete"
        POST "/monitor/{id}/delete"
    }
    RestoreVersion {
        POST "/api/v1/monitors/{id}/versions/{version}/restore"
        POST "/monitor/{id}/versions/{version}/restore"
    }
    UndeleteMonitor {
        POST "/api/v1/deleted-monitors/{id}/undelete"
        POST "/deleted"
    }
    RunMonitor {
        POST "/api/v1/monitors/{id}/run"
        POST "/monitor/{id}/run"
    }
    TryScripts {
        POST "/api/v1/eval"
        POST "/api/v1/check"
        GET "/api/v1/sources/{name}/names"
        POST "/try"
        POST "/sources/probe"
        POST "/sources/try"
        POST "/sources/names"
    }
    SeeSources {
        GET "/api/v1/sources"
        GET "/api/v1/sources/{name}/acknowledgement"
        GET "/sources"
    }
    SeeServers {
        GET "/api/v1/server"
        GET "/server"
    }
    SeeAlerts {
        GET "/api/v1/monitors/{id}/who"
        GET "/monitor/{id}/who"
        GET "/api/v1/alerts"
        GET "/api/v1/alerts/{key}"
        GET "/api/v1/alerts/{key}/preview"
        GET "/api/v1/alerts/{key}/browsers"
        GET "/alert/{key}/preview"
        GET "/api/v1/deliveries"
        GET "/api/v1/not-told"
        GET "/alerts"
        GET "/alerts/not-told"
        GET "/api/v1/mutes"
        GET "/api/v1/mutes/{id}"
        GET "/api/v1/mutes/{id}/held-back"
        GET "/mutes"
        GET "/mutes/{id}"
        GET "/api/v1/on-call"
        GET "/api/v1/on-call/{key}"
        GET "/api/v1/overrides"
        GET "/api/v1/overrides/{id}"
        GET "/on-call"
    }
    ChangeOnCall {
        POST "/api/v1/overrides"
        POST "/api/v1/overrides/{id}/end"
        POST "/on-call"
        POST "/on-call/overrides/{id}/end"
    }
    Acknowledge {
        POST "/api/v1/monitors/{id}/acknowledgement"
        DELETE "/api/v1/monitors/{id}/acknowledgement"
        POST "/monitor/{id}/acknowledge"
        GET "/monitor/{id}/take-back"
        POST "/monitor/{id}/take-back"
        POST "/api/v1/sources/{name}/acknowledgement"
        DELETE "/api/v1/sources/{name}/acknowledgement"
        POST "/sources/acknowledge"
        POST "/sources/take-back"
    }
    AcknowledgeByLink {
        GET "/acknowledge/{secret}"
        POST "/acknowledge/{secret}"
    }
    Mute {
        POST "/api/v1/mutes"
        POST "/api/v1/mutes/{id}/end"
        POST "/mutes"
        POST "/mutes/{id}/end"
        POST "/monitor/{id}/mute"
    }
    ChangeAlerts {
        PUT "/api/v1/alerts/{key}"
        POST "/api/v1/alerts/{key}/test"
        POST "/api/v1/alerts/{key}/preview"
        POST "/alert/{key}/preview"
        GET "/alert/{key}/edit"
        POST "/alert/{key}/edit"
        POST "/alert/{key}/test"
    }
    TellBrowser {
        POST "/api/v1/alerts/{key}/browsers"
        DELETE "/api/v1/browsers/{id}"
        POST "/alert/{key}/browsers"
        POST "/browsers/{id}/remove"
    }
    UseAccount {
        GET "/account"
        POST "/account/prove"
        POST "/account/password"
        POST "/account/second-factor"
        POST "/account/second-factor/confirm"
        POST "/account/second-factor/remove"
        POST "/account/sessions/{id}/end"
        POST "/account/sessions/end"
    }
    HoldTokens {
        GET "/tokens"
        POST "/tokens"
        POST "/tokens/{id}/delete"
    }
    SeeAudit {
        GET "/api/v1/audit"
        GET "/audit"
    }
    ManagePeople {
        GET "/people"
        POST "/people"
        GET "/people/{id}"
        POST "/people/{id}"
        POST "/people/{id}/link"
        POST "/people/{id}/sessions/end"
        POST "/people/{id}/second-factor/remove"
    }
}

/// What a route does, or, where it has no such method, those that it has.
pub(super) fn operation(method: &Method, path: &str) -> Result<Operation, Vec<&'static str>> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let mut others = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        if route.method == method.as_str() {
            return Ok(route.operation);
        }
        others.push(route.method);
    }
    Err(others)
}
