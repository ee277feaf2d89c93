//! Everything the screen knows. The rule: only `update` changes it; the picture only reads.
use super::action::Place;
use super::alarms::{Alarms, List, Typing};
use super::chart::Chart;
use super::confirm::Confirm;
use super::fleet::{Fleet, State};
use super::form::Form;
use super::help::Help;
use super::herald::Herald;
use super::input::Input;
use super::meters::MetersPane;
use super::mqtt::MqttPane;
use super::msg::{Line, Now};
use super::notices::Notices;
use super::overview::Overview;
use super::palette::Palette;
use super::pane::Pane;
use super::replay::Replay;
use super::session::SessionPane;
use super::shown::Shown;
use super::trace::TracePane;
use super::trend::Trends;
use super::values::ValuesPane;
use crate::cosem::data::printable;
use crate::headend::{MeterView, Published, StepView};
use crate::meter::MeterId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What lies over the panes.
#[derive(Clone, Debug)]
pub enum Overlay {
    Help(Help),
    Form(Box<Form>),
    Confirm(Box<Confirm>),
    Palette(Palette),
    /// A filter being typed for a pane; its line takes the place of the notice.
    Filter(Pane, Input),
    Overview(Overview),
    Alarms(Box<List>),
    Chart(Box<Chart>),
    /// A note or a file name being typed.
    Line(Asked, Input),
}

/// What a typed line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The note beside the selected frame.
    Note,
    /// The file the trace is written to.
    File,
    /// A frame for this meter, in hex.
    Hand(crate::meter::MeterId),
}

/// Values and trace held still.
#[derive(Clone, Debug)]
pub struct Frozen {
    pub now: Now,
    pub meter: Option<Arc<MeterView>>,
    pub trends: Trends,
    /// Readings that came since.
    pub newer: u64,
}

/// A command under way.
#[derive(Clone, Debug)]
pub struct Pending {
    pub ticket: u64,
    /// Said when it is done.
    pub done: String,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own: dirty, stale, zoom, mouse, demo"
)]
#[derive(Debug)]
pub struct Model {
    /// Something changed that may show: draw, and set this back.
    pub dirty: bool,
    /// Something changed beside what one looks at: draw when the line has rested, and set this back.
    pub stale: bool,
    pub now: Now,
    pub zone: jiff::tz::TimeZone,
    pub size: (u16, u16),
    pub fleet: Fleet,
    pub trends: Trends,
    pub focus: Pane,
    pub zoom: bool,
    pub meters: MetersPane,
    pub values: ValuesPane,
    pub trace: TracePane,
    pub session: SessionPane,
    pub mqtt: MqttPane,
    /// What became of each meter's newest poll.
    pub published: BTreeMap<MeterId, Arc<Published>>,
    pub alarms: Alarms,
    pub overlay: Option<Overlay>,
    pub frozen: Option<Box<Frozen>>,
    pub notices: Notices,
    pub line: Line,
    /// Whether the program has the mouse.
    pub mouse: bool,
    pub shown: Shown,
    /// Lines for the end of the help: name and value (database, log file …).
    pub about: Vec<(String, String)>,
    /// Whether the program is the demo: a chip says so.
    pub demo: bool,
    /// A recorded trace instead of meters.
    pub replay: Option<Box<Replay>>,
    /// Who sits here, as they said last, or as the system calls them; may be empty.
    pub person: String,
    /// How a person is told who does not look at the screen.
    pub herald: Herald,
    pub(super) pending: Vec<Pending>,
    pub(super) tickets: u64,
    /// Bytes by hand that the bench is asked about before a person is.
    pub(super) hand: Option<(MeterId, Vec<u8>)>,
}

impl Model {
    pub fn new(now: Now, zone: jiff::tz::TimeZone) -> Self {
        Self {
            dirty: true,
            stale: false,
            now,
            zone,
            size: (80, 24),
            fleet: Fleet::default(),
            trends: Trends::default(),
            focus: Pane::Meters,
            zoom: false,
            meters: MetersPane::default(),
            values: ValuesPane::default(),
            trace: TracePane::default(),
            session: SessionPane::default(),
            mqtt: MqttPane::default(),
            published: BTreeMap::new(),
            alarms: Alarms::default(),
            overlay: None,
            frozen: None,
            notices: Notices::default(),
            line: Line::default(),
            mouse: true,
            shown: Shown::default(),
            about: Vec::new(),
            demo: false,
            replay: None,
            person: String::new(),
            herald: Herald::default(),
            pending: Vec::new(),
            tickets: 0,
            hand: None,
        }
    }

    /// The selected meter as it is now.
    pub fn meter(&self) -> Option<&Arc<MeterView>> {
        self.fleet.get(self.meters.selected()?)
    }

    /// The meter whose values are shown: the frozen one while frozen.
    pub fn pictured(&self) -> Option<&Arc<MeterView>> {
        match &self.frozen {
            Some(frozen) => frozen.meter.as_ref(),
            None => self.meter(),
        }
    }

    /// The moment the values are shown at.
    pub fn pictured_now(&self) -> Now {
        self.frozen.as_ref().map_or(self.now, |frozen| frozen.now)
    }

    pub fn pictured_trends(&self) -> &Trends {
        self.frozen
            .as_ref()
            .map_or(&self.trends, |frozen| &frozen.trends)
    }

    /// The session of the selected meter that is stepped through now.
    pub fn stepping(&self) -> Option<&StepView> {
        let bench = self.meter()?.bench.as_ref()?;
        bench.as_step().filter(|_| !bench.is_over())
    }

    /// What the terminal's title says.
    pub fn title(&self) -> String {
        match self.meter() {
            None => "obiscope".to_owned(),
            Some(view) => format!(
                "obiscope · {} · {}",
                printable(&view.definition.name),
                State::of(&view.status.phase).word()
            ),
        }
    }

    /// Which keys work now.
    pub fn place(&self) -> Place {
        match &self.overlay {
            None if self.focus == Pane::Session && self.stepping().is_some() => Place::Stepper,
            None => Place::Pane(self.focus),
            Some(Overlay::Help(_)) => Place::Help,
            Some(Overlay::Form(_)) => Place::Form,
            Some(Overlay::Confirm(_)) => Place::Confirm,
            Some(Overlay::Palette(_)) => Place::Palette,
            Some(Overlay::Filter(..)) => Place::Filter,
            Some(Overlay::Line(..)) => Place::Line,
            Some(Overlay::Overview(_)) => Place::Overview,
            Some(Overlay::Alarms(list)) => match list.typing {
                None => Place::Alarms,
                Some(Typing::Filter(_)) => Place::Filter,
                Some(Typing::Acknowledge(..)) => Place::Line,
            },
            Some(Overlay::Chart(_)) => Place::Chart,
        }
    }
}
