//! A notification as programs read it.

use serde_json::{Map, Value, json};

use super::Notification;

impl Notification {
    /// The notification as programs read it. `test` is there only where it is true, and a link only where there is one.
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("monitor".into(), json!(self.monitor));
        object.insert("old_state".into(), json!(self.old_state));
        object.insert("new_state".into(), json!(self.new_state));
        object.insert("severity".into(), json!(self.severity()));
        object.insert("message".into(), json!(self.message));
        object.insert("return_value".into(), json!(self.return_value));
        object.insert("tick_at".into(), json!(self.tick_at));
        object.insert("started_at".into(), json!(self.started_at));
        object.insert("run_id".into(), json!(self.run_id));
        object.insert("url".into(), json!(self.url()));
        object.insert("text".into(), json!(self.text()));
        object.insert("key".into(), json!(self.key));
        object.insert("incident".into(), json!(self.incident));
        if let Some(link) = self.acknowledge_link() {
            object.insert("acknowledge_url".into(), json!(link));
        }
        if let Some(number) = self.reminder {
            object.insert("reminder".into(), json!(number));
        }
        if !self.sending.missed.is_empty() {
            let missed = self.sending.missed.iter().map(|missed| {
                json!({"state": missed.state, "severity": missed.severity, "from": missed.from, "until": missed.until})
            });
            object.insert("missed".into(), missed.collect());
        }
        if self.sending.may_be_repeat {
            object.insert("may_be_repeat".into(), json!(true));
        }
        if let Some(why) = self.on_call_words() {
            object.insert("on_call".into(), json!(why));
        }
        if self.test {
            object.insert("test".into(), json!(true));
        }
        Value::Object(object)
    }
}
