//! The allocation test: the engine takes no memory from the allocator.
//!
//! The count is the whole process's, so there is one test here and no other beside it.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::net::{IpAddr, UdpSocket};
    use std::sync::Arc;
    use std::time::Duration;

    use edge_authority::{Asked, Authority, Current, Options, Shared, Worker};
    use edge_tables::publish::NoKernel;
    use edge_tables::store::Store;
    use edge_tests::fixture::{self, A, AAAA, server_for};
    use edge_tests::frames::Query;
    use edge_tests::node;
    use edge_user::observe::Observers;
    use edge_user::observe::popularity::PopularityCounter;
    use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

    #[global_allocator]
    static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

    /// How often memory is asked for, or for more of it.
    fn allocations(work: impl FnOnce()) -> usize {
        let before = ALLOCATOR.stats();
        work();
        let change = ALLOCATOR.stats() - before;
        change.allocations + change.reallocations
    }

    /// What the engine answers: both types and families, with EDNS and without, and no data.
    fn queries() -> Vec<Query> {
        let mut queries = Vec::new();
        for client in ["198.51.100.7", "2001:db8::7"] {
            let client: IpAddr = client.parse().unwrap();
            for (name, rtype) in [
                ("2.pool.example", A),
                ("2.pool.example", AAAA),
                ("deep.alias.pool.example", A),
                ("www.pool.example", AAAA),
            ] {
                let query = Query::new(name, rtype, (client, 4000).into(), server_for(client));
                queries.extend([query.clone(), query.with_edns(0x8000)]);
            }
        }
        queries
    }

    /// A worker answers queries in batches, as from sockets.
    fn by_a_worker(store: &Store) -> usize {
        let (current, options, counters) = (Arc::default(), Arc::default(), Arc::default());
        // What is asked for is counted, too.
        let (zone, popularity) =
            (node::zone("pool.example", r#"{"data":{"2":{}}}"#), PopularityCounter::default());
        let compiled = node::compiled(&[zone], &node::countries(&[]));
        popularity.watch(&compiled.into_iter().map(|zone| zone.compiled).collect::<Vec<_>>());
        let mut worker = Worker::new(Shared {
            store: store.clone(),
            current,
            options,
            counters,
            observer: Arc::new(Observers {
                popularity: popularity.probe(),
                ..Observers::default()
            }),
        });
        let messages: Vec<_> = queries()
            .into_iter()
            .map(|Query { client, server, .. }| Asked { client, server, stream: false })
            .zip(queries().iter().map(Query::message))
            .collect();
        let mut buffer = vec![0; Worker::ROOM + 4096];
        let mut rounds = |n| {
            for _ in 0..n {
                let mut batch = worker.batch();
                for (asked, message) in &messages {
                    buffer[Worker::ROOM..Worker::ROOM + message.len()].copy_from_slice(message);
                    let answer = batch.answer(&mut buffer, message.len(), asked);
                    assert_eq!(answer.map(|answer| answer[3]), Some(0));
                }
            }
        };
        // What is counted by kind takes memory once for each kind.
        rounds(1);
        let all = allocations(|| rounds(1000));
        let n = 1001 * messages.len() as u64;
        assert_eq!(worker.counters().engine_answered.get(), n);
        all
    }

    /// Queries go through sockets. What comes from loopback is answered the slow way; that it is
    /// refused takes no memory either.
    fn by_sockets() -> usize {
        let listen = ["127.0.0.1:0".parse().unwrap()];
        let current = Arc::new(Current::default());
        let mut authority =
            Authority::bind(&listen, 1, Store::in_memory(), current, Options::default()).unwrap();
        let server = authority.addresses().next().unwrap();
        authority.serve().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let client = socket.local_addr().unwrap();
        let message = Query::new("2.pool.example", A, client, server).message();
        let exchange = |n| {
            for _ in 0..n {
                for _ in 0..50 {
                    socket.send_to(&message, server).unwrap();
                }
                for _ in 0..50 {
                    let mut answer = [0; 512];
                    let (octets, _) = socket.recv_from(&mut answer).unwrap();
                    assert_eq!((octets, answer[3] & 0xf), (message.len(), 5));
                }
            }
        };
        // Threads that start late take memory once; what queries take, they take each time.
        let least = (0..10).map(|_| allocations(|| exchange(10))).min();
        assert_eq!(authority.counters().refused.get(), 5000);
        least.unwrap_or(usize::MAX)
    }

    #[test]
    fn a_query_on_the_hot_path_takes_no_memory() {
        assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 1);
        let store = Store::in_memory();
        drop(fixture::publisher(&store, Box::new(NoKernel)));
        assert_eq!(by_a_worker(&store), 0);
        assert_eq!(by_sockets(), 0);
    }
}
