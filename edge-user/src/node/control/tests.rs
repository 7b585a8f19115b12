//! Tests of the control socket, in both directions.

use std::path::PathBuf;

use serde_json::json;

use super::{Asked, Request, Socket, ask};
use edge_tables::live::switches::{ReturnPath, Setting};

#[test]
fn orders_are_lines_that_a_script_can_write() {
    for (request, line) in [
        (Request::Switches, json!({"command": "switches"})),
        (Request::ExplainTime, json!({"command": "explain_time"})),
        (
            Request::Switch(Setting::DryRun { on: true }),
            json!({"command": "switch", "switch": "dry_run", "on": true}),
        ),
        (
            Request::Switch(Setting::ReturnPath { path: ReturnPath::Fib }),
            json!({"command": "switch", "switch": "return_path", "path": "fib"}),
        ),
        (
            Request::Switch(Setting::Zone { name: "a.example".into(), on: false }),
            json!({"command": "switch", "switch": "zone", "name": "a.example", "on": false}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&request).unwrap(), line);
        let back: Request = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), line);
    }
    // The old name, from a script.
    let line = json!({"command": "switch", "switch": "drain", "on": true});
    let old: Request = serde_json::from_value(line).unwrap();
    assert!(matches!(old, Request::Switch(Setting::Bypass { on: true })));
    for line in [
        json!({"command": "switch"}),
        json!({"command": "switch", "switch": "bypass"}),
        json!({"command": "switch", "switch": "rain", "on": true}),
        json!({"command": "switch", "switch": "return_path", "path": "route"}),
    ] {
        assert!(serde_json::from_value::<Request>(line.clone()).is_err(), "{line}");
    }
}

/// Asks a node that replies as `reply` does.
fn converse(
    request: Request,
    reply: fn(Request) -> Result<serde_json::Value, String>,
) -> Conversation {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(async {
        let socket = Socket::bind(&path).unwrap();
        let (sender, mut requests) = tokio::sync::mpsc::channel::<Asked>(1);
        let (heirs, _none) = tokio::sync::mpsc::channel(1);
        let path = path.clone();
        let asking = tokio::task::spawn_blocking(move || ask(&path, &request));
        let serving = async {
            let (request, to) = requests.recv().await.unwrap();
            to.send(reply(request)).unwrap();
            asking.await.unwrap()
        };
        tokio::select! {
            () = socket.serve(sender, heirs) => unreachable!("it serves for ever"),
            reply = serving => reply,
        }
    });
    Conversation { reply: reply.map_err(|error| error.to_string()), gone: path }
}

struct Conversation {
    /// The error is the node's own.
    reply: Result<serde_json::Value, String>,
    gone: PathBuf,
}

#[test]
fn an_order_reaches_the_node_and_its_reply_comes_back() {
    let bypass = Request::Switch(Setting::Bypass { on: true });
    let Conversation { reply, .. } = converse(bypass, |request| {
        assert!(matches!(request, Request::Switch(Setting::Bypass { on: true })));
        Ok(json!({"switches": {"bypass": true}}))
    });
    assert_eq!(reply, Ok(json!({"switches": {"bypass": true}})));
    let zone = Request::Switch(Setting::Zone { name: "a".into(), on: true });
    let Conversation { reply, gone } =
        converse(zone, |_| Err("no zone a is loaded; none is".into()));
    assert_eq!(reply, Err("no zone a is loaded; none is".into()));

    // The socket went with the node: the error now names where it was looked for.
    let error = ask(&gone, &Request::Switches).unwrap_err().to_string();
    assert!(error.starts_with(&format!("control socket {}: ", gone.display())), "{error}");
    let way_out =
        "is `edge run` running? name its socket by --socket, or its configuration by --config";
    assert!(error.ends_with(way_out), "{error}");
}
