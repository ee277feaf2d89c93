//! Where a client printed something else than its bytes say, one by one, and why.

#[derive(Debug)]
pub struct Difference {
    session: &'static str,
    step: &'static str,
    #[expect(
        dead_code,
        reason = "read by people, and printed when the difference is gone"
    )]
    why: &'static str,
}

impl Difference {
    pub fn is(&self, session: &str, step: &str) -> bool {
        (self.session, self.step) == (session, step)
    }
}

const fn differs(session: &'static str, step: &'static str, why: &'static str) -> Difference {
    Difference { session, step, why }
}

/// gurux-dlms has no class for objects 76 and 77 (DLMS server M-Bus port setup, M-Bus diagnostic) and leaves them out of
/// its list of 52; we show every object, whether we know its class or not.
const UNKNOWN_CLASS: &str = "their list leaves out the objects of classes 76 and 77";

/// The C server puts leftovers of its buffer behind a clock's time. Both sides take the value and drop the rest; our
/// association says so with a notice.
const LEFTOVERS: &str = "octets stand behind the value";

/// gurux-dlms shows octets as text only once it has read the object list, and these sessions do not.
const NOT_AS_TEXT: &str =
    "printed as hex digits, the text is GRX0000000123456; the raw octets are the same";

const CLOCK: &str = "get:8:0.0.1.0.0.255:2";
const NAME: &str = "get:1:0.0.42.0.0.255:2";

pub const KNOWN: &[Difference] = &[
    differs("c_hdlc_gxpy_gmac", "assoc", UNKNOWN_CLASS),
    differs("c_hdlc_gxpy_low_win3_info512", "assoc", UNKNOWN_CLASS),
    differs("c_hdlc_gxpy_none", "assoc", UNKNOWN_CLASS),
    differs("c_wrap_gxpy_low", "assoc", UNKNOWN_CLASS),
    differs("c_hdlc_gxpy_gmac", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_gmac_general", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_gmac_glo_ded", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_high", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_low_serial", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_low_win3_info512", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_none", CLOCK, LEFTOVERS),
    differs("c_wrap_gxpy_low", CLOCK, LEFTOVERS),
    differs("c_hdlc_gxpy_gmac_general", NAME, NOT_AS_TEXT),
    differs("c_hdlc_gxpy_gmac_glo_ded", NAME, NOT_AS_TEXT),
    differs("c_hdlc_gxpy_high", NAME, NOT_AS_TEXT),
    differs("c_hdlc_gxpy_low_serial", NAME, NOT_AS_TEXT),
    differs("p_hdlc_gxpy_hls_gmac", NAME, NOT_AS_TEXT),
    differs("p_hdlc_gxpy_hls_high", NAME, NOT_AS_TEXT),
    differs("p_hdlc_gxpy_hls_md5", NAME, NOT_AS_TEXT),
    differs("p_hdlc_gxpy_hls_sha1", NAME, NOT_AS_TEXT),
    differs("p_hdlc_gxpy_hls_sha256", NAME, NOT_AS_TEXT),
];
