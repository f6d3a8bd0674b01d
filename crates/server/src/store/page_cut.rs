//! Where a page of a list ends, so that neither rows nor bytes are too many.

/// How much of a list of ids, each with the bytes of its texts, fits on a page: at most `limit`, ending before there are more
/// than `bytes` bytes, but one at least. Answers them as a JSON list, and whether there are more.
pub(in crate::store) fn fitting(sizes: &[(i64, i64)], limit: u32, bytes: usize) -> (String, bool) {
    let mut total = 0_u64;
    let fitting = sizes.iter().take_while(|(_, size)| {
        total = total.saturating_add(size.unsigned_abs());
        total <= bytes as u64
    });
    let length = fitting.count().max(1).min(limit as usize).min(sizes.len());
    let ids: Vec<i64> = sizes[..length].iter().map(|(id, _)| *id).collect();
    (serde_json::to_string(&ids).expect("a list of numbers always has a JSON form"), sizes.len() > length)
}
