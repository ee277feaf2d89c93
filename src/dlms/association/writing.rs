//! SET and ACTION from request to result: what goes out in blocks, and what the answers to it mean. A block is sent only
//! after the one before it was confirmed by its own number.
use super::transfer::{Service, Transfer, Verdict, failed, undecodable};
use super::{ActionError, Event, GetError, SetError};
use crate::cosem::AttributeRef;
use crate::dlms::xdlms::action::{ActionRequest, ActionResponse, Returned};
use crate::dlms::xdlms::set::{SetRequest, SetResponse};
use crate::dlms::xdlms::{ActionResult, DataAccessResult, MethodRef};
use zeroize::Zeroize;

/// Choice, invoke-id, descriptor, access selection, and a block's flag, number and longest length: what of an APDU is
/// not a piece of the value. A shorter head only leaves a few octets unused.
const HEAD: usize = 3 + 9 + 1 + 1 + 4 + 3;

/// A value on its way out in blocks.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    octets: Vec<u8>,
    sent: usize,
    /// The number of the last block sent; 0 before the first.
    block: u32,
    /// Octets of the value in one block.
    size: usize,
}

impl Outgoing {
    /// `value` in blocks whose APDUs are no longer than `limit`.
    pub fn start(&mut self, value: Vec<u8>, limit: usize) {
        self.forget();
        self.octets = value;
        self.size = limit.saturating_sub(HEAD).max(1);
    }

    /// A value may be a secret.
    pub fn forget(&mut self) {
        if self.size != 0 {
            self.octets.zeroize();
            *self = Self::default();
        }
    }

    /// Blocks were sent, and not all of them.
    pub fn is_under_way(&self) -> bool {
        self.block != 0 && self.sent < self.octets.len()
    }

    pub fn next(&mut self) -> (bool, u32, &[u8]) {
        let rest = self.octets.get(self.sent..).unwrap_or_default();
        let piece = rest.get(..self.size).unwrap_or(rest);
        self.sent = self.sent.saturating_add(piece.len());
        self.block = self.block.saturating_add(1);
        (piece.len() == rest.len(), self.block, piece)
    }

    /// The meter confirmed block `got`.
    pub fn confirmed(&self, got: u32) -> Result<(), GetError> {
        if self.block == 0 {
            Err(GetError::Undecodable(
                "a block was confirmed where none was sent".to_owned(),
            ))
        } else if got == self.block {
            Ok(())
        } else {
            Err(GetError::BlockOutOfOrder {
                expected: self.block,
                got,
            })
        }
    }
}

impl Transfer {
    pub fn first_set_block(&mut self, attribute: AttributeRef, out: &mut Vec<u8>) {
        let invoke = self.invoke();
        let (last, block, data) = self.outgoing.next();
        SetRequest::FirstBlock {
            invoke,
            attribute,
            access: &[],
            last,
            block,
            data,
        }
        .encode(out);
    }

    pub fn first_action_block(&mut self, method: MethodRef, out: &mut Vec<u8>) {
        let invoke = self.invoke();
        let (last, block, data) = self.outgoing.next();
        ActionRequest::FirstBlock {
            invoke,
            method,
            last,
            block,
            data,
        }
        .encode(out);
    }

    /// The block after the one that was confirmed.
    pub fn next_block(&mut self, out: &mut Vec<u8>) {
        if self.service().is_short() {
            return self.next_short_block(out);
        }
        let invoke = self.invoke();
        let set = matches!(self.service(), Service::Set | Service::SetList(_));
        let (last, block, data) = self.outgoing.next();
        if set {
            SetRequest::Block {
                invoke,
                last,
                block,
                data,
            }
            .encode(out);
        } else {
            ActionRequest::Block {
                invoke,
                last,
                block,
                data,
            }
            .encode(out);
        }
    }

    pub(super) fn set_response(&mut self, response: &SetResponse<'_>) -> Verdict {
        match *response {
            SetResponse::Normal { result, .. } => self.set_result(result),
            SetResponse::Block { block, .. } => self.proceed(block),
            SetResponse::LastBlock { result, block, .. } => {
                // A refusal ends the transfer whatever block it names.
                if result == DataAccessResult::SUCCESS
                    && let Err(error) = self.outgoing.confirmed(block)
                {
                    return failed(self.service(), error);
                }
                self.set_result(result)
            }
            SetResponse::LastBlockWithList { .. } | SetResponse::WithList { .. } => undecodable(
                self.service(),
                "a list came where one result was asked".to_owned(),
            ),
        }
    }

    fn set_result(&self, result: DataAccessResult) -> Verdict {
        if result != DataAccessResult::SUCCESS {
            return failed(self.service(), GetError::Access(result));
        }
        if self.outgoing.is_under_way() {
            return self.early();
        }
        Verdict::done(Event::Set(Ok(())))
    }

    pub(super) fn action_response(&mut self, response: &ActionResponse<'_>) -> Verdict {
        match *response {
            ActionResponse::Normal { result, .. } if result != ActionResult::SUCCESS => {
                Verdict::done(Event::Acted(Err(ActionError::Result(result))))
            }
            ActionResponse::Normal { returned, .. } => {
                if self.outgoing.is_under_way() {
                    return self.early();
                }
                match returned {
                    Returned::Nothing if self.is_joining() => self.whole_amid_blocks(),
                    Returned::Nothing => Verdict::done(Event::Acted(Ok(None))),
                    Returned::Data(data) => self.whole(data),
                    Returned::Error(result) => {
                        Verdict::done(Event::Acted(Err(ActionError::Returned(result))))
                    }
                }
            }
            ActionResponse::WithList { .. } => undecodable(
                self.service(),
                "a list came where one outcome was asked".to_owned(),
            ),
            ActionResponse::Next { block, .. } => self.proceed(block),
            ActionResponse::Block {
                last, block, data, ..
            } => {
                if self.outgoing.is_under_way() {
                    return self.early();
                }
                self.block(last, block, data)
            }
        }
    }

    pub(super) fn proceed(&self, block: u32) -> Verdict {
        match self.outgoing.confirmed(block) {
            Err(error) => failed(self.service(), error),
            Ok(()) if self.outgoing.is_under_way() => Verdict::SendNext,
            Ok(()) => undecodable(
                self.service(),
                format!("block {block} was the last, and no result came with its confirmation"),
            ),
        }
    }

    pub(super) fn early(&self) -> Verdict {
        undecodable(
            self.service(),
            "success was said before the whole value was sent".to_owned(),
        )
    }
}

impl From<GetError> for SetError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Access(result) => Self::Access(result),
            GetError::Exception(exception) => Self::Exception(exception),
            GetError::Service(error) => Self::Service(error),
            GetError::BlockOutOfOrder { expected, got } => Self::BlockOutOfOrder { expected, got },
            GetError::Undecodable(what) => Self::Undecodable(what),
            GetError::ListLength { asked, got } => Self::ListLength { asked, got },
            other @ GetError::TooLarge(_) => Self::Undecodable(other.to_string()),
            GetError::Security(error) => Self::Security(error),
        }
    }
}

impl From<GetError> for ActionError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Access(result) => Self::Returned(result),
            GetError::Exception(exception) => Self::Exception(exception),
            GetError::Service(error) => Self::Service(error),
            GetError::BlockOutOfOrder { expected, got } => Self::BlockOutOfOrder { expected, got },
            GetError::TooLarge(limit) => Self::TooLarge(limit),
            GetError::Undecodable(what) => Self::Undecodable(what),
            GetError::ListLength { asked, got } => Self::ListLength { asked, got },
            GetError::Security(error) => Self::Security(error),
        }
    }
}
