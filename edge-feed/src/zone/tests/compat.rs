//! Tests that zones without options equal the pool's.

use super::*;

fn check(zone: &FeedZone, snapshot: &Snapshot, now: i64) {
    let labels = labels(zone);
    let expected = naive::generate(snapshot, now);
    for (name, [a, aaaa]) in &expected.exact {
        let label = &labels[name];
        assert_eq!(records(&labels, name, "aaaa"), *aaaa, "{name}");
        // A base label has an empty list of neither type.
        assert_eq!(label.get("aaaa").is_some(), !aaaa.is_empty(), "{name}");
        let numbered = name.starts_with(['0', '1', '2', '3']);
        assert_eq!(label.get("mx").is_some(), !numbered, "{name}");
        let base = if numbered { name.get(2..).unwrap_or("") } else { name };
        match expected.split.get(base) {
            Some(_) if numbered => {}
            _ => {
                assert_eq!(records(&labels, name, "a"), *a, "{name}");
                assert_eq!(label.get("a").is_some(), numbered || !a.is_empty(), "{name}");
            }
        }
    }
    for (base, (per, all)) in &expected.split {
        let mut seen = BTreeSet::new();
        for number in 0..4 {
            let name =
                if base.is_empty() { number.to_string() } else { format!("{number}.{base}") };
            let part = records(&labels, &name, "a");
            assert_eq!(part.len(), *per, "{name}");
            assert!(part.is_subset(all), "{name}");
            assert!(part.is_disjoint(&seen), "{name}");
            seen.extend(part);
        }
    }
    let known: BTreeSet<&String> = labels.keys().collect();
    let ours = ["gb", "0.gb", "1.gb", "2.gb", "3.gb"].map(str::to_owned);
    let wanted: BTreeSet<&String> = expected.exact.keys().chain(&ours).collect();
    assert_eq!(known, wanted);
}

/// What the generator makes of a snapshot depends only on these.
fn content(snapshot: &Snapshot, now: i64) -> String {
    let expected = naive::generate(snapshot, now);
    format!("{:?}{:?}", expected.exact, expected.split)
}

#[test]
fn zones_of_random_pools_are_those_of_the_pools_generator_delta_by_delta() {
    let mut rng = fastrand::Rng::with_seed(31);
    let (mut n_same, mut n_other) = (0, 0);
    for _ in 0..25 {
        let mut pool = Pool::new(random_snapshot(&mut rng)).unwrap();
        let n = u64::try_from(pool.servers().count()).unwrap();
        let mut zones = zones(ZonePolicy::default());
        let mut now = NOW;
        let mut last: Option<(u32, String)> = None;
        for id in 1..60 {
            let snapshot = pool.snapshot();
            let content = content(&snapshot, now);
            let built = zones.update(&pool, now);
            match (built.as_slice(), &last) {
                ([], Some((_, before))) => {
                    assert_eq!(*before, content, "what changed wasn't seen");
                    n_same += 1;
                }
                ([zone], before) => {
                    if let Some((serial, before)) = before {
                        assert!(zone.serial > *serial);
                        assert_ne!(*before, content, "nothing had changed");
                        n_other += 1;
                    }
                    check(zone, &snapshot, now);
                    last = Some((zone.serial, content));
                }
                other => panic!("{other:?}"),
            }
            match rng.u8(..20) {
                // A server may leave because its day of deletion is near.
                0 => now += rng.i64(0..5 * 86_400),
                1 => {
                    let snapshot = Snapshot { cursor: pool.cursor(), ..random_snapshot(&mut rng) };
                    pool.replace(snapshot).unwrap();
                }
                _ => {
                    for more in 0..rng.u64(1..3) {
                        // The address may be another server's by now.
                        let _refused =
                            pool.apply(&random_delta(2 * id + more, n, &mut rng)).is_err();
                    }
                }
            }
        }
    }
    assert!(n_same > 100 && n_other > 100, "{n_same} {n_other}");
}

