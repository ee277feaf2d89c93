//! `obiscope listen` as it is used: on TCP, on UDP, on a serial line (a pseudo-terminal's), and asked to stop.

use super::desk::Desk;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Stdio};

struct Listener {
    child: Child,
    out: BufReader<ChildStdout>,
    on: String,
}

impl Listener {
    fn start(desk: &Desk, options: &[&str]) -> Self {
        let line = [&["listen"], options].concat();
        let mut child = desk
            .command(&line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut listener = Self {
            child,
            out,
            on: String::new(),
        };
        let ready = listener.next();
        assert_eq!(ready["kind"], "listening");
        ready["on"].as_str().unwrap().clone_into(&mut listener.on);
        listener
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut said = String::new();
            let _ = self.child.kill();
            let _ = self.child.stderr.take().unwrap().read_to_string(&mut said);
            unreachable!("{line:?}: {said}")
        })
    }

    /// Its exit status.
    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn interrupt(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.trim().as_bytes().chunks(2);
    let pair = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(pair).collect()
}

fn published(name: &str) -> Vec<u8> {
    let text = include_str!("../data/push/han.txt");
    let mut lines = text.lines();
    octets(
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap(),
    )
}

fn recorded() -> Vec<Vec<u8>> {
    let text = include_str!("../data/push/c_push_datanotification.txt");
    let lines = text.lines();
    lines
        .filter_map(|line| line.strip_prefix("RX "))
        .map(octets)
        .collect()
}

const KEYS: &[u8] =
    b"# the meter's\nek=000102030405060708090A0B0C0D0E0F\nak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\n";

