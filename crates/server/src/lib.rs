//! Revere, the server: everything between a web page and a page at three in the morning.
//!
//! Arrows point one way: cli, app, web, operations, then engine, access, alerts, sources and
//! store, then the sandbox, then the model. `web` reaches store and engine through `operations` alone.

pub mod access;
pub mod acknowledge_link;
pub mod alerts;
pub mod answer_memory;
pub mod app;
pub mod audit_log;
pub mod building;
pub mod chart;
pub mod cli;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod engine;
pub mod error_words;
pub mod heartbeat_status;
pub mod hexadecimal;
pub mod http_target;
pub mod import;
pub mod metrics;
pub mod monitor_files;
pub mod notification;
pub mod on_call;
pub mod operations;
pub mod outbound;
pub mod output_tail;
pub mod plain_text;
pub mod process_group;
pub mod random_secrets;
pub mod redact;
pub mod runner;
pub mod secret_names;
pub mod service_manager;
pub mod settings;
pub mod sources;
pub mod store;
pub mod tls;
pub mod web;
pub mod web_push;
pub mod wording;
