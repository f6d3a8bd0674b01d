//! Versions of a monitor as answers show them.

use jiff::Timestamp;
use revere_model::monitor_fields;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schemas::{FieldValueShape, SeverityWord as Severity, StateInOutageWord as StateInOutage};
use crate::{
    operations::versions::{Difference, ListedVersion},
    store::{Author, SavedVersion},
};

/// Who did something.
#[derive(Serialize, ToSchema)]
#[schema(as = Author)]
pub(crate) struct AuthorView {
    /// `person`, `token`, `everybody` (where nobody has to log in), `command_line` or `server`.
    kind: String,
    /// The person or the token.
    #[schema(required)]
    id: Option<i64>,
    /// What they were called then.
    #[schema(required)]
    name: Option<String>,
}

/// A version of a monitor, in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub(crate) struct VersionView {
    /// Its number.
    version: i64,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    saved_at: Timestamp,
    /// Who saved it; null where that was not kept.
    #[schema(required)]
    saved_by: Option<AuthorView>,
    /// Why, in one line; empty if they did not say.
    note: String,
    /// The version that was restored by it; null if none was.
    #[schema(required)]
    restored: Option<i64>,
    /// Which script it has: the same as `script_version` of runs.
    script_version: String,
    /// The names of the fields in which it differs from the version before it; null for the first version that is kept.
    #[schema(required)]
    changed: Option<Vec<&'static str>>,
}

macro_rules! whole {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// A version of a monitor: what its author decided.
        #[derive(Serialize, ToSchema)]
        #[schema(as = MonitorVersion)]
        pub(crate) struct WholeVersionView {
            /// Its number.
            version: i64,
            /// When it was saved.
            #[schema(value_type = String, format = DateTime)]
            saved_at: Timestamp,
            /// Who saved it; null where that was not kept.
            #[schema(required)]
            saved_by: Option<AuthorView>,
            /// Why, in one line; empty if they did not say.
            note: String,
            /// The version that was restored by it; null if none was.
            #[schema(required)]
            restored: Option<i64>,
            /// Which script it has: the same as `script_version` of runs.
            script_version: String,
            $(
                #[doc = $doc]
                #[schema(required)]
                $field: $type,
            )*
        }

        impl From<SavedVersion> for WholeVersionView {
            fn from(saved: SavedVersion) -> Self {
                WholeVersionView {
                    version: saved.version,
                    saved_at: saved.saved_at,
                    saved_by: saved.author.map(AuthorView::from),
                    note: saved.note,
                    restored: saved.restored,
                    script_version: saved.script_version,
                    $($field: saved.spec.$field.into(),)*
                }
            }
        }
    };
}

monitor_fields!(whole);

/// What differs from one version of a monitor to another.
#[derive(Serialize, ToSchema)]
#[schema(as = Difference)]
pub(crate) struct DifferenceView {
    /// The version that is compared.
    from: i64,
    /// The one that it is compared with.
    to: i64,
    /// The fields that differ, but for the script.
    changes: Vec<FieldChangeView>,
    /// How the script differs, line by line, as `diff -u` writes it; null if it does not.
    #[schema(required)]
    script: Option<String>,
}

/// A field that differs.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldChange)]
pub(crate) struct FieldChangeView {
    /// Its name.
    field: &'static str,
    /// What it was.
    #[schema(value_type = FieldValueShape)]
    from: Value,
    /// What it is.
    #[schema(value_type = FieldValueShape)]
    to: Value,
}

impl From<Author> for AuthorView {
    fn from(author: Author) -> Self {
        AuthorView { kind: author.kind, id: author.id, name: author.name }
    }
}

impl From<ListedVersion> for VersionView {
    fn from(listed: ListedVersion) -> Self {
        let ListedVersion { saved, changed } = listed;
        VersionView {
            version: saved.version,
            saved_at: saved.saved_at,
            saved_by: saved.author.map(AuthorView::from),
            note: saved.note,
            restored: saved.restored,
            script_version: saved.script_version,
            changed: changed.map(|fields| fields.into_iter().map(|field| field.name).collect()),
        }
    }
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        let Difference { from, to, changes } = difference;
        let script = from.spec.script != to.spec.script;
        let changes = changes.into_iter().filter(|change| change.field.name != "script");
        DifferenceView {
            from: from.version,
            to: to.version,
            changes: changes
                .map(|change| FieldChangeView { field: change.field.name, from: change.from, to: change.to })
                .collect(),
            script: script.then(|| revere_model::unified_difference(&from.spec.script, &to.spec.script)),
        }
    }
}
