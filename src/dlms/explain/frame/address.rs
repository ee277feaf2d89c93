//! The two address fields: how long they are, whose they are, and which way the frame went.
//!
//! The one rule: a guess is said to be one.
use crate::dlms::explain::sheet::{Octets, Sheet, hex};
use crate::dlms::explain::{Direction, Explained};
use crate::dlms::hdlc::{Control, ServerAddress};

/// How many octets the address field takes; an address that does not end is named here.
pub(super) fn address(sheet: &mut Sheet, from: &Octets<'_>) -> Option<usize> {
    let rest = from.rest();
    let last = rest.iter().take(4).position(|octet| octet & 1 == 1);
    if last.is_none() {
        sheet.wrong(
            "address",
            from.at(),
            rest.len().min(4),
            || hex(rest.get(..4).unwrap_or(rest)),
            || {
                if rest.len() < 4 {
                    "the bytes end inside an address".to_owned()
                } else {
                    "an address ends with an octet whose lowest bit is 1, within four octets"
                        .to_owned()
                }
            },
        );
    }
    last?.checked_add(1)
}

pub(super) fn name_address(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &str,
    length: usize,
    end: End,
    explained: &mut Explained,
) {
    let at = from.at();
    let Some(octets) = from.take(length) else {
        return;
    };
    let server = ServerAddress::decode(octets).map(|(server, _)| server);
    let client = octets.first().map_or(0, |octet| octet >> 1);
    let slot = sheet.put(name, at, length, || {
        let words = match (end, &server) {
            (End::Client { .. }, _) => format!("client {client}{}", client_note(client)),
            (End::Server { .. }, Ok(server)) => format!("server {server}{}", server_note(*server)),
            (End::Server { .. }, Err(_)) => "server".to_owned(),
            (End::Either, _) => format!("{client}, client or server"),
        };
        let sure = if matches!(
            end,
            End::Client { sure: false } | End::Server { sure: false }
        ) {
            "probably "
        } else {
            ""
        };
        format!("{}: {sure}{words}", hex(octets))
    });
    match (end, server) {
        (End::Client { .. }, _) if length > 1 => {
            sheet.blame(slot, || {
                format!("a client address has one octet, not {length}")
            });
        }
        (End::Client { .. }, _) => explained.client = Some(client),
        (End::Server { .. }, Ok(server)) => explained.server = Some(server),
        (_, Err(error)) => sheet.blame(slot, || error.to_string()),
        (End::Either, Ok(_)) => {}
    }
}

fn client_note(sap: u8) -> &'static str {
    match sap {
        0 => " (no station)",
        0x10 => " (public)",
        0x7F => " (all stations)",
        _ => "",
    }
}
fn server_note(server: ServerAddress) -> &'static str {
    match server {
        all if all.is_all_station() => " (all stations)",
        calling if calling.is_calling() => " (the calling device)",
        _ => "",
    }
}

/// Which end an address belongs to.
#[derive(Clone, Copy)]
pub(super) enum End {
    Client { sure: bool },
    Server { sure: bool },
    Either,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Guess {
    Sure,
    /// By the usual numbers: 1 is the meter's management device, 16 the public client.
    Likely,
    /// Both addresses are the same octet: they can be told, the direction cannot.
    Same,
}

pub(super) struct Way {
    pub to_meter: bool,
    guess: Guess,
}

impl Way {
    /// Both addresses are the same octet, and nothing else tells the direction.
    pub fn is_same(&self) -> bool {
        self.guess == Guess::Same
    }

    /// From what is known, else the control octet, the LLC header, the address sizes, the usual numbers.
    pub fn tell(known: Option<Direction>, to: &[u8], sender: &[u8], control_on: &[u8]) -> Self {
        let sure = |to_meter| Self {
            to_meter,
            guess: Guess::Sure,
        };
        if let Some(direction) = known {
            return sure(direction == Direction::ToMeter);
        }
        let (&control, behind) = control_on.split_first().unwrap_or((&0, &[]));
        let known = match (Control::decode(control), behind) {
            (Control::Snrm { .. } | Control::Disc { .. }, _) => Some(true),
            (Control::Ua { .. } | Control::Dm { .. } | Control::Frmr { .. }, _) => Some(false),
            (
                Control::Information { .. } | Control::Ui { .. },
                [_, _, 0xE6, side @ (0xE6 | 0xE7), 0, ..],
            ) => Some(*side == 0xE6),
            _ => None,
        };
        if let Some(to_meter) = known {
            return sure(to_meter);
        }
        match (to, sender) {
            ([_], [_, _, ..]) => sure(false),
            ([_, _, ..], [_]) => sure(true),
            (to, sender) if to == sender => Self {
                to_meter: true,
                guess: Guess::Same,
            },
            ([0x21], [_]) | ([_], [0x03]) => Self {
                to_meter: false,
                guess: Guess::Likely,
            },
            _ => Self {
                to_meter: true,
                guess: Guess::Likely,
            },
        }
    }
    pub fn destination(&self) -> End {
        self.end(self.to_meter)
    }
    pub fn source(&self) -> End {
        self.end(!self.to_meter)
    }
    fn end(&self, meter: bool) -> End {
        let sure = self.guess == Guess::Sure;
        match (self.guess, meter) {
            (Guess::Same, _) => End::Either,
            (_, true) => End::Server { sure },
            (_, false) => End::Client { sure },
        }
    }
}
