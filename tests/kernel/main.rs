//! The kernel tier.
use edge_common::frame::SliceFrame;
use edge_common::ingress::ingress;
use edge_tests::frames::{Query, open_reply};
use edge_tests::node;
use edge_user::kernel::Kernel;
use edge_user::publish::NoKernel;

#[test]
fn smoke() {
    let mut kernel = Kernel::load().unwrap();
    println!("{:?} {}", kernel.facts().unwrap(), kernel.map_octets().unwrap());
    let databases = node::countries(&[
        ("192.0.2.0/24", "DE"),
        ("198.51.100.0/24", "US"),
        ("2001:db8::/32", "DE"),
    ]);
    let zone = node::zone(
        "pool.example",
        r#"{"ttl":150,"max_hosts":4,"data":{"":{"ns":["ns1.example."],"a":[["10.0.0.1",10],["10.0.0.2",10],["10.0.0.3",20],["10.0.0.4",10],["10.0.0.5",10]]},
       "de":{"a":[["10.1.0.1",10]],"aaaa":[["2001:db8::1",1]]},"0":{"a":[["10.2.0.1",1],["10.2.0.2",1]]},"thisisaverylongnamethatgoesbeyond.thirtytwo.octets":{"a":[["10.9.0.1",1],["10.9.0.2",1],["10.9.0.3",1]]}}}"#,
    );
    let listen = ["10.53.0.1:53".parse().unwrap(), "[fd53::1]:53".parse().unwrap()];
    let store = kernel.store();
    let zones = node::compiled(&[zone], &databases);
    kernel.insert(edge_common::abi::TableId::new(0, 0)).unwrap();
    let mut publisher = node::publisher(store.clone(), Box::new(NoKernel), &listen);
    println!("{:?}", node::publish(&mut publisher, &zones));
    kernel.renew_lease().unwrap();
    let host = node::host(&store, 77);
    for (client, server) in [
        ("192.0.2.7:4321", listen[0]),
        ("198.51.100.9:53", listen[0]),
        ("[2001:db8::5]:999", listen[1]),
        ("[2001:db9::5]:999", listen[1]),
    ] {
        for name in [
            "pool.example",
            "PooL.ExamplE",
            "0.pool.example",
            "de.pool.example",
            "thisisaverylongnamethatgoesbeyond.thirtytwo.octets.pool.example",
            "nope.pool.example",
        ] {
            for rtype in [1, 28] {
                for edns in [false, true] {
                    let mut query = Query::new(name, rtype, client.parse().unwrap(), server);
                    if edns {
                        query = query.with_edns(0x8000);
                    }
                    let frame = query.frame();
                    kernel.seed(|| 77).unwrap();
                    let run = kernel.run(&frame, 1).unwrap();
                    host.seed(77);
                    let mut buffer = vec![0_u8; 216];
                    buffer.extend(&frame);
                    let end = buffer.len();
                    let mut slice = SliceFrame::new(&mut buffer, 216, end, 1).unwrap();
                    let verdict = ingress(&mut slice, &host);
                    let reply = slice.as_octets().to_vec();
                    println!(
                        "{client} {name} {rtype} {edns}: action {} verdict {verdict:?} same {} {:?}",
                        run.action,
                        reply == run.frame,
                        open_reply(&query, &run.frame).map(|m| m.len())
                    );
                    if run.action == 3 {
                        open_reply(&query, &run.frame).unwrap();
                        assert_eq!(reply, run.frame);
                    }
                }
            }
        }
    }
}
