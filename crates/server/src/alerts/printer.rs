//! Prints without holding anyone up: standard output may be a pipe whose reader has stopped reading.
//!
//! A thread of its own writes. What waits for it is bounded, and what nobody waits for any more is not printed: it is
//! told again as a new attempt.

use std::{
    io::Write,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use tokio::sync::oneshot;

use super::SendError;

/// So many texts may wait. Deliveries are few at a time; more than this means that nobody reads.
const WAITING: usize = 32;

/// Hands texts to the thread that writes them, which ends with it.
pub(crate) struct Printer(SyncSender<Job>);

struct Job {
    text: String,
    done: oneshot::Sender<std::io::Result<()>>,
}

impl Printer {
    /// Writes to `out` from a new thread.
    pub(crate) fn start(out: impl Write + Send + 'static) -> std::io::Result<Printer> {
        let (sender, jobs) = sync_channel(WAITING);
        std::thread::Builder::new().name("print".to_owned()).spawn(move || write_all(out, &jobs))?;
        Ok(Printer(sender))
    }

    /// Prints `text`, or says that it cannot be printed now.
    pub(crate) async fn print(&self, text: String, timeout: Duration) -> Result<(), SendError> {
        let (done, written) = oneshot::channel();
        self.0.try_send(Job { text, done }).map_err(|error| match error {
            TrySendError::Full(_) => SendError::later("cannot print: nobody reads standard output, and enough waits"),
            TrySendError::Disconnected(_) => SendError::later("cannot print: the thread that prints has ended"),
        })?;
        match tokio::time::timeout(timeout, written).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(SendError::later(format!("cannot print: {error}"))),
            Ok(Err(_)) => Err(SendError::later("cannot print: the thread that prints has ended")),
            Err(_) => Err(SendError::later("cannot print: nobody reads standard output")),
        }
    }
}

fn write_all(mut out: impl Write, jobs: &Receiver<Job>) {
    for Job { text, done } in jobs {
        if !done.is_closed() {
            // Whoever asked may have given up meanwhile.
            let _ = done.send(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// On one thread: were it held up, no time would pass and nothing would end.
    #[tokio::test]
    async fn a_pipe_that_nobody_reads_holds_up_nobody_and_passes() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let printer = Printer::start(writer).unwrap();
        // More than a pipe holds.
        let large = "x".repeat(2 << 20);
        let error = printer.print(large.clone(), Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(error, SendError::later("cannot print: nobody reads standard output"));

        let many = (0..WAITING + 5).map(|_| printer.print("late\n".to_owned(), Duration::from_millis(100)));
        let refused = futures_util::future::join_all(many).await;
        assert_eq!(refused.iter().filter(|sent| sent.is_err()).count(), WAITING + 5);
        let full = SendError::later("cannot print: nobody reads standard output, and enough waits");
        assert_eq!(refused.into_iter().filter(|sent| *sent == Err(full.clone())).count(), 5);

        let read = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        // Where the queue is still full, it empties now.
        while printer.print("again\n".to_owned(), Duration::from_secs(30)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(printer);
        let text = read.join().unwrap().unwrap();
        assert!(text == large + "again\n", "what was given up is not printed: {} bytes", text.len());
    }

    #[tokio::test]
    async fn a_reader_that_has_gone_is_told_of() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let error = Printer::start(writer).unwrap().print("x".to_owned(), Duration::from_secs(30)).await.unwrap_err();
        assert!(error.message.starts_with("cannot print: Broken pipe"), "{error}");
    }
}
