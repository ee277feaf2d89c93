//! One request from start to result: matches the invoke-id, checks and joins blocks, never holds more than it was allowed to.
use super::access::Kind;
use super::writing::Outgoing;
use super::{Event, GetError};
use crate::cosem::Data;
use crate::dlms::xdlms::list::Answers;
use crate::dlms::xdlms::{
    ActionResponse, ApduError, ExceptionResponse, GetResponse, InvokeId, ServiceError, SetResponse,
    tag,
};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Get,
    /// So many attributes at once.
    List(usize),
    Set,
    Action,
    /// So many at once.
    SetList(usize),
    ActionList(usize),
    Access,
    /// One value by its short name; `ReadList` is several.
    Read,
    ReadList(usize),
    /// A method by its short name, read for what it gives back.
    Invoke,
    Write,
    WriteList(usize),
    /// A method by its short name, written.
    InvokeByWrite,
}

/// What an APDU means while a request is under way.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// `trailing` bytes stood after the value.
    Done {
        event: Event,
        trailing: usize,
    },
    /// Block so-and-so is in: ask for the next.
    Next(u32),
    /// Our block is in: send the next.
    SendNext,
    /// Another invoke-id than ours.
    Stale {
        expected: u8,
        got: u8,
    },
    /// An answer to some other service, by its tag.
    Unexpected(u8),
    Unsolicited,
}

impl Verdict {
    pub const fn done(event: Event) -> Self {
        Self::Done { event, trailing: 0 }
    }
}

pub(super) struct Transfer {
    service: Service,
    invoke: InvokeId,
    /// The number the next block must have; `None` before the first.
    next: Option<u32>,
    /// The other invoke-id under which the answer came that we took all the same.
    other_id: Option<u8>,
    joined: Vec<u8>,
    limit: usize,
    pub outgoing: Outgoing,
    /// What each answer to an ACCESS must be about.
    pub kinds: Vec<Kind>,
}

/// What stays allocated between answers; larger ones give their memory back.
const KEPT: usize = 512;

impl Service {
    /// As a person knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get | Self::List(_) => "GET",
            Self::Set | Self::SetList(_) => "SET",
            Self::Action | Self::ActionList(_) => "ACTION",
            Self::Access => "ACCESS",
            Self::Read | Self::ReadList(_) | Self::Invoke => "READ",
            Self::Write | Self::WriteList(_) | Self::InvokeByWrite => "WRITE",
        }
    }

    pub const fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::ReadList(_) | Self::Invoke)
    }

    /// By short names.
    pub const fn is_short(self) -> bool {
        self.is_read() || matches!(self, Self::Write | Self::WriteList(_) | Self::InvokeByWrite)
    }

    const fn answered_by(self, first: u8) -> bool {
        first
            == match self {
                Self::Get | Self::List(_) => tag::GET_RESPONSE,
                Self::Set | Self::SetList(_) => tag::SET_RESPONSE,
                Self::Action | Self::ActionList(_) => tag::ACTION_RESPONSE,
                Self::Access => tag::ACCESS_RESPONSE,
                Self::Read | Self::ReadList(_) | Self::Invoke => tag::READ_RESPONSE,
                Self::Write | Self::WriteList(_) | Self::InvokeByWrite => tag::WRITE_RESPONSE,
            }
    }
}

impl Transfer {
    pub fn new(limit: usize) -> Self {
        Self {
            service: Service::Get,
            invoke: InvokeId::new(15),
            next: None,
            other_id: None,
            joined: Vec::new(),
            limit,
            outgoing: Outgoing::default(),
            kinds: Vec::new(),
        }
    }

    /// A new request, under the next invoke-id.
    pub fn begin(&mut self, service: Service) -> InvokeId {
        self.forget();
        self.service = service;
        self.invoke = self.invoke.next();
        self.invoke
    }

    pub const fn invoke(&self) -> InvokeId {
        self.invoke
    }

    pub const fn service(&self) -> Service {
        self.service
    }

    /// Drops what was joined so far, and what was still to be sent.
    pub fn forget(&mut self) {
        self.next = None;
        self.outgoing.forget();
        self.kinds.clear();
        if self.joined.capacity() > KEPT {
            self.joined = Vec::new();
        } else {
            self.joined.clear();
        }
    }

