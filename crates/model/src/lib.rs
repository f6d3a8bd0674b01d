//! What Revere decides, without touching anything: schedules and their ticks, the state machine, who is told what.
//!
//! Everything here is a pure function of its arguments. No I/O, no async, no clock of its own: time comes in as an
//! argument or through [`Clock`]. Whatever needs a database or a network lives above.
//!
//! # The words
//!
//! One spelling each, in columns, fields, JSON keys, URLs and logs:
//!
//! - a **monitor** is a script, a schedule and what its author decided about it: [`MonitorSpec`], [`Monitor`];
//! - a **schedule** says when it is due: [`Schedule`]; a **tick** is one such instant, an instant in UTC;
//! - a **run** is one execution of the script: [`Run`]; its **outcome** is what the script did: `OK`, `ALARM` or `ERROR`;
//! - a **gap** is a stretch of ticks that had no run of their own: [`Gap`];
//! - a **state** is what a monitor is in, `INACTIVE` included: [`State`], [`Status`]; a **problem** is `ALARM` or `ERROR`;
//! - a **flip** is a change of state: [`Flip`], decided by [`after_run`], [`deactivate`] and [`activate`];
//! - an **alert** is a configured way of telling someone, a **delivery** one thing one alert owes, a **mute** what holds
//!   it back for a time: [`Mute`]; [`tell()`] decides from what was [`Told`], and each [`Silence`] has a word;
//! - a **rota** says who is on call, an **override** puts somebody in another one's place: [`on_call`];
//! - a **severity** says how bad a problem is: [`Severity`].

mod access;
pub mod calendar;
mod clock;
mod duration_words;
mod faults;
mod flapping;
mod ids;
mod line_difference;
mod monitor;
mod monitor_fields;
mod mute;
mod number_words;
pub mod on_call;
mod outage;
mod pending;
mod quiet_hours;
mod reminders;
mod run;
mod schedule;
mod severity;
mod spelling;
mod state;
mod state_in_outage;
mod tell;
mod text_difference;
mod time_words;
mod transitions;
mod zone;

pub use access::{
    Act, Actor, Asked, Concerns, Denial, Door, Holders, Operation, ParseActError, ParseRoleError, ParseTargetError,
    Rights, Role, Scope, Target, TargetKind, Who,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use duration_words::{lasted, read_duration};
pub use faults::{
    Fault, MAX_CHOSEN_ALERTS, MAX_DECIMALS, MAX_DESCRIPTION, MAX_NAME, MAX_NOTE, MAX_RETAIN_DAYS, MAX_SCRIPT_BYTES,
    MAX_STREAK, MAX_TAG, MAX_TAGS, MAX_TIMEOUT_S, MAX_UNIT, note_fault, tags_fault,
};
pub use flapping::Flapping;
pub use ids::{
    DecisionId, DeliveryId, FlipId, MonitorId, MuteId, OutageId, OverrideId, RunId, SessionId, TokenId, UserId,
};
pub use line_difference::{Line, LineChange, line_difference};
pub use monitor::{Monitor, MonitorSpec, WaitsFor};
pub use monitor_fields::{FieldWords, LeftOut, MONITOR_FIELDS, MonitorField, field_kind};
pub use mute::{
    LONGEST_MUTE, MAX_MUTED_MONITORS, Mute, MuteDraft, MutePeriod, MuteScope, MuteSubject, Recurrence, held_by,
};
pub use number_words::NumberFormat;
pub use outage::{Found, InOutage, OutageRules, ParseWaitsError, Waits, run_in_outage};
pub use pending::Pending;
pub use quiet_hours::QuietHours;
pub use reminders::Reminders;
pub use run::{Gap, GapReason, ReturnValue, Run, RunKind};
pub use schedule::{Schedule, ScheduleFault, Ticks};
pub use severity::{ParseSeverityError, Severity, SeveritySet};
pub use spelling::nearest;
pub use state::{ParseStateError, State, StateSet};
pub use state_in_outage::{ParseStateInOutageError, StateInOutage};
pub use tell::{
    AlertRules, Decision, ParseSilenceError, Silence, Subject, Switch, Told, UNREADABLE_TAGS, Verdict, is_expected,
    tell,
};
pub use text_difference::unified_difference;
pub use time_words::{
    clock_of, date_of, day_and_minute, day_of, exact_time, far_day, machine_time, minute_of, offset_of, typed_time,
};
pub use transitions::{Flip, MAX_ALARM_WINDOW, Rules, Status, Transition, activate, after_run, deactivate};
pub use zone::{ZoneFault, zone, zone_name, zone_names};
