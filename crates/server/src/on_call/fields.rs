//! What a rota needs, as the documentation lists it.

use crate::settings::{Field, FieldKind};

/// The type of an alert that is a rota.
pub const KIND: &str = "on_call";

/// What a rota needs.
pub const FIELDS: &[Field] = &[
    Field::required(
        "people",
        FieldKind::Any,
        "A dict of names to the alerts that reach them: `{'alice': 'alice_sms', 'bob': ['bob_sms', 'bob_mail']}`. All of a person's alerts are used.",
    ),
    Field::optional("layers", FieldKind::Any, "A list of layers, see below; a later one lies above an earlier one.")
        .or_words("a calendar"),
    Field::optional(
        "ical_url",
        FieldKind::SecretUrl,
        "The address of a calendar that says whose turn it is, see below.",
    )
    .or_words("layers"),
    Field::optional("ical_file", FieldKind::Text, "A file with such a calendar.").or_words("layers"),
    Field::optional(
        "calendar_names",
        FieldKind::Any,
        "What the calendar calls people, where it is not their name here: `{'Alice Smith': 'alice'}`.",
    )
    .or_words("their names"),
    Field::optional("zone", FieldKind::Text, "The time zone of what names none, such as `'Europe/Berlin'`.")
        .or_text("UTC"),
    Field::optional(
        "escalate_after",
        FieldKind::Text,
        "How long it waits for an acknowledgement before the next person is notified, such as `'15min'`.",
    )
    .or_words("nobody else is notified"),
    Field::optional("escalation", FieldKind::Texts, "Who is notified then, one after the other; then everybody is.")
        .or_words("the people, in the order they are written"),
];

/// What a layer needs.
pub const LAYER_FIELDS: &[Field] = &[
    Field::required("people", FieldKind::Texts, "Who takes turns, one after the other."),
    Field::required("from", FieldKind::Text, "The day of the first hand-over, such as `'2026-11-30'`."),
    Field::optional("rotation", FieldKind::Choice(&["weekly", "daily"]), "How long a turn is.").or_text("weekly"),
    Field::optional("every", FieldKind::Count, "So many weeks or days a turn has.").or_number(1),
    Field::optional("hand_over", FieldKind::Text, "The time of the day at which the next one takes over.")
        .or_text("09:00"),
    Field::optional("zone", FieldKind::Text, "The time zone.").or_words("that of the rota"),
    Field::optional("hours", FieldKind::Any, "Only in these hours: `{'from': '09:00', 'until': '17:00'}`.")
        .or_words("all day"),
    Field::optional("weekdays", FieldKind::Texts, "Only on these days: `'mon'` to `'sun'`.").or_words("every day"),
    Field::optional("name", FieldKind::Text, "What people call it.").or_words("`layer 1`, `layer 2`"),
];
