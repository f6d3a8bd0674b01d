//! No module looks at one that looks at it, at any level of any crate: each can be read after those that it stands on.
//!
//! A folder counts as one module beside its neighbours. What a front page shows of a module (`crate::store::Store`) is that
//! module's; what a module has for its tests alone does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Who looks at whom all the same, and why.
const KNOWN: &[(&str, &str)] = &[
    // One front page for two engines, which know what it asks of them.
    ("store/database", "store/postgres"),
    ("store/database", "store/sqlite"),
    ("store/moving", "store/postgres"),
    ("store/moving", "store/sqlite"),
    ("store/facts", "store/postgres"),
    ("store/facts", "store/sqlite"),
    ("store/probe", "store/postgres"),
    ("store/probe", "store/sqlite"),
    ("store/location", "store/postgres"),
    // What went wrong is judged where the engines are known.
    ("store/error", "store/database"),
    // A connection begins and ends by queries.
    ("store/database/connection", "store/database/query"),
    // A connection keeps which partitions it has seen, and they are made by connections.
    ("store/postgres/connection", "store/postgres/partitions"),
    // A result says what it met of the sources, and what it met is judged by the result.
    ("store/telling", "store/claiming"),
    // Whoever did something is called as in the versions of monitors, and an edit changes what is told.
    ("store/telling", "store/monitors"),
    // What no route knows is refused in one way, in front of the guard and behind it.
    ("web/guard", "web/request_layer"),
    // The trait of all channels names the one that tells browsers.
    ("alerts/charts", "alerts/channels"),
    ("alerts/crowd", "alerts/channels"),
    ("alerts/own_words", "alerts/channels"),
];

type Module = Vec<String>;

/// The modules of a crate with their code, without what is only there for tests.
fn modules(root: &Path) -> BTreeMap<Module, String> {
    let (mut found, mut tests) = (BTreeMap::new(), Vec::new());
    let mut folders = vec![(root.to_owned(), Module::new())];
    while let Some((folder, path)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap().path();
            let stem = entry.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut module = path.clone();
            if entry.is_dir() {
                module.push(stem);
                folders.push((entry, module));
                continue;
            }
            if entry.extension().is_none_or(|extension| extension != "rs") || stem == "main" {
                continue;
            }
            if !["mod", "lib"].contains(&stem.as_str()) {
                module.push(stem);
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            let mut code = String::new();
            let mut lines = text.lines();
            while let Some(line) = lines.next() {
                if line != "#[cfg(test)]" {
                    code.push_str(line.split("//").next().unwrap_or_default());
                    code.push('\n');
                    continue;
                }
                let next = lines.next().unwrap_or_default();
                match next.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                    Some(name) => tests.push([module.as_slice(), &[name.to_owned()]].concat()),
                    // Unit tests stand at the end.
                    None if next.starts_with("mod ") => break,
                    None => {}
                }
            }
            found.insert(module, code);
        }
    }
    found.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
    found
}

/// The words of code, and the signs that paths are made of; any other sign is a `.`.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (token, length) = match first {
            _ if word > 0 => (&rest[..word], word),
            ':' if rest.starts_with("::") => ("::", 2),
            '{' | '}' | ',' => (&rest[..1], 1),
            other => (".", other.len_utf8()),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The paths that begin with `tokens`, each behind `before`; answers what follows them.
