//! The first octet of an APDU and the standard's name for what follows. An octet that is not in the table names nothing.

pub const INITIATE_REQUEST: u8 = 0x01;
pub const READ_REQUEST: u8 = 0x05;
pub const WRITE_REQUEST: u8 = 0x06;
pub const INITIATE_RESPONSE: u8 = 0x08;
pub const READ_RESPONSE: u8 = 0x0C;
pub const WRITE_RESPONSE: u8 = 0x0D;
pub const CONFIRMED_SERVICE_ERROR: u8 = 0x0E;
pub const DATA_NOTIFICATION: u8 = 0x0F;
pub const UNCONFIRMED_WRITE_REQUEST: u8 = 0x16;
pub const INFORMATION_REPORT: u8 = 0x18;
pub const AARQ: u8 = 0x60;
pub const AARE: u8 = 0x61;
pub const RLRQ: u8 = 0x62;
pub const RLRE: u8 = 0x63;
pub const GET_REQUEST: u8 = 0xC0;
pub const SET_REQUEST: u8 = 0xC1;
pub const EVENT_NOTIFICATION: u8 = 0xC2;
pub const ACTION_REQUEST: u8 = 0xC3;
pub const GET_RESPONSE: u8 = 0xC4;
pub const SET_RESPONSE: u8 = 0xC5;
pub const ACTION_RESPONSE: u8 = 0xC7;
pub const EXCEPTION_RESPONSE: u8 = 0xD8;
pub const ACCESS_REQUEST: u8 = 0xD9;
pub const ACCESS_RESPONSE: u8 = 0xDA;
pub const GENERAL_BLOCK_TRANSFER: u8 = 0xE0;

/// `get-response`, `aarq`, `glo-initiate-request` …
pub const fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x01 => "initiate-request",
        0x05 => "read-request",
        0x06 => "write-request",
        0x08 => "initiate-response",
        0x0C => "read-response",
        0x0D => "write-response",
        0x0E => "confirmed-service-error",
        0x0F => "data-notification",
        0x16 => "unconfirmed-write-request",
        0x18 => "information-report-request",
        0x21 => "glo-initiate-request",
        0x25 => "glo-read-request",
        0x26 => "glo-write-request",
        0x28 => "glo-initiate-response",
        0x2C => "glo-read-response",
        0x2D => "glo-write-response",
        0x2E => "glo-confirmed-service-error",
        0x36 => "glo-unconfirmed-write-request",
        0x38 => "glo-information-report-request",
        0x41 => "ded-initiate-request",
        0x45 => "ded-read-request",
        0x46 => "ded-write-request",
        0x48 => "ded-initiate-response",
        0x4C => "ded-read-response",
        0x4D => "ded-write-response",
        0x4E => "ded-confirmed-service-error",
        0x56 => "ded-unconfirmed-write-request",
        0x58 => "ded-information-report-request",
        0x60 => "aarq",
        0x61 => "aare",
        0x62 => "rlrq",
        0x63 => "rlre",
        0xC0 => "get-request",
        0xC1 => "set-request",
        0xC2 => "event-notification-request",
        0xC3 => "action-request",
        0xC4 => "get-response",
        0xC5 => "set-response",
        0xC7 => "action-response",
        0xC8 => "glo-get-request",
        0xC9 => "glo-set-request",
        0xCA => "glo-event-notification-request",
        0xCB => "glo-action-request",
        0xCC => "glo-get-response",
        0xCD => "glo-set-response",
        0xCF => "glo-action-response",
        0xD0 => "ded-get-request",
        0xD1 => "ded-set-request",
        0xD2 => "ded-event-notification-request",
        0xD3 => "ded-action-request",
        0xD4 => "ded-get-response",
        0xD5 => "ded-set-response",
        0xD7 => "ded-action-response",
        0xD8 => "exception-response",
        0xD9 => "access-request",
        0xDA => "access-response",
        0xDB => "general-glo-ciphering",
        0xDC => "general-ded-ciphering",
        0xDD => "general-ciphering",
        0xDF => "general-signing",
        0xE0 => "general-block-transfer",
        _ => return None,
    })
}

/// What a meter says unasked: data-notification, event-notification, information-report.
pub const fn is_notification(tag: u8) -> bool {
    matches!(
        tag,
        DATA_NOTIFICATION | EVENT_NOTIFICATION | INFORMATION_REPORT
    )
}

/// Whether what follows is protected, so that keys are needed to read it.
pub const fn is_ciphered(tag: u8) -> bool {
    matches!(
        tag,
        0x21 | 0x25 | 0x26 | 0x28 | 0x2C..=0x2E | 0x36 | 0x38
            | 0x41 | 0x45 | 0x46 | 0x48 | 0x4C..=0x4E | 0x56 | 0x58
            | 0xC8..=0xCD | 0xCF..=0xD5 | 0xD7 | 0xDB..=0xDD | 0xDF
    )
}
