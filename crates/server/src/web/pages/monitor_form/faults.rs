//! What is wrong with what was typed, each fault at its field.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;

use super::super::display::Escaped;
use crate::operations::FieldFault;

/// What is wrong, for each field.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(pub(super) Vec<FieldFault>);

/// What a field says of its fault: attributes of the field, and the words beneath it.
pub(super) struct Attributes(Option<String>);
pub(super) struct Words<'a>(&'a str, Vec<&'a str>);

impl Faults {
    fn of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a FieldFault> {
        self.0.iter().filter(move |fault| fault.field.split('[').next() == Some(field))
    }

    pub(super) fn attributes(&self, field: &str) -> Attributes {
        Attributes(self.of(field).next().map(|_| field.to_owned()))
    }

    pub(super) fn shown<'a>(&'a self, field: &'a str) -> Words<'a> {
        Words(field, self.of(field).map(|fault| fault.message.as_str()).collect())
    }

    pub(super) fn line(&self) -> Option<u32> {
        self.of("script").find_map(|fault| fault.line)
    }

    pub(super) fn in_words(&self) -> String {
        match self.0.as_slice() {
            [fault] if fault.field.is_empty() => format!("Not saved: {}.", fault.message),
            [_] => "Not saved: one field needs another look. What you typed is all here.".to_owned(),
            faults => format!("Not saved: {} fields need another look. What you typed is all here.", faults.len()),
        }
    }
}

impl Display for Attributes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(field) => write!(f, r#" aria-invalid="true" aria-describedby="{field}-fault""#),
            None => Ok(()),
        }
    }
}

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.1.is_empty() {
            return Ok(());
        }
        write!(f, r#"<p class="fault" id="{}-fault"><span>{}</span></p>"#, self.0, Escaped(&self.1.join("; ")))
    }
}

impl HtmlSafe for Attributes {}
impl HtmlSafe for Words<'_> {}
