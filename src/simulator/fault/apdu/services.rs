//! What goes wrong in plain services: GET above all, and the proof of HLS.

use super::super::Kind;
use super::{ApduFaults, exception};
use crate::cosem::AttributeRef;
use crate::dlms::xdlms::get::{GetRequest, GetResponse};
use crate::dlms::xdlms::{DataAccessResult, ServiceError, tag};

const CLOCK: u16 = 8;
/// GET and ACTION, each in its plainest form.
const NORMAL: u8 = 1;
const WITH_LIST: u8 = 3;
const BLOCK: u8 = 2;
/// A type that is in no table.
const NO_TYPE: u8 = 0x7B;
const OCTET_STRING: u8 = 0x09;

impl ApduFaults {
    /// Answers a plain service in the meter's place. `pending`: HLS is not over.
    pub fn instead_of_service(&self, pending: bool, apdu: &[u8], out: &mut Vec<u8>) -> bool {
        let faults = &self.faults;
        let before = out.len();
        match *apdu {
            [tag::ACTION_REQUEST, NORMAL, invoke, ..] if pending => {
                if let Some(result) = faults.octet(Kind::Hls) {
                    out.extend_from_slice(&[tag::ACTION_RESPONSE, NORMAL, invoke, result, 0]);
                }
            }
            [tag::GET_REQUEST | tag::READ_REQUEST, choice, ..] if !pending => {
                let get = apdu.first() == Some(&tag::GET_REQUEST);
                if let Some((state, service)) = faults.pair(Kind::Exception) {
                    exception(state, service, None, out);
                } else if faults.has(Kind::ServiceError) {
                    // Of GET or READ: access, scope of access violated.
                    let error = ServiceError {
                        service: if get { 4 } else { 5 },
                        kind: 5,
                        value: 1,
                    };
                    error.encode(out);
                } else if get && choice == WITH_LIST && faults.has(Kind::ListBroken) {
                    exception(1, 2, None, out);
                } else if let (Some(result), Ok(GetRequest::Normal { invoke, .. })) =
                    (faults.octet(Kind::AccessResult), GetRequest::decode(apdu))
                {
                    let result = DataAccessResult(result);
                    GetResponse::Error { invoke, result }.encode(out);
                }
            }
            _ => {}
        }
        out.len() > before
    }

    /// Changes the plain answer that stands in `out` from `start` on.
    pub fn after_service(&self, pending: bool, apdu: &[u8], start: usize, out: &mut Vec<u8>) {
        let faults = &self.faults;
        let answer = out.get_mut(start..).unwrap_or_default();
        match answer {
            [tag::ACTION_RESPONSE, .., last] if pending => {
                if faults.has(Kind::WrongProof) {
                    *last ^= 0x5A;
                }
                return;
            }
            [tag::GET_RESPONSE, BLOCK, _, _, _, _, _, number, ..]
                if faults.has(Kind::BlockNumber) =>
            {
                *number = number.wrapping_add(1);
            }
            [tag::GET_RESPONSE, NORMAL, _, 0, ..] => {
                if faults.has(Kind::Truncated) {
                    // A value of one octet has no end to lose.
                    let value = answer.len() - 4;
                    let kept = value - (value - 1).min(1 + value / 3);
                    out.truncate(start + 4 + kept);
                } else if let Some(value) = answer.get_mut(4..) {
                    self.value(apdu, value);
                }
            }
            _ => {}
        }
        let answer = out.get_mut(start..).unwrap_or_default();
        if let [
            service @ (tag::GET_RESPONSE | tag::SET_RESPONSE | tag::ACTION_RESPONSE),
            _,
            invoke,
            ..,
        ] = answer
        {
            if faults.has(Kind::WrongInvoke) {
                *invoke = *invoke & 0xF0 | invoke.wrapping_add(3) & 0x0F;
            }
            if faults.has(Kind::WrongService) && *service == tag::GET_RESPONSE {
                *service = tag::SET_RESPONSE;
            }
        }
    }

    /// Changes one encoded value, its length left as it is.
    fn value(&self, apdu: &[u8], value: &mut [u8]) {
        let faults = &self.faults;
        let class = match GetRequest::decode(apdu) {
            Ok(GetRequest::Normal {
                attribute: AttributeRef { class, .. },
                ..
            }) => class,
            _ => 0,
        };
        match value {
            [OCTET_STRING, 12, clock @ ..]
                if class == CLOCK && faults.has(Kind::ClockUndefined) =>
            {
                clock.fill(0xFF);
            }
            [kind, ..] if faults.has(Kind::UnknownType) => *kind = NO_TYPE,
            // The number types, whole.
            [0x05 | 0x06 | 0x0F..=0x12 | 0x14 | 0x15, number @ ..] if faults.has(Kind::Fillers) => {
                number.fill(0xFF);
            }
            _ => {}
        }
    }
}
