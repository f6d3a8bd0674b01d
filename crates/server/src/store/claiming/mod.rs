//! Who runs which tick, from due to recorded: what is due is planned, claimed, and settled by a result or released.

pub(super) mod claim_request;
pub(super) mod claims;

pub(super) mod low_water;

mod plans;

pub(super) mod release;
pub(super) mod results;
mod run_result;
mod subjects;

pub(super) mod new_runs;
