//! docs/API.md: its examples work, and its table is complete.

use std::collections::BTreeSet;

use super::server::{Server, send};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/API.md"));

/// The `curl` commands of the guide's shell blocks, as words.
fn commands() -> Vec<Vec<String>> {
    let blocks = GUIDE.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let text: String = blocks.collect();
    text.replace("\\\n", " ").lines().filter(|line| !line.trim().is_empty()).map(words).collect()
}

/// Splits a line as a shell does, as far as the guide needs it: spaces and single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[tokio::test]
async fn every_example_works() {
    let server = Server::start().await;
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let mut words = command.iter().map(String::as_str);
        assert_eq!(words.next(), Some("curl"), "{command:?}");
        let (mut method, mut path, mut header, mut body) = (None, None, None, None);
        while let Some(word) = words.next() {
            match word {
                "-s" => {}
                "-X" => method = words.next(),
                "-H" => header = words.next().and_then(|header| header.split_once(": ")),
                "-d" => body = words.next(),
                address => path = address.strip_prefix("http://localhost:5000"),
            }
        }
        let usual = if body.is_some() { "POST" } else { "GET" };
        let mut request = server.request(method.unwrap_or(usual), path.unwrap_or_else(|| panic!("{command:?}")));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = send(request.body(body.unwrap_or_default().to_owned())).await;
        assert!((200..300).contains(&answer.status), "{command:?}: {} {}", answer.status, answer.text);
    }
}

#[test]
fn the_table_holds_every_operation() {
    let told: BTreeSet<(String, String)> = GUIDE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | `/"))
        .flat_map(|(methods, rest)| {
            let path = format!("/{}", rest.split('`').next().unwrap());
            methods.split(", ").map(move |method| (method.to_owned(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let document = serde_json::to_value(revere::web::openapi_document()).unwrap();
    let there: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())))
        .collect();
    assert_eq!(told, there);
}
