//! What the address of the list asks for: which monitors, in which order, and from where on.

use revere_model::Severity;

use super::list_sort::Sort;

/// What the address asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) state: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) tag: Option<String>,
    pub(super) query: Option<String>,
    pub(super) sort: Option<Sort>,
    pub(super) after: Option<String>,
}

impl Asked {
    /// Whether it asks for some of them only.
    pub(super) fn filters(&self) -> bool {
        self.state.is_some() || self.severity.is_some() || self.tag.is_some() || self.query.is_some()
    }

    pub(super) fn address(&self, after: Option<String>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let severity = self.severity.map(|severity| severity.to_string());
        let sort = self.sort.map(|sort| sort.to_string());
        let named = [
            ("state", &self.state),
            ("severity", &severity),
            ("tag", &self.tag),
            ("q", &self.query),
            ("sort", &sort),
            ("after", &after),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            query if query.is_empty() => "/".to_owned(),
            query => format!("/?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_what_was_asked() {
        let asked = Asked { tag: Some("a b&c".into()), query: Some("x".into()), ..Asked::default() };
        assert_eq!(asked.address(Some("OK.7".into())), "/?tag=a+b%26c&q=x&after=OK.7");
        assert_eq!(Asked::default().address(None), "/");
    }
}
