//! How a meter says no to a whole request: exception-response and confirmed-service-error.
//!
//! The one rule: the words come from `xdlms::error`, the ranges from here.
use super::apdu::Said;
use super::sheet::{Octets, Sheet};
use crate::dlms::xdlms::{ExceptionResponse, ServiceError};

pub(super) fn exception(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    sheet.refuses();
    let decoded = ExceptionResponse::decode(from.rest());
    sheet.octet(from, "tag", |_| "D8 exception-response".to_owned())?;
    let named = |state, service| ExceptionResponse {
        state,
        service,
        counter: None,
    };
    sheet.octet(from, "state-error", |code| {
        format!("{code}, {}", named(code, 0).state_name())
    })?;
    let service = sheet.octet(from, "service-error", |code| {
        format!("{code}, {}", named(0, code).service_name())
    })?;
    if service == 6 && from.left() > 0 {
        sheet.long(from, "expected invocation counter", |counter| {
            counter.to_string()
        })?;
    }
    if let Ok(exception) = decoded {
        said.summary = exception.to_string();
    }
    Some(())
}

pub(super) fn service_error(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    sheet.refuses();
    let decoded = ServiceError::decode(from.rest());
    sheet.octet(from, "tag", |_| "0E confirmed-service-error".to_owned())?;
    let named = |service, kind, value| ServiceError {
        service,
        kind,
        value,
    };
    sheet.octet(from, "service", |service| {
        format!("{service}, {}", named(service, 0, 0).service_name())
    })?;
    let kind = sheet.octet(from, "error kind", |kind| {
        format!("{kind}, {}", named(0, kind, 0).kind_name())
    })?;
    sheet.octet(from, "error", |value| {
        format!("{value}, {}", named(0, kind, value).value_name())
    })?;
    if let Ok(error) = decoded {
        said.summary = error.to_string();
    }
    Some(())
}