#[test]
fn several_pushers_over_tcp() {
    let desk = Desk::new();
    let keys = desk.private_file("keys", KEYS);
    let trace = desk.folder().join("trace").to_str().unwrap().to_owned();
    let options = [
        "127.0.0.1:0",
        "--json",
        "--keys-file",
        &keys,
        "--trace",
        &trace,
    ];
    let mut listener = Listener::start(&desk, &options);
    let mut one = TcpStream::connect(&listener.on).unwrap();
    let mut two = TcpStream::connect(&listener.on).unwrap();
    let [hdlc, wrapper] = recorded().try_into().unwrap();
    // The second speaks while the first is in the middle of its frame.
    let (head, tail) = hdlc.split_at(50);
    one.write_all(head).unwrap();
    two.write_all(&wrapper).unwrap();
    let said = listener.next();
    assert_eq!(
        (&said["kind"], &said["framing"]),
        (&"notification".into(), &"wrapper".into())
    );
    one.write_all(tail).unwrap();
    let said = listener.next();
    assert_eq!(said["kind"], "notification", "{said}");
    assert_eq!(said["from"], one.local_addr().unwrap().to_string());
    assert_eq!(
        (&said["framing"], &said["verified"]),
        (&"hdlc".into(), &true.into())
    );
    assert_eq!(said["service"], "data-notification");
    assert_eq!(said["security"]["title"], "4142434445464748");
    assert_eq!(said["security"]["counter"], 240);
    let value = &said["values"][0];
    assert_eq!(
        (&value["obis"], &value["value"]),
        (&"0-0:42.0.0.255".into(), &"GRX0000000123456".into())
    );
    assert_eq!(value["verified"], true);

    // Again: no new reading. Garbage: a note. In clear: read, and not verified.
    two.write_all(&wrapper).unwrap();
    let said = listener.next();
    assert_eq!(
        (&said["kind"], &said["replay"]["highest"]),
        (&"replay".into(), &240.into())
    );
    one.write_all(&[0x55; 2000]).unwrap();
    let said = listener.next();
    assert_eq!(said["kind"], "note");
    assert!(said["note"].as_str().unwrap().contains("noise"), "{said}");
    one.write_all(&published("kaifa-1")).unwrap();
    let said = loop {
        let said = listener.next();
        if said["kind"] != "note" {
            break said;
        }
    };
    assert_eq!(said["values"][0]["value"], "3423");
    assert_eq!(said["values"][0]["unit"], "W");
    assert_eq!(
        (&said["security"], &said["verified"]),
        (&Value::Null, &false.into())
    );

    listener.interrupt();
    assert_eq!(listener.child.wait().unwrap().code(), Some(0));
    // Nothing was ever sent.
    let mut nothing = Vec::new();
    let read = one.read_to_end(&mut nothing);
    assert!(read.is_err() || nothing.is_empty());
    let traced = std::fs::read_to_string(trace).unwrap();
    assert!(traced.contains(r#""dir":"rx","hex":"7EA07F"#) && !traced.contains(r#""dir":"tx""#));
}

#[test]
fn datagrams_and_values_nobody_can_verify() {
    let desk = Desk::new();
    let keys = desk.private_file("keys", b"ek=000102030405060708090A0B0C0D0E0F");
    let options = [
        "127.0.0.1:0",
        "--udp",
        "--json",
        "--raw",
        "--keys-file",
        &keys,
    ];
    let wrapper = &recorded()[1];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();

    let mut listener = Listener::start(&desk, &options);
    socket.send_to(wrapper, &listener.on).unwrap();
    let said = listener.next();
    assert_eq!(said["kind"], "unread");
    assert!(
        said["problem"]
            .as_str()
            .unwrap()
            .contains("authentication key"),
        "{said}"
    );
    assert_eq!(said["security"]["state"], "sealed");
    assert!(said.get("values").is_none());
    drop(listener);

    let unverified = [
        options.as_slice(),
        &["--decrypt-without-verify", "--count", "2"],
    ]
    .concat();
    let mut listener = Listener::start(&desk, &unverified);
    socket.send_to(wrapper, &listener.on).unwrap();
    let said = listener.next();
    assert_eq!(
        (&said["kind"], &said["verified"]),
        (&"notification".into(), &false.into())
    );
    assert!(
        said["values"]
            .as_array()
            .unwrap()
            .iter()
            .all(|value| value["verified"] == false)
    );
    assert!(said["plain"].as_str().unwrap().starts_with("0F"));
    socket.send_to(wrapper, &listener.on).unwrap();
    assert_eq!(listener.next()["kind"], "replay");
    socket.send_to(&published("aidon-1"), &listener.on).unwrap();
    assert_eq!(listener.next()["values"][0]["value"], "512");
    assert_eq!(listener.ended(), Some(0));
}

impl Listener {
    /// The speed is fixed: a pseudo-terminal has none, and no parity either.
    fn on_a_line(desk: &Desk, path: &str, more: &[&str]) -> Self {
        let options = [
            &[path, "--baud", "2400", "--parity", "none", "--json"],
            more,
        ]
        .concat();
        Self::start(desk, &options)
    }
}

#[test]
fn a_serial_line() {
    let desk = Desk::new();
    let pair = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize::default())
        .unwrap();
    let path = pair.master.tty_name().unwrap();
    let path = path.to_str().unwrap();
    let mut line = pair.master.take_writer().unwrap();
    let mut listener = Listener::on_a_line(&desk, path, &["--count", "2"]);
    for part in published("kamstrup").chunks(40) {
        line.write_all(part).unwrap();
    }
    let said = listener.next();
    assert_eq!(
        (&said["list"], &said["from"]),
        (&"Kamstrup_V0001".into(), &path.into())
    );
    assert_eq!(said["values"][7]["value"], "2.37");
    line.write_all(&[0x10, 0x40, 0x01, 0x41, 0x16]).unwrap();
    line.write_all(&published("kaifa-18")).unwrap();
    assert_eq!(listener.next()["pattern"], "Kaifa");
    assert_eq!(listener.ended(), Some(0));

    // Without a speed: tried in turn, the one that is taken is said.
    let mut listener = Listener::start(&desk, &[path, "--json", "--count", "1"]);
    line.write_all(&published("aidon-1")).unwrap();
    assert_eq!(listener.next()["values"][0]["unit"], "W");
    let mut said = String::new();
    let mut err = listener.child.stderr.take().unwrap();
    err.read_to_string(&mut said).unwrap();
    assert!(
        said.contains("trying 2400 8N1") && said.contains("recognised at 2400 8N1"),
        "{said}"
    );
    assert_eq!(listener.ended(), Some(0));
}

#[test]
fn for_people_and_for_a_time() {
    let desk = Desk::new();
    let ended = desk.run(&["listen", "127.0.0.1:0", "--for", "50ms"]);
    assert_eq!((ended.status, ended.out.as_str()), (1, ""));
    assert!(
        ended.err.contains("listening on 127.0.0.1:"),
        "{}",
        ended.err
    );

    let mut child = desk
        .command(&["listen", "127.0.0.1:0", "--count", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    err.read_line(&mut line).unwrap();
    let address = line.split(' ').nth(3).unwrap();
    TcpStream::connect(address)
        .unwrap()
        .write_all(&published("aidon-2"))
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for words in [
        "HDLC (UI 0883 → 41)  data-notification  in clear, NOT VERIFIED",
        "list AIDON_V0001  read as Aidon's",
        "232.0  V",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_cannot_be_listened_to_is_said() {
    let desk = Desk::new();
    for (line, words) in [
        (vec!["listen", "here"], "neither a serial device"),
        (
            vec!["listen", "/dev/ttyUSB0", "--udp"],
            "--udp goes with an address",
        ),
        (
            vec!["listen", "127.0.0.1:0", "--baud", "9600"],
            "go with a serial device",
        ),
        (
            vec!["listen", "127.0.0.1:0", "--decrypt-without-verify"],
            "needs the encryption key",
        ),
        (
            vec!["listen", "127.0.0.1:0", "--keys-env", "OBISCOPE_NONE"],
            "OBISCOPE_NONE is not set",
        ),
        (
            vec!["listen", "127.0.0.1:0", "--system-title", "12"],
            "system title",
        ),
    ] {
        desk.refused(2, &line, words);
    }
    let keys = desk.private_file("keys", b"ek=hunter2");
    desk.refused(
        2,
        &["listen", "127.0.0.1:0", "--keys-file", &keys],
        "ek is not written in hex",
    );
    let open = desk.file("open", KEYS);
    desk.refused(
        2,
        &["listen", "127.0.0.1:0", "--keys-file", &open],
        "may be read by others",
    );
    desk.refused(
        1,
        &["listen", "/dev/obiscope-no-such-line"],
        "cannot be opened",
    );
    desk.refused(
        1,
        &["listen", "192.0.2.1:4059"],
        "cannot listen on 192.0.2.1:4059",
    );
}
