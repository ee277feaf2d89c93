//! The ways a client and a meter can meet, and the table of who passes them: tests/README.md shows exactly this.
use std::path::Path;

/// Over which link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Hdlc,
    Wrapper,
}

impl Link {
    /// As the scripts of the peers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hdlc => "hdlc",
            Self::Wrapper => "wrapper",
        }
    }

    /// As our options call it.
    pub const fn transport(self) -> &'static str {
        match self {
            Self::Hdlc => "hdlc-tcp",
            Self::Wrapper => "wrapper-tcp",
        }
    }
}

/// Who meets whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Our client, the gurux meter.
    GuruxMeter,
    /// The gurux client, our simulated meter.
    GuruxClient,
    /// The u9n client, our simulated meter.
    U9nClient,
}

pub const PAIRS: [Pair; 3] = [Pair::GuruxMeter, Pair::GuruxClient, Pair::U9nClient];

/// One way to authenticate and to cipher, in the words of our own options.
pub struct Way {
    pub name: &'static str,
    pub auth: &'static str,
    pub security: &'static str,
    /// `general`, `global`, `dedicated`, or `general-dedicated`.
    pub form: &'static str,
    pub suite: &'static str,
    /// The client address at the gurux meter, and at our simulated one.
    pub at_gurux: &'static str,
    pub at_ours: &'static str,
}

/// No object list over HDLC: the u9n client takes an FCS that ends in 7E for the closing flag and waits for ever, and
/// one of the 45 frames of our list has such an FCS.
pub fn lists_objects(pair: Pair, link: Link) -> bool {
    pair != Pair::U9nClient || link != Link::Hdlc
}

const fn plain(
    name: &'static str,
    auth: &'static str,
    at_gurux: &'static str,
    at_ours: &'static str,
) -> Way {
    Way {
        name,
        auth,
        security: "none",
        form: "general",
        suite: "0",
        at_gurux,
        at_ours,
    }
}

const fn ciphered(
    name: &'static str,
    security: &'static str,
    form: &'static str,
    at_gurux: &'static str,
    at_ours: &'static str,
) -> Way {
    Way {
        name,
        auth: "hls-gmac",
        security,
        form,
        suite: "0",
        at_gurux,
        at_ours,
    }
}

pub const WAYS: [Way; 15] = [
    plain("no authentication", "none", "16", "16"),
    plain("LLS", "lls", "17", "1"),
    plain("HLS MD5", "hls-md5", "18", "35"),
    plain("HLS SHA-1", "hls-sha1", "18", "36"),
    plain("HLS GMAC", "hls-gmac", "18", "37"),
    plain("HLS SHA-256", "hls-sha256", "18", "38"),
    Way {
        suite: "1",
        ..plain("HLS ECDSA", "hls-ecdsa", "18", "39")
    },
    ciphered("general-glo", "auth-enc", "general", "1", "64"),
    ciphered("glo", "auth-enc", "global", "1", "64"),
    ciphered("general-ded", "auth-enc", "general-dedicated", "1", "64"),
    ciphered("ded", "auth-enc", "dedicated", "1", "64"),
    ciphered("glo, authenticated only", "auth", "global", "2", "69"),
    ciphered("glo, encrypted only", "enc", "global", "3", "70"),
    Way {
        auth: "hls-ecdsa",
        suite: "1",
        ..ciphered(
            "HLS ECDSA, general-glo, suite 1",
            "auth-enc",
            "general",
            "4",
            "65",
        )
    },
    Way {
        suite: "2",
        ..ciphered("general-glo, suite 2", "auth-enc", "general", "5", "67")
    },
];

impl Way {
    /// Why this pair cannot meet this way; `None` when it can, and then a test proves it.
    pub fn gap(&self, pair: Pair) -> Option<&'static str> {
        match pair {
            Pair::U9nClient if !matches!(self.auth, "none" | "lls" | "hls-gmac") => {
                Some("the package has no such mechanism")
            }
            Pair::U9nClient if self.auth == "hls-gmac" && self.security == "none" => {
                Some("the package always ciphers with GMAC")
            }
            Pair::U9nClient if self.security != "none" && self.form != "general" => {
                Some("the package ciphers as general-glo only")
            }
            Pair::U9nClient if self.suite != "0" => Some("the package has suite 0 only"),
            _ => None,
        }
    }
}

/// The table as tests/README.md shows it.
pub fn table() -> String {
    let mut lines = vec![
        "| way | our client, gurux meter | gurux client, our meter | u9n client, our meter |"
            .to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for way in &WAYS {
        let cells = PAIRS.map(|pair| match way.gap(pair) {
            None if pair == Pair::U9nClient => "HDLC¹, wrapper".to_owned(),
            None => "HDLC, wrapper".to_owned(),
            Some(why) => format!("– ({why})"),
        });
        lines.push(format!("| {} | {} |", way.name, cells.join(" | ")));
    }
    lines.join("\n")
}

#[test]
fn the_table_of_the_readme_is_what_is_tested() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- interop -->\n", "\n<!-- /interop -->");
    let (before, rest) = text.split_once(start).unwrap();
    let (shown, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        let text = format!("{before}{start}{}{end}{after}", table());
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(shown, table(), "run this test again with UPDATE_README=1");
    }
}
