//! A monitor's values over a stretch of time: thinned to what a chart can show, said in words, and as a picture for messages.
//!
//! Nobody is asked here whether they may see it: that is the affair of who asks.

mod axes;
mod bands;
mod canvas;
mod in_words;
mod of_message;
mod picture;
mod png;
mod series;
mod thinned;

pub use of_message::of_message;
pub use picture::{Mark, draw};
pub(crate) use png::png;
pub use series::{Band, Points, Series, TextBand, ThresholdBand};
pub use thinned::series;

pub use crate::notification::Picture;
