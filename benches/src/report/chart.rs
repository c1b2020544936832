//! The picture: three panels of bars, three of curves.

use super::svg::{Anchor, Svg};
use super::{Report, figure};
use crate::peers::{FLOOR, OURS};
use crate::scenario::{Figure, Scenario};

const WIDTH: f64 = 1080.0;
const MARGIN: f64 = 24.0;
const TOP: f64 = 76.0;
const PANEL: [f64; 2] = [WIDTH / 3.0, 300.0];
const BOLD: &str = "font-weight=\"600\" fill=\"#222\"";
const PLAIN: &str = "fill=\"#333\"";
const FAINT: &str = "font-size=\"11\" fill=\"#666\"";
const GRID: &str = "#e4e4e4";

pub(super) fn render(report: &Report) -> String {
    let mut svg = Svg::new(WIDTH, TOP + PANEL[1] * 2.0 + 8.0);
    let title = "What a message and a socket cost the server";
    svg.text(
        [MARGIN, 30.0],
        Anchor::Start,
        "font-size=\"17\" font-weight=\"600\" fill=\"#222\"",
        title,
    );
    let under = format!(
        "{}, {}. Lower is better. Server on one core.",
        report.date, report.machine
    );
    svg.text([MARGIN, 50.0], Anchor::Start, FAINT, &under);

    let panel = |column: f64, row: f64| [column * PANEL[0], TOP + row * PANEL[1]];
    bars(
        &mut svg,
        panel(0.0, 0.0),
        report,
        "echo-64",
        "Echo of 64 B, CPU µs per message",
    );
    bars(
        &mut svg,
        panel(1.0, 0.0),
        report,
        "chat-1",
        "Group of 1,000, CPU µs per delivery",
    );
    let idle = |scenario: &&Scenario| scenario.figure == Figure::Bytes;
    let known = |scenario: &&Scenario| report.median(scenario.name, OURS, "bytes").is_some();
    if let Some(largest) = report.scenarios.iter().filter(idle).rfind(known) {
        let title = format!(
            "Memory per idle socket, bytes, of {}",
            count(largest.connections())
        );
        bars(&mut svg, panel(2.0, 0.0), report, largest.name, &title);
    }

    let sizes = ["echo-64", "echo-1k", "echo-16k", "echo-1m"];
    let by_size = |scenario: &Scenario| scenario.size().unwrap_or(1) as f64;
    curves(
        &mut svg,
        panel(0.0, 1.0),
        report,
        &sizes,
        &by_size,
        "Echo, CPU µs by message size, bytes",
    );
    let many = ["echo-64", "echo-64-1k", "echo-64-10k", "echo-64-50k"];
    let by_count = |scenario: &Scenario| scenario.connections() as f64;
    curves(
        &mut svg,
        panel(1.0, 1.0),
        report,
        &many,
        &by_count,
        "Echo of 64 B, CPU µs by connections",
    );
    let idle = ["idle-1k", "idle-10k", "idle-19k", "idle-50k", "idle-100k"];
    curves(
        &mut svg,
        panel(2.0, 1.0),
        report,
        &idle,
        &by_count,
        "Memory per socket, bytes by connections",
    );
    svg.finish()
}

fn colour(peer: &str) -> &'static str {
    match peer {
        FLOOR => "#8a8a8a",
        OURS => "#d6336c",
        "tungstenite" => "#1c7ed6",
        "tungstenite-1k" => "#74c0fc",
        "axum" => "#7048e8",
        "bun" => "#e8a200",
        "ws" => "#37b24d",
        "uvicorn" => "#0b7285",
        _ => "#66d9e8",
    }
}

fn count(number: usize) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1000, number % 1000)
    }
}

