//! JSON in which every key of an object stands once, and that is nested no deeper than anybody means it. The usual readers
//! keep the last of two keys and say nothing; which of them was meant would be a guess.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::settings::shortened;

/// Lists and objects inside of each other.
const DEEPEST: usize = 32;

/// A value; reading one is an error that names the key that stands twice.
pub(super) struct UniqueJson(pub(super) Value);

impl<'de> Deserialize<'de> for UniqueJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested(0).deserialize(deserializer).map(UniqueJson)
    }
}

/// A value inside of so many lists and objects.
#[derive(Clone, Copy)]
struct Nested(usize);

impl Nested {
    fn deeper<E: Error>(self) -> Result<Nested, E> {
        if self.0 < DEEPEST {
            return Ok(Nested(self.0 + 1));
        }
        Err(E::custom(format!("it is nested deeper than {DEEPEST} lists and objects")))
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = items.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {:?} stands twice in one object", shortened(&key))));
            }
            let value = items.next_value_seed(inside)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        serde_json::from_str::<UniqueJson>(text).map(|json| json.0).map_err(|error| error.to_string())
    }

    #[test]
    fn what_has_no_key_twice_is_read_as_ever() {
        for text in [
            r#"{"a": [1, -2, 1.5, 1e400, 18446744073709551615, true, null, {"a": {"a": "\u00e9"}}], "b": {}}"#,
            "[]",
            "3",
            "nul",
        ] {
            assert_eq!(read(text), serde_json::from_str(text).map_err(|error| error.to_string()), "{text}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEEPEST)).is_ok());
        for depth in [DEEPEST + 1, 10_000] {
            let said = read(&nested(depth)).unwrap_err();
            assert!(said.contains("nested deeper than 32 lists and objects"), "{said}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        assert_eq!(
            read("{\"a\": {\"b\": 1,\n \"b\": 1}}"),
            Err("the key \"b\" stands twice in one object at line 2 column 4".to_owned())
        );
    }
}
