//! People, sessions, tokens, links and failures in the store.

use std::time::Duration;

use jiff::ToSpan;
use revere::{
    store::{
        AuditFilter, BrowserNext, Link, Lookup, NewBrowser, NewSession, NewToken, NewUser, User, UserChange, WaysIn,
    },
    web_push::{Became, BrowserKeys, Message},
};
use revere_model::{Act, Rights, Role, Scope};

use crate::support::{Scratch, by_server, push_browser::PushBrowser};

async fn person(scratch: &Scratch, name: &str, role: Role) -> User {
    let new = NewUser {
        name: name.into(),
        role,
        tags: vec![],
        password_hash: Some("kept".into()),
        identity: None,
        link: None,
    };
    scratch.store.create_user(new, &by_server(scratch.now())).await.unwrap().unwrap()
}

fn session(user: &User, secret: &str, scratch: &Scratch) -> NewSession {
    NewSession {
        password_hash: user.password_hash.clone(),
        totp_key: user.totp_key.clone(),
        secret_hash: secret.into(),
        user: user.id,
        method: "password",
        address: "192.0.2.1".into(),
        user_agent: "a browser".into(),
        proved_at: scratch.now(),
        ends_at: scratch.now() + 1.hour(),
        instead_of: None,
    }
}

#[tokio::test]
async fn a_log_in_does_not_outlive_what_was_shown_for_it() {
    let scratch = Scratch::new().await;
    let bob = person(&scratch, "bob", Role::Editor).await;
    let shown = session(&bob, "s1", &scratch);
    scratch.store.rehash_password(bob.id, "kept".into(), "another".into()).await.unwrap();
    assert!(
        scratch.store.begin_session(shown, "n".into(), &by_server(scratch.now())).await.unwrap().is_none(),
        "another password"
    );
    let bob = scratch.store.user(Lookup::Id(bob.id)).await.unwrap().unwrap();
    let shown = session(&bob, "s2", &scratch);
    scratch.store.offer_second_factor(bob.id, "key".into(), &by_server(scratch.now())).await.unwrap();
    scratch
        .store
        .confirm_second_factor(bob.id, "key".into(), 1, vec![], None, &by_server(scratch.now()))
        .await
        .unwrap();
    assert!(
        scratch.store.begin_session(shown, "n".into(), &by_server(scratch.now())).await.unwrap().is_none(),
        "a second factor"
    );
    let bob = scratch.store.user(Lookup::Id(bob.id)).await.unwrap().unwrap();
    let shown = session(&bob, "s3", &scratch);
    assert!(scratch.store.begin_session(shown, "n".into(), &by_server(scratch.now())).await.unwrap().is_some());
}

/// Every way of looking into the audit.
fn audit_filters(scratch: &Scratch) -> Vec<AuditFilter> {
    let all = AuditFilter { limit: 9, ..AuditFilter::default() };
    vec![
        AuditFilter {
            who: Some("person:1".parse().unwrap()),
            target: Some("person:1".parse().unwrap()),
            ..all.clone()
        },
        AuditFilter { who: Some("token:1".parse().unwrap()), acts: vec![Act::LoggedIn, Act::Denied], ..all.clone() },
        AuditFilter { who: Some("server".parse().unwrap()), from: Some(scratch.now()), ..all.clone() },
        AuditFilter { to: Some(scratch.now()), before: Some(2), ..all },
    ]
}

