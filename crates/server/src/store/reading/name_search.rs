//! Finding a text within names, in either case.

/// The pattern for "contains", to be compared with what `lower` makes of a column: in either case of the letters of ASCII, in
/// either engine, whatever language a database is in. The words of `like` stand for themselves.
pub(in crate::store) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern + "%"
}
