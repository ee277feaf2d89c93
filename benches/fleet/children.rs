//! Processes of this bench: each is this program again with a role. The rule: none outlives the one that started it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

pub const ROLE: &str = "OBISCOPE_BENCH_ROLE";

pub struct Child {
    process: std::process::Child,
    input: ChildStdin,
    output: Option<BufReader<ChildStdout>>,
    /// What it said first.
    pub first: String,
}

impl Child {
    pub fn spawn(role: &str, numbers: &[(&str, u64)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROLE, role);
        for (name, number) in numbers {
            command.env(name, number.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        if !matches!(role, "client" | "ping") {
            output.read_line(&mut first).unwrap();
        }
        Self {
            process: child,
            input,
            output: Some(output),
            first: first.trim().to_owned(),
        }
    }

    pub fn first_line(&self) -> String {
        self.first.clone()
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Until it ends.
    pub fn figures(&mut self) -> Figures {
        let mut text = String::new();
        let mut output = self.output.take().unwrap();
        output.read_to_string(&mut text).unwrap();
        assert!(self.process.wait().unwrap().success());
        let figures = text.lines().filter_map(|line| {
            let (name, number) = line.split_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        });
        Figures(figures.collect())
    }

    /// Its CPU time so far.
    pub fn cpu_us(&self) -> f64 {
        cpu_us(&format!("/proc/{}/stat", self.process.id()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// User and system time out of a `stat` file of proc(5).
pub fn cpu_us(stat: &str) -> f64 {
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = (after.split_whitespace().skip(11).take(2))
        .filter_map(|field| field.parse().ok())
        .collect();
    fields.iter().sum::<f64>() * 1e6 / rustix::param::clock_ticks_per_second() as f64
}

pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    pub fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    pub fn set(&mut self, name: &str, number: f64) {
        self.0.insert(name.to_owned(), number);
    }
}

/// Of this process' environment.
pub fn number(name: &str) -> u64 {
    std::env::var(name).unwrap().parse().unwrap()
}

/// Ends this process with the one that holds its standard input.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
}
