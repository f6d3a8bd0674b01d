//! A connection that waits for nobody for ever: a head or a body that takes too long to come, and an answer that nobody takes,
//! are errors of the connection, which ends it.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{ListenerBounds, request_framing::RequestFraming};

/// `S` with bounds on the time that a head and a body may take, and that an answer may wait to be taken.
pub(super) struct TimedStream<S> {
    stream: S,
    framing: RequestFraming,
    head_time: Duration,
    /// Runs from the first byte of a head to its last; for the first head from the connection's beginning.
    head: Option<Pin<Box<Sleep>>>,
    /// The heads that had ended when it began to run.
    head_number: u64,
    body_time: Duration,
    /// Runs from the end of a head to that of its body.
    body: Option<Pin<Box<Sleep>>>,
    write_time: Duration,
    /// Runs while nothing can be written.
    write: Option<Pin<Box<Sleep>>>,
    ambiguous: Arc<AtomicBool>,
}

impl<S> TimedStream<S> {
    pub(super) fn new(stream: S, bounds: &ListenerBounds) -> Self {
        let ListenerBounds { head_time, body_time, write_time, .. } = *bounds;
        TimedStream {
            stream,
            framing: RequestFraming::new(),
            head_time,
            head: Some(Box::pin(sleep(head_time))),
            head_number: 0,
            body_time,
            body: None,
            write_time,
            write: None,
            ambiguous: Arc::default(),
        }
    }

    /// Set once a request has come that says in two ways how long its body is.
    pub(super) fn ambiguous(&self) -> Arc<AtomicBool> {
        self.ambiguous.clone()
    }

    fn took(&mut self, bytes: &[u8]) {
        self.framing.read(bytes);
        if self.framing.is_ambiguous() {
            self.ambiguous.store(true, Ordering::Release);
        }
        let heads = self.framing.heads();
        if !self.framing.in_head() {
            if heads > 0 {
                self.head = None;
            }
        } else if self.head.is_none() || heads != self.head_number {
            self.head = Some(Box::pin(sleep(self.head_time)));
        }
        if !self.framing.in_body() {
            self.body = None;
        } else if self.body.is_none() || heads != self.head_number {
            self.body = Some(Box::pin(sleep(self.body_time)));
        }
        self.head_number = heads;
    }

    /// `progress`, unless there has been none for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.write = None;
            return progress;
        }
        let time = self.write_time;
        let bound = self.write.get_or_insert_with(|| Box::pin(sleep(time)));
        match bound.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(late("the answer is not taken"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match read {
            Poll::Ready(Ok(())) => self.took(&buffer.filled()[before..]),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if let Some(bound) = &mut self.head
                    && bound.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(Err(late("the request's head does not come")));
                }
                if let Some(bound) = &mut self.body
                    && bound.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(Err(late("the request's body does not come")));
                }
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, progress)
    }
}