fn paths<'a>(mut tokens: &'a [&'a str], mut before: Vec<&'a str>, found: &mut Vec<Vec<&'a str>>) -> &'a [&'a str] {
    loop {
        match tokens {
            [word, "::", rest @ ..] if is_word(word) => {
                before.push(word);
                tokens = rest;
            }
            ["{", rest @ ..] => {
                tokens = rest;
                loop {
                    match tokens {
                        ["}", rest @ ..] => return rest,
                        [",", rest @ ..] | ["as", _, rest @ ..] => tokens = rest,
                        [word, ..] if is_word(word) => tokens = paths(tokens, before.clone(), found),
                        // What is no list of names: code in braces.
                        _ => return tokens,
                    }
                }
            }
            [word, rest @ ..] if is_word(word) => {
                before.push(word);
                found.push(before);
                return rest;
            }
            _ => {
                found.push(before);
                return tokens;
            }
        }
    }
}

/// The paths in code: those in a `use`, and those that say from where they count.
fn all_paths<'a>(tokens: &'a [&'a str]) -> (Vec<Vec<&'a str>>, Vec<Vec<&'a str>>) {
    let (mut used, mut named) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    loop {
        rest = match rest {
            ["use", rest @ ..] => paths(rest, Vec::new(), &mut used),
            [first, "::", ..] if ["crate", "super", "self"].contains(first) => paths(rest, Vec::new(), &mut named),
            [_, rest @ ..] => rest,
            [] => return (used, named),
        };
    }
}

/// A path in `module`, from the root of the crate on; `None` leads out of the crate.
fn from_root(module: &Module, path: &[&str], all: &BTreeMap<Module, String>) -> Option<Module> {
    let mut place = match *path.first()? {
        "crate" => Module::new(),
        "super" | "self" => module.clone(),
        child => {
            let child = [module.as_slice(), &[child.to_owned()]].concat();
            all.contains_key(&child).then(|| module.clone())?
        }
    };
    for word in path {
        match *word {
            "crate" | "self" => {}
            "super" => drop(place.pop()),
            word => place.push(word.to_owned()),
        }
    }
    Some(place)
}

/// A crate: its modules with their code, and what the names are that a module has from another.
struct Crate {
    modules: BTreeMap<Module, String>,
    names: BTreeMap<(Module, String), Module>,
}

impl Crate {
    fn read(root: &Path) -> Crate {
        let modules = modules(root);
        let mut names = BTreeMap::new();
        for (module, code) in &modules {
            let tokens = tokens(code);
            for path in all_paths(&tokens).0 {
                if let (Some(place), Some(name)) = (from_root(module, &path, &modules), path.last()) {
                    names.insert((module.clone(), (*name).to_owned()), place);
                }
            }
        }
        Crate { modules, names }
    }

    /// The module that something is in.
    fn home(&self, mut place: Module) -> Module {
        for _ in 0..10 {
            let mut module = place.clone();
            while !self.modules.contains_key(&module) {
                module.pop();
            }
            let shown = place.get(module.len()).and_then(|name| self.names.get(&(module.clone(), name.clone())));
            match shown {
                Some(elsewhere) if *elsewhere != place => {
                    place = [elsewhere.as_slice(), &place[module.len() + 1..]].concat();
                }
                _ => return module,
            }
        }
        panic!("{place:?} leads in a circle");
    }

    /// Who looks at whom among neighbours, with an example.
    fn neighbours(&self) -> BTreeMap<(String, String), String> {
        let mut found = BTreeMap::new();
        for (module, code) in &self.modules {
            let tokens = tokens(code);
            let (used, named) = all_paths(&tokens);
            for path in used.iter().chain(&named).filter(|path| !path.is_empty()) {
                let Some(place) = from_root(module, path, &self.modules) else { continue };
                let other = self.home(place);
                let same = module.iter().zip(&other).take_while(|(one, other)| one == other).count();
                if same < module.len() && same < other.len() {
                    let pair = (module[..=same].join("/"), other[..=same].join("/"));
                    found.insert(pair, format!("{} names {}", module.join("::"), path.join("::")));
                }
            }
        }
        found
    }
}

#[test]
fn no_module_looks_at_one_that_looks_at_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known: BTreeSet<(String, String)> =
        KNOWN.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    for name in ["model", "sandbox", "server"] {
        let mut left = Crate::read(&crates.join(name).join("src")).neighbours();
        assert!(left.len() > 20, "{name}: {left:?}");
        if name == "server" {
            left.retain(|pair, _| !known.remove(pair));
        }
        let leads_back = |from: &String, to: &String| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![to]);
            while let Some(module) = next.pop() {
                if module == from {
                    return true;
                }
                if seen.insert(module) {
                    next.extend(left.keys().filter(|(looking, _)| looking == module).map(|(_, to)| to));
                }
            }
            false
        };
        let circles: Vec<&String> =
            left.iter().filter(|((from, to), _)| leads_back(from, to)).map(|(_, example)| example).collect();
        assert!(circles.is_empty(), "{name}: each of these leads back to where it comes from: {circles:#?}");
    }
    assert!(known.is_empty(), "they look no more, and need no reason: {known:?}");
}

#[test]
fn paths_are_read_however_they_are_written() {
    let code =
        "use super::{\n    a::{self, B as C, d::E},\n    f,\n};\nlet x = crate::g::h(1) + self::i::J::<u8>::K; { y }";
    let tokens = tokens(code);
    let (used, named) = all_paths(&tokens);
    let words = |found: &[Vec<&str>]| found.iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(words(&used), ["super::a::self", "super::a::B", "super::a::d::E", "super::f"]);
    assert_eq!(words(&named), ["crate::g::h", "self::i::J"]);
}
