//! The demo's made-up history agrees with what its scripts say.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use revere::{
    building::{self, BuildContext},
    demo::{self, EXAMPLES, ORDERS},
    metrics::Metrics,
    outbound::Outbound,
    redact::Secrets,
    runner::{NamedSource, Runner, RunnerParts, Script, Sources},
    sources::{self, demo::world::World},
};
use revere_model::{ManualClock, ReturnValue, State};
use revere_sandbox::{KeepInstances, Limits, Options, Sandbox};

const NOW: i64 = 1_772_000_000;

/// These ask the server itself, or a database that is down.
const OUTSIDE: [&str; 2] = ["Revere itself", "Warehouse stock"];

fn sources(folder: &std::path::Path) -> Sources {
    let (configured, _) = demo::configuration(folder, "http://127.0.0.1:9", NOW);
    let (entries, faults) = building::read_entries("REVERE_SOURCES", &configured);
    assert_eq!(faults, []);
    let secrets = Secrets::default();
    let context =
        BuildContext { folder: folder.to_owned(), secrets: secrets.clone(), outbound: Outbound::new(secrets) };
    let (built, faults) = sources::build_all(&entries, &context);
    assert_eq!(faults, []);
    let named = |(name, source)| (name, NamedSource { kind: String::new(), description: String::new(), source });
    built.into_iter().map(named).collect()
}

fn same(script: Option<&ReturnValue>, history: Option<&ReturnValue>) -> bool {
    match (script.and_then(ReturnValue::as_number), history.and_then(ReturnValue::as_number)) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        _ => script == history,
    }
}

#[tokio::test]
async fn every_script_gives_what_the_history_says() {
    let folder = tempfile::tempdir().unwrap();
    let world = World { live_since: Some(NOW) };
    demo::make_orders(&folder.path().join(ORDERS), &world, NOW).await.unwrap();
    let clock = ManualClock::at(Timestamp::from_second(NOW).unwrap());
    let options =
        Options { cache_dir: crate::support::cache_dir(), threads: 2, max_in_flight: 8, keep: KeepInstances::Auto };
    let runner = Runner::new(RunnerParts {
        sandbox: tokio::task::spawn_blocking(move || Sandbox::open(options, &|_| {})).await.unwrap().unwrap(),
        sources: sources(folder.path()),
        answer_memory: revere::answer_memory::AnswerMemory::of(1 << 30),
        past: None,
        limits: Limits::default(),
        python_path: Vec::new(),
        clock: Arc::new(clock.clone()),
        metrics: Arc::new(Metrics::new(Timestamp::from_second(NOW).unwrap())),
        secrets: Secrets::default(),
    });

    let mut outcomes: BTreeMap<&str, Vec<State>> = BTreeMap::new();
    let past = (1..12).map(|n| NOW - n * 7_321);
    let live = (0..60).map(|n| NOW + n * 5);
    for at in past.chain(live) {
        clock.set(Timestamp::from_second(at).unwrap());
        for example in EXAMPLES.iter().filter(|example| !OUTSIDE.contains(&example.name)) {
            let script = Script { text: example.script.to_owned(), ..Script::default() };
            let ran = runner.run(script).await.unwrap();
            let told = (example.past)(&world, at);
            let message = told.message.as_deref().unwrap_or("Monitor Passed");
            let name = example.name;
            assert_eq!((ran.state, ran.message.as_str()), (told.outcome, message), "{name} at {at}: {:?}", ran.error);
            assert!(
                same(ran.return_value.as_ref(), told.value.as_ref()),
                "{name} at {at}: {:?}, and in history {:?}",
                ran.return_value,
                told.value
            );
            assert_eq!(ran.output, told.output, "{name} at {at}");
            outcomes.entry(name).or_default().push(ran.state);
        }
    }
    for name in
        ["Shop: error rate", "Mail queue length", "Same version everywhere", "Orders come in", "Payments succeed"]
    {
        let states = &outcomes[name];
        assert!(states.contains(&State::Ok) && states.contains(&State::Alarm), "{name} tells no story: {states:?}");
    }
}
