//! The page of symptoms, held to the error types of the program.
//!
//! A message is a format string after `#[error(`. What is fixed in it has to be on the page.

use std::fs;
use std::path::Path;

/// Where the errors are that an operator reads.
const SOURCES: [&str; 14] = [
    "edge-feed/src/source/error.rs",
    "edge-user/authority/src/listen.rs",
    "edge-user/kernel/src/error.rs",
    "edge-user/src/node/control/client.rs",
    "edge-user/src/node/http.rs",
    "edge-user/src/ntp/daemon.rs",
    "edge-user/src/ntp/message.rs",
    "edge-user/src/ntp/reason.rs",
    "edge-user/src/ntp/tracking.rs",
    "edge-user/tables/src/live/cookie_state/secrets.rs",
    "edge-user/tables/src/live/limits/options.rs",
    "edge-user/tables/src/publish.rs",
    "edge-user/zone/src/geo.rs",
    "edge-user/zone/src/lib.rs",
];
/// Ways out that a function adds to a message.
const WAYS_OUT: [&str; 4] = [
    "add it to an interface of this host, set dns.freebind = true, or don't listen on it",
    "stop the server that has the port or choose another port",
    "give the program CAP_NET_BIND_SERVICE or choose a port from 1024 on",
    "check that the host has this address family and the address",
];
/// A fixed part of fewer characters could be anywhere.
const PART: usize = 8;

/// The format strings of all `#[error("…")]` in a source.
fn messages(source: &str) -> Vec<String> {
    let after = source.split("#[error(").skip(1);
    let quoted = after.filter_map(|rest| rest.trim_start().strip_prefix('"'));
    quoted.map(literal).collect()
}

/// A string literal's value, from behind its first quotation mark.
fn literal(rest: &str) -> String {
    let mut value = String::new();
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                // The line goes on behind the next one's indentation.
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => value.push(escaped),
                None => {}
            },
            _ => value.push(character),
        }
    }
    value
}

/// What is fixed in a message: its parts between placeholders.
fn fixed(message: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_placeholder = false;
    for character in message.chars() {
        match character {
            '{' => (is_placeholder, _) = (true, parts.push(String::new())),
            '}' => is_placeholder = false,
            _ if is_placeholder => {}
            _ => parts.last_mut().expect("there is one").push(character),
        }
    }
    let mut parts: Vec<String> =
        parts.iter().map(|part| part.trim_matches(|c| " :;,()".contains(c)).to_owned()).collect();
    parts.retain(|part| part.len() >= PART);
    parts
}

#[test]
fn the_page_of_symptoms_has_the_message_of_every_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| fs::read_to_string(root.join(name)).expect(name);
    let page = read("docs/symptoms.md");
    let mut missing = Vec::new();
    for name in SOURCES {
        let source = read(name);
        let messages = messages(&source);
        assert!(!messages.is_empty(), "{name} has no errors; name the file that has them");
        for message in messages {
            if let Some(part) = fixed(&message).into_iter().find(|part| !page.contains(part)) {
                missing.push(format!("{name}: {message:?}: {part:?}"));
            }
        }
    }
    let listen = read("edge-user/authority/src/listen.rs");
    for way_out in WAYS_OUT {
        assert!(listen.contains(way_out), "the program doesn't say {way_out:?} any more");
        if !page.contains(way_out) {
            missing.push(way_out.to_owned());
        }
    }
    assert!(missing.is_empty(), "add these messages to docs/symptoms.md: {missing:#?}");
}

#[test]
fn a_message_is_found_over_lines_and_its_placeholders_are_left_out() {
    let source = "#[error(\n    \"{what}: \\\"off\\\" isn't \\\n     permitted{}, or so; {cause}\",\n\
                  x()\n)]\nNo,\n#[error(transparent)]\n";
    let found = messages(source);
    assert_eq!(found, ["{what}: \"off\" isn't permitted{}, or so; {cause}"]);
    assert_eq!(fixed(&found[0]), ["\"off\" isn't permitted"]);
}
