//! Hides a secret that comes back as an echo of our own frame: by its bytes, wherever a read cuts them.

use crate::dlms::security::Secret;

const STAR: u8 = b'*';
/// Shorter ones would be found by chance all over a trace.
const SHORTEST: usize = 4;

/// Follows what is received while something secret goes out.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::meter) struct EchoMask {
    secret: Secret,
    /// How much of the secret stood at the end of the last chunk.
    begun: usize,
}

impl EchoMask {
    pub(in crate::meter) fn new(secret: Secret) -> Self {
        Self { secret, begun: 0 }
    }

    /// The same secret, nothing of it seen yet.
    pub(in crate::meter) fn anew(&self) -> Self {
        Self::new(self.secret.clone())
    }

    /// `chunk` with the secret starred out, if any of it may be there. A chunk that ends in what may be
    /// the secret's beginning loses those octets too: better a star too many than a password.
    pub(in crate::meter) fn apply(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        let secret = self.secret.expose();
        if secret.len() < SHORTEST || chunk.is_empty() {
            return None;
        }
        let mut hidden = vec![false; chunk.len()];
        let rest = &secret[self.begun..];
        let ends = self.begun > 0 && chunk.iter().zip(rest).all(|(octet, due)| octet == due);
        let mut begun = 0;
        if ends {
            let more = rest.len().min(chunk.len());
            hidden[..more].fill(true);
            if more < rest.len() {
                begun = self.begun + more;
            }
        }
        for (at, window) in chunk.windows(secret.len()).enumerate() {
            if window == secret {
                hidden[at..at + secret.len()].fill(true);
            }
        }
        if begun == 0 {
            begun = (1..secret.len().min(chunk.len() + 1))
                .rev()
                .find(|&n| chunk.ends_with(&secret[..n]))
                .unwrap_or(0);
            hidden[chunk.len() - begun..].fill(true);
        }
        self.begun = begun;
        hidden.contains(&true).then(|| {
            let starred = chunk.iter().zip(&hidden);
            starred
                .map(|(&octet, &hide)| if hide { STAR } else { octet })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_however_the_reads_cut_it() {
        let line = b"\x7E\xA0..hunter22..\x7E".as_slice();
        for first in 1..line.len() {
            for second in first..line.len() {
                let mut mask = EchoMask::new(Secret::new("hunter22"));
                let mut shown = Vec::new();
                for chunk in [&line[..first], &line[first..second], &line[second..]] {
                    shown.extend(mask.apply(chunk).unwrap_or_else(|| chunk.to_vec()));
                }
                assert_eq!(shown, b"\x7E\xA0..********..\x7E", "{first} {second}");
            }
        }
    }

    #[test]
    fn other_bytes_stay_and_a_beginning_that_leads_nowhere_ends_there() {
        let mut mask = EchoMask::new(Secret::new("22222222"));
        assert_eq!(mask.apply(b"\x7E\xA0\x07\x7E"), None);
        assert_eq!(mask.apply(b"ab2").as_deref(), Some(b"ab*".as_slice()));
        assert_eq!(mask.apply(b"cd2e"), None);
        assert_eq!(EchoMask::new(Secret::new("2")).apply(b"2"), None);
    }
}
