//! `obiscope image`: a firmware file into a meter (class 18). Asked for before the first byte is written, verified by the
//! meter, and activated only on demand and after a question of its own: the meter may restart.

use super::Failure;
use super::exit::ExitKind;
use super::progress::Progress as Line;
use super::visit::{Door, Errand, Place, Purpose, Trouble, ask, find};
use crate::cosem::data::printable_bytes;
use crate::cosem::decode::decode;
use crate::cosem::{Data, Obis};
use crate::meter::Definition;
use crate::meter::image::{
    CLASS, ImageError, Plan, Progress, State, Transfer, USUAL, status, words,
};
use crate::meter::session::Session;
use serde_json::{Value, json};
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// The image, as its maker gives it out
    pub file: PathBuf,
    /// The image's identifier, as text or as 0x and hexadecimal; without it, the file's name
    #[arg(long, value_name = "TEXT")]
    pub identifier: Option<String>,
    /// The image transfer object
    #[arg(long, value_name = "OBIS", default_value_t = USUAL)]
    pub object: Obis,
    /// Go on with what an earlier run began: only what the meter lacks is sent
    #[arg(long)]
    pub resume: bool,
    /// Activate the image when the meter has verified it; the meter may restart
    #[arg(long)]
    pub activate: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl From<ImageError> for Trouble {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Session(error) => Self::Session(error),
            ImageError::Empty
            | ImageError::TooLarge(_)
            | ImageError::Identifier(_)
            | ImageError::File(_) => Self::Usage(error.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// How far it is; a lost connection goes on from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Asking,
    Sending,
    AskingToActivate,
    Activating,
}

struct Carrying<'a> {
    args: &'a Args,
    transfer: Transfer<File>,
    phase: Phase,
    before: Option<State>,
    blocks: u32,
    line: Line,
    err: &'a mut dyn Write,
}

/// What became of it; `None` where a person said no to everything.
enum Done {
    Nothing,
    Verified { after: State },
    Activated { after: State },
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    // A file that can be no image is found out before the meter hears of it.
    let transfer = transfer(args)?;
    let found = find(Purpose::Write, &args.place, door).await?;
    let mut carrying = Carrying {
        args,
        transfer,
        phase: Phase::Asking,
        before: None,
        blocks: 0,
        line: Line::new(),
        err,
    };
    let done = found.persist(door, stop, &mut carrying).await;
    carrying.line.clear(carrying.err)?;
    let done = done.map_err(|failure| carrying.explain(failure))?;
    let (after, activated) = match done {
        Done::Nothing => {
            writeln!(carrying.err, "obiscope: nothing was sent")?;
            return Ok(ExitKind::Partly);
        }
        Done::Verified { after } => (after, false),
        Done::Activated { after } => (after, true),
    };
    if args.json {
        writeln!(out, "{}", carrying.json(&after, activated))?;
    } else {
        carrying.print(&after, out)?;
    }
    if args.activate && !activated {
        writeln!(
            carrying.err,
            "obiscope: the image was verified and not activated"
        )?;
        return Ok(ExitKind::Partly);
    }
    Ok(ExitKind::Done)
}

fn transfer(args: &Args) -> Result<Transfer<File>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(&format!("{}: {error}", args.file.display()))
    };
    let identifier = if let Some(text) = &args.identifier {
        identifier(text).map_err(|words| Failure::usage(&words))?
    } else {
        let name = args.file.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned().into_bytes()
    };
    let file = File::open(&args.file).map_err(|error| wrong(&error))?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(wrong(&"it is no regular file"));
    }
    Transfer::new(args.object, file, identifier, args.resume).map_err(|error| wrong(&error))
}

fn identifier(text: &str) -> Result<Vec<u8>, String> {
    let Some(hex) = text.strip_prefix("0x") else {
        return Ok(text.as_bytes().to_vec());
    };
    let octets = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    octets.collect::<Option<_>>().ok_or_else(|| {
        format!("--identifier {text}: not pairs of hexadecimal digits; for example 0x465731")
    })
}

