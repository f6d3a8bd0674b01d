use std::sync::LazyLock;

use proptest::prelude::*;

use super::{EncodeError, ReadError, Writer, read, reader::MOST_VALUES};
use crate::{Value, codec::MAX_DEPTH};

/// Bytes as a script's side may send them, and some that only a forger does: each file is one request or result.
static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/marshal");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = |path: std::path::PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
    };
    files.into_iter().map(named).collect()
});

/// Values, however deep.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::List(items) | Value::Tuple(items) => items.iter().map(count).sum(),
        Value::Dict(pairs) => pairs.iter().map(|(key, value)| count(key) + count(value)).sum(),
        _ => 0,
    }
}

/// That these bytes are read or refused, and cost no more than they may.
fn judge(bytes: &[u8]) -> Result<Value, ReadError> {
    let read = read(bytes);
    if let Ok(value) = &read {
        assert!(count(value) <= bytes.len().min(MOST_VALUES), "{} values of {} bytes", count(value), bytes.len());
    }
    read
}

#[test]
fn every_file_of_the_corpus_is_read_or_refused_as_its_name_says() {
    assert!(CORPUS.len() > 100, "{} files", CORPUS.len());
    for (name, bytes) in &*CORPUS {
        let read = judge(bytes);
        match name.split('-').next() {
            Some("good") => assert!(read.is_ok(), "{name}: {read:?}"),
            Some("bad") => assert!(read.is_err(), "{name}: {read:?}"),
            _ => panic!("{name} says neither"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn bytes_that_were_changed_are_a_value_or_an_error(
        file in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..6u8, any::<u8>()), 1..8),
    ) {
        let (mut bytes, other) = (file.get(&CORPUS).1.clone(), &other.get(&CORPUS).1);
        for (place, change, byte) in changes {
            let at = if bytes.is_empty() { 0 } else { place.index(bytes.len()) };
            match change {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 if !bytes.is_empty() => bytes[at] ^= 1 << (byte & 7),
                2 => bytes.insert(at, byte),
                3 if !bytes.is_empty() => drop(bytes.remove(at)),
                4 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, other.iter().copied().take(byte.into()))),
            }
        }
        let _ = judge(&bytes);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = judge(&bytes);
    }

    #[test]
    fn any_words_are_a_value_or_an_error(
        words in proptest::collection::vec((prop::sample::select(b"NTFilgsu([{0.".to_vec()), 0..5u8), 0..60),
    ) {
        let write = |(word, count): &(u8, u8)| match word {
            b'i' | b's' | b'u' | b'(' | b'[' | b'l' => vec![*word, *count, 0, 0, 0],
            word => vec![*word],
        };
        let _ = judge(&words.iter().flat_map(write).collect::<Vec<u8>>());
    }
}

#[test]
fn nothing_is_allocated_for_what_is_not_there() {
    let lists = |count: i32| [b"[".as_slice(), &count.to_le_bytes()].concat();
    // Each list says that all that follows is in it.
    let nested = lists(1 << 20).repeat(90);
    assert!(matches!(judge(&nested), Err(ReadError::Expected { .. })));
    let mut padded = lists(1 << 19).repeat(90);
    padded.resize(1 << 20, b'N');
    assert_eq!(judge(&padded), Err(ReadError::TooMany));
    let mut many = lists((MOST_VALUES - 1) as i32);
    many.resize(MOST_VALUES + 4, b'N');
    assert!(judge(&many).is_ok());
    many[1..5].copy_from_slice(&(MOST_VALUES as i32).to_le_bytes());
    many.push(b'N');
    assert_eq!(judge(&many), Err(ReadError::TooMany));
    for word in *b"sultz([" {
        for length in [-1, i32::MIN, i32::MAX, 5] {
            let bytes = [&[word], length.to_le_bytes().as_slice(), b"NNNN"].concat();
            assert!(judge(&bytes).is_err(), "{} {length}", char::from(word));
        }
    }
}