/// Asks everything about people, once or more.
pub(crate) async fn ask_everything(scratch: &Scratch) {
    let (store, now) = (&scratch.store, scratch.now());
    store.create_link("first".into(), Link::FirstAdministrator, now + 1.hour(), &by_server(now)).await.unwrap();
    let new = NewUser {
        name: "Ada".into(),
        role: Role::Administrator,
        tags: vec![],
        password_hash: None,
        identity: None,
        link: None,
    };
    assert!(!store.has_administrator(now).await.unwrap());
    let ada = store.create_first_administrator("first".into(), new, &by_server(now)).await.unwrap().unwrap();
    let bob = person(scratch, "bob", Role::Editor).await;
    for lookup in [Lookup::Id(ada.id), Lookup::Name("ADA".into()), Lookup::Identity("i".into(), "s".into())] {
        store.user(lookup).await.unwrap();
    }
    store.users("", 9).await.unwrap();
    let id = store.begin_session(session(&bob, "s1", scratch), "n".into(), &by_server(now)).await.unwrap().unwrap();
    store.session("s1", now, now).await.unwrap().unwrap();
    store.sessions_of(bob.id, now, now).await.unwrap();
    store.session_seen(id, now + 1.minute()).await.unwrap();
    store.session_proved(bob.id, id, &by_server(now)).await.unwrap();
    store.came_from(bob.id, "192.0.2.1", now).await.unwrap();
    let rights = Rights { role: Role::Editor, tags: vec!["shop".into()], scope: Some(Scope::Metrics), token: true };
    let new = NewToken { secret_hash: "t1".into(), owner: bob.id, name: "t".into(), rights, ends_at: None };
    let token = store.create_token(new, &by_server(now)).await.unwrap().unwrap();
    store.token("t1", now).await.unwrap().unwrap();
    store.token_used(token, "192.0.2.1".into(), now).await.unwrap();
    store.tokens(None, None, 10).await.unwrap();
    store.tokens(Some(bob.id), None, 10).await.unwrap();
    store.save_filter(bob.id, "mine", "tag=a", 1, &by_server(now)).await.unwrap();
    assert!(!store.save_filter(bob.id, "more", "tag=b", 1, &by_server(now)).await.unwrap(), "there is room for one");
    assert!(store.save_filter(bob.id, "mine", "tag=c", 1, &by_server(now)).await.unwrap());
    let filters = store.saved_filters(bob.id).await.unwrap();
    assert_eq!(filters.iter().map(|filter| filter.query.as_str()).collect::<Vec<_>>(), ["tag=c"]);
    assert!(store.delete_filter(bob.id, filters[0].id, &by_server(now)).await.unwrap());
    store.delete_token(token, Some(bob.id), &by_server(now)).await.unwrap();
    store.login_failed("n".into(), Some(bob.id), |_| Duration::from_secs(1), None, now).await.unwrap();
    store.login_failures("n").await.unwrap().unwrap();
    store.code_failed(bob.id, |_| Duration::from_secs(1), now).await.unwrap();
    assert_eq!(store.login_failures(&revere::store::failures_of_codes(bob.id)).await.unwrap().unwrap().count, 2);
    store.create_link("l1".into(), Link::Password(bob.id), now + 1.hour(), &by_server(now)).await.unwrap();
    store.link("l1", now).await.unwrap().unwrap();
    store.use_password_link("l1".into(), bob.id, "other".into(), &by_server(now)).await.unwrap();
    store.set_password(bob.id, "third".into(), None, Act::PasswordChanged, &by_server(now)).await.unwrap();
    store.rehash_password(bob.id, "third".into(), "fourth".into()).await.unwrap();
    store.offer_second_factor(bob.id, "key".into(), &by_server(now)).await.unwrap();
    store.confirm_second_factor(bob.id, "key".into(), 7, vec!["c1".into()], Some(id), &by_server(now)).await.unwrap();
    assert!(store.login_failures(&revere::store::failures_of_codes(bob.id)).await.unwrap().is_none(), "another key");
    store.take_code(bob.id, 8).await.unwrap();
    store.has_recovery_code(bob.id, "c1").await.unwrap();
    store.take_recovery_code(bob.id, "c1".into(), &by_server(now)).await.unwrap();
    store.recovery_codes_left(bob.id).await.unwrap();
    store.remove_second_factor(bob.id, None, Act::SecondFactorRemoved, &by_server(now)).await.unwrap();
    store.begin_session(session(&bob, "s2", scratch), "n".into(), &by_server(now)).await.unwrap();
    store.end_session(bob.id, id, Act::SessionEnded, &by_server(now)).await.unwrap();
    store.end_sessions_of(bob.id, Act::SessionsEnded, &by_server(now)).await.unwrap();
    store
        .change_user(bob.id, UserChange { disabled: Some(true), ..UserChange::default() }, &by_server(now))
        .await
        .unwrap();
    store.login_failed("n".into(), Some(bob.id), |_| Duration::from_secs(1), None, now).await.unwrap();
    for filter in audit_filters(scratch) {
        store.audit(&filter, 1000).await.unwrap();
    }
    store.acts_on_monitors(scratch.now(), 9).await.unwrap();
    let later = now + 48.hours();
    store.forget_log_ins(later, later, later).await.unwrap();
}

