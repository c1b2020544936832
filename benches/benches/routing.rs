//! Finding a route among 10, 100 and 1,000, beside trying one pattern after the other, and beside
//! matchit, axum's tree: it should hardly matter how many there are.
//!
//! Each round asks for one route in the middle, one at the end, and for none.

use std::hint::black_box;

use channels::{Answering, Handshake, StatusCode, URLRouter, WebSocketApp};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

#[derive(Clone)]
struct App;

impl WebSocketApp for App {
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        handshake.deny(StatusCode::GONE)
    }
}

fn paths(routes: usize) -> [String; 3] {
    [
        format!("/part-{}/lobby/7/", routes / 2),
        format!("/part-{}/lobby/7/", routes - 1),
        "/part-none/lobby/7/".to_owned(),
    ]
}

fn finds(criterion: &mut Criterion, name: &str, routes: usize, has_route: impl Fn(&str) -> bool) {
    let paths = paths(routes);
    assert_eq!(
        paths.each_ref().map(|path| has_route(path)),
        [true, true, false]
    );
    let mut group = criterion.benchmark_group("routing");
    group.throughput(Throughput::Elements(paths.len() as u64));
    group.bench_function(BenchmarkId::new(name, routes), |bencher| {
        bencher.iter(|| {
            paths
                .iter()
                .filter(|path| has_route(black_box(path)))
                .count()
        });
    });
}

fn routing(criterion: &mut Criterion) {
    for routes in [10, 100, 1000] {
        let numbers = || 0..routes;
        let path = numbers().fold(<URLRouter>::new(), |router, number| {
            router.path(&format!("part-{number}/<slug:room>/<int:page>/"), App)
        });
        finds(criterion, "path", routes, |asked| path.has_route(asked));

        let re_path = numbers().fold(<URLRouter>::new(), |router, number| {
            router.re_path(
                &format!(r"^part-{number}/(?P<room>\w+)/(?P<page>\d+)/$"),
                App,
            )
        });
        finds(criterion, "re_path", routes, |asked| {
            re_path.has_route(asked)
        });

        let each: Vec<URLRouter> = numbers()
            .map(|number| {
                let pattern = format!("part-{number}/<slug:room>/<int:page>/");
                URLRouter::new().path(&pattern, App)
            })
            .collect();
        finds(criterion, "scan", routes, |path| {
            each.iter().any(|router| router.has_route(path))
        });

        let mut tree = matchit::Router::new();
        for number in numbers() {
            let pattern = format!("/part-{number}/{{room}}/{{page}}/");
            tree.insert(pattern, number).expect("no conflict");
        }
        finds(criterion, "matchit", routes, |path| tree.at(path).is_ok());
    }
}

criterion_group!(benches, routing);
criterion_main!(benches);
