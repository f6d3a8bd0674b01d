//! Statements of many rows.

/// Cuts `items` into pieces of 1, 4, 16 or 64, so that statements of many rows come in few shapes and stay prepared.
pub(super) fn in_shapes<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = [64, 16, 4, 1].into_iter().find(|size| *size <= items.len())?;
        let (piece, rest) = items.split_at(size);
        items = rest;
        Some(piece)
    })
}
