//! Codes of a second factor, and how often one may be guessed: a budget of its own for each person, wherever whoever guesses
//! comes from. It is asked only after the password was right.

use std::time::Duration;

use jiff::Timestamp;

use super::{Context, Failure, Services};
use crate::{
    access::second_factor,
    store::{User, failures_of_codes},
};

/// What a code is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CodeCheck {
    /// It is one of theirs, or they have no second factor.
    Right,
    /// There is none.
    Missing,
    /// It is none of theirs.
    Wrong,
    /// Nobody looked: so many were wrong that the next one waits for so long.
    Waits(Duration),
}

/// Judges a code of a person's second factor, or a recovery code. Either is taken once. A recovery code is taken while codes
/// wait as well: nobody finds one by trying, and whoever knows the password must not be able to keep its owner out.
pub(super) async fn check(
    context: &Context,
    services: &Services,
    user: &User,
    code: &str,
) -> Result<CodeCheck, Failure> {
    let Some(key) = &user.totp_key else { return Ok(CodeCheck::Right) };
    if code.trim().is_empty() {
        return Ok(CodeCheck::Missing);
    }
    let now = context.now();
    let waits = waits(services, &failures_of_codes(user.id), now).await?;
    if waits.is_none()
        && let Some(step) = second_factor::step_of(key, code, now)
    {
        let taken = services.store.take_code(user.id, step).await.map_err(Failure::Store)?;
        return Ok(if taken { CodeCheck::Right } else { CodeCheck::Wrong });
    }
    let hash = second_factor::recovery_hash(code);
    // Looked for first: a wrong code must not take the time of a write.
    let known = services.store.has_recovery_code(user.id, &hash).await.map_err(Failure::Store)?;
    if known && services.store.take_recovery_code(user.id, hash, &context.asked()).await.map_err(Failure::Store)? {
        return Ok(CodeCheck::Right);
    }
    Ok(waits.map_or(CodeCheck::Wrong, CodeCheck::Waits))
}

/// How long the next try waits after these failures, if it does.
pub(super) async fn waits(services: &Services, counted_as: &str, now: Timestamp) -> Result<Option<Duration>, Failure> {
    let attempt = services.store.login_failures(counted_as).await.map_err(Failure::Store)?;
    let wait = attempt.map(|attempt| attempt.wait_until.duration_since(now)).filter(|wait| wait.is_positive());
    Ok(wait.map(|wait| wait.unsigned_abs().max(Duration::from_secs(1))))
}
