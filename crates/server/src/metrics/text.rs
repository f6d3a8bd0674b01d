//! The page in the two texts that Prometheus reads.
//!
//! The library writes OpenMetrics. A scraper asks for that; a person with `curl`, and older tools, get the plain text
//! format 0.0.4, which differs in its comment lines only.

use std::fmt::Write as _;

use prometheus_client::registry::Registry;

/// Which text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The plain text format, version 0.0.4.
    Plain,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The better of the two that `accept` (the header) takes.
    pub fn accepted(accept: Option<&str>) -> Format {
        if accept.is_some_and(|accept| accept.contains("application/openmetrics-text")) {
            Format::OpenMetrics
        } else {
            Format::Plain
        }
    }

    /// For the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The page, with families that were written elsewhere behind the others.
pub(super) fn render(registry: &Registry, format: Format, more: &str) -> String {
    let mut text = String::with_capacity(16 << 10);
    prometheus_client::encoding::text::encode(&mut text, registry).expect("writing to a string cannot fail");
    if let Some(end) = text.rfind("# EOF") {
        text.insert_str(end, more);
    }
    match format {
        Format::OpenMetrics => text,
        Format::Plain => plain(&text),
    }
}

/// In the plain format a family is named as its lines are, so `# TYPE x counter` becomes `# TYPE x_total counter`. Its
/// help line stands first and does not say the type, so it is kept until the type is known.
fn plain(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, words)| words);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                kind => ("", kind),
            };
            if let Some(help) = help.take() {
                _ = writeln!(text, "# HELP {name}{suffix} {help}");
            }
            _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_text_names_families_as_their_lines() {
        let open = "# HELP runs Finished runs.\n# TYPE runs counter\nruns_total 3\n# HELP build It.\n# TYPE build info\n\
                    build_info{version=\"1\"} 1\n# HELP late Lateness.\n# TYPE late histogram\nlate_sum 0.5\n# EOF\n";
        let plain_text = "# HELP runs_total Finished runs.\n# TYPE runs_total counter\nruns_total 3\n# HELP build_info It.\n\
                          # TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n# HELP late Lateness.\n# TYPE late histogram\n\
                          late_sum 0.5\n";
        assert_eq!(plain(open), plain_text);
    }

    #[test]
    fn prometheus_is_given_what_it_asks_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("*/*")), Format::Plain);
        assert_eq!(Format::accepted(None), Format::Plain);
    }
}
