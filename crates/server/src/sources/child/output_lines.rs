//! The lines that a process writes, one message each: handed out as answers, however long or wrong they are.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use super::{
    super::python_json,
    Value,
    exchange::{Exchange, FRAME_BYTES, Fault, TAIL_BYTES},
};

/// Where in a line that is too long the number of its question is looked for.
const FRONT_BYTES: usize = 200;
/// A buffer that grew beyond this for one answer is not kept for the next.
const KEPT_BYTES: usize = 1 << 20;

/// Hands out answers until the output ends; says why, where it is this side that stops reading.
pub(super) async fn read(output: impl AsyncRead + Unpin, exchange: &Exchange) -> Option<String> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        if line.capacity() > KEPT_BYTES {
            line = Vec::new();
        }
        line.clear();
        match read_line(&mut output, &mut line, &exchange.most_bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(most) if line.len() > most => {
                // Others may wait for their answers, so only the one who asked for this hears of it.
                let Some(id) = number(&line[..FRONT_BYTES]) else {
                    return Some(format!("wrote a line longer than {most} bytes, and was stopped"));
                };
                exchange.give(id, Err(Fault::TooLarge(most - FRAME_BYTES)));
                if !line.ends_with(b"\n") && skip_line(&mut output).await.is_err() {
                    return None;
                }
            }
            Ok(_) => {
                let answered = match message(line.trim_ascii()) {
                    Ok(message) => exchange.answer(message),
                    // An answer that cannot be read is one all the same: who waits for it need not wait any longer.
                    Err(why) => number_anywhere(&line).is_some_and(|id| {
                        exchange.give(id, Err(Fault::Said(format!("its answer is not JSON: {why}"))));
                        true
                    }),
                };
                if !answered {
                    // What is no answer of JSON-RPC is most likely the reason why none comes.
                    exchange.keep(beginning(&line));
                }
            }
        }
    }
}

/// A line as a value: strict JSON, or what Python writes.
fn message(line: &[u8]) -> Result<Value, String> {
    Value::from_json(line).or_else(|error| {
        let strict = python_json::strict(line, |value| match value {
            value if value.is_nan() => r#"{"$float":"nan"}"#,
            value if value > 0.0 => r#"{"$float":"inf"}"#,
            _ => r#"{"$float":"-inf"}"#,
        });
        strict.and_then(|text| Value::from_json(text.as_bytes()).ok()).ok_or_else(|| error.to_string())
    })
}

/// Reads a line, and of one that is too long as much as shows it. Answers how long it may be, which may have grown while
/// it was waited for, or 0 at the end of the output.
async fn read_line(
    output: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    most_bytes: &AtomicUsize,
) -> std::io::Result<usize> {
    loop {
        let most = most_bytes.load(Ordering::SeqCst);
        let room = (most + 1).saturating_sub(line.len()) as u64;
        let read = (&mut *output).take(room).read_until(b'\n', line).await?;
        let most = most_bytes.load(Ordering::SeqCst);
        match read {
            0 if line.is_empty() => return Ok(0),
            0 => return Ok(most),
            _ if line.ends_with(b"\n") || line.len() > most => return Ok(most),
            _ => {}
        }
    }
}

/// As much of a line as is kept, up to the end of a word: half a word may be half a secret.
fn beginning(line: &[u8]) -> &[u8] {
    match line.get(..TAIL_BYTES) {
        Some(start) => &start[..start.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0)],
        None => line,
    }
}

/// The number of the question that a line answers, if it stands at the front of it.
fn number(front: &[u8]) -> Option<i64> {
    let front = String::from_utf8_lossy(front);
    let (_, after) = front.split_once("\"id\"")?;
    let after = after.trim_start().strip_prefix(':')?.trim_start();
    after[..after.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The number of the question that a line answers, at the front of it or at its end.
fn number_anywhere(line: &[u8]) -> Option<i64> {
    if line.trim_ascii().first() != Some(&b'{') {
        return None;
    }
    let front = line.get(..FRONT_BYTES).unwrap_or(line);
    let end = line.len().checked_sub(FRONT_BYTES).map_or(line, |start| &line[start..]);
    number(front).or_else(|| number(end))
}

async fn skip_line(output: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<()> {
    loop {
        let read = output.fill_buf().await?;
        let (length, end) = match read.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (read.len(), read.is_empty()),
        };
        output.consume(length);
        if end {
            return Ok(());
        }
    }
}
