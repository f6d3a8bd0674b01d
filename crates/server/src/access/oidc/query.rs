//! What a browser brings back in the address it comes to.

use super::{Refused, discovery::Metadata};

/// A provider's answer, as a browser brings it.
pub(super) struct Answer {
    /// What the browser was sent away with.
    pub(super) state: String,
    /// A code, or an error.
    pub(super) outcome: Result<String, String>,
    /// Who it says it is from (RFC 9207).
    issuer: Option<String>,
}

/// Nothing that a provider sends in an address is longer.
const LONGEST: usize = 4096;

/// Reads the query of the address. Each parameter may be there once.
pub(super) fn read(query: &str) -> Result<Answer, Refused> {
    let (mut state, mut code, mut error, mut issuer, mut token) = (None, None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            "iss" => &mut issuer,
            "id_token" | "access_token" => &mut token,
            _ => continue,
        };
        if value.len() > LONGEST {
            return Err(Refused::failed(format!("the parameter {name} has {} bytes", value.len())));
        }
        if place.replace(value.into_owned()).is_some() {
            return Err(Refused::failed(format!("the parameter {name} came twice")));
        }
    }
    if token.is_some() {
        return Err(Refused::failed("a token came in the address, where only a code was asked for"));
    }
    let outcome = match (code, error) {
        (Some(_), Some(_)) => return Err(Refused::failed("a code and an error came together")),
        (Some(code), None) if code.is_empty() => return Err(Refused::failed("the code is empty")),
        (Some(code), None) => Ok(code),
        (None, Some(error)) => Err(error),
        (None, None) if state.is_none() => {
            return Err(Refused::failed(
                "nothing came back in the address: no code, no error, no state (in a fragment, perhaps)",
            ));
        }
        (None, None) => return Err(Refused::failed("neither a code nor an error came back")),
    };
    let state = state.ok_or_else(|| Refused::stale("no state came back"))?;
    Ok(Answer { state, outcome, issuer })
}

/// Whether the answer is from the provider it was asked of.
pub(super) fn check_issuer(answer: &Answer, metadata: &Metadata, issuer: &str) -> Result<(), Refused> {
    let announced = metadata.additional_metadata().authorization_response_iss_parameter_supported;
    match &answer.issuer {
        Some(given) if given == issuer => Ok(()),
        Some(given) => Err(Refused::failed(format!("the answer says it is from {given:?}, and {issuer:?} was asked"))),
        None if announced == Some(true) => Err(Refused::failed(
            "the answer does not say who it is from (iss), though the metadata announce that it does",
        )),
        None => Ok(()),
    }
}
