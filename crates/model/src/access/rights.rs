//! What someone may do: a role, perhaps for some tags only, perhaps cut down to one scope.

use super::{
    operations::{Concerns, Holders, Operation},
    roles::{Role, Scope},
};

/// What someone may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights {
    /// What they are.
    pub role: Role,
    /// For an editor: the tags whose monitors they edit; all monitors if it is empty.
    pub tags: Vec<String>,
    /// For a token: the one thing it may be used for.
    pub scope: Option<Scope>,
    /// Whether this is a token, and no person.
    pub token: bool,
}

/// Why someone may not.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denial {
    /// Nobody said who they are.
    #[error("log in first, to {}", .0.words())]
    NotLoggedIn(Operation),
    /// The role is too small.
    #[error("{} may not {}; that takes {}: ask an administrator", a(*.have), .operation.words(), a(*.needs))]
    Role {
        /// What was asked for.
        operation: Operation,
        /// The role they have.
        have: Role,
        /// The role it takes.
        needs: Role,
    },
    /// An editor of other tags.
    #[error("you may not {}: you are an editor of {} only; give the monitor that tag, or ask an administrator", .operation.words(), listed(.tags))]
    Tags {
        /// What was asked for.
        operation: Operation,
        /// The tags they are an editor of.
        tags: Vec<String>,
    },
    /// An editor of some tags, where it is about the whole server.
    #[error("you may not {}: you are an editor of {} only, and this concerns everyone; ask an administrator", .operation.words(), listed(.tags))]
    WholeServer {
        /// What was asked for.
        operation: Operation,
        /// The tags they are an editor of.
        tags: Vec<String>,
    },
    /// A token for something else.
    #[error("this token may be used for {} only, not to {}; make one without a scope", .scope.as_str(), .operation.words())]
    Scope {
        /// What was asked for.
        operation: Operation,
        /// What the token is for.
        scope: Scope,
    },
    /// Anybody, where a copy of a database is looked into.
    #[error("nobody may {} here: this server only looks into a copy of a database", .0.words())]
    OnlyLooks(Operation),
    /// A token, where only people may.
    #[error("a token may not {}; log in at the pages", .0.words())]
    People(Operation),
}

impl Rights {
    /// Everything.
    pub const fn all() -> Rights {
        Rights { role: Role::Administrator, tags: Vec::new(), scope: None, token: false }
    }

    /// Whether they might, depending on the monitor: what is asked before it is known which one it is about.
    pub fn might(&self, operation: Operation) -> Result<(), Denial> {
        let Some(needs) = operation.least() else { return Ok(()) };
        match (operation.holders(), self.scope) {
            (Holders::People, _) if self.token => return Err(Denial::People(operation)),
            (Holders::Scoped(one), Some(scope)) if one == scope => return Ok(()),
            (_, Some(scope)) => return Err(Denial::Scope { operation, scope }),
            _ => {}
        }
        if self.role < needs {
            return Err(Denial::Role { operation, have: self.role, needs });
        }
        if operation.concerns() == Concerns::Server && needs == Role::Editor && self.is_for_some_tags() {
            return Err(Denial::WholeServer { operation, tags: self.tags.clone() });
        }
        Ok(())
    }

    /// Whether they may, whichever monitor it is about.
    pub fn may(&self, operation: Operation) -> Result<(), Denial> {
        self.might(operation)?;
        match operation.concerns() {
            Concerns::Monitor if self.is_for_some_tags() => Err(Denial::Tags { operation, tags: self.tags.clone() }),
            _ => Ok(()),
        }
    }

