//! What every source has around it: the time limit, the words that say who was asked what, and the last look for
//! secrets. So no type of source can forget them.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use super::{
    Call, MethodDescription, Source, SourceFault, Value,
    names::{KnownNames, Names, NamesOf, NamesQuestion},
    size,
};
use crate::{building::ConfiguredEntry, error_words, redact::Secrets};

/// The largest arguments of one call. They are questions, not data.
const LARGEST_ARGUMENTS: usize = 1 << 20;
/// How much of the arguments a fault shows.
const SHOWN_ARGUMENTS: usize = 200;
/// How much of them is looked through for secrets: one that begins within what is shown ends within this.
const SEARCHED_ARGUMENTS: usize = 2000;
/// How much a fault says. Bodies and tracebacks of others can be long.
const SHOWN_FAULT: usize = 4000;

/// What a probe asks, in the words of a fault.
const PROBE: &str = "is it there?";

/// Stands between why a source gave no answer and what it was asked.
fn whose(name: &str) -> String {
    format!("; source '{name}': ")
}

/// Why the source gave no answer, without which source it was and what it was asked: for places where that stands beside it.
pub(crate) fn reason<'a>(fault: &'a str, name: &str) -> &'a str {
    fault.rfind(&whose(name)).map_or(fault, |end| &fault[..end])
}

pub(super) struct Guarded {
    name: String,
    inner: Arc<dyn Source>,
    secrets: Secrets,
    names: KnownNames,
}

impl Guarded {
    pub(super) fn new(entry: &ConfiguredEntry, inner: Arc<dyn Source>, secrets: Secrets) -> Self {
        Guarded { name: entry.name.clone(), inner, secrets, names: KnownNames::default() }
    }

    /// The reason first, where a list does not cut it away: `no such table: x; source 'shop': execute('select ...')`.
    fn clean(&self, asked: &str, what: &str) -> String {
        let mut text = self.secrets.redact(&error_words::plain(what.trim_end())).into_owned();
        if text.len() > SHOWN_FAULT {
            text.truncate(text.floor_char_boundary(SHOWN_FAULT));
            text.push_str("...");
        }
        let asked = self.secrets.redact(asked);
        format!("{text}{}{asked}", whose(&self.name))
    }

    /// `get_sum('a.b', from_date='-10min')`.
    fn shown(&self, call: &Call) -> String {
        let positional = call.args.iter().map(|value| value.repr(SEARCHED_ARGUMENTS));
        let named = call.kwargs.iter().map(|(name, value)| format!("{name}={}", value.repr(SEARCHED_ARGUMENTS)));
        let all = positional.chain(named).collect::<Vec<_>>().join(", ");
        let mut arguments = self.secrets.redact(&all).into_owned();
        if arguments.len() > SHOWN_ARGUMENTS {
            arguments.truncate(arguments.floor_char_boundary(SHOWN_ARGUMENTS));
            arguments.push_str("...");
        }
        format!("{}({arguments})", call.method)
    }
}

#[async_trait]
impl Source for Guarded {
    fn methods(&self) -> Vec<MethodDescription> {
        self.inner.methods()
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let asked = self.shown(&call);
        let bytes = call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value)).map(size).sum::<usize>();
        if bytes > LARGEST_ARGUMENTS {
            let what = format!(
                "the arguments hold {} KiB, and the most that one call may carry is {} KiB",
                bytes.div_ceil(1024),
                LARGEST_ARGUMENTS >> 10
            );
            return Err(SourceFault::BadArguments(self.clean(&asked, &what)));
        }
        let (began, deadline) = (Instant::now(), call.deadline);
        let answer = tokio::time::timeout_at(deadline.into(), self.inner.call(call)).await;
        answer.unwrap_or_else(|_| Err(SourceFault::Failed(late(began)))).map_err(|fault| match fault {
            SourceFault::Failed(what) => SourceFault::Failed(self.clean(&asked, &what)),
            SourceFault::Unavailable(what) => SourceFault::Unavailable(self.clean(&asked, &what)),
            SourceFault::BadArguments(what) => SourceFault::BadArguments(self.clean(&asked, &what)),
            other @ (SourceFault::TooLarge(_) | SourceFault::Ours(_)) => other,
        })
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let began = Instant::now();
        let answer = tokio::time::timeout_at(deadline.into(), self.inner.probe(deadline)).await;
        let answer = answer.unwrap_or_else(|_| Err(SourceFault::Failed(late(began))));
        answer.map_err(|fault| match fault {
            ours @ SourceFault::Ours(_) => ours,
            fault => SourceFault::Failed(self.clean(PROBE, &fault.to_string())),
        })
    }

    fn place(&self) -> Option<String> {
        self.inner.place().map(|place| self.secrets.redact(&place).into_owned())
    }

    fn example_address(&self) -> Option<String> {
        self.inner.example_address().map(|address| self.secrets.redact(&address).into_owned())
    }

    fn names_of(&self) -> Option<NamesOf> {
        self.inner.names_of()
    }

    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        let Some(of) = self.names_of() else { return Ok(Names::default()) };
        let asked = format!("{} beginning with '{}'", of.word(), question.prefix);
        let answer = self.names.answer(of, question, |question| self.inner.names(question)).await;
        answer.map_err(|fault| match fault {
            ours @ SourceFault::Ours(_) => ours,
            fault => SourceFault::Failed(self.clean(&asked, &fault.to_string())),
        })
    }
}

fn late(began: Instant) -> String {
    format!("no answer within {:.1} s, when the time for it was over", began.elapsed().as_secs_f64())
}
