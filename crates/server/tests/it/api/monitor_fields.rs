//! The model's table of a monitor's fields, beside what no macro can make of it.

use revere_model::MONITOR_FIELDS;

#[test]
fn every_field_of_a_monitor_is_in_the_description_the_form_the_drafts_and_the_docs() {
    let document = serde_json::to_value(revere::web::openapi_document()).unwrap();
    let form = include_str!("../../../templates/pages/monitor_form.html");
    let drafts = include_str!("../../../../../web/src/drafts.js");
    let guide = include_str!("../../../../../docs/API.md");
    assert!(MONITOR_FIELDS.len() > 5);
    for field in MONITOR_FIELDS {
        let name = field.name;
        for schema in ["Monitor", "MonitorInput", "MonitorChange"] {
            let properties = &document["components"]["schemas"][schema]["properties"];
            assert!(properties[name].is_object(), "the schema {schema} lacks {name}: web/api/monitors.rs");
        }
        assert!(form.contains(&format!("name=\"{name}\"")), "templates/pages/monitor_form.html lacks {name}");
        assert!(drafts.contains(&format!("\"{name}\"")), "web/src/drafts.js lacks {name}");
        let line = format!("| `{name}` | {} |", field.words);
        assert!(guide.contains(&line), "docs/API.md lacks the line {line}");
    }
}