    /// Whether they may, where it is about a monitor with these tags.
    pub fn may_with(&self, operation: Operation, tags: &[String]) -> Result<(), Denial> {
        self.might(operation)?;
        let fits = || tags.iter().any(|tag| self.tags.iter().any(|own| own.to_lowercase() == tag.to_lowercase()));
        match operation.concerns() {
            Concerns::Monitor if self.is_for_some_tags() && !fits() => {
                Err(Denial::Tags { operation, tags: self.tags.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The least of both: what a token of this person may do.
    #[must_use]
    pub fn within(mut self, owner: &Rights) -> Rights {
        self.role = self.role.min(owner.role);
        if owner.is_for_some_tags() && self.role == Role::Editor {
            if self.is_for_some_tags() {
                self.tags.retain(|tag| owner.tags.iter().any(|own| own.to_lowercase() == tag.to_lowercase()));
                if self.tags.is_empty() {
                    self.role = Role::Viewer;
                }
            } else {
                self.tags.clone_from(&owner.tags);
            }
        }
        self
    }

    fn is_for_some_tags(&self) -> bool {
        self.role == Role::Editor && !self.tags.is_empty()
    }
}

fn a(role: Role) -> String {
    match role {
        Role::Viewer => "a viewer".to_owned(),
        Role::Editor => "an editor".to_owned(),
        Role::Administrator => "an administrator".to_owned(),
    }
}

fn listed(tags: &[String]) -> String {
    tags.iter().map(|tag| format!("'{tag}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(role: Role, tags: &[&str]) -> Rights {
        Rights { role, tags: tags.iter().map(|&tag| tag.to_owned()).collect(), scope: None, token: false }
    }

    #[test]
    fn a_greater_role_may_all_that_a_smaller_one_may() {
        for &operation in Operation::ALL {
            let may = Role::ALL.map(|role| person(role, &[]).may(operation).is_ok());
            assert!(may.is_sorted(), "{operation:?} {may:?}");
            assert!(may[2], "an administrator may {operation:?}");
            assert_eq!(Rights::all().may(operation), Ok(()));
        }
    }

    #[test]
    fn an_editor_of_a_tag_edits_what_has_it_and_sees_the_rest() {
        let alice = person(Role::Editor, &["Shop", "mail"]);
        let shop = ["x".to_owned(), "shop".to_owned()];
        for operation in
            [Operation::CreateMonitor, Operation::EditMonitor, Operation::DeleteMonitor, Operation::RunMonitor]
        {
            assert_eq!(alice.might(operation), Ok(()));
            assert_eq!(alice.may_with(operation, &shop), Ok(()));
            for other in [&["shopping".to_owned()][..], &[]] {
                assert!(matches!(alice.may_with(operation, other), Err(Denial::Tags { .. })), "{operation:?}");
            }
            assert!(alice.may(operation).is_err(), "not any");
        }
        assert_eq!(alice.may(Operation::SeeMonitors), Ok(()));
        assert_eq!(alice.may(Operation::TryScripts), Ok(()));
        let words = alice.may(Operation::ChangeAlerts).unwrap_err().to_string();
        assert_eq!(
            words,
            "you may not change or test alerts: you are an editor of 'Shop', 'mail' only, and this concerns everyone; ask \
             an administrator"
        );
        assert_eq!(person(Role::Administrator, &["shop"]).may(Operation::EditMonitor), Ok(()), "tags are for editors");
        assert!(person(Role::Viewer, &["shop"]).may_with(Operation::EditMonitor, &shop).is_err());
    }

    #[test]
    fn a_token_may_no_more_than_its_owner_and_never_what_is_for_people() {
        let token = |role, tags: &[&str]| Rights { token: true, ..person(role, tags) };
        for &operation in Operation::ALL {
            if operation.holders() == Holders::People && operation.least().is_some() {
                assert_eq!(token(Role::Administrator, &[]).may(operation), Err(Denial::People(operation)));
            }
        }
        let shop = person(Role::Editor, &["shop"]);
        assert_eq!(token(Role::Administrator, &[]).within(&shop), token(Role::Editor, &["shop"]));
        assert_eq!(token(Role::Editor, &["mail", "Shop"]).within(&shop), token(Role::Editor, &["Shop"]));
        assert_eq!(token(Role::Editor, &["mail"]).within(&shop).role, Role::Viewer);
        assert_eq!(token(Role::Editor, &["mail"]).within(&person(Role::Viewer, &[])).role, Role::Viewer);
    }

    #[test]
    fn a_token_for_metrics_reads_metrics_and_nothing_else() {
        let metrics = Rights { scope: Some(Scope::Metrics), token: true, ..person(Role::Administrator, &[]) };
        for &operation in Operation::ALL.iter().filter(|operation| operation.least().is_some()) {
            assert_eq!(metrics.may(operation).is_ok(), operation == Operation::SeeMetrics, "{operation:?}");
        }
    }

    #[test]
    fn roles_are_read_by_their_names() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(
            "root".parse::<Role>().unwrap_err().to_string(),
            "\"root\" is not a role; the roles are viewer, editor and administrator"
        );
    }
}
