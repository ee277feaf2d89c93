//! What is written where: never over the trace that is read, never half.
use super::*;

const TRACE: &str = "TX 7EA0070303938C117E\nRX 7EA007030373C71D7E\n";

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        std::fs::write(bench.path("a.txt"), TRACE).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn convert(&self, from: &str, to: &str, force: bool) -> Result<ExitKind, Failure> {
        let args = Args {
            file: self.path(from),
            to: Some(To::Jsonl),
            out: Some(self.path(to)),
            force,
            show_serials: false,
            redact_serials: false,
            keep_secrets: false,
        };
        run(&Command::Convert(args), &mut Vec::new())
    }

    /// Names in the folder.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn the_trace_that_is_read_is_never_written() {
    let bench = Bench::new();
    std::os::unix::fs::symlink(bench.path("a.txt"), bench.path("soft")).unwrap();
    std::fs::hard_link(bench.path("a.txt"), bench.path("hard")).unwrap();
    for (from, to) in [
        ("a.txt", "a.txt"),
        ("a.txt", "soft"),
        ("soft", "a.txt"),
        ("a.txt", "hard"),
    ] {
        for force in [false, true] {
            let refused = bench.convert(from, to, force).unwrap_err();
            assert!(
                refused.words.contains("is the trace that is read"),
                "{}",
                refused.words
            );
        }
    }
    assert_eq!(std::fs::read_to_string(bench.path("a.txt")).unwrap(), TRACE);
    assert_eq!(bench.files(), ["a.txt", "hard", "soft"]);
}

#[test]
fn what_exists_stays_unless_it_is_to_be_replaced() {
    let bench = Bench::new();
    std::fs::write(bench.path("b"), "mine").unwrap();
    let refused = bench.convert("a.txt", "b", false).unwrap_err();
    assert!(refused.words.contains("--force"), "{}", refused.words);
    assert_eq!(std::fs::read_to_string(bench.path("b")).unwrap(), "mine");
    bench.convert("a.txt", "b", true).unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.path("b"))
            .unwrap()
            .lines()
            .count(),
        2
    );
}

#[test]
fn bad_input_leaves_nothing_behind() {
    let bench = Bench::new();
    std::fs::write(bench.path("bad"), format!("{TRACE}TX 7G\n")).unwrap();
    let refused = bench.convert("bad", "c", false).unwrap_err();
    assert!(refused.words.contains("line 3"), "{}", refused.words);
    assert_eq!(bench.files(), ["a.txt", "bad"]);
    std::fs::write(bench.path("c"), "mine").unwrap();
    bench.convert("bad", "c", true).unwrap_err();
    assert_eq!(std::fs::read_to_string(bench.path("c")).unwrap(), "mine");
}
