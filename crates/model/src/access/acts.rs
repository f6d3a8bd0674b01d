//! What can be done, as the audit has it: every act and every refusal, and what it can be about.

use std::{fmt, str::FromStr};

use super::operations::Operation;

macro_rules! acts {
    ($($(#[doc = $doc:literal])+ $act:ident $name:literal $words:literal: $operation:expr;)*) => {
        /// Something that was done, or that was refused.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Act {
            $($(#[doc = $doc])+ $act,)*
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Act] = &[$(Act::$act,)*];

            /// The one spelling in columns, JSON, addresses and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Act::$act => $name,)* }
            }

            /// What people and the log read.
            pub const fn words(self) -> &'static str {
                match self { $(Act::$act => $words,)* }
            }

            /// What it was an act of; `None` where it is a refusal, whatever was asked for.
            pub const fn operation(self) -> Option<Operation> {
                match self { $(Act::$act => $operation,)* }
            }
        }
    };
}

use Operation::{
    Acknowledge, AcknowledgeByLink, ChangeAlerts, ChangeOnCall, CreateMonitor, DeleteMonitor, EditMonitor, HoldTokens,
    LogIn, ManagePeople, Mute, RestoreVersion, RunMonitor, TellBrowser, TryScripts, UndeleteMonitor, UseAccount,
};

const REFUSAL: Option<Operation> = None;

acts! {
    /// A new monitor.
    MonitorCreated "monitor_created" "monitor created": Some(CreateMonitor);
    /// Another script, schedule, name; a pause.
    MonitorChanged "monitor_changed" "monitor changed": Some(EditMonitor);
    /// Its end.
    MonitorDeleted "monitor_deleted" "monitor deleted": Some(DeleteMonitor);
    /// What it was in a version, once more.
    VersionRestored "version_restored" "version of a monitor restored": Some(RestoreVersion);
    /// A deleted one, back with its history.
    MonitorUndeleted "monitor_undeleted" "deleted monitor brought back": Some(UndeleteMonitor);
    /// A run outside of the schedule.
    MonitorRun "monitor_run" "monitor run at someone's word": Some(RunMonitor);
    /// A script, once, with nothing kept of it.
    ScriptTried "script_tried" "script tried": Some(TryScripts);
    /// Monitors with their history, from elsewhere.
    Imported "imported" "monitors imported": Some(CreateMonitor);
    /// What an alert tells.
    AlertChanged "alert_changed" "alert changed": Some(ChangeAlerts);
    /// A test of it.
    AlertTested "alert_tested" "alert tested": Some(ChangeAlerts);
    /// A browser that it tells from now on.
    BrowserAdded "browser_added" "browser notified from now on": Some(TellBrowser);
    /// Its end.
    BrowserRemoved "browser_removed" "browser notified no more": Some(TellBrowser);
    /// What is held back for a time.
    MuteAdded "mute_added" "mute added": Some(Mute);
    /// Its end, before its time.
    MuteEnded "mute_ended" "mute ended": Some(Mute);
    /// Somebody in another one's place on call.
    OverrideAdded "override_added" "override of a rota added": Some(ChangeOnCall);
    /// Its end, before its time.
    OverrideEnded "override_ended" "override of a rota ended": Some(ChangeOnCall);
    /// Who looks after a problem.
    Acknowledged "acknowledged" "problem acknowledged": Some(Acknowledge);
    /// The same, by the link of a message.
    AcknowledgedByLink "acknowledged_by_link" "problem acknowledged by a link": Some(AcknowledgeByLink);
    /// Nobody looks after it after all.
    AcknowledgementTakenBack "acknowledgement_taken_back" "acknowledgement taken back": Some(Acknowledge);
    /// Somebody who may come in.
    PersonAdded "person_added" "person added": Some(ManagePeople);
    /// What they may do, or whether they may come in.
    PersonChanged "person_changed" "person changed": Some(ManagePeople);
    /// A link by which somebody chooses another password.
    LinkMade "link_made" "link for a password made": Some(ManagePeople);
    /// Somebody's password, set for them.
    PasswordSet "password_set" "password set for someone": Some(ManagePeople);
    /// All of somebody's sessions, ended for them.
    PersonPutOut "person_put_out" "all sessions of someone ended": Some(ManagePeople);
    /// Somebody's second factor, taken away for them.
    SecondFactorTaken "second_factor_taken" "second factor of someone taken away": Some(ManagePeople);
    /// An API token.
    TokenMade "token_made" "token made": Some(HoldTokens);
    /// Its end.
    TokenDeleted "token_deleted" "token deleted": Some(HoldTokens);
    /// Who one is, shown again.
    Proved "proved" "showed again who they are": Some(UseAccount);
    /// One's own password.
    PasswordChanged "password_changed" "password changed": Some(UseAccount);
    /// The key of a second factor, shown and not yet confirmed.
    SecondFactorOffered "second_factor_offered" "second factor begun": Some(UseAccount);
    /// A second factor.
    SecondFactorSetUp "second_factor_set_up" "second factor set up": Some(UseAccount);
    /// Its end.
    SecondFactorRemoved "second_factor_removed" "second factor removed": Some(UseAccount);
    /// One of the recovery codes, which is good once.
    RecoveryCodeUsed "recovery_code_used" "recovery code used": Some(UseAccount);
    /// A filter of the list, for oneself.
    FilterSaved "filter_saved" "filter of the list saved": Some(UseAccount);
    /// Its end.
    FilterDeleted "filter_deleted" "filter of the list deleted": Some(UseAccount);
    /// One of one's own sessions.
    SessionEnded "session_ended" "session ended": Some(UseAccount);
    /// All of them.
    SessionsEnded "sessions_ended" "all sessions ended": Some(UseAccount);
    /// A link to become the first administrator.
    FirstLinkMade "first_link_made" "link for the first administrator made": Some(LogIn);
    /// The first administrator.
    FirstAdministratorMade "first_administrator_made" "first administrator made": Some(LogIn);
    /// A password, by a link.
    PasswordChosen "password_chosen" "password chosen by a link": Some(LogIn);
    /// The beginning of a session.
    LoggedIn "logged_in" "logged in": Some(LogIn);
    /// Its end, by its person.
    LoggedOut "logged_out" "logged out": Some(LogIn);
    /// A log-in that failed.
    LogInRefused "log_in_refused" "log-in refused": REFUSAL;
    /// One that has to wait.
    LogInSlowed "log_in_slowed" "log-in slowed": REFUSAL;
    /// An API token that opens nothing.
    TokenRefused "token_refused" "API token refused": REFUSAL;
    /// What somebody may not.
    Denied "denied" "denied": REFUSAL;
    /// What a page of another site sent, or what came under another name.
    OriginRefused "origin_refused" "refused, from another site": REFUSAL;
    /// A form without its token.
    FormRefused "form_refused" "refused, a form without its token": REFUSAL;
    /// How many refusals were counted and not written down one by one.
    RefusalsLeftOut "refusals_left_out" "more refusals, counted only": REFUSAL;
}

