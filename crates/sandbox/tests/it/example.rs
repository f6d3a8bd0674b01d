//! The README's example script, end to end.

use revere_model::{ReturnValue, Severity, State};

use crate::support::{answers, request, run, run_in, sandbox};
use revere_sandbox::Value;

pub(crate) const EXAMPLE: &str = "\
total  = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
";

#[test]
fn too_many_errors_are_an_alarm_with_their_share() {
    let outcome = run(EXAMPLE);
    assert_eq!(outcome.state, State::Alarm, "{outcome:#?}");
    assert_eq!(outcome.message, "High number of error responses: 2.50%");
    assert_eq!(outcome.return_value, Some(ReturnValue::Float(0.025)));
    assert_eq!(outcome.error.as_ref().and_then(|e| e.line), Some(5));
    let calls: Vec<_> = outcome.source_calls.iter().map(|c| (c.arguments.as_str(), c.answer.clone())).collect();
    assert_eq!(
        calls,
        [
            ("'sum(stats_counts.response.*)', '-10min'", Ok("120.0".to_owned())),
            ("'stats_counts.response.500', '-10min'", Ok("3.0".to_owned()))
        ]
    );
}

#[test]
fn few_errors_pass() {
    let mut request = request(EXAMPLE);
    request.broker = answers(|call| {
        Ok(Value::Float(if call.args[0].as_text().is_some_and(|p| p.ends_with("500")) { 0.0 } else { 500.0 }))
    });
    let outcome = run_in(sandbox(), request);
    assert_eq!((outcome.state, outcome.message.as_str()), (State::Ok, "Monitor Passed"));
    assert_eq!(outcome.return_value, Some(ReturnValue::Float(0.0)));
}

#[test]
fn a_failure_says_how_bad_it_is_and_nothing_else_does() {
    for (script, severity) in [
        ("raise MonitorFailure('x')", None),
        ("raise MonitorFailure", None),
        ("raise MonitorFailure('x', severity='warning')", Some(Severity::Warning)),
        ("raise MonitorFailure('x', severity='critical')", Some(Severity::Critical)),
        ("raise MonitorFailure('x', severity=None)", None),
        (
            "class Mild(MonitorFailure):\n    severity = 'warning'\n    def __init__(self): pass\nraise Mild()",
            Some(Severity::Warning),
        ),
        ("class Mild(MonitorFailure):\n    severity = 'warning'\nraise Mild('x')", Some(Severity::Warning)),
        ("class Fixed(MonitorFailure):\n    @property\n    def severity(self): return 1 / 0\nraise Fixed('x')", None),
        ("failure = MonitorFailure('x')\nfailure.severity = ['fatal']\nraise failure", None),
    ] {
        let outcome = run(script);
        assert_eq!((outcome.state, outcome.severity), (State::Alarm, severity), "{script}: {outcome:#?}");
    }
    let unknown = run("\nraise MonitorFailure('x', severity='fatal')");
    assert_eq!((unknown.state, unknown.severity), (State::Error, None));
    assert_eq!(unknown.message, "ValueError: 'fatal' is not a severity; the severities are critical and warning");
    assert_eq!(unknown.error.and_then(|error| error.line), Some(2));
    assert_eq!(run("raise ValueError('x')").severity, None);
}
