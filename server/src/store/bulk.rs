//! Many rows in few statements, on either engine.

/// Rows of one statement. There are few sizes, so that each statement's text stays prepared.
const SIZES: [usize; 4] = [128, 32, 8, 1];

/// Cuts rows into parts of those sizes, in their order.
pub fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (part, left) = rows.split_at(size);
        rows = left;
        Some(part)
    })
}