fn pool_of(root: Root, vendors: &str) -> Pool {
    let mut rng = fastrand::Rng::with_seed(2);
    let servers = (1..30).map(|id| random_server(id, &mut rng)).collect();
    let vendors = serde_json::from_str(vendors).unwrap();
    let zones = ["@", "uk", "debian-land"].map(str::to_owned).to_vec();
    let roots = vec![root];
    Pool::new(Snapshot { serial: 7, roots, vendors, servers, zones, ..Snapshot::default() })
        .unwrap()
}

#[test]
fn what_stands_whatever_the_servers_is_there() {
    let root = Root {
        www: "www-lb.example.".to_owned(),
        txt: vec!["v=\"1\"".to_owned()],
        dmarc: "v=DMARC1; p=reject".to_owned(),
        stathat_api: "key".to_owned(),
        ..root()
    };
    let built = zones(ZonePolicy::default()).update(&pool_of(root, "[]"), NOW);
    let zone = &built[0];
    let whole: Value = serde_json::from_str(&zone.text).unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        (
            zone.serial,
            &whole["ttl"],
            &whole["max_hosts"],
            &whole["logging"],
            whole.get("targeting")
        ),
        (7, &json("150"), &json("4"), &json(r#"{"stathat_api": "key"}"#), None)
    );
    let labels = labels(zone);
    let apex = &labels[""];
    assert_eq!(apex["ns"], json(r#"{"a.ntpns.example.": null, "b.ntpns.example.": null}"#));
    assert_eq!(apex["txt"], json(r#"["v=\"1\""]"#));
    assert_eq!(apex["mx"], json(r#"[{"mx": ".", "preference": 0}]"#));
    assert_eq!(labels["uk"]["mx"], apex["mx"]);
    for www in ["www", "web"] {
        assert_eq!(labels[www], json(r#"{"cname": "www-lb.example.", "ttl": 7200}"#));
    }
    assert_eq!(labels["_dmarc"], json(r#"{"txt": "v=DMARC1; p=reject"}"#));
    assert_eq!(labels["gb"], json(r#"{"alias": "uk"}"#));
    assert_eq!(labels["3.gb"], json(r#"{"alias": "3.uk"}"#));
    // An area without servers.
    assert_eq!(labels["debian-land"], json(r#"{"mx": [{"mx": ".", "preference": 0}]}"#));
    assert_eq!(labels["1.debian-land"], json(r#"{"a": []}"#));
}

#[test]
fn vendors_have_the_labels_that_their_clients_ask_for() {
    let vendors = r#"[
        {"zone_name": "s", "origin": "pool.example", "client_type": "sntp"},
        {"zone_name": "n", "origin": "pool.example", "client_type": "ntp"},
        {"zone_name": "l", "origin": "pool.example", "client_type": "legacy"},
        {"zone_name": "x.y", "origin": "pool.example", "client_type": "whatever"},
        {"zone_name": "other", "origin": "elsewhere.example"},
        {"zone_name": "", "origin": "pool.example"},
        {"zone_name": "uk", "origin": "pool.example"},
        {"zone_name": "0.uk", "origin": "pool.example"},
        {"zone_name": "2", "origin": "pool.example"},
        {"zone_name": "gb", "origin": "pool.example"},
        {"zone_name": "l", "origin": "pool.example", "client_type": "ntp"}
    ]"#;
    let aliases = |available: bool| {
        let root = Root { vendor_available: available, ..root() };
        let built = zones(ZonePolicy::default()).update(&pool_of(root, vendors), NOW);
        let labels = labels(&built[0]);
        let aliases = labels.iter().filter_map(|(name, label)| {
            let alias = label.get("alias")?.as_str()?.to_owned();
            (!name.ends_with("gb")).then(|| format!("{name}={alias}"))
        });
        aliases.collect::<Vec<_>>()
    };
    assert_eq!(aliases(false), [""; 0]);
    let expected = "0.l=0 0.n=0 0.x.y=0 1.l=1 1.n=1 1.x.y=1 2.l=2 2.n=2 2.x.y=2 3.l=3 3.n=3 3.x.y=3 l= s= x.y=";
    assert_eq!(aliases(true).join(" "), expected);
}

#[test]
fn only_the_root_that_changed_is_built_and_serials_grow_over_a_restart() {
    let other = Root { apex: "other.example".to_owned(), ..root() };
    let mut snapshot = pool_of(root(), "[]").snapshot();
    snapshot.roots.push(other);
    let mut pool = Pool::new(snapshot.clone()).unwrap();
    let mut first = zones(ZonePolicy::default());
    assert_eq!(first.update(&pool, NOW).len(), 2);
    assert_eq!(first.update(&pool, NOW), []);
    snapshot.roots[1].ttl = 60;
    pool.replace(snapshot.clone()).unwrap();
    let built = first.update(&pool, NOW);
    assert_eq!(built.len(), 1);
    assert_eq!((built[0].apex.as_str(), built[0].serial), ("other.example", 8));
    assert!(built[0].text.contains(r#""ttl":60,"#));
    // A root that goes takes nothing along.
    snapshot.roots.pop();
    pool.replace(snapshot).unwrap();
    assert_eq!(first.update(&pool, NOW), []);
    let text = serde_json::to_string(&first.state()).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    let rng = fastrand::Rng::with_seed(1);
    let mut again = Zones::new(ZonePolicy::default(), state, rng).unwrap();
    assert_eq!(again.update(&pool, NOW)[0].serial, 8);
}

#[test]
fn a_clock_that_is_wrong_doesnt_carry_the_serial_away() {
    let mut pool = pool_of(root(), "[]");
    let mut zones = zones(ZonePolicy::default());
    let far = i64::from(u32::MAX);
    let removed = pool.servers().map(|server| server.id).collect::<Vec<_>>();
    for (id, removed) in (1..).zip(removed) {
        pool.apply(&Delta { id, ts: far, change: Change::Removed { removed } }).unwrap();
    }
    assert_eq!(i64::from(zones.update(&pool, NOW)[0].serial), NOW);
}

#[test]
fn the_pools_split_is_dealt_anew_when_a_server_comes_and_from_the_given_numbers() {
    let servers: Vec<Server> = (1..60).map(|id| server(3 * id + 1, 0)).collect();
    let snapshot = Snapshot { roots: vec![root()], servers, ..Snapshot::default() };
    let split = |seed: u64| {
        let mut pool = Pool::new(snapshot.clone()).unwrap();
        let rng = fastrand::Rng::with_seed(seed);
        let mut zones = Zones::new(ZonePolicy::default(), PolicyState::default(), rng).unwrap();
        let mut splits = Vec::new();
        for score in [20.0, 5.0, 20.0] {
            let change = Change::Score { server_id: 4, score };
            pool.apply(&Delta { id: pool.cursor() + 1, ts: NOW, change }).unwrap();
            splits.extend(zones.update(&pool, NOW).into_iter().map(|zone| zone.text));
        }
        splits
    };
    let [one, other] = [split(1), split(2)];
    assert_eq!(one, split(1));
    assert_ne!(one[0], other[0]);
    let part =
        |text: &str| text.split("\"0.uk\":{\"a").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_ne!(part(&one[0]), part(&one[2]));
}

#[test]
fn an_area_in_which_none_comes_or_goes_is_dealt_anew_after_ten_minutes_only() {
    let mut servers: Vec<Server> = (1..40).map(|id| server(3 * id + 1, 0)).collect();
    servers.extend((40..80).map(|id| server(3 * id + 1, 3)));
    let snapshot = Snapshot { roots: vec![root()], servers, ..Snapshot::default() };
    let mut pool = Pool::new(snapshot).unwrap();
    let mut zones = zones(ZonePolicy::default());
    let mut update = |id, score, now| {
        let change = Change::Score { server_id: id, score };
        pool.apply(&Delta { id: pool.cursor() + 1, ts: now, change }).unwrap();
        labels(&zones.update(&pool, now)[0])
    };
    // A British one goes, and comes back.
    let part = |labels: &BTreeMap<String, Value>, name: &str| records(labels, name, "a");
    let before = update(4, 5.0, NOW);
    let after = update(4, 20.0, NOW + 599);
    for (name, is_same) in
        [("0.us", true), ("3.us", true), ("1.north-america", true), ("0.uk", false), ("2", false)]
    {
        assert_eq!(part(&before, name) == part(&after, name), is_same, "{name}");
    }
    let later = update(4, 5.0, NOW + 600);
    assert_ne!(part(&before, "0.us"), part(&later, "0.us"));
}
