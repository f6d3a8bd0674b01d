//! How long a refused log-in takes says nothing of why it was refused: measured from outside, in turns, as somebody would who
//! wants to know which names there are.

use std::time::Instant;

use jiff::SignedDuration;
use revere::store::UserChange;
use revere_model::{Clock as _, Role};

use super::{PASSWORD, Visitor, person};
use crate::{api::server::Server, support::by_server};

/// Why each is refused, with the name, password and code that are sent. Names are as long as each other, and so are
/// passwords: what a page shows again is as long.
const TRIES: [(&str, &str, &str, &str); 6] = [
    ("nobody has this name", "nobody", PASSWORD, ""),
    ("the password is wrong", "rupert", "collect horse battery", ""),
    ("they are disabled", "dieter", PASSWORD, ""),
    ("a code is missing", "factor", PASSWORD, ""),
    ("the code is wrong", "factor", PASSWORD, "123456"),
    ("there is no such recovery code", "factor", PASSWORD, "abcd-efgh-jkmn-pqrs"),
];

/// What Friedman's statistic of six passes by chance once in ten thousand times: of chi square with five degrees of freedom.
const ONCE_IN_TEN_THOUSAND: f64 = 25.74;

/// How many times each is tried: `REVERE_REFUSALS=1000` is what docs/SECURITY.md tells of, and takes ten minutes.
fn rounds() -> usize {
    std::env::var("REVERE_REFUSALS").map_or(25, |times| times.parse().unwrap())
}

/// The numbers below `TRIES.len()`, in an order of chance.
fn shuffled() -> [usize; TRIES.len()] {
    let mut order = std::array::from_fn(|index| index);
    let mut chance = uuid::Uuid::new_v4().as_u128();
    for last in (1..order.len()).rev() {
        let places = last as u128 + 1;
        order.swap(last, (chance % places) as usize);
        chance /= places;
    }
    order
}

/// The places of the values from the least to the largest, from 1; those that are equal share theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let place = |value: &f64| {
        let less = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        less as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(place).collect()
}

/// How far the sums of the ranks are from what chance alone would make of them. What else a machine does meanwhile makes a
/// round slow, or one of a round whichever it is: it does not make one reason slower than another.
fn friedman(rounds: &[[f64; TRIES.len()]]) -> f64 {
    let (count, kinds) = (rounds.len() as f64, TRIES.len() as f64);
    let mut sums = [0.0; TRIES.len()];
    for round in rounds {
        for (sum, rank) in sums.iter_mut().zip(ranks(round)) {
            *sum += rank;
        }
    }
    let expected = count * (kinds + 1.0) / 2.0;
    let squares: f64 = sums.iter().map(|sum| (sum - expected).powi(2)).sum();
    12.0 * squares / (count * kinds * (kinds + 1.0))
}

/// The mean, and how far it would be off by chance.
fn mean_and_noise(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

#[tokio::test]
async fn the_time_of_a_refusal_does_not_tell_why() {
    let server = Server::with_local_users().await;
    person(&server, "rupert", Role::Viewer, &[]).await;
    let dieter = person(&server, "dieter", Role::Viewer, &[]).await;
    let off = UserChange { disabled: Some(true), ..UserChange::default() };
    server.store.change_user(dieter.id, off, &by_server(server.clock.now())).await.unwrap();
    let factor = person(&server, "factor", Role::Viewer, &[]).await;
    let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned();
    server.store.offer_second_factor(factor.id, key.clone(), &by_server(server.clock.now())).await.unwrap();
    let codes = (0..10).map(|code| format!("{code:064}")).collect();
    let asked = by_server(server.clock.now());
    assert!(server.store.confirm_second_factor(factor.id, key, 1, codes, None, &asked).await.unwrap());

    let visitor = Visitor::of(&server);
    let tried = async |(why, name, password, code): (&str, &str, &str, &str)| {
        // So long that nothing of the last try holds this one up.
        server.clock.advance(SignedDuration::from_secs(301));
        let began = Instant::now();
        let answer = visitor.log_in(name, password, code).await;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(answer.status, 422, "{why}: {}", answer.text);
        took
    };
    for one in TRIES {
        tried(one).await;
    }
    let mut rounds_of_times = Vec::new();
    for _ in 0..rounds() {
        let mut times = [0.0; TRIES.len()];
        for index in shuffled() {
            times[index] = tried(TRIES[index]).await;
        }
        rounds_of_times.push(times);
    }

    let mut means = Vec::new();
    for (index, (why, ..)) in TRIES.iter().enumerate() {
        let (mean, noise) = mean_and_noise(&rounds_of_times.iter().map(|times| times[index]).collect::<Vec<_>>());
        println!("{mean:9.3} ms ± {noise:.3}  {why}");
        means.push(mean);
    }
    let statistic = friedman(&rounds_of_times);
    println!("{} rounds: Friedman's statistic is {statistic:.1}", rounds_of_times.len());
    assert!(statistic < ONCE_IN_TEN_THOUSAND, "the reasons are told apart: {statistic:.1}, means {means:.3?}");
}

#[test]
fn times_that_differ_are_told_apart() {
    let noise = |round: usize, index: usize| ((round * 7 + index * 5) % 11) as f64;
    let made = |slower: f64| -> Vec<[f64; TRIES.len()]> {
        (0..25)
            .map(|round| std::array::from_fn(|index| noise(round, index) + if index == 3 { slower } else { 0.0 }))
            .collect()
    };
    assert!(friedman(&made(0.0)) < ONCE_IN_TEN_THOUSAND, "{}", friedman(&made(0.0)));
    assert!(friedman(&made(20.0)) > ONCE_IN_TEN_THOUSAND, "{}", friedman(&made(20.0)));
    assert_eq!(ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
}
