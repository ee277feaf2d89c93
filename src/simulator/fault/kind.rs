//! Every fault by name. What each does is said in the catalogue, once.

/// In the order of the catalogue: connection, line, sign-on, link, association, services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Refuse,
    Reset,
    Close,
    HoldsPort,
    IdleClose,
    HalfOpen,

    Silent,
    Residual,
    Late,
    OneBehind,
    Echo,
    EchoPart,
    EchoOnly,
    Split,
    DroppedFf,
    DoubledFf,
    Parity,
    BitFlips,
    WrapperPort,
    HdlcPort,
    PushPort,
    PushMbus,
    PushSml,
    TwoMeters,
    GatewayText,

    AsciiPort,
    NoSignOn,
    NoModeE,
    ModeC,
    NoParitySwitch,
    SlowSwitch,

    AddressSize,
    SilentTo,
    UaEmpty,
    UaShort,
    MaxInfo,
    AnswersAll,
    DmToSnrm,
    Busy,
    StaleLink,
    StaleCalling,
    Inactivity,
    InactivitySilent,
    DmToI,
    FrmrW,
    FrmrX,
    FrmrY,
    FrmrZ,
    FrmrV,
    FrmrReversed,
    FrmrBare,
    Duplicate,
    WrongNs,
    WrongNr,
    Rnr,
    SegmentEndless,
    NoFinal,
    WrongHeader,
    WrongHcs,
    WrongFcs,
    FcsMsbFirst,
    WrongFormat,
    OtherClient,
    SecondMaster,
    WrongLlc,

    NoAare,
    Aare,
    AareInfo,
    AareProvider,
    InitiateError,
    MaxPdu,
    NoBlocks,
    VaaName,
    ExceptionAarq,
    StaleAssociation,
    NoReassociation,
    Hls,
    WrongProof,
    InvocationCounter,
    DeafToCiphered,
    Locked,
    EmptyTitle,
    NoRlre,
    RlreException,

    AccessResult,
    Exception,
    BlocksStop,
    BlockNumber,
    WrongInvoke,
    ListBroken,
    ServiceError,
    Truncated,
    UnknownType,
    Fillers,
    ClockOff,
    ClockUndefined,
    WrongService,
}

impl Kind {
    /// Does nothing without frames of HDLC, or changes to them.
    pub const fn needs_hdlc(self) -> bool {
        matches!(
            self,
            Self::TwoMeters
                | Self::AsciiPort
                | Self::NoSignOn
                | Self::NoModeE
                | Self::ModeC
                | Self::NoParitySwitch
                | Self::SlowSwitch
                | Self::AddressSize
                | Self::SilentTo
                | Self::UaEmpty
                | Self::UaShort
                | Self::MaxInfo
                | Self::AnswersAll
                | Self::DmToSnrm
                | Self::Busy
                | Self::StaleLink
                | Self::StaleCalling
                | Self::Inactivity
                | Self::InactivitySilent
                | Self::DmToI
                | Self::FrmrW
                | Self::FrmrX
                | Self::FrmrY
                | Self::FrmrZ
                | Self::FrmrV
                | Self::FrmrReversed
                | Self::FrmrBare
                | Self::Duplicate
                | Self::WrongNs
                | Self::WrongNr
                | Self::Rnr
                | Self::SegmentEndless
                | Self::NoFinal
                | Self::WrongHeader
                | Self::WrongHcs
                | Self::WrongFcs
                | Self::FcsMsbFirst
                | Self::WrongFormat
                | Self::OtherClient
                | Self::SecondMaster
                | Self::WrongLlc
        )
    }

    /// Is about the connection or the stream of bytes, which datagrams do not have.
    pub const fn needs_tcp(self) -> bool {
        matches!(
            self,
            Self::Refuse
                | Self::Reset
                | Self::Close
                | Self::HoldsPort
                | Self::IdleClose
                | Self::HalfOpen
                | Self::Residual
                | Self::Echo
                | Self::EchoPart
                | Self::EchoOnly
                | Self::Split
                | Self::DroppedFf
                | Self::DoubledFf
                | Self::Parity
                | Self::BitFlips
                | Self::WrapperPort
                | Self::HdlcPort
                | Self::PushPort
                | Self::PushMbus
                | Self::PushSml
        )
    }
}
