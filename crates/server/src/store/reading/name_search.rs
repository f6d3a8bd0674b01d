//! Finding a text within names.

/// The pattern for "contains", where the words of `like` stand for themselves.
pub(in crate::store) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}
