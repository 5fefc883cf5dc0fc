//! A Bloom filter: may say "perhaps" of what is absent, never "no" of what is present.

use xxhash_rust::xxh3::xxh3_64;

/// Ten bits a key and five probes: about 1 % false "perhaps".
const BITS_PER_KEY: usize = 10;
const PROBES: u32 = 5;

/// Collects keys until the number of them is known.
#[derive(Debug, Default)]
pub struct BloomBuilder(std::collections::HashSet<u64, PassThrough>);

/// Keys are hashes already.
type PassThrough = std::hash::BuildHasherDefault<AlreadyHashed>;

#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl std::hash::Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl BloomBuilder {
    /// Adds a key.
    pub fn add(&mut self, key: &[u8]) {
        self.0.insert(xxh3_64(key));
    }

    /// The filter's bytes.
    pub fn build(&self) -> Vec<u8> {
        let bits = (self.0.len() * BITS_PER_KEY).max(64).next_multiple_of(64);
        let mut bytes = vec![0; bits / 8];
        for hash in &self.0 {
            for bit in probes(*hash, bits as u64) {
                bytes[bit / 8] |= 1 << (bit % 8);
            }
        }
        bytes
    }
}

/// Asks a built filter.
#[derive(Debug, Clone, Copy)]
pub struct BloomView<'a>(pub &'a [u8]);

impl BloomView<'_> {
    /// Whether the key may be present. An empty filter knows nothing and says "perhaps".
    pub fn may_contain(&self, key: &[u8]) -> bool {
        let bits = self.0.len() as u64 * 8;
        bits == 0 || probes(xxh3_64(key), bits).all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// The bits of a key, by double hashing (Kirsch and Mitzenmacher, 2006).
fn probes(hash: u64, bits: u64) -> impl Iterator<Item = usize> {
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |probe| {
        let mixed = hash.wrapping_add(step.wrapping_mul(u64::from(probe)));
        ((u128::from(mixed) * u128::from(bits)) >> 64) as usize
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_added_is_never_denied(keys in proptest::collection::vec("[a-z0-9]{1,12}", 0..200)) {
            let mut builder = BloomBuilder::default();
            for key in &keys {
                builder.add(key.as_bytes());
            }
            let filter = builder.build();
            for key in &keys {
                prop_assert!(BloomView(&filter).may_contain(key.as_bytes()));
            }
        }
    }

    #[test]
    fn few_absent_keys_pass() {
        let mut builder = BloomBuilder::default();
        (0..10_000).for_each(|n: u32| builder.add(format!("present{n}").as_bytes()));
        let filter = builder.build();
        let passed = (0..10_000).filter(|n| BloomView(&filter).may_contain(format!("absent{n}").as_bytes())).count();
        assert!(passed < 300, "{passed} of 10000");
    }
}