impl Act {
    /// Whether it says that something was not done.
    pub const fn is_refusal(self) -> bool {
        self.operation().is_none()
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such act.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no act{nearest}", nearest = nearest(.0))]
pub struct ParseActError(pub String);

fn nearest(text: &str) -> String {
    let names = Act::ALL.iter().map(|act| act.as_str());
    crate::spelling::nearest(text, names).map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

impl FromStr for Act {
    type Err = ParseActError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Act::ALL.iter().copied().find(|act| act.as_str() == text).ok_or_else(|| ParseActError(text.to_owned()))
    }
}

/// What kind of thing an act is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TargetKind {
    /// A monitor, by its id.
    Monitor,
    /// An alert, by its key.
    Alert,
    /// A mute, by its id.
    Mute,
    /// A person, by their id.
    Person,
    /// An API token, by its id.
    Token,
    /// A session, by its id.
    Session,
}

impl TargetKind {
    /// All of them.
    pub const ALL: [TargetKind; 6] = [
        TargetKind::Monitor,
        TargetKind::Alert,
        TargetKind::Mute,
        TargetKind::Person,
        TargetKind::Token,
        TargetKind::Session,
    ];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetKind::Monitor => "monitor",
            TargetKind::Alert => "alert",
            TargetKind::Mute => "mute",
            TargetKind::Person => "person",
            TargetKind::Token => "token",
            TargetKind::Session => "session",
        }
    }
}

/// What an act is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Target {
    /// What kind of thing.
    pub kind: TargetKind,
    /// Which one.
    pub id: String,
    /// What it was called then; empty where it has no name.
    pub name: String,
}

impl Target {
    /// One that is called `name`.
    pub fn new(kind: TargetKind, id: impl fmt::Display, name: impl Into<String>) -> Target {
        Target { kind, id: id.to_string(), name: name.into() }
    }
}

/// As in an address: `monitor:2`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

/// The text names nothing that an act is about.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} names nothing; a target is a kind and an id, as monitor:2, alert:ops, mute:5, person:1, token:3 or session:4"
)]
pub struct ParseTargetError(pub String);

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseTargetError(text.chars().take(100).collect());
        let (kind, id) = text.split_once(':').ok_or_else(error)?;
        let kind = TargetKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(error)?;
        let is_number = (1..=18).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number && (kind != TargetKind::Alert || id.is_empty() || id.chars().count() > 200) {
            return Err(error());
        }
        Ok(Target::new(kind, id, ""))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_that_changes_something_has_acts() {
        let acted: BTreeSet<Operation> = Act::ALL.iter().filter_map(|act| act.operation()).collect();
        let reads = [
            Operation::SeeHealth,
            Operation::SeeMonitors,
            Operation::SeeAlerts,
            Operation::SeeSources,
            Operation::SeeDescriptions,
            Operation::SeeMetrics,
            Operation::SeeAudit,
            Operation::SeeServers,
        ];
        for &operation in Operation::ALL {
            assert_eq!(acted.contains(&operation), !reads.contains(&operation), "{operation:?}");
        }
    }

    #[test]
    fn acts_and_targets_are_read_by_their_names() {
        let mut names = BTreeSet::new();
        for &act in Act::ALL {
            assert_eq!(act.as_str().parse(), Ok(act));
            assert!(names.insert(act.as_str()), "{act} stands there twice");
        }
        let words = "monitor_change".parse::<Act>().unwrap_err().to_string();
        assert_eq!(words, "\"monitor_change\" is no act; did you mean \"monitor_changed\"?");
        for text in ["monitor:2", "alert:a:b", "mute:5", "person:1", "token:3", "session:4"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        for text in ["", "monitor", "monitor:", "monitor:x", "monitor:+1", "page:1", "alert:"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
