//! The order of names as people read them: `Batch 2` before `Batch 10`, upper and lower case alike.

/// What names are sorted by, byte by byte: in lower case, each number behind how many digits it has.
pub(in crate::store) fn name_order(name: &str) -> String {
    let mut order = String::with_capacity(name.len() + 8);
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            order.extend(first.to_lowercase());
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let number = rest[..digits].trim_start_matches('0');
        order.push_str(&format!("{:03}{number}", number.len()));
        rest = &rest[digits..];
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_the_order_of_what_they_count() {
        let names = ["", "Batch", "batch 2", "Batch 10", "batch 010 b", "batch x", "node-9.eu", "node-10.eu", "Über"];
        let mut sorted = names;
        sorted.reverse();
        sorted.sort_by_key(|name| name_order(name));
        assert_eq!(sorted, names);
        let long = "9".repeat(200);
        assert!(name_order(&long) < name_order(&format!("1{long}")));
    }
}
