//! What there is to ask a source about: tables and columns, paths, metrics. For whoever writes a script.
//!
//! A source is asked with what it has itself, by the connection that answers scripts, so nobody reads a name here whose
//! data a script could not read. What it said is kept for a short while, its silence too: one who types asks often.

use std::{
    future::Future,
    sync::Mutex,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use super::SourceFault;

/// Most names of one answer; what has more is asked again by what was typed.
pub(super) const MOST_NAMES: usize = 2000;
/// Most bytes of one answer from a source.
pub(super) const MOST_BYTES: usize = 2 << 20;
/// A longer name is none that anybody types.
const LONGEST_NAME: usize = 200;
/// How long an answer is good for.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// How long a source that failed is not asked again.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(15);
/// A source that was given less time and did not answer may be well.
const ENOUGH: Duration = Duration::from_secs(2);
/// Answers kept of one source.
const MOST_KEPT: usize = 32;
/// What stands between the parts of a name.
const SEPARATORS: [char; 3] = ['.', '{', ','];

/// What the names of a source are names of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamesOf {
    /// Tables with their columns: `orders`, `orders.total`.
    Tables,
    /// Paths, level by level: `servers.`, `servers.web1`.
    Paths,
    /// Metrics, and the labels of each: `up`, `up{job`.
    Metrics,
}

impl NamesOf {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            NamesOf::Tables => "tables",
            NamesOf::Paths => "paths",
            NamesOf::Metrics => "metrics",
        }
    }

    /// The beginning of `prefix` that is asked about first, so that one answer is good for many a prefix.
    fn level(self, prefix: &str) -> &str {
        let separator = match self {
            NamesOf::Tables => return "",
            NamesOf::Paths => '.',
            NamesOf::Metrics => '{',
        };
        prefix.rfind(separator).map_or("", |at| &prefix[..=at])
    }
}

/// What is asked about.
#[derive(Clone, Debug)]
pub struct NamesQuestion {
    /// What the names begin with.
    pub prefix: String,
    /// When the answer must be there.
    pub deadline: Instant,
    /// What time it is.
    pub now: Timestamp,
}

/// What a name is the name of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NameKind {
    /// A table, or a view.
    Table,
    /// A column of one.
    Column,
    /// A part of a path with more below it; ends with the dot that follows.
    Branch,
    /// A path that has data.
    Series,
    /// A metric.
    Metric,
    /// A label of a metric.
    Label,
}

impl NameKind {
    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            NameKind::Table => "table",
            NameKind::Column => "column",
            NameKind::Branch => "branch",
            NameKind::Series => "series",
            NameKind::Metric => "metric",
            NameKind::Label => "label",
        }
    }
}

/// One name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name.
    pub name: String,
    /// As a question has it, in quotes where it needs some.
    pub written: String,
    /// What it is the name of.
    pub kind: NameKind,
    /// The table of a column, the metric of a label; else empty.
    pub of: String,
    /// The type of a column, what a series counts; may be empty.
    pub detail: String,
}

impl Name {
    /// One that is written as it is, and belongs to nothing.
    pub fn plain(kind: NameKind, name: &str) -> Name {
        Name { name: name.to_owned(), written: name.to_owned(), kind, of: String::new(), detail: String::new() }
    }

    /// Whether it begins so, alone or after what it belongs to; however the letters are cased.
    pub fn begins(&self, prefix: &str) -> bool {
        let begins = |text: &str| text.to_lowercase().starts_with(&prefix.to_lowercase());
        let separator = if self.kind == NameKind::Label { '{' } else { '.' };
        begins(&self.name) || !self.of.is_empty() && begins(&format!("{}{separator}{}", self.of, self.name))
    }

    fn is_usable(&self) -> bool {
        [&self.name, &self.of, &self.detail]
            .iter()
            .all(|text| text.len() <= LONGEST_NAME && !text.contains(char::is_control))
    }
}

/// How much of what begins with the prefix is in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Extent {
    /// There is more.
    Some,
    /// All up to the next dot or brace.
    Level,
    /// All.
    #[default]
    All,
}

