//! The lines of a calendar: unfolded, with names, parameters and values.

/// A line: `DTSTART;TZID=Europe/Berlin:20261130T090000`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// In capitals.
    pub(super) name: String,
    parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Line {
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.trim().eq_ignore_ascii_case(value)
    }

    /// A parameter, by its name in capitals.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as text, without its escapes.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut chars = self.value.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('n' | 'N') => text.push(' '),
                    Some(other) => text.push(other),
                    None => {}
                },
                c if c.is_control() => text.push(' '),
                c => text.push(c),
            }
        }
        text
    }

    fn read(line: &str) -> Option<Line> {
        let mut parts: Vec<String> = vec![String::new()];
        let mut quoted = false;
        let mut rest = line.char_indices();
        let value = loop {
            let (place, c) = rest.next()?;
            match c {
                '"' => quoted = !quoted,
                ':' if !quoted => break &line[place + 1..],
                ';' if !quoted => parts.push(String::new()),
                c => parts.last_mut()?.push(c),
            }
        };
        let mut parts = parts.into_iter();
        let name = parts.next()?.trim().to_uppercase();
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim().to_uppercase(), value.trim().to_owned()))
        });
        Some(Line { name, parameters: parameters.collect(), value: value.to_owned() })
    }
}

/// The lines of a calendar; those that are none are passed over.
pub(super) fn unfolded(text: &str) -> Vec<Line> {
    let mut whole: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        match (line.strip_prefix([' ', '\t']), whole.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => whole.push(line.to_owned()),
        }
    }
    whole.iter().filter_map(|line| Line::read(line)).collect()
}