#[tokio::test]
async fn what_is_over_opens_nothing_and_is_forgotten() {
    let scratch = Scratch::new().await;
    let (store, now) = (&scratch.store, scratch.now());
    let bob = person(&scratch, "bob", Role::Viewer).await;
    store.begin_session(session(&bob, "s1", &scratch), "n".into(), &by_server(now)).await.unwrap().unwrap();
    store.create_link("l1".into(), Link::Password(bob.id), now + 1.hour(), &by_server(now)).await.unwrap();
    store.login_failed("n".into(), Some(bob.id), |_| Duration::from_secs(9), None, now).await.unwrap();
    let (soon, late) = (now + 59.minutes(), now + 60.minutes());
    assert!(store.session("s1", now, soon).await.unwrap().is_some() && store.link("l1", soon).await.unwrap().is_some());
    assert!(store.session("s1", soon, soon).await.unwrap().is_none(), "not seen since");
    assert!(store.session("s1", now, late).await.unwrap().is_none() && store.link("l1", late).await.unwrap().is_none());
    store.forget_log_ins(now, now, soon).await.unwrap();
    assert!(
        store.session("s1", now, soon).await.unwrap().is_some() && store.login_failures("n").await.unwrap().is_some()
    );
    store.forget_log_ins(now, soon, late).await.unwrap();
    assert!(store.session("s1", now, now).await.unwrap().is_none() && store.link("l1", now).await.unwrap().is_none());
    assert!(store.login_failures("n").await.unwrap().is_none());
    scratch.assert_sound().await;
}

#[tokio::test]
async fn names_are_one_in_either_case_and_people_of_providers_are_known_by_who_they_are_there() {
    let scratch = Scratch::new().await;
    let (store, now) = (&scratch.store, scratch.now());
    person(&scratch, "Bob", Role::Viewer).await;
    let of = |name: &str, identity: Option<(&str, &str)>| NewUser {
        name: name.into(),
        role: Role::Viewer,
        tags: vec![],
        password_hash: None,
        identity: identity.map(|(issuer, subject)| (issuer.to_owned(), subject.to_owned())),
        link: None,
    };
    assert!(store.create_user(of("BOB", None), &by_server(now)).await.unwrap().is_none());
    let eve = store.create_user(of("eve", Some(("https://i", "1"))), &by_server(now)).await.unwrap().unwrap();
    assert!(store.create_user(of("eve2", Some(("https://i", "1"))), &by_server(now)).await.unwrap().is_none());
    assert!(store.create_user(of("eve2", Some(("https://j", "1"))), &by_server(now)).await.unwrap().is_some());
    let found = store.user(Lookup::Identity("https://i".into(), "1".into())).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (eve.id, "eve"));
    assert!(store.user(Lookup::Identity("https://i".into(), "bob".into())).await.unwrap().is_none());
}

#[tokio::test]
async fn an_administrator_of_a_way_in_that_is_gone_counts_for_nothing() {
    let ways = WaysIn { passwords: true, issuers: Some(vec!["https://here.example".into()]) };
    let scratch = Scratch::with(|options| options.ways_in = ways).await;
    let (store, asked) = (&scratch.store, by_server(scratch.now()));
    let from = async |issuer: &str| {
        let new = NewUser {
            name: issuer.split('.').next().unwrap().replace("https://", ""),
            role: Role::Administrator,
            tags: vec![],
            password_hash: None,
            identity: Some((issuer.into(), "s".into())),
            link: None,
        };
        store.create_user(new, &asked).await.unwrap().unwrap()
    };
    from("https://gone.example").await;
    assert!(!store.has_administrator(scratch.now()).await.unwrap(), "nobody can come in by that any more");
    let ada = person(&scratch, "ada", Role::Administrator).await;
    let disabled = || UserChange { disabled: Some(true), ..UserChange::default() };
    assert!(store.change_user(ada.id, disabled(), &asked).await.unwrap().is_none(), "the last who may come in");
    from("https://here.example").await;
    assert!(store.change_user(ada.id, disabled(), &asked).await.unwrap().is_some());
    assert!(store.has_administrator(scratch.now()).await.unwrap());
}