    /// `certain` when the link proves that this answers our request: some meters send errors under
    /// invoke-id 1 whatever was asked (X12), and then the id alone must not make us deaf.
    pub fn judge(&mut self, apdu: &[u8], certain: bool) -> Verdict {
        self.other_id = None;
        match apdu.first() {
            Some(&first) if self.service.answered_by(first) => self.answer(apdu, certain),
            Some(&tag::EXCEPTION_RESPONSE) => match ExceptionResponse::decode(apdu) {
                Ok(exception) => failed(self.service, GetError::Exception(exception)),
                Err(error) => undecodable(self.service, error.to_string()),
            },
            Some(&tag::CONFIRMED_SERVICE_ERROR) => match ServiceError::decode(apdu) {
                Ok(error) => failed(self.service, GetError::Service(error)),
                Err(error) => undecodable(self.service, error.to_string()),
            },
            Some(&first) if tag::is_notification(first) => Verdict::Unsolicited,
            Some(
                &late @ (tag::GET_RESPONSE
                | tag::SET_RESPONSE
                | tag::ACTION_RESPONSE
                | tag::ACCESS_RESPONSE
                | tag::READ_RESPONSE
                | tag::WRITE_RESPONSE
                | tag::AARE
                | tag::RLRE),
            ) => Verdict::Unexpected(late),
            Some(&first) => undecodable(
                self.service,
                format!(
                    "{} ({first:02X}) is no answer to {} {}{}",
                    tag::name(first).unwrap_or("an unknown APDU"),
                    if self.service.name().starts_with('A') {
                        "an"
                    } else {
                        "a"
                    },
                    self.service.name(),
                    if tag::is_ciphered(first) {
                        "; it is ciphered and there is no key for it"
                    } else {
                        ""
                    }
                ),
            ),
            None => undecodable(self.service, "it is empty".to_owned()),
        }
    }

    /// The invoke-id of the answer just taken, if it was not ours.
    pub fn other_id(&mut self) -> Option<u8> {
        self.other_id.take()
    }

    pub(super) fn took_other_id(&mut self, got: u8) {
        self.other_id = Some(got);
    }

    fn answer(&mut self, apdu: &[u8], certain: bool) -> Verdict {
        if self.service.is_short() {
            return self.short_answer(apdu);
        }
        if self.service == Service::Access {
            return self.access_response(apdu, certain);
        }
        // Even a broken answer tells by its invoke-id whether it is ours.
        if let Some(got) = apdu.get(2).map(|octet| InvokeId(*octet))
            && got.id() != self.invoke.id()
        {
            if !certain {
                return Verdict::Stale {
                    expected: self.invoke.id(),
                    got: got.id(),
                };
            }
            self.other_id = Some(got.id());
        }
        let verdict = match self.service {
            Service::SetList(asked) => {
                SetResponse::decode(apdu).map(|response| self.set_list_response(asked, &response))
            }
            Service::ActionList(_) => {
                ActionResponse::decode(apdu).map(|response| self.action_list_response(&response))
            }
            Service::Set => SetResponse::decode(apdu).map(|response| self.set_response(&response)),
            Service::Action => {
                ActionResponse::decode(apdu).map(|response| self.action_response(&response))
            }
            _ => GetResponse::decode(apdu).map(|response| self.get_response(&response)),
        };
        verdict.unwrap_or_else(|error: ApduError| {
            self.other_id = None;
            undecodable(self.service, error.to_string())
        })
    }

    fn get_response(&mut self, response: &GetResponse<'_>) -> Verdict {
        match *response {
            GetResponse::Data { data, .. } if self.service == Service::Get => self.whole(data),
            GetResponse::WithList { list, .. } if self.service != Service::Get => self.whole(list),
            GetResponse::Error { result, .. } | GetResponse::BlockError { result, .. } => {
                failed(self.service, GetError::Access(result))
            }
            GetResponse::Block {
                last, block, data, ..
            } => self.block(last, block, data),
            GetResponse::WithList { .. } => undecodable(
                self.service,
                "a list came where one value was asked".to_owned(),
            ),
            GetResponse::Data { .. } => undecodable(
                self.service,
                "one value came where a list was asked".to_owned(),
            ),
        }
    }

