//! The fields that an author decides, as bodies have them, each by its kind: how it is read, and how it is described.

use revere_model::{
    LeftOut, MAX_ALARM_WINDOW, MAX_CHOSEN_ALERTS, MAX_DECIMALS, MAX_RETAIN_DAYS, MAX_STREAK, MAX_TIMEOUT_S,
    MONITOR_FIELDS, Severity, StateInOutage, field_kind, monitor_fields,
};
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{RefBuilder, SchemaType, Type},
    },
};

use super::schemas::{
    DescriptionText, KeptScript, NameText, ScheduleText, SeverityWord, StateInOutageWord, TagSetShape, UnitText,
    ZoneText,
};
use crate::{operations::monitors::MonitorInput, web::fields::Fields};

/// As much as a body can hold: how much is too much is the model's to say.
const MOST: usize = 1 << 20;

/// Schemas that others refer to, by their names.
type Schemas = Vec<(String, RefOr<Schema>)>;

/// How a kind of field stands in a body.
trait BodyField {
    type Value;

    /// `None` if it is left out, or is none: then a fault is noted.
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self::Value>;

    /// What it may be, with `words` on it; what that refers to goes to `schemas`.
    fn described(words: String, schemas: &mut Schemas) -> RefOr<Schema>;
}

macro_rules! body {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What a body says of a monitor.
        pub(super) fn read(fields: &mut Fields) -> MonitorInput {
            let note = fields.text("note", MOST).unwrap_or_default();
            MonitorInput {
                $($field: <field_kind::$kind as BodyField>::read(fields, stringify!($field)),)*
                note,
                faults: Vec::new(),
            }
        }

        /// What each field may be, in the order of the table.
        const DESCRIBED: &[fn(String, &mut Schemas) -> RefOr<Schema>] =
            &[$(<field_kind::$kind as BodyField>::described,)*];
    };
}

monitor_fields!(body);

/// Notes a fault for each field that must be there and is not.
pub(super) fn require(fields: &mut Fields) {
    for field in MONITOR_FIELDS {
        if let LeftOut::Required(expected) = field.words.left_out {
            fields.require(field.name, expected);
        }
    }
}

/// Adds the fields to the description of a body. In a `whole` one some must be there, and the others have a default.
pub(super) fn describe(mut body: ObjectBuilder, whole: bool, schemas: &mut Schemas) -> ObjectBuilder {
    for (field, described) in MONITOR_FIELDS.iter().zip(DESCRIBED) {
        let words = match field.words.left_out {
            LeftOut::Is(default) if whole => format!("{} Default: {default}.", field.doc),
            _ => field.doc.to_owned(),
        };
        body = body.property(field.name, described(words, schemas));
        if whole && matches!(field.words.left_out, LeftOut::Required(_)) {
            body = body.required(field.name);
        }
    }
    body
}

/// Refers to a schema that has a name of its own.
fn named<T: ToSchema>(words: String, schemas: &mut Schemas) -> RefOr<Schema> {
    T::schemas(schemas);
    schemas.push((T::name().into(), T::schema()));
    RefOr::Ref(RefBuilder::new().ref_location_from_schema_name(T::name()).description(Some(words)).build())
}

/// A number, or null where that is a value.
fn number(kind: Type, format: KnownFormat, may_be_null: bool, words: String) -> ObjectBuilder {
    let kind = if may_be_null { SchemaType::from_iter([kind, Type::Null]) } else { SchemaType::Type(kind) };
    ObjectBuilder::new().schema_type(kind).format(Some(SchemaFormat::KnownFormat(format))).description(Some(words))
}

macro_rules! texts {
    ($($kind:ident as $schema:ty;)*) => {$(
        impl BodyField for field_kind::$kind {
            type Value = String;

            fn read(fields: &mut Fields, name: &'static str) -> Option<String> {
                fields.text(name, MOST)
            }

            fn described(words: String, schemas: &mut Schemas) -> RefOr<Schema> {
                named::<$schema>(words, schemas)
            }
        }
    )*};
}

texts! {
    Name as NameText;
    Description as DescriptionText;
    Script as KeptScript;
    Schedule as ScheduleText;
    Zone as ZoneText;
    Unit as UnitText;
}

impl BodyField for field_kind::Flag {
    type Value = bool;

