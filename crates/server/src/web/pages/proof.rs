//! What a page shows to whoever has to show first, again, who they are: a form of its own, which leads back to that page.

use super::{log_in::Said, page_request::PageRequest};
use crate::{
    operations::{
        Failure,
        account::{self, Account},
        provider_log_in::{self, Offered},
    },
    web::Problem,
};

/// The form, or where to go instead.
pub(super) struct ProofForm {
    /// What it is asked for, as it stands after "To".
    pub(super) purpose: &'static str,
    /// The page to come back to.
    pub(super) to: String,
    pub(super) user_name: String,
    pub(super) has_password: bool,
    pub(super) has_second_factor: bool,
    /// Where they come from, if that is where they show who they are.
    pub(super) provider: Option<Offered>,
    /// What was wrong with what they filled in.
    pub(super) fault: Option<String>,
}

impl ProofForm {
    /// The form for whoever asks, unless they showed lately who they are or cannot be asked to.
    pub(super) async fn if_needed(
        request: &PageRequest,
        purpose: &'static str,
        to: impl Into<String>,
    ) -> Result<Option<ProofForm>, Problem> {
        match account::has_proved(&request.context).await {
            Ok(()) => Ok(None),
            Err(Failure::NotProved) => {
                let account = account::get(&request.context).await?;
                Ok(Some(ProofForm::of(request, &account, purpose, to.into())))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The form for this account.
    pub(super) fn of(request: &PageRequest, account: &Account, purpose: &'static str, to: String) -> ProofForm {
        ProofForm {
            purpose,
            to,
            user_name: account.user.name.clone(),
            has_password: account.user.password_hash.is_some(),
            has_second_factor: account.user.totp_key.is_some(),
            provider: provider_log_in::of(&request.context, &account.user),
            fault: None,
        }
    }
}

/// What is said above it to whoever was refused for want of it.
pub(super) fn said() -> Said {
    Said { class: "bad", words: super::layout::sentence(&Failure::NotProved.to_string()) }
}
