//! `obiscope replay`: a recorded trace on the screen, played again. The one rule: no meter, no network, nothing saved
//! is touched.

use super::Failure;
use super::exit::ExitKind;
use super::workbench::{require_terminal, runtime};
use crate::meter::Clock;
use crate::tui::{
    self,
    run::{Recorded, Setup},
};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recorded trace, pasted hex log, pcap or pcapng
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How fast: 1 as it was, 10 ten times as fast, 0.5 half, max as fast as it goes
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = speed)]
    speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    let speed: f64 = text
        .parse()
        .map_err(|_| "a number such as 1, 10 or 0.5, or max".to_owned())?;
    if speed.is_finite() && speed > 0.0 {
        Ok(speed)
    } else {
        Err("a number above 0; space holds the replay".to_owned())
    }
}

pub fn run(args: &Args) -> Result<ExitKind, Failure> {
    let recorded = Recorded::open(&args.file)?;
    require_terminal()?;
    runtime()?.block_on(tui::run::run(Setup {
        headend: None,
        replay: Some((recorded, args.speed)),
        clock: Clock::System,
        demo: false,
        about: vec![("replay".into(), args.file.display().to_string())],
        files: std::env::current_dir().unwrap_or_else(|_| std::env::temp_dir()),
    }))?;
    Ok(ExitKind::Done)
}
