//! The link options that say how bytes travel. The rule: an option that does not go with the transport is refused, never
//! ignored.

use super::argument;
use super::link_options::OptionsError;
use crate::meter::Definition;
use crate::meter::definition::{Parity, SerialLine, TransportKind};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use std::time::Duration;

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Link options")]
pub struct LineOptions {
    /// How frames travel [usual: hdlc-tcp; serial where TARGET is a device]
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(TransportKind::NAMES))]
    pub transport: Option<String>,
    /// Speed of the serial line; with --mode-e the fastest to change to [usual: 9600]
    #[arg(long, value_name = "BAUD", value_parser = |text: &str| argument::whole::<u32>(text, 50, 4_000_000))]
    pub baud: Option<u32>,
    /// Parity of the serial line [usual: none]
    #[arg(long, value_name = "PARITY", value_parser = PossibleValuesParser::new(Parity::NAMES).try_map(|name| name.parse::<Parity>()))]
    pub parity: Option<Parity>,
    /// Stop bits of the serial line: 1 or 2 [usual: 1]
    #[arg(long, value_name = "BITS", value_parser = |text: &str| argument::whole::<u8>(text, 1, 2))]
    pub stop_bits: Option<u8>,
    /// Begin at 300 7E1 and hand over to HDLC, as optical heads often need (IEC 62056-21 mode E); --mode-e=false not to
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub mode_e: Option<bool>,
    /// Pause before each frame of ours, such as 30ms [usual: 0s]
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    pub turn_round: Option<Duration>,
    /// Longest pause within a frame of the meter's; 0s leaves it to --timeout [usual: 0s]
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    pub inter_octet: Option<Duration>,
}

impl LineOptions {
    pub(super) fn apply(&self, meter: &mut Definition) -> Result<(), OptionsError> {
        if let Some(name) = &self.transport {
            let host = meter.endpoint();
            if meter.transport.serial().is_none() && name == "serial" && !host.is_empty() {
                return Err(OptionsError(format!(
                    "--transport serial: {host:?} is no serial device; for example /dev/ttyUSB0 or COM3"
                )));
            }
            set_transport(meter, name);
        }
        meter.mode_e = self.mode_e.unwrap_or(meter.mode_e);
        meter.turn_round = self.turn_round.unwrap_or(meter.turn_round);
        meter.inter_octet = self.inter_octet.unwrap_or(meter.inter_octet);
        let TransportKind::Serial(line) = &mut meter.transport else {
            let given = [
                ("--baud", self.baud.is_some()),
                ("--parity", self.parity.is_some()),
                ("--stop-bits", self.stop_bits.is_some()),
            ];
            return match given.iter().find(|it| it.1) {
                None => Ok(()),
                Some((option, _)) => Err(OptionsError(format!(
                    "{option} goes with a serial line, and this meter is reached over {}; \
                     for a serial line name its device, such as /dev/ttyUSB0",
                    meter.transport.name()
                ))),
            };
        };
        line.baud = self.baud.unwrap_or(line.baud);
        line.parity = self.parity.unwrap_or(line.parity);
        line.stop_bits = self.stop_bits.unwrap_or(line.stop_bits);
        Ok(())
    }
}

/// By name; a line that is serial already keeps its device and settings.
pub(super) fn set_transport(meter: &mut Definition, name: &str) {
    let [hdlc, wrapper, datagrams, _] = TransportKind::NAMES;
    meter.transport = match name {
        it if it == hdlc => TransportKind::HdlcTcp,
        it if it == wrapper => TransportKind::WrapperTcp,
        it if it == datagrams => TransportKind::WrapperUdp,
        _ => TransportKind::Serial(match meter.transport.serial() {
            Some(line) => line.clone(),
            None => SerialLine::new(""),
        }),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        line: LineOptions,
    }

    fn apply(mut meter: Definition, args: &[&str]) -> Result<Definition, OptionsError> {
        use clap::Parser;
        let cli = Cli::try_parse_from(std::iter::once(&"x").chain(args)).unwrap();
        cli.line.apply(&mut meter).map(|()| meter)
    }

    #[test]
    fn a_serial_line_and_what_does_not_go_with_others() {
        let meter = Definition::new("m", "", 0).on_serial("/dev/ttyUSB0");
        let args = ["--baud", "2400", "--parity", "even", "--mode-e"];
        let meter = apply(meter, &args).unwrap();
        assert_eq!(meter.transport.serial().unwrap().settings(), "2400 8E1");
        assert!(meter.mode_e);
        let kept = ["--transport", "serial", "--mode-e=false"];
        let meter = apply(meter, &kept).unwrap();
        assert_eq!(meter.transport.serial().unwrap().settings(), "2400 8E1");
        assert!(!meter.mode_e);
        let tcp = Definition::new("m", "h", 1);
        let error = apply(tcp.clone(), &["--parity", "odd"]).unwrap_err().0;
        assert!(
            error.contains("--parity goes with a serial line"),
            "{error}"
        );
        for name in ["wrapper-tcp", "wrapper-udp", "hdlc-tcp"] {
            let meter = apply(tcp.clone(), &["--transport", name]).unwrap();
            assert_eq!(meter.transport.name(), name);
        }
    }
}
