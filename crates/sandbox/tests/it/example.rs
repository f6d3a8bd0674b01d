//! The README's example script, end to end.

use revere_model::{ReturnValue, State};

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
