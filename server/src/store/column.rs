//! How columns of a block are written: varints, zigzag deltas, zstd frames. Reading damage is an error, never a panic.

use std::{borrow::Cow, cell::RefCell, io};

use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe::CParameter,
};

use super::{StoreError, StoreResult};

/// Fast, and within a few percent of the size of slower levels on log lines.
const ZSTD_LEVEL: i32 = 3;
/// No block unpacks to more than this: a guard against damaged lengths.
const MAX_UNPACKED_BYTES: usize = 1 << 30;

/// Says what is wrong with a stored block.
pub fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("a stored block: {what}"))
}

thread_local! {
    // Their tables take longer to make than a small column to pack.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static OF_VALUES: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Does something with this thread's compressor or decompressor, made when it is first wanted.
fn with_kept<T, U>(
    kept: &RefCell<Option<T>>,
    make: impl FnOnce() -> io::Result<T>,
    run: impl FnOnce(&mut T) -> io::Result<U>,
) -> StoreResult<U> {
    let mut kept = kept.borrow_mut();
    let result = match &mut *kept {
        Some(made) => run(made),
        None => make().and_then(|made| run(kept.insert(made))),
    };
    result.map_err(|error| damaged(&error.to_string()))
}

/// Shortest repetition, in bytes, that is worth telling of in small values: to tell of a shorter one, which is an accident
/// among digits, takes more than they do.
const VALUES_REPEAT: u32 = 7;

/// Compresses.
pub fn pack(bytes: &[u8]) -> StoreResult<Vec<u8>> {
    COMPRESSOR.with(|kept| with_kept(kept, || Compressor::new(ZSTD_LEVEL), |made| made.compress(bytes)))
}

/// How many bytes [`pack`] was given, as the frame says.
pub fn unpacked_bytes(bytes: &[u8]) -> StoreResult<usize> {
    let size = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten().unwrap_or(0) as usize;
    if size > MAX_UNPACKED_BYTES { Err(damaged("a frame is too large")) } else { Ok(size) }
}

/// Undoes [`pack`].
pub fn unpack(bytes: &[u8]) -> StoreResult<Vec<u8>> {
    let size = unpacked_bytes(bytes)?;
    DECOMPRESSOR.with(|kept| with_kept(kept, Decompressor::new, |made| made.decompress(bytes, size)))
}

/// Fewer bytes are not packed: a frame has a head, too.
const SMALLEST_PACKED: usize = 48;
const PLAIN: u8 = 0;
const PACKED: u8 = 1;

/// Packs if that makes it smaller.
pub fn store(content: &[u8]) -> StoreResult<Vec<u8>> {
    store_with(content, pack)
}

/// [`store`] for numbers, names and ids, which have little in common with each other.
pub fn store_values(content: &[u8]) -> StoreResult<Vec<u8>> {
    let make = || {
        let mut made = Compressor::new(ZSTD_LEVEL)?;
        made.set_parameter(CParameter::MinMatch(VALUES_REPEAT))?;
        Ok(made)
    };
    store_with(content, |content| OF_VALUES.with(|kept| with_kept(kept, make, |made| made.compress(content))))
}

fn store_with(content: &[u8], pack: impl FnOnce(&[u8]) -> StoreResult<Vec<u8>>) -> StoreResult<Vec<u8>> {
    let packed = if content.len() < SMALLEST_PACKED { None } else { Some(pack(content)?) };
    let (mark, content) = match &packed {
        Some(packed) if packed.len() < content.len() => (PACKED, packed.as_slice()),
        _ => (PLAIN, content),
    };
    Ok([&[mark], content].concat())
}

/// Undoes [`store`].
pub fn restore(stored: &[u8]) -> StoreResult<Cow<'_, [u8]>> {
    match stored.split_first() {
        Some((&PLAIN, content)) => Ok(Cow::Borrowed(content)),
        Some((&PACKED, packed)) => unpack(packed).map(Cow::Owned),
        _ => Err(damaged("a part of it")),
    }
}

