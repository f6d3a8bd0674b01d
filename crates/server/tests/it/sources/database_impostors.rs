//! Database servers that speak the protocol and mean no good, or do not keep to it.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{postgres::postgres, server::listen, services::service, *};

/// A message of PostgreSQL's protocol.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// What PostgreSQL says of a log-in.
pub(super) fn log_in(kind: u32, body: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes(), body].concat())
}

/// Reads a message of a client: its letter and what is in it.
pub(super) async fn read_message(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let kind = socket.read_u8().await.ok()?;
    let mut body = vec![0; socket.read_u32().await.ok()? as usize - 4];
    socket.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

/// Reads what a client of PostgreSQL begins with; there is no TLS here.
pub(super) async fn begun(socket: &mut TcpStream) -> Option<()> {
    for offers_none in [true, false] {
        let mut body = vec![0; socket.read_u32().await.ok()? as usize - 4];
        socket.read_exact(&mut body).await.ok()?;
        if offers_none {
            socket.write_all(b"N").await.ok()?;
        }
    }
    Some(())
}

/// A PostgreSQL that sends these parts of a log-in one after the other, each when the client has answered the last, and
/// takes whatever the client says for right. Answers a source that asks it.
async fn log_ins(parts: Vec<Vec<u8>>) -> Asked {
    let address = listen(move |mut socket| {
        let parts = parts.clone();
        async move {
            if begun(&mut socket).await.is_none() {
                return;
            }
            let mut nonce = String::new();
            for part in parts {
                // What a client has said of itself goes into what it is told.
                let at = part.windows(5).position(|five| five == b"NONCE");
                let part = match at {
                    Some(_) => log_in(11, format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2").as_bytes()),
                    None => part,
                };
                if socket.write_all(&part).await.is_err() {
                    return;
                }
                if !part.starts_with(b"R\0\0\0\x08\0\0\0\0") && part.starts_with(b"R") && part[8] != 12 {
                    let Some((b'p', said)) = read_message(&mut socket).await else { return };
                    let said = String::from_utf8_lossy(&said).into_owned();
                    assert!(!said.contains("s3cret-password") || part[8] == 3, "{said}");
                    if let Some((_, own)) = said.split_once(",r=") {
                        nonce = own.to_owned();
                    }
                }
            }
            // Whatever is asked then has an answer.
            while read_message(&mut socket).await.is_some() {
                let _ = socket.write_all(&[message(b'C', b"X\0"), message(b'Z', b"I")].concat()).await;
            }
        }
    })
    .await;
    source("database", json!({"connection_string": format!("postgresql://u:s3cret-password@{address}/d")}))
}

#[tokio::test]
async fn who_does_not_know_the_password_of_postgresql_is_no_server() {
    let ready = message(b'Z', b"I");
    let scram = log_in(10, b"SCRAM-SHA-256\0\0");
    let challenge = log_in(11, b"NONCE");
    let zeros = log_in(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let (content, plain) = (log_in(0, b""), log_in(3, b""));
    for (parts, expected) in [
        (vec![scram.clone(), challenge.clone(), ready.clone()], "a message 'Z' came"),
        (vec![scram.clone(), zeros.clone(), content.clone(), ready.clone()], "does not know the password itself"),
        (vec![scram.clone(), content.clone(), ready.clone()], "does not know the password itself"),
        (vec![scram.clone(), challenge.clone(), content.clone(), ready.clone()], "does not know the password itself"),
        (vec![scram.clone(), challenge.clone(), zeros, content.clone()], "does not know the password itself"),
        (vec![scram.clone(), challenge.clone(), challenge], "challenges a second time"),
        (vec![scram.clone(), plain], "what came cannot be read"),
        (vec![scram.clone(), scram], "what came cannot be read"),
        (vec![ready.clone()], "a message 'Z' came"),
        (vec![content.clone(), content, ready], "a message 'R' came"),
    ] {
        let said = log_ins(parts.clone()).await.fails("execute", [text("select 1")]).await;
        assert!(said.contains(expected), "{parts:?}: {expected:?} is not in {said:?}");
    }
}

/// A PostgreSQL that answers every statement with one row, whose one column is an array of integers, and every statement of
/// our own at once, except those that `is_deaf` to. Answers a source that asks it, which may take a second.
async fn one_row(array: Vec<u8>, is_deaf: fn(&str) -> bool, more: serde_json::Value) -> Asked {
    let row = [&[0, 1][..], &u32::try_from(array.len()).unwrap().to_be_bytes(), &array].concat();
    this_row(row, is_deaf, more).await
}

/// The same with a row of any form.
async fn this_row(row: Vec<u8>, is_deaf: fn(&str) -> bool, more: serde_json::Value) -> Asked {
    let address = listen(move |mut socket| {
        let row = row.clone();
        async move {
            if begun(&mut socket).await.is_none() {
                return;
            }
            let (done, ready) = (message(b'C', b"X\0"), message(b'Z', b"T"));
            let column = [&[0, 1][..], b"numbers\0", &[0; 6], &1007_u32.to_be_bytes(), &[0; 8]].concat();
            let described = [message(b'1', b""), message(b't', &[0; 2]), message(b'T', &column)].concat();
            let executed = [message(b'2', b""), message(b'D', &row), done.clone()].concat();
            let _ = socket.write_all(&[log_in(0, b""), ready.clone()].concat()).await;
            let mut answers = [described, executed].into_iter().cycle();
            while let Some((kind, body)) = read_message(&mut socket).await {
                let answer = match kind {
                    b'Q' if is_deaf(&String::from_utf8_lossy(&body)) => continue,
                    b'Q' => done.clone(),
                    b'S' => answers.next().unwrap(),
                    _ => continue,
                };
                let _ = socket.write_all(&[answer, ready.clone()].concat()).await;
            }
        }
    })
    .await;
    let mut config = json!({"connection_string": format!("postgresql://u:p@{address}/d")});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source("database", config)
}

/// An array of these dimensions, without its elements.
fn array(lengths: &[i32]) -> Vec<u8> {
    let head = [i32::try_from(lengths.len()).unwrap(), 0, 23].map(i32::to_be_bytes).concat();
    lengths.iter().fold(head, |head, length| [head, length.to_be_bytes().to_vec(), vec![0, 0, 0, 1]].concat())
}

#[tokio::test]
async fn arrays_of_postgresql_that_announce_more_than_they_are_take_no_memory() {
    for lengths in [&[i32::MAX, 0][..], &[i32::MAX, i32::MAX], &[i32::MAX]] {
        let asked = one_row(array(lengths), |_| false, json!({})).await;
        let said = asked.fails("execute", [text("select numbers")]).await;
        says(&said, &["column 1 ('numbers')", "of which this value cannot be read"]);
    }
    let asked = one_row(array(&[]), |_| false, json!({})).await;
    assert_eq!(asked.rows("select numbers").await, "[([],)]");
}

#[tokio::test]
async fn rows_of_postgresql_that_are_not_as_announced_are_a_fault() {
    let value = [&12_u32.to_be_bytes()[..], &array(&[])].concat();
    assert_eq!(value.len(), 16);
    for (row, is_right) in [
        ([&[0, 1][..], &value].concat(), true),
        // None of the columns, one too many, one that is announced and missing, one that is cut off, one beside.
        (vec![0, 0], false),
        ([&[0, 2][..], &value, &value].concat(), false),
        (vec![0, 1], false),
        ([&[0, 1][..], &value[..9]].concat(), false),
        ([&[0, 1][..], &value, b"x"].concat(), false),
        (Vec::new(), false),
    ] {
        let asked = this_row(row.clone(), |_| false, json!({})).await;
        match asked.call("execute", [text("select numbers")]).await {
            Ok(rows) => assert!(is_right && rows.repr(100) == "[([],)]", "{row:?}: {rows:?}"),
            Err(fault) => {
                assert!(!is_right, "{row:?}: {fault}");
                says(&fault.to_string(), &["a row does not have the columns announced"]);
            }
        }
    }
}

#[tokio::test]
async fn answers_of_postgresql_that_unfold_to_much_more_are_too_large() {
    let asked = postgres(json!({}));
    for sql in [
        "select array_fill(1e131071::numeric, array[100000])",
        "select array_fill(null::int, array[3000000])",
        "select ('[1' || repeat(',1', 4000000) || ']')::json",
    ] {
        let answer = asked.call("execute", [text(sql)]).await;
        assert_eq!(answer, Err(SourceFault::TooLarge(32 << 20)), "{sql}");
    }
    assert_eq!(asked.rows("select length((1e131071::numeric)::text)").await, "[(131072,)]");
    assert_eq!(asked.rows("select array_fill(7, array[2, 2])").await, "[([[7, 7], [7, 7]],)]");
}

/// A server that is slow to forget a session takes no answer from whoever has it, and undoes nothing.
#[tokio::test]
async fn an_answer_that_has_come_is_not_lost_by_what_follows_it() {
    for read_only in [true, false] {
        let more = json!({"read_only": read_only, "timeout": 1.0});
        let asked = one_row(array(&[]), |sql| sql.contains("discard all"), more).await;
        // A machine that stalls for a second may need another try.
        eventually("the answer", async || {
            let answer = asked.call("execute", [text("select numbers")]).await;
            let shown = answer.map(|rows| rows.repr(100)).map_err(|fault| fault.to_string())?;
            if shown == "[([],)]" { Ok(()) } else { Err(shown) }
        })
        .await;
    }
}

#[tokio::test]
async fn who_names_whom_to_trust_is_not_sent_in_plain_text() {
    // It need not even be read.
    let postgres = listen(|mut socket| async move {
        let _ = begun(&mut socket).await;
    });
    let postgres = format!("postgresql://u:s3cret-password@{}/d", postgres.await);
    for (url, option) in [(service("REVERE_TEST_MARIADB_URL"), "ssl_ca"), (postgres, "sslrootcert")] {
        let asked = source("database", json!({"connection_string": format!("{url}?{option}=authority.pem")}));
        let said = asked.fails("execute", [text("select 1")]).await;
        says(&said, &["TLS failed: the server offers none", &format!("'{option}' asks for it")]);
    }
}

/// A packet of MySQL's protocol.
fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], body].concat()
}

