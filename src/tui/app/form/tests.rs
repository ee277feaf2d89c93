//! What a person types into the form of a meter, and what comes of it.
use super::*;
use crate::dlms::hdlc::ServerAddress;
use crate::meter::Definition;
use crate::meter::definition::Auth;
use crate::tui::app::key::Code;
use std::time::Duration;

fn fill(form: &mut Form, name: &str, text: &str) {
    let at = form.fields.iter().position(|f| f.name == name).unwrap();
    form.fields[at].input.set(text);
    form.fields[at].touched = true;
}

fn wrong(form: &Form) -> Vec<&'static str> {
    match saved(form) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|(name, _)| name).collect(),
    }
}

fn saved(form: &Form) -> Result<Definition, Wrong> {
    form.command().map(|(command, _)| match command {
        Command::Save(definition) => *definition,
        other => panic!("{other:?}"),
    })
}

#[test]
fn name_and_address_are_enough() {
    let mut form = meter::add(&[]);
    assert_eq!(wrong(&form), ["host", "name"]);
    fill(&mut form, "name", "feeder-7");
    fill(&mut form, "host", "10.0.4.7:4059");
    let d = saved(&form).unwrap();
    assert_eq!(
        (d.name.as_str(), d.host.as_str(), d.port),
        ("feeder-7", "10.0.4.7", 4059)
    );
    assert_eq!(d, Definition::new("feeder-7", "10.0.4.7", 4059));
}

#[test]
fn every_wrong_field_is_named_with_an_example() {
    let mut form = meter::add(&[]);
    for (name, text) in [
        ("name", ""),
        ("host", "10.0.4.7"),
        ("client", "300"),
        ("server", "1/x"),
        ("timeout", "soon"),
        ("poll", "0s"),
        ("inactivity", "-"),
        ("objects", "1-1:32.7.0, voltage"),
    ] {
        fill(&mut form, name, text);
    }
    let errors = saved(&form).unwrap_err();
    for name in [
        "name",
        "host",
        "client",
        "server",
        "timeout",
        "poll",
        "inactivity",
        "objects",
    ] {
        let problem = &errors.iter().find(|(n, _)| *n == name).unwrap().1;
        assert!(problem.len() > 10, "{name}: {problem}");
    }
    form.show_errors(errors);
    assert_eq!(form.focus, 0);
    assert!(form.fields.iter().filter(|f| f.error.is_some()).count() >= 8);
    form.key(Key::char('x'));
    assert!(
        form.fields[0].error.is_none(),
        "typing takes the complaint away"
    );
}

#[test]
fn addresses_of_hosts() {
    let mut form = meter::add(&[]);
    fill(&mut form, "name", "m");
    for bad in [
        "", ":4059", "h:", "h:0", "h:70000", "::1:4059", "a b:1", "[::1]",
    ] {
        fill(&mut form, "host", bad);
        assert_eq!(wrong(&form), ["host"], "{bad}");
    }
    fill(&mut form, "host", " [::1]:4059 ");
    let d = saved(&form).unwrap();
    assert_eq!((d.host.as_str(), d.port), ("::1", 4059));
    let again = meter::edit(&d, &[]);
    assert_eq!(again.field("host"), "[::1]:4059");
    assert_eq!(saved(&again).unwrap(), d);
}

#[test]
fn a_server_address_and_its_size() {
    let mut form = meter::add(&[]);
    fill(&mut form, "name", "m");
    fill(&mut form, "host", "h:1");
    fill(&mut form, "server", "1/17");
    assert_eq!(
        saved(&form).unwrap().server,
        ServerAddress::new(1, Some(17), None).unwrap()
    );
    fill(&mut form, "address-size", "4");
    let d = saved(&form).unwrap();
    assert_eq!(d.server.size(), 4);
    assert_eq!(meter::edit(&d, &[]).field("address-size"), "4");
    fill(&mut form, "address-size", "1");
    assert_eq!(wrong(&form), ["server"]);
}

#[test]
fn a_preset_fills_only_what_nobody_typed() {
    let mut form = meter::add(&[]);
    fill(&mut form, "name", "m");
    fill(&mut form, "host", "h:3333");
    fill(&mut form, "poll", "1m");
    form.focus = form.fields.iter().position(|f| f.name == "preset").unwrap();
    form.sideways(false);
    assert_eq!(form.field("preset"), "microstar");
    assert_eq!(form.field("auth"), "lls");
    assert_eq!(form.field("client"), "1");
    assert_eq!(form.field("poll"), "1m");
    assert!(form.field("objects").contains("1-1:32.7.0"));
    assert_eq!(wrong(&form), ["password"]);
    fill(&mut form, "password", "22222222");
    let d = saved(&form).unwrap();
    assert_eq!((d.auth, d.poll), (Auth::Lls, Duration::from_mins(1)));
    assert_eq!(d.objects, Definition::microstar("m", "h", 3333).objects);
    form.sideways(false);
    assert_eq!(
        (form.field("preset"), form.field("auth")),
        ("generic", "none")
    );
}

#[test]
fn a_password_is_never_shown_and_an_empty_one_keeps_the_old() {
    let mut old = Definition::microstar("m", "h", 3333);
    old.password = Some(crate::dlms::security::Secret::new(*b"22222222"));
    let mut form = meter::edit(&old, &[]);
    assert_eq!(form.field("password"), "");
    assert_eq!(saved(&form).unwrap(), old);
    fill(&mut form, "password", "33333333");
    let field = form.fields.iter().find(|f| f.name == "password").unwrap();
    assert_eq!(field.shown(), "********");
    assert!(!format!("{form:?}").contains("33333333"));
    let new = saved(&form).unwrap();
    assert_eq!(new.password.unwrap().expose(), b"33333333");
}

#[test]
fn objects_go_out_and_come_back() {
    let mut form = meter::add(&[]);
    fill(&mut form, "name", "m");
    fill(&mut form, "host", "h:1");
    fill(
        &mut form,
        "objects",
        "1-1:32.7.0, 1.1.31.7.0.255=amps,, 8/0-0:1.0.0.255/2=clock",
    );
    let d = saved(&form).unwrap();
    let keys: Vec<_> = d.objects.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["voltage_l1", "amps", "clock"]);
    assert_eq!(saved(&meter::edit(&d, &[])).unwrap(), d);
    fill(&mut form, "objects", "1-1:32.7.0, 1-1:32.7.0");
    assert_eq!(wrong(&form), ["objects"]);
}

#[test]
fn a_broker_is_chosen_among_the_saved_ones() {
    let mut form = meter::add(&["lab".to_owned(), "plant".to_owned()]);
    form.focus = form
        .fields
        .iter()
        .position(|f| f.name == "publish")
        .unwrap();
    for expected in ["lab", "plant", "none"] {
        form.key(Key::char(' '));
        assert_eq!(form.field("publish"), expected);
    }
    assert!(!form.key(Key::new(Code::Backspace)));
    form.paste("elsewhere");
    assert_eq!(form.field("publish"), "none");
}