    /// Blocks were received, and not the last.
    pub const fn is_joining(&self) -> bool {
        self.next.is_some()
    }

    pub fn whole_amid_blocks(&self) -> Verdict {
        undecodable(
            self.service,
            "a whole answer came amid a block transfer".to_owned(),
        )
    }

    /// An answer in one piece.
    pub fn whole(&self, octets: &[u8]) -> Verdict {
        if self.is_joining() {
            return self.whole_amid_blocks();
        }
        if octets.len() > self.limit {
            return failed(self.service, GetError::TooLarge(self.limit));
        }
        complete(self.service, octets)
    }

    pub fn block(&mut self, last: bool, block: u32, data: &[u8]) -> Verdict {
        // Blocks count from 1; some makers count from 0, and then go on from there.
        let expected = self.next.unwrap_or(u32::from(block != 0));
        if block != expected {
            return failed(
                self.service,
                GetError::BlockOutOfOrder {
                    expected,
                    got: block,
                },
            );
        }
        let length = self.joined.len().saturating_add(data.len());
        if length > self.limit {
            return failed(self.service, GetError::TooLarge(self.limit));
        }
        self.joined.extend_from_slice(data);
        if last {
            return complete(self.service, &self.joined);
        }
        if data.is_empty() {
            // Else a meter could keep us asking for ever without growing the answer.
            return undecodable(
                self.service,
                format!("block {block} is empty and not the last"),
            );
        }
        match block.checked_add(1) {
            Some(next) => {
                self.next = Some(next);
                Verdict::Next(block)
            }
            None => undecodable(self.service, "block numbers ran out".to_owned()),
        }
    }
}

/// All octets of an answer are here.
fn complete(service: Service, octets: &[u8]) -> Verdict {
    if service.is_short() {
        return super::short_answers::complete(service, octets);
    }
    if let Service::ActionList(asked) = service {
        return match super::lists::outcomes(asked, octets) {
            Ok((outcomes, trailing)) => Verdict::Done {
                event: Event::ActedList(Ok(outcomes)),
                trailing,
            },
            Err(error) => failed(service, error),
        };
    }
    if let Service::List(asked) = service {
        return match list(asked, octets) {
            Ok((results, trailing)) => Verdict::Done {
                event: Event::GotList(Ok(results)),
                trailing,
            },
            Err(error) => failed(service, error),
        };
    }
    match Data::decode(octets) {
        Ok((data, used)) => Verdict::Done {
            event: if service == Service::Action {
                Event::Acted(Ok(Some(data)))
            } else {
                Event::Got(Ok(data))
            },
            trailing: octets.len().saturating_sub(used),
        },
        Err(error) => undecodable(service, error.to_string()),
    }
}

type Listed = (Vec<Result<Data, GetError>>, usize);

fn list(asked: usize, octets: &[u8]) -> Result<Listed, GetError> {
    let wrong = |error: ApduError| GetError::Undecodable(error.to_string());
    let mut answers = Answers::new(octets).map_err(wrong)?;
    let got = answers.left();
    if got != asked {
        return Err(GetError::ListLength { asked, got });
    }
    let mut results = Vec::with_capacity(asked);
    for answer in answers.by_ref() {
        results.push(answer.map_err(wrong)?.map_err(GetError::Access));
    }
    Ok((results, answers.trailing()))
}

pub(super) fn failed(service: Service, error: GetError) -> Verdict {
    Verdict::done(match service {
        Service::Get | Service::Read => Event::Got(Err(error)),
        Service::List(_) | Service::ReadList(_) => Event::GotList(Err(error)),
        Service::Set | Service::Write => Event::Set(Err(error.into())),
        Service::SetList(_) | Service::WriteList(_) => Event::SetList(Err(error.into())),
        Service::Action | Service::Invoke | Service::InvokeByWrite => {
            Event::Acted(Err(error.into()))
        }
        Service::ActionList(_) => Event::ActedList(Err(error.into())),
        Service::Access => Event::Accessed(Err(error)),
    })
}

pub(super) fn undecodable(service: Service, what: String) -> Verdict {
    failed(service, GetError::Undecodable(what))
}
