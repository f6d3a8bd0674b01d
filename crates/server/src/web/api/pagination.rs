//! How lists are answered: one page, and the cursor of the next.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::schemas::Cursor;
use crate::web::params::Params;

/// The most that one page holds.
pub(super) const MOST: i64 = 500;

/// What one page holds if nobody says.
pub(super) const USUAL: u32 = 100;

/// A page ends when its items hold so many bytes of text: scripts and outputs are large, and a page is made in memory.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What was asked for, at most `limit`; fewer where they are large.
    items: Vec<T>,
    /// The cursor of the next page, for the parameter that the operation names; null on the last page.
    #[schema(required)]
    next: Option<String>,
}

/// What is asked of a list whose newest come first: the next page ends before the cursor.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters, which are read one by one")]
pub(crate) struct NewestFirst {
    /// How many at most, 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The cursor of the page before.
    #[param(inline)]
    before: Option<Cursor>,
}

/// The parameter `limit`.
pub(super) fn limit(params: &mut Params) -> u32 {
    params.whole("limit", 1..=MOST).map_or(USUAL, |limit| limit as u32)
}

impl<T> Page<T> {
    /// A list that is never long: all of it.
    pub(super) fn whole(items: impl Iterator<Item = T>) -> Page<T> {
        Page { items: items.collect(), next: None }
    }

    /// A page of at most `limit` out of `rows`, of which one more than that was asked for. `cursor` names an item.
    pub(super) fn of<R>(mut rows: Vec<R>, limit: u32, cursor: impl Fn(&R) -> i64, show: impl Fn(R) -> T) -> Page<T> {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Page::cut(rows, more, cursor, show)
    }

    /// A page that was cut where it was read; `more` says whether there is more of it.
    pub(super) fn cut<R>(rows: Vec<R>, more: bool, cursor: impl Fn(&R) -> i64, show: impl Fn(R) -> T) -> Page<T> {
        let next = rows.last().filter(|_| more).map(|row| cursor(row).to_string());
        Page { items: rows.into_iter().map(show).collect(), next }
    }
}
