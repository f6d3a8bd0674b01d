//! Statements of many rows.

use super::database::DbConnection;

/// At most so many rows of one statement where their number makes no difference to its text.
const MOST: usize = 1000;

/// Cuts `items` into pieces of 64 and of the powers of two below, so that statements of many rows come in few shapes and stay
/// prepared. Fewer shapes are more pieces, and each goes to SQLite's thread and back.
pub(super) fn in_shapes<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    cut(items, of_few_sizes)
}

/// Cuts `items` into pieces for statements that have them by [`rows`](super::database::sql_pieces::rows), as this connection's
/// engine likes them best.
pub(super) fn in_pieces<'t, T>(
    connection: &DbConnection,
    items: &'t [T],
) -> impl Iterator<Item = &'t [T]> + use<'t, T> {
    let any = connection.takes_any_number_of_rows();
    cut(items, move |left| match any {
        true => Some(left.min(MOST)).filter(|size| *size > 0),
        false => of_few_sizes(left),
    })
}

fn of_few_sizes(left: usize) -> Option<usize> {
    [64, 32, 16, 8, 4, 2, 1].into_iter().find(|size| *size <= left)
}

fn cut<T>(mut items: &[T], size: impl Fn(usize) -> Option<usize>) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let (piece, rest) = items.split_at(size(items.len())?);
        items = rest;
        Some(piece)
    })
}