#[tokio::test]
async fn browsers_of_people_whose_way_in_is_gone_are_told_nothing() {
    let ways = WaysIn { passwords: false, issuers: Some(vec!["https://here.example".into()]) };
    let scratch = Scratch::with(|options| options.ways_in = ways).await;
    let (store, asked) = (&scratch.store, by_server(scratch.now()));
    let mut owners = vec![None, Some(person(&scratch, "ada", Role::Viewer).await.id)];
    for issuer in ["https://here.example", "https://gone.example"] {
        let new = NewUser {
            name: issuer.to_owned(),
            role: Role::Viewer,
            tags: vec![],
            password_hash: None,
            identity: Some((issuer.into(), "s".into())),
            link: None,
        };
        owners.push(Some(store.create_user(new, &asked).await.unwrap().unwrap().id));
    }
    let mut ids = Vec::new();
    for (number, owner) in owners.into_iter().enumerate() {
        let browser = PushBrowser::at(format!("https://push.example/{number}"));
        let new = NewBrowser {
            alert: "ops".into(),
            name: format!("browser {number}"),
            endpoint: browser.endpoint.clone(),
            keys: BrowserKeys::read(&browser.p256dh(), &browser.auth()).unwrap(),
            server_key: "key".into(),
            owner,
        };
        ids.push(store.add_browser(new, &asked).await.unwrap().unwrap().browser.id);
    }
    let told: Vec<i64> = store.browsers_to_tell("ops", "key").await.unwrap().iter().map(|told| told.id).collect();
    assert_eq!(told, [ids[0], ids[2]], "nobody's, and the one of who may come in");
    // Nor what they are owed.
    let message = Message { payload: "{}".into(), keep_s: 60, urgent: false, topic: "t".into() };
    let later = |id: &i64| (*id, Became::Later(None, "busy".into()), BrowserNext::At(scratch.now()));
    store.note_browsers(message, ids.iter().map(later).collect(), scratch.now()).await.unwrap();
    let until = scratch.now().checked_add(1.minute()).unwrap();
    let owed = store.claim_browsers_owed(scratch.now(), until, 10).await.unwrap();
    let mut owed: Vec<i64> = owed.iter().map(|owed| owed.browser.id).collect();
    owed.sort_unstable();
    assert_eq!(owed, [ids[0], ids[2]]);
}

#[tokio::test]
async fn nobody_takes_the_places_of_others_browsers() {
    let scratch = Scratch::new().await;
    let (store, asked) = (&scratch.store, by_server(scratch.now()));
    let (ada, bob) = (person(&scratch, "ada", Role::Viewer).await, person(&scratch, "bob", Role::Viewer).await);
    let browser = PushBrowser::at("https://push.example/".into());
    let add = async |owner: &User, number: u32| {
        let new = NewBrowser {
            alert: "ops".into(),
            name: format!("browser {number}"),
            endpoint: format!("https://push.example/{}/{number}", owner.name),
            keys: BrowserKeys::read(&browser.p256dh(), &browser.auth()).unwrap(),
            server_key: "key".into(),
            owner: Some(owner.id),
        };
        store.add_browser(new, &asked).await.unwrap()
    };
    for number in 0..20 {
        assert!(add(&ada, number).await.is_some(), "{number}");
    }
    assert_eq!(add(&ada, 20).await, None, "one more");
    assert!(add(&ada, 19).await.is_some(), "that is known is known anew");
    assert!(add(&bob, 0).await.is_some());
}
