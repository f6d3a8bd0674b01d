//! Methods as data, and the arguments of a call by name.

use super::{Call, MethodDescription, SourceFault, Value};
use crate::settings::shortened;

/// One method of a source of ours: what scripts see of it and what its calls are read by come from here.
pub(super) struct Method {
    pub(super) name: &'static str,
    /// Names, with defaults as Python writes them; `None` for what must be given.
    pub(super) parameters: &'static [(&'static str, Option<&'static str>)],
    pub(super) doc: &'static str,
}

impl Method {
    pub(super) fn describe(&self) -> MethodDescription {
        let written = |(name, default): &(&str, Option<&str>)| match default {
            Some(default) => format!("{name}={default}"),
            None => (*name).to_owned(),
        };
        MethodDescription {
            name: self.name.to_owned(),
            signature: format!("({})", self.parameters.iter().map(written).collect::<Vec<_>>().join(", ")),
            doc: self.doc.to_owned(),
        }
    }
}

/// The descriptions of several methods.
pub(super) fn describe(methods: &[Method]) -> Vec<MethodDescription> {
    methods.iter().map(Method::describe).collect()
}

/// The arguments of one call, by the names of its method's parameters. `None` counts as left out.
pub(super) struct Arguments(Vec<(&'static str, Value)>);

impl Arguments {
    /// Finds the method among `methods` and gives its arguments their names.
    pub(super) fn of(call: &mut Call, methods: &'static [Method]) -> Result<(&'static str, Arguments), SourceFault> {
        let method = methods.iter().find(|method| method.name == call.method);
        let method = method
            .ok_or_else(|| SourceFault::BadArguments(format!("there is no method '{}'", shortened(&call.method))))?;
        let misfit = |what: String| SourceFault::BadArguments(format!("{}() {what}", method.name));
        if call.args.len() > method.parameters.len() {
            return Err(misfit(format!("takes at most {} arguments", method.parameters.len())));
        }
        let positional = std::mem::take(&mut call.args).into_iter();
        let mut named: Vec<(&'static str, Value)> =
            method.parameters.iter().map(|(name, _)| *name).zip(positional).collect();
        for (key, value) in std::mem::take(&mut call.kwargs) {
            let parameter = method.parameters.iter().find(|(name, _)| *name == key);
            let unexpected = || misfit(format!("got an unexpected keyword argument '{}'", shortened(&key)));
            let (name, _) = parameter.ok_or_else(unexpected)?;
            if named.iter().any(|(given, _)| given == name) {
                return Err(misfit(format!("got multiple values for argument '{name}'")));
            }
            named.push((name, value));
        }
        named.retain(|(_, value)| *value != Value::Null);
        let missing = method
            .parameters
            .iter()
            .find(|(name, default)| default.is_none() && !named.iter().any(|(given, _)| given == name));
        match missing {
            Some((name, _)) => Err(misfit(format!("needs '{name}', and it cannot be None"))),
            None => Ok((method.name, Arguments(named))),
        }
    }

    /// The argument, if it was given.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(given, _)| *given == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A text, if it was given.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, SourceFault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, "a text", &other)),
        }
    }

    /// A text that must be given and hold something.
    pub(super) fn required_text(&mut self, name: &str) -> Result<String, SourceFault> {
        match self.text(name)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(SourceFault::BadArguments(format!("'{name}' must be a text that is not empty"))),
        }
    }

    /// A switch, or its default.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, SourceFault> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong(name, "True or False", &other)),
        }
    }
}

/// "'timeout' must be a number of seconds, not 'soon'".
pub(super) fn wrong(name: &str, expected: &str, given: &Value) -> SourceFault {
    SourceFault::BadArguments(format!("'{name}' must be {expected}, not {}", given.repr(60)))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const METHODS: &[Method] = &[Method {
        name: "get_sum",
        parameters: &[("path", None), ("from_date", Some("None")), ("to_date", Some("None"))],
        doc: "",
    }];

    fn bind(args: &[&str], kwargs: &[&str]) -> Result<Arguments, String> {
        let text = |text: &&str| Value::Text((*text).to_owned());
        let mut call = Call {
            method: "get_sum".to_owned(),
            args: args.iter().map(text).collect(),
            kwargs: kwargs.iter().map(|name| ((*name).to_owned(), Value::Int(1))).collect(),
            deadline: Instant::now(),
            answer_bytes: 0,
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        Arguments::of(&mut call, METHODS).map(|(_, bound)| bound).map_err(|fault| fault.to_string())
    }

    #[test]
    fn arguments_have_names_however_they_were_given() {
        assert_eq!(METHODS[0].describe().signature, "(path, from_date=None, to_date=None)");
        let mut bound = bind(&["a.b"], &["to_date"]).unwrap();
        assert_eq!(bound.required_text("path").unwrap(), "a.b");
        assert_eq!(bound.take("from_date"), None);
        assert_eq!(bound.text("to_date").unwrap_err().to_string(), "'to_date' must be a text, not 1");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |args: &[&str], kwargs: &[&str]| bind(args, kwargs).err().unwrap();
        assert_eq!(refused(&[], &[]), "get_sum() needs 'path', and it cannot be None");
        assert_eq!(refused(&["a"], &["path"]), "get_sum() got multiple values for argument 'path'");
        assert_eq!(refused(&["a"], &["paht"]), "get_sum() got an unexpected keyword argument 'paht'");
        assert_eq!(refused(&["a", "b", "c", "d"], &[]), "get_sum() takes at most 3 arguments");
    }
}