/// The names that begin with a prefix.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// The names.
    pub items: Vec<Name>,
    /// How much of them that is.
    pub extent: Extent,
}

impl Names {
    /// `items`, of which `extent` is true unless there are too many.
    pub(super) fn of(mut items: Vec<Name>, extent: Extent) -> Names {
        let extent = if items.len() >= MOST_NAMES { Extent::Some } else { extent };
        items.truncate(MOST_NAMES);
        items.retain(Name::is_usable);
        Names { items, extent }
    }
}

/// What a source said lately.
#[derive(Default)]
pub(super) struct KnownNames {
    kept: Mutex<Vec<Kept>>,
    /// Held by whoever asks the source: one at a time.
    turn: tokio::sync::Mutex<()>,
}

struct Kept {
    prefix: String,
    at: Timestamp,
    answer: Result<Names, SourceFault>,
}

impl KnownNames {
    /// The names that begin with the question's prefix: as they are known, or as `ask` answers.
    pub(super) async fn answer<Asking>(
        &self,
        of: NamesOf,
        question: NamesQuestion,
        ask: impl Fn(NamesQuestion) -> Asking,
    ) -> Result<Names, SourceFault>
    where
        Asking: Future<Output = Result<Names, SourceFault>>,
    {
        if let Some(known) = self.find(&question) {
            return known;
        }
        let Ok(_turn) = tokio::time::timeout_at(question.deadline.into(), self.turn.lock()).await else {
            return Err(SourceFault::Failed("the source is still being asked for other names".to_owned()));
        };
        let level = of.level(&question.prefix).to_owned();
        for prefix in [level, question.prefix.clone()] {
            if let Some(known) = self.find(&question) {
                return known;
            }
            if self.is_too_much(&prefix, question.now) {
                continue;
            }
            let asked = NamesQuestion { prefix: prefix.clone(), ..question.clone() };
            let had = question.deadline.saturating_duration_since(Instant::now());
            let answer = match tokio::time::timeout_at(question.deadline.into(), ask(asked)).await {
                Ok(Err(SourceFault::TooLarge(_))) => Ok(Names { items: Vec::new(), extent: Extent::Some }),
                Ok(answer) => answer,
                Err(_) => {
                    let fault = SourceFault::Failed("no answer in time".to_owned());
                    if had < ENOUGH {
                        // It was asked late, because others were: that says nothing of the source.
                        return Err(fault);
                    }
                    Err(fault)
                }
            };
            self.keep(Kept { prefix, at: question.now, answer });
        }
        self.find(&question).unwrap_or_else(|| Ok(Names::default()))
    }

    fn find(&self, question: &NamesQuestion) -> Option<Result<Names, SourceFault>> {
        let prefix = &question.prefix;
        let kept = self.kept.lock().expect("no code panics while it holds this lock");
        let fresh = kept.iter().rev().filter(|kept| kept.is_fresh(question.now));
        fresh.into_iter().find_map(|kept| match &kept.answer {
            // Whatever is asked: it does not answer now.
            Err(fault) => Some(Err(fault.clone())),
            Ok(names) if names.covers(&kept.prefix, prefix) => {
                let items = names.items.iter().filter(|name| name.begins(prefix)).cloned().collect();
                Some(Ok(Names { items, extent: names.extent }))
            }
            Ok(_) => None,
        })
    }

    /// Whether asking for `prefix` is known to bring only a part.
    fn is_too_much(&self, prefix: &str, now: Timestamp) -> bool {
        let kept = self.kept.lock().expect("no code panics while it holds this lock");
        let part = |kept: &Kept| matches!(&kept.answer, Ok(names) if names.extent == Extent::Some);
        kept.iter().any(|kept| kept.prefix == prefix && kept.is_fresh(now) && part(kept))
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.kept.lock().expect("no code panics while it holds this lock");
        kept.retain(|kept| kept.prefix != new.prefix && kept.is_fresh(new.at));
        if kept.len() >= MOST_KEPT {
            kept.remove(0);
        }
        kept.push(new);
    }
}

impl Kept {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at).abs();
        age < if self.answer.is_ok() { KEPT } else { LEFT_ALONE }
    }
}

