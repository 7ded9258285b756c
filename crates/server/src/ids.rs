//! Where randomness enters: new ids, secrets and token ids.

use std::sync::atomic::{AtomicU32, Ordering};

use lifeboat_core::time::Timestamp;
use rand::RngExt as _;

/// Letters and digits that are hard to take for one another when read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a new id after its prefix: 80 bits.
const ID_CHARS: usize = 16;

/// The opaque part of a new id.
pub(crate) fn unique() -> String {
    text(ID_CHARS)
}

/// A secret of 160 bits.
pub(crate) fn secret() -> String {
    text(32)
}

/// Random bytes for a key.
pub(crate) fn seed() -> [u8; 32] {
    rand::rng().random()
}

fn text(chars: usize) -> String {
    let mut rng = rand::rng();
    (0..chars).map(|_| char::from(ALPHABET[usize::from(rng.random::<u8>() & 31)])).collect()
}

/// The id of a new token: larger than any that this node gave out before.
pub(crate) fn token(now: Timestamp) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:012x}{number:08x}", now.as_ms().max(0))
}
