//! Isolation shown on the whole state: after hostile runs, every byte of memory and every global of the instance that
//! the next run gets is compared with the pristine image, on both ways an instance is had.

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
    Broker, KeepInstances, Limits, MethodDescription, Options, RunRequest, Sandbox, SourceCall, SourceDescription,
    SourceFault, Value, guest::Guest, guest_pool::GuestPool,
};

#[path = "../tests/it/hostile/catalogue.rs"]
#[expect(dead_code, reason = "what each must give is tested through the front door")]
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
    let (memory, image) = (guest.memory(), &pool.image.memory);
    assert_eq!(memory.len(), image.len(), "size of memory after {after}");
    let differs = memory.iter().zip(image).position(|(now, pristine)| now != pristine);
    assert_eq!(differs, None, "the first byte that differs after {after}");
}

fn requests() -> Vec<(&'static str, RunRequest)> {
    let mut limits = catalogue::limits();
    (limits.cpu_time, limits.wall_time) = (Duration::from_millis(150), Duration::from_millis(400));
    catalogue::everything().into_iter().map(|hostile| (hostile.name, request(&hostile.script, &limits))).collect()
}

#[tokio::test]
async fn a_kept_instance_is_the_image_to_the_last_byte() {
    let sandbox = open(KeepInstances::Auto);
    let pool = sandbox.pool();
    let mut compared = 0;
    for (name, request) in requests() {
        let _ = sandbox.run(request).await.unwrap();
        let mut idle = std::mem::take(&mut *pool.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for guest in &mut idle {
            assert_pristine(pool, guest, name);
            compared += 1;
        }
        pool.idle.lock().unwrap_or_else(PoisonError::into_inner).append(&mut idle);
    }
    let stats = sandbox.stats();
    assert!(compared > 50 && stats.runs_kept > 30 && stats.discarded_stopped > 20, "{compared} compared; {stats:?}");
}

#[tokio::test]
async fn a_new_instance_is_the_image_to_the_last_byte() {
    let sandbox = open(KeepInstances::Never);
    let pool = sandbox.pool();
    for (name, request) in requests() {
        let _ = sandbox.run(request).await.unwrap();
        assert_pristine(pool, &mut pool.pristine().await.unwrap(), name);
    }
}
