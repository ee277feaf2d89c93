//! What a broker thinks of one message (PUBACK reason codes, MQTT 5 table 3-4). The rule: only what was taken leaves the
//! table; what will never be taken goes aside, and the rest stays.

use rumqttc::v5::mqttbytes::v5::PubAckReason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Delivered.
    Taken,
    /// Too much just now; later it may be taken.
    Later(&'static str),
    /// Not this message, ever.
    Never(&'static str),
    /// Refused without a cause that says whether to try again.
    Unclear(&'static str),
    /// Not from us: a person has to change something.
    Forbidden(&'static str),
}

pub(super) fn verdict(reason: PubAckReason) -> Verdict {
    match reason {
        // Nobody listens there just now; that the broker took it is what counts.
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Verdict::Taken,
        PubAckReason::QuotaExceeded => Verdict::Later("quota exceeded (0x97)"),
        PubAckReason::PacketIdentifierInUse => Verdict::Later("packet identifier in use (0x91)"),
        PubAckReason::PayloadFormatInvalid => Verdict::Never("payload format invalid (0x99)"),
        PubAckReason::TopicNameInvalid => Verdict::Never("topic name invalid (0x90)"),
        PubAckReason::UnspecifiedError => Verdict::Unclear("unspecified error (0x80)"),
        PubAckReason::ImplementationSpecificError => {
            Verdict::Unclear("implementation specific error (0x83)")
        }
        PubAckReason::NotAuthorized => Verdict::Forbidden("not authorised (0x87)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_counts_as_delivered() {
        let taken = |reason| verdict(reason) == Verdict::Taken;
        assert!(taken(PubAckReason::Success) && taken(PubAckReason::NoMatchingSubscribers));
        for reason in [
            PubAckReason::UnspecifiedError,
            PubAckReason::ImplementationSpecificError,
            PubAckReason::NotAuthorized,
            PubAckReason::TopicNameInvalid,
            PubAckReason::PacketIdentifierInUse,
            PubAckReason::QuotaExceeded,
            PubAckReason::PayloadFormatInvalid,
        ] {
            assert!(!taken(reason), "{reason:?}");
        }
    }
}
