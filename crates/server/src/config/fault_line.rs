//! Finds the line of a configuration file that a fault is about. A hint for the reader: where the text was built by
//! loops or imported, there is none, and none is better than a wrong one.

/// The line, from 1, on which `place` (`REVERE_SOURCES['graphite']['config']['url']`) or the innermost part of it that is
/// written out stands.
pub(super) fn line_of(source: &str, place: &str) -> Option<usize> {
    let (name, rest) = place.split_at(place.find('[').unwrap_or(place.len()));
    let lines: Vec<&str> = source.lines().collect();
    let is_assignment = |line: &str| {
        line.strip_prefix(name).is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.starts_with('=') && !rest.starts_with("==") || rest.starts_with(':')
        })
    };
    // The last assignment is the one that counts, as in Python.
    let mut line = lines.iter().rposition(|line| is_assignment(line))?;
    let mut column = name.len();
    for key in rest.split(['[', ']']).filter(|key| !key.is_empty()) {
        let key = key.trim_matches('\'');
        let Some((next, after)) = find_key(&lines, line, column, key) else { break };
        (line, column) = (next, after);
    }
    Some(line + 1)
}

/// The next `'key':` or `"key":`, before the next line that begins with something else than white space or a bracket.
fn find_key(lines: &[&str], start: usize, column: usize, key: &str) -> Option<(usize, usize)> {
    for (index, line) in lines.iter().enumerate().skip(start) {
        if index > start && line.starts_with(|c: char| !c.is_whitespace() && !matches!(c, '}' | ']' | ')' | '#')) {
            return None;
        }
        let from = if index == start { column } else { 0 };
        for quote in ['\'', '"'] {
            let quoted = format!("{quote}{key}{quote}");
            let Some(at) = line.get(from..).and_then(|text| text.find(&quoted)).map(|at| at + from) else { continue };
            let after = at + quoted.len();
            if line[after..].trim_start().starts_with(':') && !line[..at].contains('#') {
                return Some((index, after));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
import os
# REVERE_SOURCES = {}
REVERE_SOURCES = {
    # 'graphite': {
    'graphite': {
        'type': 'graphite',
        \"config\": {'url': 'x',
                   'timeout': -1},
    },
    'b': {'type': 'database', 'config': {'url': 'y'}},
}
TIMEZONE = 'Mars'
DATABASE_PATH: str = ''
";

    #[test]
    fn faults_point_at_the_line_that_holds_them() {
        assert_eq!(line_of(SOURCE, "REVERE_SOURCES['graphite']['config']['timeout']"), Some(8));
        assert_eq!(line_of(SOURCE, "REVERE_SOURCES['b']['config']['url']"), Some(10));
        assert_eq!(line_of(SOURCE, "TIMEZONE"), Some(12));
        assert_eq!(line_of(SOURCE, "DATABASE_PATH"), Some(13));
    }

    #[test]
    fn what_is_missing_points_at_what_should_hold_it() {
        assert_eq!(line_of(SOURCE, "REVERE_SOURCES['b']['description']"), Some(10));
        assert_eq!(line_of(SOURCE, "REVERE_SOURCES['made by a loop']"), Some(3));
        assert_eq!(line_of(SOURCE, "REVERE_ALERTS['x']"), None);
    }
}
