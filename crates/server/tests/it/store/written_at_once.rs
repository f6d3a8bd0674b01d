//! What two servers on one PostgreSQL write of one row at the same moment: the second goes by what the first has written.

use revere::store::NewUser;
use revere_model::{Act, Role, UserId};

use crate::support::{Scratch, Sql, TestDatabase, by_server, spec, until};

/// How many wait for the connection `holder`, or for one that waits for it.
async fn waiting_for(watch: &mut Sql, holder: i64) -> i64 {
    let waiting = format!(
        "with w as (select pid, pg_blocking_pids(pid) as by from pg_stat_activity)
         select count(*) from w where {holder} = any(by)
             or exists (select 1 from w first where first.pid = any(w.by) and {holder} = any(first.by))"
    );
    watch.number(waiting).await
}

async fn own_pid(sql: &mut Sql) -> i64 {
    sql.number("select cast(pg_backend_pid() as bigint)").await
}

async fn on_a_server() -> Scratch {
    Scratch::on(TestDatabase::on_a_server().await, |_| {}).await
}

/// The id of `bob`.
async fn person(scratch: &Scratch) -> UserId {
    let new = NewUser {
        name: "bob".into(),
        role: Role::Viewer,
        tags: vec![],
        password_hash: Some("kept".into()),
        identity: None,
        link: None,
    };
    scratch.store.create_user(new, &by_server(scratch.now())).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_monitor_was_deleted_makes_one_again_and_not_one_on_each_server() {
    let scratch = on_a_server().await;
    let other = scratch.beside().await.store;
    let asked = by_server(scratch.now());
    let (first, _) = scratch.store.create_monitor_once("form", &spec("a"), &asked).await.unwrap();
    scratch.store.delete_monitor(first, &asked).await.unwrap();

    let (mut held, mut watch) = (scratch.sql().await, scratch.sql().await);
    let holder = own_pid(&mut held).await;
    held.run("begin; lock table monitors in share mode").await;
    let sent = [scratch.store.clone(), other].map(|store| {
        let asked = by_server(scratch.now());
        tokio::spawn(async move { store.create_monitor_once("form", &spec("a"), &asked).await })
    });
    until("both are at it", async || waiting_for(&mut watch, holder).await == 2).await;
    held.run("commit").await;
    let mut made = Vec::new();
    for one in sent {
        made.push(one.await.unwrap().unwrap());
    }
    made.sort_by_key(|(_, is_new)| *is_new);
    assert_eq!(made[0].0, made[1].0, "one monitor");
    assert_eq!([made[0].1, made[1].1], [false, true]);
    assert_eq!(watch.number("select count(*) from monitors where deleted_at is null").await, 1);
}

/// Has `change` be what another server is in the middle of when `act` comes to the row, and is through before `act` is.
async fn in_the_middle_of<T: Send + 'static>(
    scratch: &Scratch,
    change: &str,
    act: impl Future<Output = T> + Send + 'static,
) -> T {
    let (mut held, mut watch) = (scratch.sql().await, scratch.sql().await);
    let holder = own_pid(&mut held).await;
    held.run(format!("begin; {change}")).await;
    let acting = tokio::spawn(act);
    until("it waits for the row", async || waiting_for(&mut watch, holder).await == 1).await;
    held.run("commit").await;
    acting.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_that_is_offered_meanwhile_is_taken_away_with_a_word_in_the_audit_log() {
    let scratch = on_a_server().await;
    let bob = person(&scratch).await;
    let (store, asked) = (scratch.store.clone(), by_server(scratch.now()));
    let removing = async move { store.remove_second_factor(bob, None, Act::SecondFactorRemoved, &asked).await };
    in_the_middle_of(&scratch, "update users set totp_offered = 'key'", removing).await.unwrap();
    let mut sql = scratch.sql().await;
    let offered = sql.number("select count(*) from users where totp_offered is not null").await;
    let said = sql.number("select count(*) from audit where act = 'second_factor_removed'").await;
    assert_eq!((offered, said), (0, 1), "what was taken away is in the audit log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_said_beside_the_one_it_took_the_place_of() {
    let scratch = on_a_server().await;
    let bob = person(&scratch).await;
    let (store, asked) = (scratch.store.clone(), by_server(scratch.now()));
    let renaming = async move { store.rename_user(bob, "rob".to_owned(), &asked).await };
    let change = "update users set name = 'robert', name_key = 'robert'";
    assert!(in_the_middle_of(&scratch, change, renaming).await.unwrap());
    let said = "select count(*) from audit where act = 'person_changed' and details like '%robert%' and details not like '%bob%'";
    assert_eq!(scratch.sql().await.number(said).await, 1);
}
