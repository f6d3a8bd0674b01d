//! Arrays that come as one text, in which each element is a text.

use super::super::{Value, answer_room::Room};

/// `{small,"x y",NULL,{a,b}}`, with the bounds that may stand before it.
pub(super) fn read(text: &str, room: &mut Room) -> Option<Value> {
    let inner = match text.strip_prefix('[') {
        Some(bounds) => bounds.split_once('=')?.1,
        None => text,
    };
    let mut rest = inner;
    let items = braces(&mut rest, 0, room)?;
    rest.is_empty().then_some(items)
}

fn braces(rest: &mut &str, depth: usize, room: &mut Room) -> Option<Value> {
    room.list()?;
    *rest = rest.strip_prefix('{')?;
    let mut items = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        *rest = after;
        return Some(Value::List(items));
    }
    loop {
        room.value(0)?;
        items.push(match rest.chars().next()? {
            '{' if depth < 6 => braces(rest, depth + 1, room)?,
            '{' => return None,
            '"' => Value::Text(quoted(rest)?),
            _ => {
                let end = rest.find([',', '}'])?;
                let (item, after) = rest.split_at(end);
                *rest = after;
                if item == "NULL" { Value::Null } else { Value::Text(item.to_owned()) }
            }
        });
        let mut after = rest.chars();
        let mark = after.next()?;
        *rest = after.as_str();
        match mark {
            ',' => {}
            '}' => return Some(Value::List(items)),
            _ => return None,
        }
    }
}

/// A text in quotes, in which backslashes escape.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = rest.get(1..)?.chars();
    loop {
        match chars.next()? {
            '"' => {
                *rest = chars.as_str();
                return Some(out);
            }
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arrays_that_come_as_texts_are_lists() {
        let shown = |text: &str| read(text, &mut Room::of(10_000, 10_000)).map(|value| value.repr(200));
        assert_eq!(shown("{}").as_deref(), Some("[]"));
        assert_eq!(
            shown(r#"{small,"x y",NULL,"NULL","a\"b\\c",""}"#).as_deref(),
            Some(r#"['small', 'x y', None, 'NULL', 'a"b\\c', '']"#)
        );
        assert_eq!(shown("[0:1][2:2]={{a},{b}}").as_deref(), Some("[['a'], ['b']]"));
        for wrong in ["", "{", "{a", "{a}b", "{\"a}", "{a,}x", "[0:1]"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn damaged_texts_are_no_panic(text in "[{},\"\\\\a\\[=]{0,20}") {
            let _ = read(&text, &mut Room::of(10_000, 10_000));
        }
    }
}
