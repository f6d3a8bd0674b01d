//! The table: every operation, with the least role it needs, what it is about, and who besides people may ask for it.

use super::roles::{Role, Scope};

/// What an operation is about, which decides what an editor who is one for some tags only may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Concerns {
    /// One monitor: its tags decide.
    Monitor,
    /// Something that is not kept, such as a script that is tried: every editor may.
    Draft,
    /// The whole server: an editor for some tags only may not.
    Server,
}

/// Who may ask, besides people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holders {
    /// Nobody: it is about the person who asks, or about who may come in at all.
    People,
    /// API tokens that may do all that their role may.
    Tokens,
    /// The same, and tokens of this scope, which may do nothing else.
    Scoped(Scope),
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $operation:ident $words:literal: $least:expr, $concerns:ident, $holders:expr;)*) => {
        /// Something that can be asked for.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Operation {
            $($(#[doc = $doc])+ $operation,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Operation] = &[$(Operation::$operation,)*];

            /// What is done, as it stands after "may not".
            pub const fn words(self) -> &'static str {
                match self { $(Operation::$operation => $words,)* }
            }

            /// The least role that may; `None` where nobody has to say who they are.
            pub const fn least(self) -> Option<Role> {
                match self { $(Operation::$operation => $least,)* }
            }

            /// What it is about.
            pub const fn concerns(self) -> Concerns {
                match self { $(Operation::$operation => Concerns::$concerns,)* }
            }

            /// Who may, besides people.
            pub const fn holders(self) -> Holders {
                match self { $(Operation::$operation => $holders,)* }
            }
        }
    };
}

use Holders::{People, Scoped, Tokens};

const ANYONE: Option<Role> = None;
const VIEWER: Option<Role> = Some(Role::Viewer);
const EDITOR: Option<Role> = Some(Role::Editor);
const ADMINISTRATOR: Option<Role> = Some(Role::Administrator);

operations! {
    /// Whether the server is well.
    SeeHealth "see whether the server is well": ANYONE, Server, Tokens;
    /// Saying who one is, and taking that back.
    LogIn "log in": ANYONE, Server, People;
    /// Monitors with their scripts, runs, values and what happened to them.
    SeeMonitors "see monitors": VIEWER, Server, Tokens;
    /// Alerts and what they sent.
    SeeAlerts "see alerts": VIEWER, Server, Tokens;
    /// Sources and how they do.
    SeeSources "see sources": VIEWER, Server, Tokens;
    /// The servers, what they hold, and the database.
    SeeServers "see the servers": VIEWER, Server, Tokens;
    /// What a schedule means, and what the API looks like.
    SeeDescriptions "read descriptions": VIEWER, Server, Tokens;
    /// What the server counts.
    SeeMetrics "read metrics": VIEWER, Server, Scoped(Scope::Metrics);
    /// A new monitor.
    CreateMonitor "create this monitor": EDITOR, Monitor, Tokens;
    /// Another script, schedule, name; a pause.
    EditMonitor "change this monitor": EDITOR, Monitor, Tokens;
    /// Its end.
    DeleteMonitor "delete this monitor": EDITOR, Monitor, Tokens;
    /// What it was before, once more.
    RestoreVersion "restore a version of this monitor": EDITOR, Monitor, Tokens;
    /// A deleted one, back with its history.
    UndeleteMonitor "bring this monitor back": EDITOR, Monitor, Tokens;
    /// A run outside of the schedule.
    RunMonitor "run this monitor": EDITOR, Monitor, Tokens;
    /// A script that is checked or run once, and a source that is asked: whatever an editor's monitor could do.
    TryScripts "try out scripts and ask sources": EDITOR, Draft, Tokens;
    /// Holding back for a time what alerts would tell, and ending that.
    Mute "mute this": EDITOR, Monitor, Tokens;
    /// Putting somebody in another one's place on call, and ending that.
    ChangeOnCall "change who is on call": EDITOR, Server, Tokens;
    /// Saying that one looks after a problem, so that nobody is reminded of it.
    Acknowledge "acknowledge this problem": EDITOR, Monitor, Tokens;
    /// The same by the link of a message, which is good for that alone.
    AcknowledgeByLink "acknowledge by a link": ANYONE, Server, People;
    /// What an alert tells; a test of it.
    ChangeAlerts "change or test alerts": EDITOR, Server, Tokens;
    /// Having a browser of one's own told by an alert, and taking that back.
    TellBrowser "have a browser notified": VIEWER, Server, Tokens;
    /// One's own sessions, password and second factor.
    UseAccount "use an account": VIEWER, Server, People;
    /// API tokens of one's own.
    HoldTokens "hold API tokens": VIEWER, Server, People;
    /// Who did what, and what was refused to whom.
    SeeAudit "see who did what": ADMINISTRATOR, Server, Tokens;
    /// Who may come in, and what each may do; everybody's tokens.
    ManagePeople "see and change who may do what": ADMINISTRATOR, Server, People;
}

impl Operation {
    /// Whether it only looks: what may be done where a copy of a database is looked into.
    pub const fn only_looks(self) -> bool {
        use Operation::{
            LogIn, SeeAlerts, SeeAudit, SeeDescriptions, SeeHealth, SeeMetrics, SeeMonitors, SeeServers, SeeSources,
        };
        matches!(
            self,
            SeeHealth
                | LogIn
                | SeeMonitors
                | SeeAlerts
                | SeeSources
                | SeeDescriptions
                | SeeMetrics
                | SeeServers
                | SeeAudit
        )
    }
}
