//! `obiscope probe --step`: one step at a time, each one's bytes shown before they go. Works line by line, at a terminal
//! and out of a pipe. The rule: nothing is sent that was not shown, and the end always releases.

mod lines;
mod sheet;

use super::exit::ExitKind;
use super::visit::Found;
use super::{Failure, prompt};
use crate::cosem::ObjectSpec;
use crate::cosem::data::printable;
use crate::dlms::association::Naming;
use crate::meter::Clock;
use crate::meter::probe::{Kept, Mark, Pending, Said, StepName, Stepper, attribute_of, edited};
use crate::meter::transport::Connector;
use lines::Lines;
use sheet::Sheet;
use std::future::Future;
use std::io::Write;
use std::pin::pin;

const KEYS: &str = "s send this step   r run on   k leave it out   x release and end   ? help";
const HELP: &str = "\
s                send the step shown, and wait for its answer
r                run on, step by step, until something asks or fails
y                as s, where a secret that was refused is to go once more
k                leave the step out (drain, DISC, GET, RLRQ)
g OBJECT         GET this next: 1-1:32.7.0, or CLASS/OBIS/ATTRIBUTE
e                what is set; e KEY=VALUE … sets it and begins again:
                 client server size auth max-info window max-pdu
                 conformance=0x007E1F  conformance=+access,-with-list
e password       asks for a password, unseen
h HEX            a frame of your own, raw, after a y
h edit           the octets that are to go, to be changed and sent with h
h edit 5=93      the same with octet 5 (from 0) and those after it changed
h fix …          either of them with HCS and FCS made anew
x, q             release what stands, and end
picture          + done  > next  ~ waiting  ! failed  - not used";

pub async fn run(
    found: &Found,
    kept: Kept,
    connector: &dyn Connector,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let stepper = Stepper::new(
        &found.meter,
        Clock::System,
        found.tap.clone(),
        kept,
        found.confirmed,
    )
    .with_accepted_counter(found.accepted);
    let mut desk = Desk {
        stepper,
        connector,
        lines: Lines::start(),
        sheet: Sheet::new(out),
        running: false,
    };
    let done = {
        let mut stop = pin!(stop);
        tokio::select! {
            biased;
            () = stop.as_mut() => Ok(()),
            done = desk.steps() => done,
        }
    };
    let Desk {
        mut sheet, stepper, ..
    } = desk;
    let associated = stepper.has_associated();
    let mut keys = stepper.explainer();
    let rest = stepper.end().await;
    done?;
    if !rest.said.is_empty() {
        sheet.words("released:")?;
    }
    sheet.said(&rest.said, &keys.explain(&rest.said))?;
    sheet.all_findings(&rest.findings)?;
    Ok(if associated {
        ExitKind::Done
    } else {
        ExitKind::Meter
    })
}

struct Desk<'a> {
    stepper: Stepper,
    connector: &'a dyn Connector,
    lines: Lines,
    sheet: Sheet<'a>,
    running: bool,
}

