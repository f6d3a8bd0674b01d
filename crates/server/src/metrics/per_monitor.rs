//! State, value and last run of each monitor, where they are asked for: written by hand, since monitors come and go, and a
//! family of the library would keep those that are gone.

use std::fmt::Write as _;

use jiff::Timestamp;
use revere_model::{MonitorId, State};

/// A monitor, as its series show it.
#[derive(Clone, PartialEq, Debug)]
pub struct MonitorSample {
    /// Its row.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// The state it is in.
    pub state: State,
    /// Its last value, where that is a number.
    pub value: Option<f64>,
    /// When its last run began.
    pub last_run_at: Option<Timestamp>,
}

/// The families of all monitors, as OpenMetrics has them.
pub(super) fn families(monitors: &[MonitorSample]) -> String {
    let mut text = String::with_capacity(monitors.len() * 200);
    let mut family = |name: &str, help: &str, of: &dyn Fn(&MonitorSample) -> Option<(String, f64)>| {
        // Writing into a String cannot fail.
        _ = writeln!(text, "# HELP {name} {help}.\n# TYPE {name} gauge");
        for monitor in monitors {
            if let Some((more, value)) = of(monitor) {
                _ = writeln!(text, "{name}{{id=\"{}\",name=\"{}\"{more}}} {value}", monitor.id, label(&monitor.name));
            }
        }
    };
    family("revere_monitor_state", "1 for the state that a monitor is in", &|monitor| {
        Some((format!(",state=\"{}\"", monitor.state), 1.0))
    });
    family("revere_monitor_value", "The last value of a monitor, where it is a number", &|monitor| {
        Some((String::new(), monitor.value?))
    });
    family("revere_monitor_last_run_timestamp_seconds", "When the last run of a monitor began", &|monitor| {
        Some((String::new(), monitor.last_run_at?.as_millisecond() as f64 / 1e3))
    });
    text
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_has_its_state_its_number_and_when_it_ran() {
        let monitor = MonitorSample {
            id: MonitorId(2),
            name: "a \"b\\\n".to_owned(),
            state: State::Alarm,
            value: Some(-1.5),
            last_run_at: Some(Timestamp::from_millisecond(1500).unwrap()),
        };
        let new = MonitorSample {
            id: MonitorId(3),
            state: State::Inactive,
            value: None,
            last_run_at: None,
            ..monitor.clone()
        };
        let text = families(&[monitor, new]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                r#"revere_monitor_state{id="2",name="a \"b\\\n",state="ALARM"} 1"#,
                r#"revere_monitor_state{id="3",name="a \"b\\\n",state="INACTIVE"} 1"#,
                r#"revere_monitor_value{id="2",name="a \"b\\\n"} -1.5"#,
                r#"revere_monitor_last_run_timestamp_seconds{id="2",name="a \"b\\\n"} 1.5"#,
            ]
        );
    }
}
