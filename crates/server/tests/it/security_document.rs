//! docs/SECURITY.md speaks of every item of the standard and of tests that there are.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// How many items of levels 1 and 2 each section of OWASP ASVS 5.0 has: they are its first ones.
const SECTIONS: &str = "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 \
    4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 \
    7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 \
    10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 \
    14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cells of the rows that are about items.
fn rows(document: &str) -> Vec<Vec<&str>> {
    document
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_item_of_levels_1_and_2_stands_there_once() {
    let sections = SECTIONS.split_whitespace().map(|section| section.split_once(':').unwrap());
    let all: Vec<String> = sections
        .flat_map(|(section, count)| {
            (1..=count.parse::<u32>().unwrap()).map(move |number| format!("{section}.{number}"))
        })
        .collect();
    assert_eq!(all.len(), 253);
    let place =
        |item: &str| all.iter().position(|one| one == item).unwrap_or_else(|| panic!("no item is called {item}"));
    let document = std::fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let mut said = Vec::new();
    for row in rows(&document) {
        for items in row[0].split(',').map(str::trim) {
            let (first, last) = items.split_once('–').unwrap_or((items, items));
            said.extend(all[place(first)..=place(last)].iter().cloned());
        }
        assert!(row.iter().skip(1).any(|cell| !cell.is_empty()), "nothing is said of {}", row[0]);
        // Where nothing shows an item it does not apply, is not met, or stands in another document.
        let (how, shown) = (row[1], row.get(2).copied().unwrap_or_default());
        let needs_none = how.starts_with("does not apply: ") || how.contains("**Not met") || how.contains(".md)");
        assert!(!shown.trim_matches([' ', '|']).is_empty() || needs_none, "nothing shows {}: {how}", row[0]);
    }
    let once: BTreeSet<&String> = said.iter().collect();
    assert_eq!(once.len(), said.len(), "an item stands there twice");
    let missing: Vec<&String> = all.iter().filter(|item| !once.contains(item)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// How `cargo nextest` calls the module in a file, whose tests may be in a module of their own inside of it.
fn module(path: &Path) -> String {
    let text = path.with_extension("").display().to_string();
    let inside = text.split("/tests/it/").nth(1).or_else(|| text.split("/src/").nth(1)).unwrap_or_default();
    inside.trim_end_matches("/mod").replace('/', "::")
}

/// Whether a source has this function, and has it as a test that is run.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = [format!("fn {name}("), format!("async fn {name}(")];
    let at = lines.iter().position(|line| begins.iter().any(|begin| line.starts_with(begin.as_str())));
    at.is_some_and(|at| {
        let above = || lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let is = |begin: &str| above().any(|line| line.starts_with(begin));
        (is("#[test]") || is("#[tokio::test")) && !is("#[ignore")
    })
}

#[test]
fn the_tests_that_it_names_are_there() {
    let mut sources = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push((module(&path), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let document = std::fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let mut named = 0;
    for row in rows(&document) {
        for name in row.last().unwrap().split('`').skip(1).step_by(2) {
            named += 1;
            let there = match name.rsplit_once("::") {
                Some((of, test)) => sources.iter().any(|(module, text)| {
                    (module == of || Some(module.as_str()) == of.strip_suffix("::tests")) && is_test(text, test)
                }),
                None if name.contains(' ') || name == "unsafe_code" || name == "exec" => true,
                None => root().join(name).exists(),
            };
            assert!(there, "{}: there is no {name}", row[0]);
        }
    }
    assert!(named > 100, "{named}");
    // What the text between the tables names: a test, the tests of a module, or a file of theirs.
    let between = document.lines().filter(|line| !line.starts_with("| "));
    for line in between {
        for name in line.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')) {
            let there = match name.rsplit_once("::") {
                Some((of, test)) => {
                    sources.iter().any(|(module, text)| module == name || (module == of && is_test(text, test)))
                }
                None if name.starts_with("tests/") || name.starts_with("crates/") => root().join(name).exists(),
                None => true,
            };
            assert!(there, "there is no {name}: {line}");
        }
    }
}
