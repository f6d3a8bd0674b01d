//! Isolation shown on the whole state: after hostile runs, every byte of memory and every global of the instance that
//! the next run gets is compared with the pristine image, on all ways an instance is had.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use revere_model::ManualClock;

use crate::{
    Broker, KeepInstances, Limits, MethodDescription, Options, ResetBy, RunRequest, Sandbox, SourceCall,
    SourceDescription, SourceFault, Value, guest::Guest, guest_pool::GuestPool,
};

#[path = "../tests/it/hostile/catalogue.rs"]
mod catalogue;

struct Echo;

impl Broker for Echo {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        async move { Ok(call.args.into_iter().next().unwrap_or(Value::Null)) }.boxed()
    }
}

fn request(script: &str, limits: &Limits) -> RunRequest {
    let method = |name: &str| MethodDescription { name: name.into(), signature: "(value)".into(), doc: String::new() };
    let methods = vec![method("get_sum"), method("echo")];
    let graphite = SourceDescription { kind: "graphite".into(), description: String::new(), methods };
    RunRequest {
        script: script.into(),
        sources: Arc::new(BTreeMap::from([("graphite".into(), graphite)])),
        previous: None,
        seed: 7,
        clock: Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)),
        limits: limits.clone(),
        python_path: Arc::default(),
        broker: Arc::new(Echo),
    }
}

fn open(keep: KeepInstances) -> Sandbox {
    let cache_dir = match std::env::var_os("REVERE_CACHE_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache"),
    };
    Sandbox::open(Options { cache_dir, threads: 2, max_in_flight: 8, keep }, &|_| {}).unwrap()
}

fn assert_pristine(pool: &GuestPool, guest: &mut Guest, after: &str) {
    let globals = format!("{:?}", guest.globals());
    assert_eq!(globals, format!("{:?}", pool.image.globals), "globals after {after}");
    let (memory, image) = (guest.memory(), pool.image.memory());
    assert_eq!(memory.len(), image.len(), "size of memory after {after}");
    // Whole first: this is asked very often.
    if memory != image {
        let differs = memory.iter().zip(image).position(|(now, pristine)| now != pristine);
        assert_eq!(differs, None, "the first byte that differs after {after}");
    }
}

fn requests() -> Vec<(&'static str, RunRequest)> {
    let mut limits = catalogue::limits();
    (limits.cpu_time, limits.wall_time) = (Duration::from_millis(150), Duration::from_millis(400));
    catalogue::everything().into_iter().map(|hostile| (hostile.name, request(&hostile.script, &limits))).collect()
}

/// Runs each of `requests`, and compares every idle instance after each. Answers how many were compared.
async fn compared_after_each(
    sandbox: &Sandbox,
    requests: impl IntoIterator<Item = (&'static str, RunRequest)>,
) -> usize {
    let pool = sandbox.pool();
    let mut compared = 0;
    for (name, request) in requests {
        let _ = sandbox.run(request).await.unwrap();
        let mut idle = std::mem::take(&mut *pool.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for guest in &mut idle {
            assert_pristine(pool, guest, name);
            compared += 1;
        }
        pool.idle.lock().unwrap_or_else(PoisonError::into_inner).append(&mut idle);
    }
    compared
}

async fn a_kept_instance_is_the_image_to_the_last_byte(sandbox: &Sandbox) {
    let compared = compared_after_each(sandbox, requests()).await;
    let stats = sandbox.stats();
    assert!(compared > 50 && stats.runs_kept > 30 && stats.discarded_stopped > 20, "{compared} compared; {stats:?}");
    assert_eq!(stats.discarded_unresettable, 0, "{stats:?}");
}

/// The sandbox whose kernel notes writes; `None`, and said, where it cannot or must not.
fn tracking() -> Option<Sandbox> {
    let sandbox = open(KeepInstances::Auto);
    let tracks = sandbox.stats().reset_by == ResetBy::WrittenPages;
    if !tracks {
        eprintln!("not tried: this machine does not note which pages are written");
    }
    tracks.then_some(sandbox)
}

#[tokio::test]
async fn a_kept_instance_is_the_image_to_the_last_byte_by_written_pages() {
    if let Some(sandbox) = tracking() {
        a_kept_instance_is_the_image_to_the_last_byte(&sandbox).await;
    }
}

#[tokio::test]
async fn a_kept_instance_is_the_image_to_the_last_byte_by_private_pages() {
    let sandbox = open(KeepInstances::WithoutTracking);
    assert_eq!(sandbox.stats().reset_by, ResetBy::PrivatePages);
    a_kept_instance_is_the_image_to_the_last_byte(&sandbox).await;
}

#[tokio::test]
async fn a_new_instance_is_the_image_to_the_last_byte() {
    let sandbox = open(KeepInstances::Never);
    assert_eq!(sandbox.stats().reset_by, ResetBy::NewInstances);
    let pool = sandbox.pool();
    for (name, request) in requests() {
        let _ = sandbox.run(request).await.unwrap();
        assert_pristine(pool, &mut pool.pristine().await.unwrap(), name);
    }
}

/// How many runs are mixed; `REVERE_MIXED_RUNS` asks for more.
const MIXED_RUNS: usize = 1_000;

/// Writes to pages that no other run writes, one in so many, and now and then to nearly all there are.
const SCATTERED: &str = "
import random
kept = [bytearray(random.randrange(1, 60_000)) for _ in range(random.randrange(1, 40))]
for piece in kept:
    for at in range(0, len(piece), 512): piece[at] = 0xa5
return_value = sources['graphite'].echo(len(kept))
";

/// `REVERE_MIXED_RUNS=100000 cargo nextest run --workspace --lib -E 'test(mixed_runs)'` takes ten minutes or so.
#[tokio::test]
async fn mixed_runs_leave_the_image_to_the_last_byte() {
    let runs = std::env::var("REVERE_MIXED_RUNS").ok().map_or(MIXED_RUNS, |text| text.parse().unwrap());
    let Some(sandbox) = tracking() else { return };
    // Those that use up their time leave nothing: their instance is thrown away.
    let hostile: Vec<_> = requests().into_iter().filter(|(name, _)| !takes_its_time(name)).collect();
    let requests = (0..runs).map(|index| match index % 10 {
        0 => hostile[index / 10 % hostile.len()].clone(),
        1 => ("scattered writes", RunRequest { seed: index as u64, ..request(SCATTERED, &Limits::default()) }),
        _ => ("an honest script", request("return_value = sources['graphite'].get_sum('a', 1)", &Limits::default())),
    });
    let compared = compared_after_each(&sandbox, requests).await;
    let stats = sandbox.stats();
    eprintln!("{compared} compared; {stats:?}");
    assert!(compared >= runs * 8 / 10 && stats.runs_kept as usize > runs * 8 / 10, "{compared} compared; {stats:?}");
}

fn takes_its_time(name: &str) -> bool {
    use revere_sandbox::LimitKind::{CpuTime, WallTime};
    let ends = catalogue::everything().into_iter().find(|hostile| hostile.name == name).unwrap().gives;
    ends.iter().any(|end| matches!(end, catalogue::Gives::Limit(CpuTime | WallTime)))
}
