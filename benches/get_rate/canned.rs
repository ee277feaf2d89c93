//! A server that answers requests it has seen before from a table: as cheap as a server gets. It knows just enough
//! DLMS to let a client associate. It runs as a second process of this bench.

use obiscope::dlms::hdlc::{Control, Frame, frame};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Requests before the sequence of N(S), N(R) and invoke-id begins again.
pub const REQUESTS: usize = 16;
/// Octets of an answer: an HDLC frame with a double-long.
pub const ANSWER: usize = 23;

const VARIABLE: &str = "OBISCOPE_BENCH_SERVER";
const CLIENT: u8 = 0x21;
const SERVER: u8 = 0x03;

/// Ends with its value.
pub struct Server {
    pub port: u16,
    child: Child,
}

impl Server {
    pub fn spawn() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().parse().unwrap();
        Self { port, child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn is_server() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Serves until its parent is gone.
pub fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    std::thread::spawn(|| {
        // The pipe ends when the parent does, however it ended.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    for stream in listener.incoming().flatten() {
        let thread = std::thread::Builder::new().stack_size(128 * 1024);
        thread.spawn(move || connection(stream)).unwrap();
    }
}

fn connection(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut known: HashMap<[u8; 2], Vec<u8>> = HashMap::new();
    let mut request = [0; 2048];
    while let Ok(length @ 1..) = stream.read(&mut request) {
        let request = &request[..length];
        // Control octet and invoke-id tell all GETs of this bench apart.
        let key = [request[5], *request.get(13).unwrap_or(&0)];
        let is_get = request.get(11) == Some(&0xC0) && request[22] == 2;
        let sent = match known.get(&key).filter(|_| is_get) {
            Some(answer) => stream.write_all(answer),
            None => {
                let answer = answer(request);
                let sent = stream.write_all(&answer);
                if is_get {
                    known.insert(key, answer);
                }
                sent
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn answer(request: &[u8]) -> Vec<u8> {
    let frame = Frame::parse(&request[1..request.len() - 1]).unwrap();
    let (control, information): (_, Vec<u8>) = match frame.control() {
        Control::Snrm { .. } | Control::Disc { .. } => (Control::Ua { poll: true }, Vec::new()),
        Control::ReceiveReady { receive, .. } => {
            // Nothing was sent since: N(R) is what the client's next N(S) will be, and both count alike here.
            (
                Control::ReceiveReady {
                    receive,
                    poll: true,
                },
                Vec::new(),
            )
        }
        Control::Information { send, receive, .. } => {
            let reply = Control::Information {
                send: receive,
                receive: (send + 1) & 7,
                poll: true,
            };
            (reply, apdu(frame.information()))
        }
        other => panic!("{other:?}"),
    };
    let mut out = Vec::new();
    let client = frame.source();
    frame::build(
        client,
        frame.destination(),
        control,
        false,
        &information,
        &mut out,
    )
    .unwrap();
    out
}

fn apdu(information: &[u8]) -> Vec<u8> {
    let mut out = vec![0xE6, 0xE7, 0x00];
    match information[3] {
        // AARE: LN, accepted, no diagnostic, version 6, conformance 00301D, max PDU 1024.
        0x60 => out.extend(
            b"\x61\x29\xA1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01\xA2\x03\x02\x01\x00\xA3\x05\xA1\x03\x02\x01\x00\
              \xBE\x10\x04\x0E\x08\x00\x06\x5F\x1F\x04\x00\x00\x30\x1D\x04\x00\x00\x07",
        ),
        0x62 => out.extend(b"\x63\x03\x80\x01\x00"),
        // scaler_unit: 10⁻² V.
        0xC0 if information[14] == 3 => {
            out.extend([0xC4, 0x01, information[5], 0, 0x02, 0x02, 0x0F, 0xFE, 0x16, 0x23]);
        }
        0xC0 => out.extend([0xC4, 0x01, information[5], 0, 0x05, 0, 0, 0x34, 0xE4]),
        other => panic!("APDU {other:02X}"),
    }
    out
}

/// The requests a session sends, for the ping-pongs: same length, same answers.
pub fn requests() -> [Vec<u8>; REQUESTS] {
    std::array::from_fn(|n| {
        let (number, invoke) = ((n % 8) as u8, (n % 16) as u8);
        let control = Control::Information {
            send: number,
            receive: number,
            poll: true,
        };
        let information = [
            0xE6,
            0xE6,
            0x00,
            0xC0,
            0x01,
            0xC0 | invoke,
            0x00,
            0x03,
            1,
            1,
            32,
            7,
            0,
            255,
            2,
            0,
        ];
        let mut out = Vec::new();
        frame::build(&[SERVER], &[CLIENT], control, false, &information, &mut out).unwrap();
        out
    })
}