impl Errand for Carrying<'_> {
    type Done = Done;

    async fn at_the_meter(
        &mut self,
        session: &mut Session,
        meter: &Definition,
    ) -> Result<Done, Trouble> {
        if self.phase == Phase::Asking {
            let state = self.transfer.look(session).await?;
            if !state.enabled {
                return Err(ImageError::Disabled(self.args.object).into());
            }
            let plan = Plan::new(self.transfer.size(), state.block_size)?;
            self.blocks = plan.blocks();
            let question = self.question(&state, plan, meter);
            self.before = Some(state);
            if !self.args.yes && !ask(session, meter, &question).await? {
                return Ok(Done::Nothing);
            }
            self.phase = Phase::Sending;
        }
        session.allow_writing();
        let (line, err) = (&mut self.line, &mut *self.err);
        let mut show = |progress| {
            let text = match progress {
                Progress::Blocks { done, of } => format!("{done} of {of} blocks"),
                Progress::Verifying => "the meter verifies the image".to_owned(),
                Progress::Activating => "the meter activates the image".to_owned(),
            };
            // What cannot be shown is no reason to leave half an image behind.
            let _ = line.show(err, &text);
        };
        if self.phase == Phase::Sending {
            self.transfer.send(session, &mut show).await?;
            self.phase = Phase::AskingToActivate;
        }
        if self.phase == Phase::AskingToActivate {
            if !self.args.activate {
                let after = self.transfer.look(session).await?;
                return Ok(Done::Verified { after });
            }
            if !self.args.yes {
                let state = self.transfer.look(session).await?;
                let question = format!(
                    "The image is verified. Activate {} in {}? The meter may restart, and there may be no way back.",
                    to_activate(&state),
                    meter.name
                );
                line.clear(err)?;
                if !ask(session, meter, &question).await? {
                    return Ok(Done::Verified { after: state });
                }
            }
            self.phase = Phase::Activating;
        }
        let mut show = |_| {
            let _ = line.show(err, "the meter activates the image");
        };
        self.transfer.activate(session, &mut show).await?;
        let after = self.transfer.look(session).await?;
        Ok(Done::Activated { after })
    }

    fn done_so_far(&self) -> u64 {
        self.transfer.sent()
    }

    fn lost(&mut self, words: &str) {
        let _ = self.line.clear(self.err);
        let _ = writeln!(self.err, "obiscope: {words}");
    }
}

impl Carrying<'_> {
    fn question(&self, state: &State, plan: Plan, meter: &Definition) -> String {
        let verb = if self.args.resume {
            "Go on sending"
        } else {
            "Send"
        };
        let over = match state.status {
            status::INITIATED | status::VERIFIED if !self.args.resume => {
                " An image that was sent before is given up for it."
            }
            _ => "",
        };
        format!(
            "{verb} {} ({} bytes, {} blocks of {}) to the image transfer {:#} of {}? Its status is \"{}\"; \
             to activate: {}.{over}",
            self.args.file.display(),
            self.transfer.size(),
            plan.blocks(),
            plan.block_size(),
            self.args.object,
            meter.name,
            words(state.status),
            to_activate(state),
        )
    }

    /// A failure half-way says what stands in the meter and how to go on.
    fn explain(&self, mut failure: Failure) -> Failure {
        let more = match self.phase {
            Phase::Sending if self.transfer.sent() > 0 => {
                "the meter keeps what it has; the same command with --resume sends the rest"
            }
            Phase::AskingToActivate => {
                "the image is in the meter and verified; with --resume --activate it is activated"
            }
            Phase::Activating if self.transfer.activating() => {
                "the meter was told to activate the image; whether it did, its status shows (18/…/6)"
            }
            _ => return failure,
        };
        failure.words.push_str("\nnote: ");
        failure.words.push_str(more);
        failure
    }

    fn print(&self, after: &State, out: &mut dyn Write) -> std::io::Result<()> {
        let before = self.before.as_ref();
        let was = before.map_or_else(String::new, |state| words(state.status));
        writeln!(out, "status: {was} → {}", words(after.status))?;
        let was = before.map_or_else(String::new, to_activate);
        writeln!(out, "to activate: {was} → {}", to_activate(after))
    }

    fn json(&self, after: &State, activated: bool) -> Value {
        let state = |state: &State| {
            let images = state.to_activate.as_ref();
            json!({
                "status": { "code": state.status, "name": words(state.status) },
                "to_activate": images.map(|data| decode(CLASS, 7, data).to_json()),
            })
        };
        json!({
            "obis": self.args.object.to_string(),
            "size": self.transfer.size(),
            "blocks": self.blocks,
            "sent": self.transfer.sent(),
            "before": self.before.as_ref().map(state),
            "after": state(after),
            "activated": activated,
        })
    }
}

/// The images a meter says it can activate.
fn to_activate(state: &State) -> String {
    match &state.to_activate {
        Some(Data::Array(images)) if images.is_empty() => "none".to_owned(),
        Some(data) => match data.elements().map(|images| images.iter().map(name)) {
            Some(names) => names.collect::<Vec<_>>().join(", "),
            None => data.to_text(),
        },
        None => "(not shown)".to_owned(),
    }
}

/// `{size, identification, signature}` in a word or two.
fn name(image: &Data) -> String {
    match image.elements() {
        Some([size, Data::OctetString(name), ..]) => {
            format!("{} ({} bytes)", printable_bytes(name), size.to_text())
        }
        _ => image.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_text_or_octets() {
        assert_eq!(identifier("FW 2.1").unwrap(), b"FW 2.1");
        assert_eq!(identifier("0x4657").unwrap(), b"FW");
        for wrong in ["0x4", "0xzz", "0x4ü"] {
            assert!(identifier(wrong).unwrap_err().contains(wrong));
        }
    }
}
