//! What the answers to READ and WRITE mean, and the blocks either way. There is no invoke-id here: the carrier's order alone
//! says which answer is whose.
use super::transfer::{Service, Transfer, Verdict, failed, undecodable};
use super::{ActionError, Event, GetError, SetError};
use crate::cosem::Data;
use crate::cosem::data::encode_length;
use crate::dlms::xdlms::short::{
    ReadAnswer, ReadAnswers, ReadRequest, ReadResponse, Variable, WriteAnswer, WriteAnswers,
    WriteRequest, WriteResponse, encode_variables,
};
use crate::dlms::xdlms::{ActionResult, ApduError, tag};

/// Data tag of the octet-string in which a block of a WRITE travels.
const OCTET_STRING: u8 = 9;

impl Transfer {
    pub(super) fn short_answer(&mut self, apdu: &[u8]) -> Verdict {
        let verdict = if apdu.first() == Some(&tag::READ_RESPONSE) {
            ReadResponse::decode(apdu).and_then(|response| self.read_response(response.list))
        } else {
            WriteResponse::decode(apdu).and_then(|response| self.write_response(response.list))
        };
        verdict.unwrap_or_else(|error| undecodable(self.service(), error.to_string()))
    }

    fn read_response(&mut self, list: &[u8]) -> Result<Verdict, ApduError> {
        let mut answers = ReadAnswers::new(list)?;
        let asked = match self.service() {
            Service::ReadList(asked) => asked,
            _ => 1,
        };
        let got = answers.left();
        if got != 1 && got != asked {
            return Ok(failed(self.service(), GetError::ListLength { asked, got }));
        }
        if got == 1 {
            match answers.next().transpose()? {
                Some(ReadAnswer::Block { last, block, data }) => {
                    return Ok(if self.outgoing.is_under_way() {
                        self.early()
                    } else {
                        self.block(last, block.into(), data)
                    });
                }
                Some(ReadAnswer::BlockNumber(block)) => return Ok(self.proceed(block.into())),
                // Whatever was asked and however much of it was sent: this ends it.
                Some(ReadAnswer::Error(result))
                    if self.is_joining() || self.outgoing.is_under_way() =>
                {
                    return Ok(failed(self.service(), GetError::Access(result)));
                }
                _ => {}
            }
        }
        Ok(if self.outgoing.is_under_way() {
            self.early()
        } else {
            self.whole(list)
        })
    }

    fn write_response(&mut self, list: &[u8]) -> Result<Verdict, ApduError> {
        let mut answers = WriteAnswers::new(list)?;
        let (got, service) = (answers.left(), self.service());
        let asked = match service {
            Service::WriteList(asked) => asked,
            _ => 1,
        };
        if got == 1 && (asked == 1 || self.outgoing.is_under_way()) {
            match answers.next().transpose()? {
                Some(WriteAnswer::BlockNumber(block)) => return Ok(self.proceed(block.into())),
                Some(WriteAnswer::Error(result)) if asked != 1 => {
                    return Ok(failed(service, GetError::Access(result)));
                }
                _ => answers = WriteAnswers::new(list)?,
            }
        }
        if self.outgoing.is_under_way() {
            return Ok(self.early());
        }
        if got != asked {
            return Ok(failed(service, GetError::ListLength { asked, got }));
        }
        let mut results = Vec::new();
        for answer in answers.by_ref() {
            results.push(match answer? {
                WriteAnswer::Success => Ok(()),
                WriteAnswer::Error(result) => Err(SetError::Access(result)),
                WriteAnswer::BlockNumber(_) => {
                    return Ok(undecodable(
                        service,
                        "a block was confirmed where none was sent".to_owned(),
                    ));
                }
            });
        }
        let trailing = answers.trailing();
        let event = match (service, results.pop()) {
            (Service::WriteList(_), end) => {
                results.extend(end);
                Event::SetList(Ok(results))
            }
            (Service::InvokeByWrite, Some(Err(SetError::Access(result)))) => {
                Event::Acted(Err(ActionError::Result(ActionResult(result.0))))
            }
            (Service::InvokeByWrite, _) => Event::Acted(Ok(None)),
            (_, result) => Event::Set(result.unwrap_or(Ok(()))),
        };
        Ok(Verdict::Done { event, trailing })
    }

    /// The next piece of a request too long for one APDU.
    pub(super) fn next_short_block(&mut self, out: &mut Vec<u8>) {
        let reads = self.service().is_read();
        let (ends, block, data) = self.outgoing.next();
        // `proceed` holds the meter to the number sent, so one that went round would be noticed.
        let block = u16::try_from(block).unwrap_or(u16::MAX);
        let mut list = Vec::new();
        if reads {
            encode_variables(
                &[Variable::ReadBlock {
                    last: ends,
                    block,
                    data,
                }],
                &mut list,
            );
            return ReadRequest { list: &list }.encode(out);
        }
        encode_variables(&[Variable::WriteBlock { last: ends, block }], &mut list);
        let mut values = vec![1, OCTET_STRING];
        encode_length(data.len(), &mut values);
        values.extend_from_slice(data);
        WriteRequest {
            confirmed: true,
            list: &list,
            values: &values,
        }
        .encode(out);
    }
}

/// Asks for the block after this one.
pub(super) fn ask_next(block: u32, out: &mut Vec<u8>) {
    let block = u16::try_from(block).unwrap_or(u16::MAX);
    let mut list = Vec::new();
    encode_variables(&[Variable::BlockNumber(block)], &mut list);
    ReadRequest { list: &list }.encode(out);
}

/// All octets of the answers to a READ are here.
pub(super) fn complete(service: Service, octets: &[u8]) -> Verdict {
    match read(service, octets) {
        Ok(verdict) => verdict,
        Err(error) => match (service, Data::decode_all(octets)) {
            // gurux-dlms joins the value alone from its blocks, without count and choice.
            (Service::Read, Ok(value)) => Verdict::done(Event::Got(Ok(value))),
            _ => failed(service, error),
        },
    }
}

fn read(service: Service, octets: &[u8]) -> Result<Verdict, GetError> {
    let wrong = |error: ApduError| GetError::Undecodable(error.to_string());
    let asked = match service {
        Service::ReadList(asked) => asked,
        _ => 1,
    };
    let mut answers = ReadAnswers::new(octets).map_err(wrong)?;
    let got = answers.left();
    if got != asked {
        return Err(GetError::ListLength { asked, got });
    }
    let mut results = Vec::new();
    for answer in answers.by_ref() {
        results.push(match answer.map_err(wrong)? {
            ReadAnswer::Data(data) => {
                Data::decode_all(data).map_err(|error| GetError::Undecodable(error.to_string()))
            }
            ReadAnswer::Error(result) => Err(GetError::Access(result)),
            ReadAnswer::Block { .. } | ReadAnswer::BlockNumber(_) => {
                return Err(GetError::Undecodable(
                    "a block stands amid whole answers".to_owned(),
                ));
            }
        });
    }
    let trailing = answers.trailing();
    let event = match (service, results.pop()) {
        (Service::ReadList(_), last) => {
            results.extend(last);
            Event::GotList(Ok(results))
        }
        (Service::Invoke, Some(result)) => Event::Acted(match result {
            Ok(Data::Null) => Ok(None),
            Ok(returned) => Ok(Some(returned)),
            Err(GetError::Access(result)) => Err(ActionError::Result(ActionResult(result.0))),
            Err(other) => Err(other.into()),
        }),
        (_, Some(result)) => Event::Got(result),
        (_, None) => return Err(GetError::ListLength { asked, got: 0 }),
    };
    Ok(Verdict::Done { event, trailing })
}