/// One bar per peer. The slowest would flatten all others, so their bars are cut, and say so.
fn bars(svg: &mut Svg, [x, y]: [f64; 2], report: &Report, scenario: &str, title: &str) {
    let Some(scenario) = report.scenarios.iter().find(|known| known.name == scenario) else {
        return;
    };
    let values: Vec<_> = report
        .peers
        .iter()
        .filter_map(|(peer, _)| {
            let value = report.median(scenario.name, peer.name, scenario.figure.metric())?;
            Some((peer.name, value))
        })
        .collect();
    let servers = values.iter().filter(|(peer, _)| *peer != FLOOR);
    let smallest = servers
        .map(|(_, value)| *value)
        .fold(f64::INFINITY, f64::min);
    let longest = values
        .iter()
        .map(|(_, value)| *value)
        .filter(|value| *value <= smallest * 8.0)
        .fold(0.0, f64::max);
    svg.text([x + MARGIN, y + 14.0], Anchor::Start, BOLD, title);
    let room = PANEL[0] - MARGIN - 100.0 - 64.0;
    for (at, (peer, value)) in values.iter().enumerate() {
        let top = y + 28.0 + at as f64 * 28.0;
        let left = x + MARGIN + 100.0;
        let cut = *value > longest;
        let length = if cut {
            room
        } else {
            value / longest * room * 0.94
        };
        let style = if *peer == OURS { BOLD } else { PLAIN };
        svg.text([left - 8.0, top + 14.0], Anchor::End, style, peer);
        svg.rect([left, top], [length.max(1.0), 19.0], colour(peer));
        if cut {
            svg.rect([left + length - 14.0, top - 1.0], [4.0, 21.0], "#fff");
        }
        svg.text(
            [left + length + 5.0, top + 14.0],
            Anchor::Start,
            style,
            &figure(*value),
        );
    }
}

/// One curve per peer, both axes logarithmic.
fn curves(
    svg: &mut Svg,
    [x, y]: [f64; 2],
    report: &Report,
    scenarios: &[&str],
    by: &dyn Fn(&Scenario) -> f64,
    title: &str,
) {
    let scenarios: Vec<_> = report
        .scenarios
        .iter()
        .filter(|known| scenarios.contains(&known.name))
        .collect();
    let curves: Vec<(&str, Vec<[f64; 2]>)> = report
        .peers
        .iter()
        .map(|(peer, _)| {
            let points = scenarios.iter().filter_map(|scenario| {
                let metric = scenario.figure.metric();
                let value = report.median(scenario.name, peer.name, metric)?;
                Some([by(scenario), value.max(0.1)])
            });
            (peer.name, points.collect())
        })
        .collect();
    let all = || curves.iter().flat_map(|(_, points)| points);
    // One point is no growth.
    if curves.iter().all(|(_, points)| points.len() < 2) {
        return;
    }
    svg.text([x + MARGIN, y + 14.0], Anchor::Start, BOLD, title);
    let range = |axis: usize| {
        let values = all().map(|point| point[axis].log10());
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (low, high.max(low + 0.3))
    };
    let ((left, right), (low, high)) = (range(0), range(1));
    let (low, high) = (low.floor(), high.ceil());
    let (origin, room) = (
        [x + MARGIN + 34.0, y + PANEL[1] - 34.0],
        [PANEL[0] - MARGIN - 110.0, 226.0],
    );
    let place = |[px, py]: [f64; 2]| {
        [
            origin[0] + (px.log10() - left) / (right - left) * room[0],
            origin[1] - (py.log10() - low) / (high - low) * room[1],
        ]
    };
    for decade in low as i32..=high as i32 {
        let value = 10_f64.powi(decade);
        let [_, at] = place([1.0, value]);
        svg.line([origin[0], at], [origin[0] + room[0], at], GRID);
        svg.text(
            [origin[0] - 6.0, at + 4.0],
            Anchor::End,
            FAINT,
            &whole(value),
        );
    }
    for scenario in &scenarios {
        if all().any(|point| (point[0] - by(scenario)).abs() < 0.5) {
            let [at, _] = place([by(scenario), 1.0]);
            svg.line([at, origin[1]], [at, origin[1] - room[1]], GRID);
            svg.text(
                [at, origin[1] + 16.0],
                Anchor::Middle,
                FAINT,
                &whole(by(scenario)),
            );
        }
    }
    let mut labels = Vec::new();
    for (peer, points) in &curves {
        let points: Vec<_> = points.iter().map(|point| place(*point)).collect();
        svg.curve(&points, colour(peer), if *peer == OURS { 2.5 } else { 1.5 });
        if let Some([x, y]) = points.last() {
            labels.push((*peer, *x, *y));
        }
    }
    labels.sort_by(|one, other| one.2.total_cmp(&other.2));
    // Apart from each other, whatever the curves do.
    let mut above = f64::MIN;
    for (peer, x, y) in labels {
        above = y.max(above + 12.0);
        let style = format!("font-size=\"11\" fill=\"{}\"", colour(peer));
        svg.text([x + 7.0, above + 4.0], Anchor::Start, &style, peer);
    }
}

fn whole(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.0}M", v / 1e6),
        v if v >= 1000.0 => format!("{:.0}k", v / 1000.0),
        v if v >= 1.0 => format!("{v:.0}"),
        v => format!("{v}"),
    }
}
