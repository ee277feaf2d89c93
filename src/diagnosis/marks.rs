//! Marks of the last frames sent, by which an echo is known. The rule: a few numbers, no copies.

/// Sent frames an echo is looked for among.
const ECHOES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: [u64; ECHOES],
    marked: usize,
}

impl Marks {
    pub fn remember(&mut self, octets: &[u8]) {
        if let Some(mark) = self.marks.get_mut(self.marked % ECHOES) {
            *mark = fingerprint(octets);
        }
        self.marked = self.marked.wrapping_add(1);
    }

    pub fn contain(&self, octets: &[u8]) -> bool {
        self.marks.contains(&fingerprint(octets))
    }
}

/// Length, first octets and last: two frames that share them share the rest.
fn fingerprint(octets: &[u8]) -> u64 {
    let mut mark = 0xCBF2_9CE4_8422_2325_u64 ^ octets.len() as u64;
    let tail = octets
        .get(octets.len().saturating_sub(8)..)
        .unwrap_or_default();
    for octet in octets.iter().take(12).chain(tail) {
        mark = (mark ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01B3);
    }
    mark
}
