//! The identification a meter answers to `/?!` (IEC 62056-21, 6.3.2): maker, baud letter, what it says of itself.
//! The rule: any bytes give an ident or a reason; nothing here waits or sends.

/// `/GRX5\2METER 12`, CR LF taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ident {
    /// Three letters.
    pub maker: String,
    /// The baud letter: digits stand for modes C and E, capitals for mode B, others for mode A.
    pub letter: char,
    /// `\2`: the meter says by itself that it can change to HDLC.
    pub says_mode_e: bool,
    /// The rest, escapes taken out.
    pub text: String,
}

/// Bits a second by the letters of modes C and E, 0 to 6.
const RATES: [u32; 7] = [300, 600, 1200, 2400, 4800, 9600, 19200];

impl Ident {
    /// From a line without its CR LF; `None` for anything that is no identification.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let text: String = line.iter().map(|b| char::from(b & 0x7F)).collect();
        let body = text.strip_prefix('/')?;
        if body.starts_with('?') {
            // Our own request, given back by an optical head.
            return None;
        }
        let maker: String = body.chars().take(3).collect();
        if maker.len() != 3 || !maker.chars().all(|c| c.is_ascii_alphabetic()) {
            return None;
        }
        let mut rest = body.chars().skip(3);
        let letter = rest.next()?;
        let rest: String = rest.collect();
        let mut text = String::new();
        let mut says_mode_e = false;
        let mut characters = rest.chars();
        while let Some(c) = characters.next() {
            if c == '\\' {
                says_mode_e |= characters.next() == Some('2');
            } else {
                text.push(c);
            }
        }
        Some(Self {
            maker,
            letter,
            says_mode_e,
            text,
        })
    }

    /// The letter and rate to switch to: the meter's, or the fastest below it that `fastest` allows. `None` when the
    /// letter is of mode A or B.
    pub(super) fn choose(&self, fastest: u32) -> Option<(char, u32)> {
        let offered = usize::try_from(self.letter.to_digit(10)?).ok()?;
        let offered = *RATES.get(offered)?;
        let mut choice = ('0', RATES[0]);
        for (letter, rate) in ('0'..).zip(RATES) {
            if rate <= offered && rate <= fastest {
                choice = (letter, rate);
            }
        }
        Some(choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idents_as_meters_send_them() {
        let ident = Ident::parse(b"/GRX512345678").unwrap();
        assert_eq!((ident.maker.as_str(), ident.letter), ("GRX", '5'));
        assert_eq!(ident.text, "12345678");
        assert!(!ident.says_mode_e);
        let ident = Ident::parse(br"/LGZ5\2ZMD3104").unwrap();
        assert!(ident.says_mode_e);
        assert_eq!(ident.text, "ZMD3104");
        // With the parity bits still in.
        let even: Vec<u8> = (b"/GRX5")
            .iter()
            .map(|b| b | u8::try_from(b.count_ones() & 1).unwrap() << 7)
            .collect();
        assert_eq!(Ident::parse(&even).unwrap().maker, "GRX");
        for none in [&b""[..], b"/", b"/?!", b"/G", b"/GRX", b"GRX5", b"/1234"] {
            assert_eq!(Ident::parse(none), None);
        }
    }

    #[test]
    fn rates() {
        let choose = |letter: char, fastest| {
            let line = format!("/ABC{letter}x");
            Ident::parse(line.as_bytes()).unwrap().choose(fastest)
        };
        assert_eq!(choose('5', u32::MAX), Some(('5', 9600)));
        assert_eq!(choose('6', 9600), Some(('5', 9600)));
        assert_eq!(choose('5', 100), Some(('0', 300)));
        assert_eq!(choose('A', 9600), None);
        assert_eq!(choose('9', 9600), None);
        assert_eq!(choose('\\', 9600), None);
    }
}