impl Names {
    /// Whether these, which were asked for by `asked`, hold all that begins with `prefix`.
    fn covers(&self, asked: &str, prefix: &str) -> bool {
        match (self.extent, prefix.strip_prefix(asked)) {
            (_, Some("")) => true,
            (Extent::All, rest) => rest.is_some(),
            (Extent::Level, Some(rest)) => !rest.contains(SEPARATORS),
            (Extent::Level, None) | (Extent::Some, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(prefix: &str, second: i64) -> NamesQuestion {
        NamesQuestion {
            prefix: prefix.to_owned(),
            deadline: Instant::now() + Duration::from_secs(60),
            now: Timestamp::from_second(second).unwrap(),
        }
    }

    /// Asks `known` by each prefix at its second; answers what the source was asked.
    async fn asked(
        of: NamesOf,
        questions: &[(&str, i64)],
        answer: impl Fn(&str) -> Result<Names, SourceFault>,
    ) -> (Vec<String>, Result<Names, SourceFault>) {
        let (known, seen) = (KnownNames::default(), Mutex::new(Vec::new()));
        let mut last = Ok(Names::default());
        for (prefix, second) in questions {
            let ask = |question: NamesQuestion| {
                seen.lock().unwrap().push(question.prefix.clone());
                let answer = answer(&question.prefix);
                async { answer }
            };
            last = known.answer(of, question(prefix, *second), ask).await;
        }
        (seen.into_inner().unwrap(), last)
    }

    fn all(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| Name::plain(NameKind::Metric, name)).collect()
    }

    #[tokio::test]
    async fn one_answer_is_good_for_every_longer_prefix_and_for_a_minute() {
        let names = |_: &str| Ok(Names::of(all(&["up", "uptime", "down"]), Extent::All));
        let (seen, last) = asked(NamesOf::Tables, &[("u", 0), ("up", 1), ("UPT", 59), ("up", 61)], names).await;
        assert_eq!((seen, last.unwrap().items), (vec![String::new(), String::new()], all(&["up", "uptime"])));
    }

    #[tokio::test]
    async fn paths_are_asked_level_by_level() {
        let names = |prefix: &str| Ok(Names::of(all(&[&format!("{prefix}a"), &format!("{prefix}b")]), Extent::Level));
        let questions = [("", 0), ("x", 0), ("x.", 0), ("x.b", 0), ("x.b.", 0)];
        let (seen, last) = asked(NamesOf::Paths, &questions, names).await;
        assert_eq!(
            (seen, last.unwrap().items),
            (["", "x.", "x.b."].map(String::from).to_vec(), all(&["x.b.a", "x.b.b"]))
        );
    }

    #[tokio::test]
    async fn what_has_too_many_names_is_asked_by_what_was_typed() {
        let names = |prefix: &str| match prefix {
            "" => Err(SourceFault::TooLarge(9)),
            _ => Ok(Names::of(all(&["up"]), Extent::All)),
        };
        let (seen, last) = asked(NamesOf::Metrics, &[("", 0), ("u", 0), ("up", 0), ("d", 0)], names).await;
        assert_eq!(seen, ["", "u", "d"]);
        assert_eq!(last.unwrap().items, []);
    }

    #[tokio::test]
    async fn a_source_that_is_away_is_left_alone_for_a_moment() {
        let gone = || SourceFault::Failed("gone".to_owned());
        let (seen, last) = asked(NamesOf::Metrics, &[("a", 0), ("b", 14), ("c", 15)], |_| Err(gone())).await;
        assert_eq!((seen.len(), last), (2, Err(gone())));
    }

    #[test]
    fn no_answer_is_without_an_end() {
        let long = "x".repeat(201);
        let many: Vec<String> = (0..3000).map(|number| format!("m{number}")).collect();
        let many: Vec<&str> =
            [long.as_str(), "line\nbreak"].into_iter().chain(many.iter().map(String::as_str)).collect();
        let names = Names::of(all(&many), Extent::All);
        assert_eq!((names.items.len(), names.extent), (MOST_NAMES - 2, Extent::Some));
    }
}