/// Small numbers of either sign become small numbers.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Writes a LEB128 varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes bytes with their number before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Reads what the `put` functions wrote; damage is an error, never a panic.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are still to be read.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// The next so many bytes.
    pub fn take(&mut self, count: usize) -> StoreResult<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| damaged("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> StoreResult<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| damaged("it ends early"))
    }

    /// A varint.
    #[inline]
    pub fn varint(&mut self) -> StoreResult<u64> {
        // Most are small.
        if let Some((first, rest)) = self.0.split_first()
            && *first < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    /// A varint of several bytes: up to eight are put together at once.
    fn long_varint(&mut self) -> StoreResult<u64> {
        if let Some(next) = self.0.first_chunk() {
            let word = u64::from_le_bytes(*next);
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                let bits = ends.trailing_zeros() + 1;
                self.0 = &self.0[bits as usize / 8..];
                // Seven bits of each byte, then of two, then of four.
                let sevens = word & (u64::MAX >> (64 - bits)) & 0x7f7f_7f7f_7f7f_7f7f;
                let pairs = (sevens & 0x007f_007f_007f_007f) | ((sevens & 0x7f00_7f00_7f00_7f00) >> 1);
                let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
                return Ok((fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4));
            }
        }
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number is too long"))
    }

    /// So many varints, where each is below 128: their bytes are the numbers.
    pub fn small_varints(&mut self, count: usize) -> Option<&'a [u8]> {
        let (small, rest) = self.0.split_at_checked(count).filter(|(small, _)| small.is_ascii())?;
        self.0 = rest;
        Some(small)
    }

    /// A number of things, each of which takes at least a byte.
    pub fn count(&mut self) -> StoreResult<usize> {
        let count = self.varint()? as usize;
        if count > self.0.len() { Err(damaged("a count is too large")) } else { Ok(count) }
    }

    /// Bytes with their number before them.
    pub fn bytes(&mut self) -> StoreResult<&'a [u8]> {
        let length = self.varint()? as usize;
        self.take(length)
    }

    /// A text with its length before it.
    pub fn text(&mut self) -> StoreResult<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged("a text is not UTF-8"))
    }

    /// So many indexes, each below a limit.
    pub fn indexes(&mut self, count: usize, below: usize) -> StoreResult<Vec<u32>> {
        let indexes = match self.small_varints(count) {
            Some(small) => small.iter().map(|index| u32::from(*index)).collect(),
            None if count > self.0.len() => return Err(damaged("it ends early")),
            None => {
                let mut indexes = Vec::with_capacity(count);
                for _ in 0..count {
                    // What is larger points nowhere.
                    indexes.push(u32::try_from(self.varint()?).unwrap_or(u32::MAX));
                }
                indexes
            }
        };
        if indexes.iter().max().is_some_and(|index| *index as usize >= below) {
            return Err(damaged("an index points nowhere"));
        }
        Ok(indexes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_come_back(numbers in prop::collection::vec((any::<u64>(), 0_u32..64), 0..40)) {
            let numbers: Vec<u64> = numbers.into_iter().map(|(number, shift)| number >> shift).collect();
            let mut bytes = Vec::new();
            for number in &numbers {
                put_varint(&mut bytes, *number);
            }
            let mut input = Reader::new(&bytes);
            for number in &numbers {
                prop_assert_eq!(input.varint().unwrap(), *number);
            }
            prop_assert!(input.left() == 0 && input.varint().is_err());
        }

        #[test]
        fn indexes_come_back_and_stay_below_the_limit(indexes in prop::collection::vec(0_u32..400, 0..40)) {
            let mut bytes = Vec::new();
            for index in &indexes {
                put_varint(&mut bytes, u64::from(*index));
            }
            prop_assert_eq!(&Reader::new(&bytes).indexes(indexes.len(), 400).unwrap(), &indexes);
            if let Some(most) = indexes.iter().max() {
                prop_assert!(Reader::new(&bytes).indexes(indexes.len(), *most as usize).is_err());
            }
            prop_assert!(Reader::new(&bytes).indexes(bytes.len() + 1, 400).is_err());
        }
    }

    #[test]
    fn a_number_without_an_end_is_damage() {
        assert!(Reader::new(&[0xff; 20]).varint().is_err() && Reader::new(&[0x80; 7]).varint().is_err());
    }
}
