//! What can be asked of Revere, whoever asks: the API and the pages call the same functions.
//!
//! Inputs are typed, wrong ones come back as a [`Refusal`](super::Refusal) with every fault, and nothing refused is half
//! stored. No HTTP in here.

pub mod schedule;