#[test]
fn depth_has_its_limit_both_ways() {
    let nested = |levels: usize| (1..levels).fold(Value::List(Vec::new()), |value, _| Value::Tuple(vec![value]));
    let bytes = |levels: usize| [b"(\x01\0\0\0".repeat(levels - 1), b"[\0\0\0\0".to_vec()].concat();
    assert!(Writer::answer(&nested(MAX_DEPTH + 1), usize::MAX).is_ok());
    assert_eq!(read(&bytes(MAX_DEPTH + 1)), Ok(nested(MAX_DEPTH + 1)));
    assert_eq!(Writer::answer(&nested(MAX_DEPTH + 2), usize::MAX), Err(EncodeError::TooDeep));
    assert_eq!(read(&bytes(MAX_DEPTH + 2)), Err(ReadError::TooDeep));
    // What is written to scripts has its place on a tape, and the other way round.
    assert!(nested(MAX_DEPTH + 1).to_json().is_ok() && nested(MAX_DEPTH + 2).to_json().is_err());
    let json = nested(MAX_DEPTH + 1).to_json().unwrap();
    assert_eq!(Value::from_json(&json), Ok(nested(MAX_DEPTH + 1)));
}

#[test]
fn an_answer_stops_growing_at_its_limit() {
    let most = 1 << 20;
    let text = |bytes: usize| Value::Text("x".repeat(bytes));
    let row = || Value::Tuple(vec![Value::Decimal("1.5".to_owned()), text(10)]);
    for value in [text(most), Value::List(vec![text(1000); 2000]), Value::List(vec![row(); 200_000])] {
        assert_eq!(Writer::answer(&value, most), Err(EncodeError::TooLarge));
    }
    assert!(Writer::answer(&text(most - 100), most).is_ok());
}

#[test]
fn a_text_that_comes_again_in_a_long_list_takes_five_bytes() {
    let word = "up since the last restart";
    let length = |items: Vec<Value>| Writer::answer(&Value::List(items), usize::MAX).unwrap().len();
    let text = |text: &str| Value::Text(text.to_owned());
    let repeated = |count: usize| length(vec![text(word); count]);
    assert_eq!(repeated(1000) - repeated(100), 900 * 5);
    assert_eq!(repeated(20) - repeated(10), 10 * (word.len() + 2), "a short list has nothing to gain");
    let others: Vec<Value> = (0..1000).map(|number| text(&format!("web{number:04}"))).collect();
    assert_eq!(length(others[..900].to_vec()) - length(others[..100].to_vec()), 800 * 9, "each is there once");
    let short = |count: usize| length(vec![text("up"); count]);
    assert_eq!(short(1000) - short(100), 900 * 4);
    // What is counted toward a limit is not cut down to nothing: long texts are written as often as they are there.
    let long = "x".repeat(256);
    assert!(length(vec![text(&long); 100]) > 100 * long.len());
}

#[test]
fn ints_have_their_words() {
    for (int, word) in [
        (0, b"i\0\0\0\0".as_slice()),
        (-1, b"i\xff\xff\xff\xff"),
        (1 << 31, b"l\x03\0\0\0\0\0\0\0\x02\0"),
        (i64::MIN, b"l\xfb\xff\xff\xff\0\0\0\0\0\0\0\0\x08\0"),
        (i64::MAX, b"l\x05\0\0\0\xff\x7f\xff\x7f\xff\x7f\xff\x7f\x07\0"),
    ] {
        let mut writer = Writer::within(100);
        writer.int(int);
        assert_eq!(writer.finish().unwrap(), word, "{int}");
        assert_eq!(read(word), Ok(Value::Int(int)));
    }
    assert!(read(b"l\x05\0\0\0\0\0\0\0\0\0\0\0\x08\0").is_err(), "one more than an i64 has");
    assert!(read(b"l\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").is_err());
    assert!(read(b"l\x01\0\0\0\xff\xff").is_err(), "no digit of 15 bits");
}