impl Desk<'_> {
    async fn steps(&mut self) -> Result<(), Failure> {
        self.sheet.words(KEYS)?;
        loop {
            let pending = self.stepper.pending().await;
            self.show(&pending)?;
            let in_order = matches!(pending, Pending::Over(_))
                && self
                    .stepper
                    .picture()
                    .iter()
                    .any(|stage| (stage.step, stage.mark) == (StepName::Close, Mark::Done));
            if self.running && in_order {
                return Ok(());
            }
            let asks = matches!(
                pending,
                Pending::Over(_) | Pending::Bytes { asks: Some(_), .. }
            );
            self.running &= !asks;
            let line = if self.running {
                "r".to_owned()
            } else {
                match self.lines.next(self.sheet.out()).await? {
                    Some(line) => line,
                    None => return Ok(()),
                }
            };
            if !self.obey(line.trim()).await? {
                return Ok(());
            }
        }
    }

    fn show(&mut self, pending: &Pending) -> Result<(), Failure> {
        self.sheet.picture(&self.stepper.picture())?;
        match pending {
            Pending::Act { step, words } => {
                let words = printable(words);
                self.sheet
                    .words(&format!("next, {}: {words}", step.name()))?;
            }
            Pending::Bytes { step, shown, asks } => {
                let sent = if self.running {
                    "going"
                } else {
                    "not sent yet"
                };
                self.sheet
                    .words(&format!("next, {} ({sent}):", step.name()))?;
                let frames = self.stepper.explain_pending(shown);
                self.sheet.before_it_goes(shown, &frames)?;
                if let Some(asks) = asks {
                    let asks = printable(asks);
                    self.sheet
                        .words(&format!("! {asks}; y shows it once more"))?;
                }
            }
            Pending::Over(words) => {
                let words = printable(words);
                self.sheet
                    .words(&format!("over: {words}; s begins anew, x ends"))?;
            }
        }
        Ok(())
    }

    /// False when that was the last.
    async fn obey(&mut self, line: &str) -> Result<bool, Failure> {
        let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match key {
            "s" | "r" | "y" => {
                self.running = key == "r";
                let before = self.stepper.has_associated();
                let said = self.stepper.go(self.connector, key == "y").await;
                self.said(&said)?;
                if self.stepper.has_associated() && !before {
                    self.sheet.words("associated; g OBJECT reads one")?;
                }
            }
            "k" => {
                if !self.stepper.skip().await {
                    self.sheet.words("this step cannot be left out")?;
                }
            }
            "g" => self.get(rest).await?,
            "e" => self.edit(rest).await?,
            "h" => return self.by_hand(rest).await,
            "x" | "q" => return Ok(false),
            "" => {}
            "?" => {
                for line in HELP.lines() {
                    self.sheet.plain(line)?;
                }
            }
            _ => self.sheet.words(KEYS)?,
        }
        Ok(true)
    }

    fn said(&mut self, said: &Said) -> Result<(), Failure> {
        let frames = self.stepper.explain(said);
        self.sheet.said(said, &frames)?;
        self.sheet.stages(&self.stepper.picture())?;
        Ok(self.sheet.new_findings(&self.stepper.findings())?)
    }

    async fn get(&mut self, text: &str) -> Result<(), Failure> {
        let object: ObjectSpec = match text.parse() {
            Ok(object) => object,
            Err(error) => return Ok(self.sheet.words(&printable(&format!("g: {error}")))?),
        };
        if !self.stepper.ask(attribute_of(object)).await {
            let words = "nothing can be asked for now: an association must stand, and no answer be under way";
            self.sheet.words(words)?;
        }
        Ok(())
    }

    async fn edit(&mut self, text: &str) -> Result<(), Failure> {
        if !text.is_empty() {
            let new = if text == "password" {
                prompt::password("password")
                    .map(|password| {
                        let mut meter = self.stepper.meter().clone();
                        meter.password = Some(password);
                        (meter, self.stepper.proposal())
                    })
                    .map_err(|error| format!("no password: {error}"))
            } else {
                edited(self.stepper.meter(), self.stepper.proposal(), text)
            };
            match new {
                Ok((meter, proposal)) => {
                    self.stepper.propose(proposal);
                    let said = self.stepper.edit(&meter).await;
                    self.said(&said)?;
                }
                Err(words) => return Ok(self.sheet.words(&printable(&words))?),
            }
        }
        let (meter, proposal) = (self.stepper.meter(), self.stepper.proposal());
        let naming = match meter.naming {
            Naming::LogicalName => "",
            Naming::ShortName => ", short names",
        };
        let words = format!(
            "set: client={} server={} size={} auth={}{}{naming} max-info={} window={} conformance=0x{:06X} max-pdu={}",
            meter.client.sap(),
            meter.server,
            meter.server.size(),
            meter.auth,
            if meter.password.is_some() {
                " (a password is given)"
            } else {
                ""
            },
            meter.max_info,
            meter.window,
            proposal.conformance(meter).0,
            proposal.max_pdu(meter),
        );
        Ok(self.sheet.words(&words)?)
    }

    /// False at the end of the lines.
    async fn by_hand(&mut self, text: &str) -> Result<bool, Failure> {
        let pending = match self.stepper.pending().await {
            Pending::Bytes { shown, .. } => shown,
            _ => Vec::new(),
        };
        if text == "edit" && !pending.is_empty() {
            self.sheet.words("to be changed and sent:")?;
            self.sheet
                .plain(&format!("h {}", crate::cosem::hex::joined(&pending, "")))?;
            return Ok(true);
        }
        let bytes = match lines::written(text, &pending) {
            Ok(bytes) => bytes,
            Err(words) => {
                self.sheet.words(&printable(&words))?;
                return Ok(true);
            }
        };
        let (shown, asks) = match self.stepper.hand(&bytes).await {
            Pending::Bytes { shown, asks, .. } => (shown, asks),
            Pending::Over(words) | Pending::Act { words, .. } => {
                self.sheet.words(&printable(&words))?;
                return Ok(true);
            }
        };
        let frames = self.stepper.explain_pending(&shown);
        self.sheet.before_it_goes(&shown, &frames)?;
        if let Some(asks) = asks {
            self.sheet.words(&format!("! {}", printable(&asks)))?;
        }
        self.sheet.words("by hand; send it as it is? y/n")?;
        let Some(answer) = self.lines.next(self.sheet.out()).await? else {
            return Ok(false);
        };
        if answer.trim() == "y" {
            let said = self.stepper.by_hand(&bytes).await;
            self.said(&said)?;
        } else {
            self.sheet.words("not sent")?;
        }
        Ok(true)
    }
}
