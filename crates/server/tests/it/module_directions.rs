//! Which way the arrows point, where the compiler does not see to it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The Rust files of a folder of `src`, however deep, without their unit tests.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                found.push((path, code));
            }
        }
    }
    assert!(found.len() > 5, "{folder} is elsewhere now");
    found
}

/// The words of a file's code, each with the one before it; comments are passed over.
fn words(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).filter(|w| !w.is_empty());
    let mut before = "";
    words.map(move |word| (std::mem::replace(&mut before, word), word))
}

#[test]
fn operations_know_nothing_of_the_web() {
    for (path, code) in sources("operations") {
        let known = words(&code).find(|(_, word)| ["web", "axum", "askama"].contains(word));
        assert_eq!(known, None, "{}: an operation serves pages, API and command line alike", path.display());
    }
}

#[test]
fn the_web_reaches_store_engine_and_sandbox_through_operations_alone() {
    for (path, code) in sources("web") {
        // `Failure::Store` is the word of a failure, not the store.
        let handle = words(&code).find(|(before, word)| {
            ["Store", "EngineHandle", "Runner", "SourceWatch", "Sandbox"].contains(word) && *before != "Failure"
        });
        assert_eq!(handle, None, "{}: make it an operation, so that every door does the same", path.display());
    }
}

/// All that people read is written alike, and names its zone.
#[test]
fn times_for_people_are_written_in_one_module() {
    for folder in ["web", "operations", "alerts", "chart", "cli"] {
        for (path, code) in sources(folder) {
            // What the API answers is for programs.
            let written = words(&code).find(|(_, word)| *word == "strftime" && !path.ends_with("api/schedule.rs"));
            assert_eq!(written, None, "{}: `time_words` of the model writes times", path.display());
        }
    }
}

/// What connects, and the folders and files it may be in: the store's PostgreSQL is the one place that the configuration names
/// by itself. `clear_text.rs` asks it how it wants the password.
const CONNECTS: &[(&str, &[&str])] = &[
    ("TcpStream::connect", &["outbound", "clear_text.rs"]),
    ("UdpSocket", &["outbound"]),
    ("PgConnectOptions", &["store"]),
    ("PgPoolOptions", &["store"]),
    ("MySqlConnectOptions", &[]),
];

#[test]
fn nothing_connects_but_outbound() {
    for (path, code) in sources("").into_iter().filter(|(path, _)| !path.ends_with("outbound/tests.rs")) {
        for (word, where_it_may) in CONNECTS {
            let may = path.components().any(|part| where_it_may.iter().any(|place| part.as_os_str() == *place));
            let connects = code.contains(word) && !may;
            assert!(!connects, "{}: {word}: use outbound's Dialer, which judges the address", path.display());
        }
    }
}

/// Poolers, and databases that speak PostgreSQL's language, lack these: nothing may need them to be right. Two locks keep two servers
/// from making the tables and the indexes of a step at once, and ids of runs are taken from their sequence, in whatever order.
#[test]
fn no_statement_needs_listen_an_advisory_lock_or_the_order_of_a_sequence() {
    const MAY: [(&str, &str); 4] = [
        ("pg_advisory_xact_lock", "migrate.rs"),
        ("pg_try_advisory_lock", "chart_indexes.rs"),
        ("pg_advisory_unlock", "chart_indexes.rs"),
        ("nextval", "run_ids.rs"),
    ];
    let needs = |word: &str| {
        let word = word.to_lowercase();
        let is_a_word = ["listen", "unlisten", "pg_notify", "pglistener", "nextval", "currval", "lastval"];
        is_a_word.contains(&word.as_str()) || word.starts_with("pg_advisory") || word.starts_with("pg_try_advisory")
    };
    for (path, code) in sources("store") {
        // SQL says `notify channel`; what wakes a task in this process is called by its type or as a method.
        let says_notify = code.to_lowercase().contains("notify ");
        let found = words(&code)
            .map(|(_, word)| word)
            .find(|word| needs(word) && !MAY.iter().any(|(may, file)| may == word && path.ends_with(file)));
        assert!(found.is_none() && !says_notify, "{}: {found:?}", path.display());
    }
}

/// The calls by which a function of the store writes, each with its row of the audit or without.
const WRITES: [&str; 8] = [
    ".act(",
    ".act_about(",
    ".act_patiently(",
    ".write(",
    ".write_about(",
    ".write_passing_over(",
    ".write_patiently(",
    ".write_patiently_about(",
];

/// The word that a text begins with.
fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The functions of the store that write, or are told who asks.
fn functions_that_write() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, code) in sources("store") {
        for function in code.split("pub async fn ").skip(1) {
            let signature = function.split('{').next().unwrap_or_default();
            let is_told = words(signature).any(|(_, word)| ["Asked", "AuditEntry"].contains(&word));
            if is_told || WRITES.iter().any(|call| function.contains(call)) {
                found.insert(first_word(function).to_owned());
            }
        }
    }
    found
}

/// What the command line has of the store itself, by its file, and why that is no operation.
const CLI_HAS_OF_THE_STORE: &[(&str, &str, &str)] = &[
    ("alert/mod.rs", "Store::open", "hands the store to operations"),
    ("backup.rs", "Store::backup_of", "copies the whole database"),
    ("check.rs", "Store::probe", "looks whether a database is there"),
    ("demo.rs", "Store::open", "makes the demo's own database"),
    ("import.rs", "Store::open", "imports while no server runs"),
    ("import.rs", "import", "is done at a shell alone, in one transaction"),
    ("move_database.rs", "Store::move_everything", "copies the whole database"),
    ("nodes.rs", "Store::open", "reads which servers there are"),
    ("reload.rs", "Store::open", "reads which servers there are"),
    ("reload.rs", "Store::server_of", "reads which server has the file"),
    ("user.rs", "Store::open", "hands the store to operations"),
];

#[test]
fn the_command_line_writes_through_operations() {
    let writing = functions_that_write();
    for known in ["set_password", "delete_token", "note", "import", "token_used"] {
        assert!(writing.contains(known), "{known} is not found in the store any more");
    }
    let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join("cli");
    let mut found = BTreeSet::new();
    for (path, code) in sources("cli") {
        let file = path.strip_prefix(&cli).unwrap().display().to_string();
        let of_the_store = code.split("Store::").skip(1).map(|rest| format!("Store::{}", first_word(rest)));
        let called = code.split('.').skip(1).filter(|rest| rest[first_word(rest).len()..].starts_with('('));
        let called = called.map(|rest| first_word(rest).to_owned()).filter(|name| writing.contains(name));
        found.extend(of_the_store.chain(called).map(|call| (file.clone(), call)));
    }
    let known: BTreeSet<(String, String)> =
        CLI_HAS_OF_THE_STORE.iter().map(|(file, call, _)| ((*file).to_owned(), (*call).to_owned())).collect();
    assert_eq!(found, known, "make it an operation, so that every door does the same");
}
