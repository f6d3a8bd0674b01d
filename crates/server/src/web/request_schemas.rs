//! Makes the schemas of the OpenAPI document exact where a derivation cannot: what is sent holds no other fields, what
//! an answer shows may be sent back, a parameter is never null, and the items of a page are what they are elsewhere.

use std::collections::BTreeMap;

use utoipa::openapi::{
    OpenApi, PathItem, Ref, RefOr, Schema,
    path::Parameter,
    schema::{AdditionalProperties, ArrayItems, Object, ObjectBuilder, SchemaType, Type},
};

/// What is sent to change a thing, and the thing as answers show it: its other fields may stand in the body, too.
const SENT_BACK: [(&str, &str); 3] =
    [("MonitorInput", "Monitor"), ("MonitorChange", "Monitor"), ("AlertInput", "Alert")];

/// Works on the whole document.
pub(super) fn make_exact(document: &mut OpenApi) {
    let sent = sent(document);
    for item in document.paths.paths.values_mut() {
        for parameter in parameters(item) {
            never_null(parameter);
        }
    }
    let Some(components) = &mut document.components else { return };
    for (input, shown) in SENT_BACK {
        let Some(RefOr::T(Schema::Object(shown))) = components.schemas.get(shown).cloned() else { continue };
        if let Some(RefOr::T(Schema::Object(input))) = components.schemas.get_mut(input) {
            may_be_sent_back(input, &shown);
        }
    }
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if sent.contains(name) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        if let Some(item) = name.strip_prefix("Page_").filter(|item| names.iter().any(|name| name == item)) {
            holds(object, item);
        }
    }
}

/// The names of the schemas of bodies.
fn sent(document: &OpenApi) -> Vec<String> {
    let items = document.paths.paths.values();
    let bodies = items.flat_map(|item| [&item.put, &item.post, &item.patch]).flatten().filter_map(|operation| {
        let Some(RefOr::T(body)) = &operation.request_body else { return None };
        let Some(RefOr::T(content)) = body.content.values().next() else { return None };
        let Some(RefOr::Ref(to)) = &content.schema else { return None };
        to.ref_location.rsplit('/').next().map(str::to_owned)
    });
    bodies.collect()
}

fn parameters(item: &mut PathItem) -> impl Iterator<Item = &mut Parameter> {
    let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    operations.into_iter().flatten().flat_map(|operation| operation.parameters.iter_mut().flatten()).filter_map(
        |parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        },
    )
}

/// A parameter that is left out is not there; there is no way to write null.
fn never_null(parameter: &mut Parameter) {
    let Some(RefOr::T(schema)) = &mut parameter.schema else { return };
    let either = match schema {
        Schema::Object(object) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
                if let [only] = types.as_slice() {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
            return;
        }
        Schema::OneOf(either) => &mut either.items,
        _ => return,
    };
    let null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    either.retain(|schema| !null(schema));
    if let [_] = either.as_slice()
        && let Some(only) = either.pop()
    {
        parameter.schema = Some(only);
    }
}

fn may_be_sent_back(input: &mut Object, shown: &Object) {
    let decided: BTreeMap<String, RefOr<Schema>> = std::mem::take(&mut input.properties);
    for name in shown.properties.keys().filter(|name| !decided.contains_key(*name)) {
        let words = match name.as_str() {
            "id" => "Shown in answers. It may be sent back, to the address of the same thing.",
            _ => "Shown in answers. It may be sent back, and is not looked at.",
        };
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue).read_only(true).description(Some(words));
        input.properties.insert(name.clone(), any.build().into());
    }
    input.properties.extend(decided);
}

fn holds(page: &mut Object, item: &str) {
    if let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items") {
        items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(item))));
    }
}
