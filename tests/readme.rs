//! The README's key list is the action table's own; a key that moves moves there too.
use obiscope::tui::app::action;

#[test]
fn the_key_list_is_that_of_the_action_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme
        .split_once("tests/readme.rs keeps it true -->\n")
        .unwrap();
    let (listed, after) = rest.split_once("<!-- /keys -->").unwrap();
    let table = action::readme();
    if listed != table {
        if std::env::var_os("UPDATE_README").is_some() {
            let new =
                format!("{before}tests/readme.rs keeps it true -->\n{table}<!-- /keys -->{after}");
            std::fs::write(path, new).unwrap();
            return;
        }
        assert_eq!(
            listed, table,
            "run UPDATE_README=1 cargo test --test readme"
        );
    }
}