/// Reads a packet of a client.
async fn read_packet(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await.ok()?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    socket.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// What a MySQL without TLS begins with.
fn greeting() -> Vec<u8> {
    let plugin = b"mysql_native_password\0";
    // Protocol 4.1, TLS not, safe log-ins, plug-ins, no packets at the end of lists.
    let capabilities: u32 = 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19 | 1 << 24;
    let (low, high) = (capabilities as u16, (capabilities >> 16) as u16);
    let head = [b"\x0a8.0.0\0".as_slice(), &[1, 0, 0, 0], b"01234567\0", &low.to_le_bytes(), &[45, 2, 0]].concat();
    packet(0, &[&head[..], &high.to_le_bytes(), &[21], &[0; 10], b"890123456789\0", plugin].concat())
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

#[tokio::test]
async fn a_mysql_that_describes_columns_without_end_is_left() {
    let address = listen(|mut socket| async move {
        let _ = socket.write_all(&greeting()).await;
        let _ = read_packet(&mut socket).await;
        let _ = socket.write_all(&packet(2, OK)).await;
        while let Some(command) = read_packet(&mut socket).await {
            let _ = match command[0] {
                0x16 => socket.write_all(&packet(1, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).await,
                0x17 => {
                    // So many columns as there are stars.
                    let mut sent = socket.write_all(&packet(1, &[0xfe, 0, 0, 0, 0, 0, 1, 0, 0])).await;
                    let name = [&[0xfd, 0, 0, 1][..], &[b'x'; 0x1_0000]].concat();
                    let column = [&[0; 4][..], &name, &[0, 12, 45, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0]].concat();
                    let column = packet(2, &column);
                    while sent.is_ok() {
                        sent = socket.write_all(&column).await;
                    }
                    sent
                }
                _ => socket.write_all(&packet(1, OK)).await,
            };
        }
    })
    .await;
    let asked = source("database", json!({"connection_string": format!("mysql://u:p@{address}/d")}));
    let said = asked.fails("execute", [text("select 1")]).await;
    says(&said, &["it describes more columns than any statement has"]);
}

/// A MySQL with this status that answers every statement with one row, whose one column is a text. Answers a source that
/// asks it, and what it was asked to prepare.
async fn mysql_row(status: u8, row: Vec<u8>) -> (Asked, Arc<Mutex<Vec<String>>>) {
    let prepared = Arc::<Mutex<Vec<String>>>::default();
    let notes = prepared.clone();
    let address = listen(move |mut socket| {
        let (row, notes) = (row.clone(), notes.clone());
        async move {
            let ok = [0, 0, 0, 2, status, 0, 0];
            let _ = socket.write_all(&greeting()).await;
            let _ = read_packet(&mut socket).await;
            let _ = socket.write_all(&packet(2, &ok)).await;
            while let Some(command) = read_packet(&mut socket).await {
                let answer = match command[0] {
                    0x16 => {
                        notes.lock().unwrap().push(String::from_utf8_lossy(&command[1..]).into_owned());
                        packet(1, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
                    }
                    0x17 => {
                        // One column of the kind VARCHAR, a row, the end.
                        let column = [&[0; 4][..], b"\x01c\0", &[12, 45, 0, 0, 0, 0, 0, 253, 0, 0, 0, 0, 0]].concat();
                        let end = [0xfe, 0, 0, 2, status, 0, 0];
                        [packet(1, &[1]), packet(2, &column), packet(3, &row), packet(4, &end)].concat()
                    }
                    _ => packet(1, &ok),
                };
                let _ = socket.write_all(&answer).await;
            }
        }
    })
    .await;
    (source("database", json!({"connection_string": format!("mysql://u:p@{address}/d")})), prepared)
}

#[tokio::test]
async fn rows_of_mysql_that_are_not_as_announced_are_a_fault() {
    assert_eq!(mysql_row(0, b"\0\0\x02hi".to_vec()).await.0.rows("select 1").await, "[('hi',)]");
    assert_eq!(mysql_row(0, b"\0\x04".to_vec()).await.0.rows("select 1").await, "[(None,)]");
    // No mark of what is null, no value, a value that is cut off.
    for row in [&b"\0"[..], b"\0\0", b"\0\0\x05hi"] {
        let said = mysql_row(0, row.to_vec()).await.0.fails("execute", [text("select 1")]).await;
        assert!(said.contains("cannot be read"), "{row:?}: {said}");
    }
}

/// Where a backslash is no more than that, what looks like a text may be code. Which it is, the session says.
#[tokio::test]
async fn a_text_of_mysql_hides_no_code_where_backslashes_escape_nothing() {
    for (sql, refused_by) in [
        (r"select '\' into outfile '/tmp/x' -- '", Some("INTO OUTFILE is no reading")),
        (r"select '\' /*! into outfile '/tmp/x' */ -- '", Some("executed (/*!) is no reading")),
        (r"select '\d'", None),
    ] {
        let row = b"\0\0\x02hi".to_vec();
        let (usual, prepared) = mysql_row(0, row.clone()).await;
        assert_eq!(usual.rows(sql).await, "[('hi',)]", "a text with everything in it");
        assert_eq!(*prepared.lock().unwrap(), [sql]);
        let (plain, prepared) = mysql_row(2, row).await;
        match refused_by {
            None => assert_eq!(plain.rows(sql).await, "[('hi',)]"),
            Some(words) => {
                says(&plain.fails("execute", [text(sql)]).await, &[words]);
                assert!(prepared.lock().unwrap().is_empty(), "{sql}");
            }
        }
    }
}

#[tokio::test]
async fn a_mysql_that_goes_on_switching_the_log_in_is_left() {
    let address = listen(|mut socket| async move {
        let _ = socket.write_all(&greeting()).await;
        let mut number = 2;
        while read_packet(&mut socket).await.is_some() {
            let switch = [&[0xfe][..], b"mysql_native_password\0", b"01234567890123456789\0"].concat();
            let _ = socket.write_all(&packet(number, &switch)).await;
            number += 2;
        }
    })
    .await;
    let asked = source("database", json!({"connection_string": format!("mysql://u:p@{address}/d")}));
    says(&asked.fails("execute", [text("select 1")]).await, &["what came cannot be read"]);
}
