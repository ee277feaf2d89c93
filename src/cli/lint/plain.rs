//! A line of bytes as our own trace files have it, read in place. The rule: what is not exactly of that form is left to the
//! general reader, so that both read the same.

use crate::diagnosis::Direction;

/// What borrows from the line; nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Recorded<'a> {
    at: Option<&'a str>,
    #[serde(default)]
    meter: &'a str,
    dir: &'a str,
    hex: &'a str,
}

pub(super) struct Plain<'a> {
    pub at: Option<&'a str>,
    pub meter: &'a str,
    pub direction: Direction,
}

/// Its bytes go into `octets`, instead of what was there.
pub(super) fn read<'a>(line: &'a str, octets: &mut Vec<u8>) -> Option<Plain<'a>> {
    if !line.starts_with('{') {
        return None;
    }
    let recorded: Recorded<'a> = serde_json::from_str(line).ok()?;
    let direction = match recorded.dir {
        "tx" => Direction::Sent,
        "rx" => Direction::Received,
        _ => return None,
    };
    let (pairs, []) = recorded.hex.as_bytes().as_chunks::<2>() else {
        return None;
    };
    octets.clear();
    for [high, low] in pairs {
        octets.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(Plain {
        at: recorded.at,
        meter: recorded.meter,
        direction,
    })
}

const fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::findings::direction;
    use crate::meter::document::{Line, line};

    #[test]
    fn what_it_reads_the_general_reader_reads_alike() {
        let lines = [
            r#"{"at":"2026-11-04T10:52:01.25Z","meter":"a","dir":"tx","hex":"7EA0070303938C117E"}"#,
            r#"{"hex":"7ea0","dir":"rx","at":null,"masked":true,"more":[1,{}]}"#,
            r#"{"meter":"caf\u00e9","dir":"tx","hex":"7E"}"#,
            r#"{"meter":"é","dir":"tx","hex":""}"#,
            r#"{"meter":"a","dir":"tx","hex":"7E A0"}"#,
            r#"{"meter":"a","dir":"tx","hex":"7E0"}"#,
            r#"{"meter":"a","dir":"up","hex":"7E"}"#,
            r#"{"meter":"a","note":"connected"}"#,
            r#"{"meter":"a","dir":"tx","hex":"7E"} and more"#,
            "TX 7EA0",
            "{",
        ];
        let mut read_here = 0;
        for text in lines {
            let mut octets = vec![9];
            let Some(plain) = read(text, &mut octets) else {
                continue;
            };
            read_here += 1;
            let Ok(Line::Bytes(bytes)) = line::parse(text, 0) else {
                panic!("{text}");
            };
            assert_eq!(bytes.octets, octets, "{text}");
            assert_eq!(bytes.at.as_deref(), plain.at, "{text}");
            assert_eq!(bytes.meter.as_deref(), Some(plain.meter), "{text}");
            assert_eq!(bytes.direction.map(direction), Some(plain.direction));
        }
        assert_eq!(read_here, 3);
    }
}
