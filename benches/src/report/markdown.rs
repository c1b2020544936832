//! The tables.

use std::fmt::{self, Write as _};

use super::{Report, figure};
use crate::peers::{FLOOR, OURS};
use crate::scenario::{Figure, Scenario};

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    write(report, &mut text).expect("writing to a string does not fail");
    text
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "# Results\n")?;
    writeln!(out, "{}, {}.\n", report.date, report.machine)?;
    writeln!(
        out,
        "Made by `{}`; medians of the rounds, and in brackets how far the rounds lie apart \
        (highest minus lowest, in per cent of the median). README.md says what each figure means.\n",
        report.command
    )?;
    writeln!(out, "![The same as a picture](results.svg)\n")?;
    for note in &report.notes {
        writeln!(out, "- {note}")?;
    }
    writeln!(out, "\n| peer | what | version |\n|---|---|---|")?;
    for (peer, version) in &report.peers {
        match version {
            Ok(version) => writeln!(out, "| {} | {} | {version} |", peer.name, peer.what)?,
            Err(why) => writeln!(
                out,
                "| {} | {} | **missing**: {why} |",
                peer.name, peer.what
            )?,
        }
    }
    overview(report, out, Figure::Cpu, "Server CPU per message, µs")?;
    overview(
        report,
        out,
        Figure::Bytes,
        "Server memory per idle socket, bytes",
    )?;
    overview(
        report,
        out,
        Figure::Slowdown,
        "p99 of 1,000 members with a slow reader among them ÷ without",
    )?;
    for scenario in &report.scenarios {
        details(report, out, scenario)?;
    }
    Ok(())
}

/// One line per scenario, one column per peer.
fn overview(report: &Report, out: &mut String, kind: Figure, title: &str) -> fmt::Result {
    let scenarios: Vec<_> = report
        .scenarios
        .iter()
        .filter(|scenario| scenario.figure == kind)
        .collect();
    if scenarios.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    write!(out, "| |")?;
    for (peer, _) in &report.peers {
        write!(out, " {} |", peer.name)?;
    }
    writeln!(out, " {OURS} ÷ {FLOOR} |")?;
    writeln!(out, "|---|{}---|", "---|".repeat(report.peers.len()))?;
    for scenario in scenarios {
        write!(out, "| {} |", scenario.what)?;
        for (peer, _) in &report.peers {
            match report.spread(scenario.name, peer.name, kind.metric()) {
                Some(spread) => write!(out, " {spread} |")?,
                None => write!(out, " – |")?,
            }
        }
        let ratio = ratio(report, scenario, OURS, FLOOR);
        writeln!(
            out,
            " {} |",
            ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}"))
        )?;
    }
    Ok(())
}

fn ratio(report: &Report, scenario: &Scenario, one: &str, other: &str) -> Option<f64> {
    let metric = scenario.figure.metric();
    let of = |peer| report.median(scenario.name, peer, metric);
    Some(of(one)? / of(other)?).filter(|ratio| ratio.is_finite())
}

/// All figures of one scenario, one line per peer.
fn details(report: &Report, out: &mut String, scenario: &Scenario) -> fmt::Result {
    writeln!(out, "\n### {}: {}\n", scenario.name, scenario.what)?;
    let columns: &[(&str, &str)] = match (scenario.figure, scenario.size()) {
        (Figure::Bytes, _) => &[
            ("bytes", "bytes"),
            ("bytes_after", "after a broadcast"),
            ("kernel_bytes", "kernel, both ends"),
            ("handshake_us", "CPU µs per handshake"),
            ("held_busy", "busy while held"),
            ("pongs", "pings answered"),
            ("cpu_us", "CPU µs per delivery"),
            ("broadcast_ms", "broadcast, ms"),
        ],
        (_, None) => &[
            ("cpu_us", "CPU µs per handshake"),
            ("rate", "handshakes per s"),
            ("storm_ms", "all open after ms"),
            ("failed", "failed"),
            ("syn_drops", "SYNs dropped"),
            ("server_busy", "server busy"),
            ("generator_busy", "generator busy"),
        ],
        (kind, Some(_)) => {
            const ALL: [(&str, &str); 9] = [
                ("cpu_us", "CPU µs"),
                ("rate", "per s"),
                ("p50_us", "p50 µs"),
                ("p99_us", "p99 µs"),
                ("server_busy", "server busy"),
                ("generator_busy", "generator busy"),
                ("p99_without_us", "p99 without, µs"),
                ("slowdown", "p99 ÷ without"),
                ("grown_bytes", "memory grown, bytes"),
            ];
            if kind == Figure::Slowdown {
                &ALL
            } else {
                &ALL.as_slice()[..6]
            }
        }
    };
    write!(out, "| peer |")?;
    for (_, title) in columns {
        write!(out, " {title} |")?;
    }
    writeln!(out, " ÷ {FLOOR} | ÷ {OURS} |")?;
    writeln!(out, "|---|{}", "---|".repeat(columns.len() + 2))?;
    for (peer, version) in &report.peers {
        let Some(rounds) = report.rounds.get(&(scenario.name, peer.name)) else {
            let why = if version.is_err() {
                "missing"
            } else {
                "not run"
            };
            writeln!(out, "| {} | {why} |", peer.name)?;
            continue;
        };
        if let (true, Some(why)) = (rounds.measured.is_empty(), rounds.failures.first()) {
            writeln!(out, "| {} | **failed**: {why} |", peer.name)?;
            continue;
        }
        write!(out, "| {} |", peer.name)?;
        for (metric, _) in columns {
            let median = report.median(scenario.name, peer.name, metric);
            write!(out, " {} |", median.map_or_else(|| "–".into(), figure))?;
        }
        for other in [FLOOR, OURS] {
            let ratio = ratio(report, scenario, peer.name, other);
            write!(out, " {} |", ratio.map_or_else(|| "–".into(), figure))?;
        }
        writeln!(out)?;
        for why in &rounds.failures {
            writeln!(out, "| {} | one round **failed**: {why} |", peer.name)?;
        }
    }
    Ok(())
}
