//! What can be counted, and the words that it is counted by.

/// How an attempt to deliver ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryResult {
    /// The receiver took it.
    Delivered,
    /// It did not; there will be another attempt.
    Retried,
    /// It did not, and there will be none.
    Failed,
}

/// How a call of a source ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallResult {
    /// With an answer.
    Answered,
    /// The source failed.
    Failed,
    /// The script's arguments were wrong; nothing was asked.
    BadArguments,
    /// The answer was larger than the run takes.
    TooLarge,
    /// It could not be made, by a fault of ours.
    NotMade,
}

/// What became of a heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeartbeatResult {
    /// It arrived.
    Sent,
    /// It did not.
    Failed,
    /// It was not sent: the server is not well.
    Withheld,
}

/// Why the store could not do its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreFault {
    /// Another process holds the lock.
    Busy,
    /// The disk is full, or writing failed.
    Disk,
    /// Anything else.
    Other,
}

/// How many pristine interpreters were made and used since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SandboxCounts {
    /// Runs in a fresh instance.
    pub fresh: u64,
    /// Runs in a kept instance that was reset.
    pub kept: u64,
    /// Instances thrown away, because they trapped, grew or failed a check.
    pub discarded: u64,
}

impl DeliveryResult {
    pub(super) const ALL: [DeliveryResult; 3] =
        [DeliveryResult::Delivered, DeliveryResult::Retried, DeliveryResult::Failed];

    /// In the words of pages and API.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            DeliveryResult::Delivered => "delivered",
            DeliveryResult::Retried => "retried",
            DeliveryResult::Failed => "failed",
        }
    }

    /// In the words of `revere_deliveries`.
    pub(super) const fn former(self) -> &'static str {
        match self {
            DeliveryResult::Delivered => "sent",
            DeliveryResult::Retried => "retried",
            DeliveryResult::Failed => "given_up",
        }
    }
}

impl HeartbeatResult {
    pub(super) const ALL: [HeartbeatResult; 3] =
        [HeartbeatResult::Sent, HeartbeatResult::Failed, HeartbeatResult::Withheld];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            HeartbeatResult::Sent => "sent",
            HeartbeatResult::Failed => "failed",
            HeartbeatResult::Withheld => "withheld",
        }
    }
}

impl CallResult {
    pub(super) const ALL: [CallResult; 5] =
        [CallResult::Answered, CallResult::Failed, CallResult::BadArguments, CallResult::TooLarge, CallResult::NotMade];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            CallResult::Answered => "answered",
            CallResult::Failed => "failed",
            CallResult::BadArguments => "bad_arguments",
            CallResult::TooLarge => "too_large",
            CallResult::NotMade => "not_made",
        }
    }
}

impl StoreFault {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            StoreFault::Busy => "busy",
            StoreFault::Disk => "disk",
            StoreFault::Other => "other",
        }
    }
}
