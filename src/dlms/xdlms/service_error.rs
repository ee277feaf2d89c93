//! confirmedServiceError: the older way to refuse a service, still used for a failed initiate. Numbers as in the ASN.1 (8 is change-scope, 9 task).
use super::error::ApduError;
use super::reader::Reader;
use super::tag;
use std::fmt;

/// `0E service kind value`: which service failed, in which respect, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceError {
    pub service: u8,
    pub kind: u8,
    pub value: u8,
}

impl ServiceError {
    /// application-reference, deciphering-error: other keys, or another system title.
    pub const fn is_deciphering(&self) -> bool {
        self.kind == 0 && self.value == 6
    }

    pub const fn service_name(&self) -> &'static str {
        match self.service {
            1 => "initiate",
            2 => "get-status",
            3 => "get-name-list",
            4 => "get-variable-attribute",
            5 => "read",
            6 => "write",
            7 => "get-data-set-attribute",
            8 => "get-ti-attribute",
            9 => "change-scope",
            10 => "start",
            11 => "stop",
            12 => "resume",
            13 => "make-usable",
            14 => "initiate-load",
            15 => "load-segment",
            16 => "terminate-load",
            17 => "initiate-up-load",
            18 => "up-load-segment",
            19 => "terminate-up-load",
            _ => "unknown service",
        }
    }

    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            0 => "application-reference",
            1 => "hardware-resource",
            2 => "vde-state-error",
            3 => "service",
            4 => "definition",
            5 => "access",
            6 => "initiate",
            7 => "load-data-set",
            8 => "change-scope",
            9 => "task",
            10 => "other",
            _ => "unknown kind",
        }
    }

    pub const fn value_name(&self) -> &'static str {
        match (self.kind, self.value) {
            (0..=7 | 9 | 10, 0) => "other",
            (0, 1) => "time-elapsed",
            (0, 2) => "application-unreachable",
            (0, 3) => "application-reference-invalid",
            (0, 4) => "application-context-unsupported",
            (0, 5) => "provider-communication-error",
            (0, 6) => "deciphering-error",
            (1, 1) => "memory-unavailable",
            (1, 2) => "processor-resource-unavailable",
            (1, 3) => "mass-storage-unavailable",
            (1, 4) => "other-resource-unavailable",
            (2, 1) => "no-dlms-context",
            (2, 2) => "loading-data-set",
            (2, 3) => "status-nochange",
            (2, 4) => "status-inoperable",
            (3, 1) => "pdu-size",
            (3, 2) => "service-unsupported",
            (4, 1) => "object-undefined",
            (4, 2) => "object-class-inconsistent",
            (4, 3) => "object-attribute-inconsistent",
            (5, 1) => "scope-of-access-violated",
            (5, 2) => "object-access-invalid",
            (5, 3) => "hardware-fault",
            (5, 4) => "object-unavailable",
            (6, 1) => "dlms-version-too-low",
            (6, 2) => "incompatible-conformance",
            (6, 3) => "pdu-size-too-short",
            (6, 4) => "refused-by-the-VDE-handler",
            (7, 1) => "primitive-out-of-sequence",
            (7, 2) => "not-loadable",
            (7, 3) => "data-set-size-too-large",
            (7, 4) => "not-awaited-segment",
            (7, 5) => "interpretation-failure",
            (7, 6) => "storage-failure",
            (7, 7) => "data-set-not-ready",
            (9, 1) => "no-remote-control",
            (9, 2) => "ti-stopped",
            (9, 3) => "ti-running",
            (9, 4) => "ti-unusable",
            _ => "unknown value",
        }
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(
            tag::CONFIRMED_SERVICE_ERROR,
            "not a confirmed-service-error",
        )?;
        let [service, kind, value] = reader.array("a confirmed-service-error that is cut off")?;
        reader.end("bytes after the confirmed-service-error")?;
        Ok(Self {
            service,
            kind,
            value,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[
            tag::CONFIRMED_SERVICE_ERROR,
            self.service,
            self.kind,
            self.value,
        ]);
    }
}

/// `dlms-version-too-low (confirmed-service-error initiate, initiate 1)`
impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (confirmed-service-error {}, {} {})",
            self.value_name(),
            self.service_name(),
            self.kind_name(),
            self.value
        )
    }
}