    fn read(fields: &mut Fields, name: &'static str) -> Option<bool> {
        fields.flag(name)
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).description(Some(words)).into()
    }
}

impl BodyField for field_kind::Tags {
    type Value = Vec<String>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Vec<String>> {
        Some(fields.texts(name, MOST)?.into_iter().map(|tag| tag.trim().to_owned()).collect())
    }

    fn described(words: String, schemas: &mut Schemas) -> RefOr<Schema> {
        named::<TagSetShape>(words, schemas)
    }
}

impl BodyField for field_kind::AlertChoice {
    type Value = Option<Vec<String>>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<Vec<String>>> {
        fields.or_null(name, |fields| fields.texts(name, MOST))
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let format = SchemaFormat::Custom("alert-key".to_owned());
        let key = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        let keys =
            ArrayBuilder::new().items(key).unique_items(true).min_items(Some(1)).max_items(Some(MAX_CHOSEN_ALERTS));
        let either = SchemaType::from_iter([Type::Array, Type::Null]);
        Schema::Array(keys.schema_type(either).description(Some(words)).build()).into()
    }
}

impl BodyField for field_kind::Streak {
    type Value = u32;

    fn read(fields: &mut Fields, name: &'static str) -> Option<u32> {
        fields.whole(name, 1..=MAX_STREAK.into()).map(|runs| runs as u32)
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let number = number(Type::Integer, KnownFormat::Int32, false, words);
        number.minimum(Some(1)).maximum(Some(MAX_STREAK)).into()
    }
}

impl BodyField for field_kind::Window {
    type Value = Option<u32>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<u32>> {
        let window = fields.or_null(name, |fields| fields.whole(name, 1..=MAX_ALARM_WINDOW.into()))?;
        Some(window.map(|runs| runs as u32))
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let number = number(Type::Integer, KnownFormat::Int32, true, words);
        number.minimum(Some(1)).maximum(Some(MAX_ALARM_WINDOW)).into()
    }
}

impl BodyField for field_kind::SeverityChoice {
    type Value = Severity;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Severity> {
        let word = fields.text(name, MOST)?;
        word.parse().map_err(|fault: revere_model::ParseSeverityError| fields.fault(name, fault.to_string())).ok()
    }

    fn described(words: String, schemas: &mut Schemas) -> RefOr<Schema> {
        named::<SeverityWord>(words, schemas)
    }
}

impl BodyField for field_kind::OutageChoice {
    type Value = StateInOutage;

    fn read(fields: &mut Fields, name: &'static str) -> Option<StateInOutage> {
        let word = fields.text(name, MOST)?;
        word.parse().map_err(|fault: revere_model::ParseStateInOutageError| fields.fault(name, fault.to_string())).ok()
    }

    fn described(words: String, schemas: &mut Schemas) -> RefOr<Schema> {
        named::<StateInOutageWord>(words, schemas)
    }
}

impl BodyField for field_kind::Days {
    type Value = Option<u32>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<u32>> {
        let days = fields.or_null(name, |fields| fields.whole(name, 1..=MAX_RETAIN_DAYS.into()))?;
        Some(days.map(|days| days as u32))
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let number = number(Type::Integer, KnownFormat::Int32, true, words);
        number.minimum(Some(1)).maximum(Some(MAX_RETAIN_DAYS)).into()
    }
}

impl BodyField for field_kind::Seconds {
    type Value = Option<f64>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<f64>> {
        fields.or_null(name, |fields| fields.positive(name, MAX_TIMEOUT_S))
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let number = number(Type::Number, KnownFormat::Double, true, words);
        number.exclusive_minimum(Some(0)).maximum(Some(MAX_TIMEOUT_S)).into()
    }
}

impl BodyField for field_kind::Decimals {
    type Value = Option<u32>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<u32>> {
        let decimals = fields.or_null(name, |fields| fields.whole(name, 0..=MAX_DECIMALS.into()))?;
        Some(decimals.map(|decimals| decimals as u32))
    }

    fn described(words: String, _: &mut Schemas) -> RefOr<Schema> {
        let number = number(Type::Integer, KnownFormat::Int32, true, words);
        number.minimum(Some(0)).maximum(Some(MAX_DECIMALS)).into()
    }
}
