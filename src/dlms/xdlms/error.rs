//! How a meter says no: data-access-result, exception-response, confirmed-service-error, each by name. A number without a name stays a number.
use super::reader::Reader;
use super::tag;
use std::fmt;

pub use super::service_error::ServiceError;

/// What is wrong, and at which byte of the APDU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct ApduError {
    pub offset: usize,
    pub what: &'static str,
}

/// Why one attribute was not given (or taken).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataAccessResult(pub u8);

impl DataAccessResult {
    pub const SUCCESS: Self = Self(0);
    pub const HARDWARE_FAULT: Self = Self(1);
    pub const TEMPORARY_FAILURE: Self = Self(2);
    pub const READ_WRITE_DENIED: Self = Self(3);
    pub const OBJECT_UNDEFINED: Self = Self(4);
    pub const OBJECT_CLASS_INCONSISTENT: Self = Self(9);
    pub const OBJECT_UNAVAILABLE: Self = Self(11);
    pub const TYPE_UNMATCHED: Self = Self(12);
    pub const SCOPE_OF_ACCESS_VIOLATED: Self = Self(13);
    pub const DATA_BLOCK_UNAVAILABLE: Self = Self(14);
    pub const LONG_GET_ABORTED: Self = Self(15);
    pub const NO_LONG_GET_IN_PROGRESS: Self = Self(16);
    pub const LONG_SET_ABORTED: Self = Self(17);
    pub const NO_LONG_SET_IN_PROGRESS: Self = Self(18);
    pub const DATA_BLOCK_NUMBER_INVALID: Self = Self(19);
    pub const OTHER_REASON: Self = Self(250);

    /// `object-undefined` …
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "success",
            1 => "hardware-fault",
            2 => "temporary-failure",
            3 => "read-write-denied",
            4 => "object-undefined",
            9 => "object-class-inconsistent",
            11 => "object-unavailable",
            12 => "type-unmatched",
            13 => "scope-of-access-violated",
            14 => "data-block-unavailable",
            15 => "long-get-aborted",
            16 => "no-long-get-in-progress",
            17 => "long-set-aborted",
            18 => "no-long-set-in-progress",
            19 => "data-block-number-invalid",
            250 => "other-reason",
            _ => "unknown result",
        }
    }
}

/// `object-undefined (4)`
impl fmt::Display for DataAccessResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

/// The meter refuses a whole service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceptionResponse {
    pub state: u8,
    pub service: u8,
    /// The invocation counter the meter expects; with service error 6 only.
    pub counter: Option<u32>,
}

impl ExceptionResponse {
    /// The meter could not decipher the request: other keys, or another system title.
    pub const fn is_deciphering(&self) -> bool {
        self.service == 5
    }

    /// The request's invocation counter is one the meter has seen, or is past.
    pub const fn is_counter(&self) -> bool {
        self.service == 6
    }

    pub const fn state_name(&self) -> &'static str {
        match self.state {
            1 => "service-not-allowed",
            2 => "service-unknown",
            _ => "unknown state error",
        }
    }

    pub const fn service_name(&self) -> &'static str {
        match self.service {
            1 => "operation-not-possible",
            2 => "service-not-supported",
            3 => "other-reason",
            4 => "pdu-too-long",
            5 => "deciphering-error",
            6 => "invocation-counter-error",
            _ => "unknown service error",
        }
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::EXCEPTION_RESPONSE, "not an exception-response")?;
        let state = reader.byte("an exception-response without its state error")?;
        let service = reader.byte("an exception-response without its service error")?;
        // Old meters say 6 without the counter.
        let counter = match reader.peek() {
            Some(_) => Some(reader.u32("an invocation counter that is cut off")?),
            None => None,
        };
        reader.end("bytes after the exception-response")?;
        Ok(Self {
            state,
            service,
            counter,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[tag::EXCEPTION_RESPONSE, self.state, self.service]);
        if let Some(counter) = self.counter {
            out.extend_from_slice(&counter.to_be_bytes());
        }
    }
}

/// `service-not-allowed, operation-not-possible (exception 1/1)`
impl fmt::Display for ExceptionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} (exception {}/{})",
            self.state_name(),
            self.service_name(),
            self.state,
            self.service
        )?;
        match self.counter {
            Some(counter) => write!(f, ", the meter expects invocation counter {counter}"),
            None => Ok(()),
        }
    }
}
