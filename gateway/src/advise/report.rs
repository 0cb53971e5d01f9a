//! A report as lines for people, or as one JSON document for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::advice::{Advice, Verdict};
use super::facts::{Node, Server};
use super::words;

/// A node that has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    /// Where it was asked.
    pub(crate) name: String,
    /// Why there is no answer.
    pub(crate) why: String,
}

/// Everything that is told.
#[derive(Clone, Debug)]
pub(crate) struct Report<'a> {
    /// The nodes that were watched.
    pub(crate) nodes: &'a [Node],
    pub(crate) unheard: &'a [Unheard],
    /// What PostgreSQL says, or why it says nothing. `None`: the store is a file.
    pub(crate) server: Option<Result<Server, String>>,
    pub(crate) advice: &'a [Advice],
}

impl Report<'_> {
    /// For people.
    pub(crate) fn lines(&self) -> String {
        let mut text = String::new();
        self.write_who(&mut text);
        let (changes, rest): (Vec<&Advice>, _) = self
            .advice
            .iter()
            .partition(|advice| matches!(advice.verdict, Verdict::Change(_)));
        for advice in changes {
            write_change(&mut text, advice);
        }
        for (verdict, heading) in [
            (Verdict::Keep, "leave as it is"),
            (Verdict::NotJudged, "cannot be judged yet"),
        ] {
            let those: Vec<&Advice> = rest
                .iter()
                .filter(|advice| advice.verdict == verdict)
                .copied()
                .collect();
            if !those.is_empty() {
                let _ = writeln!(text, "\n{heading}:");
            }
            for Advice {
                key,
                set,
                why,
                measured,
                ..
            } in those
            {
                let _ = writeln!(text, "  {key} = {set}: {why}\n      {measured}");
            }
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }

    /// Writing to a text cannot fail.
    fn write_who(&self, text: &mut String) {
        for node in self.nodes {
            let since = if node.is_since_start {
                " since its start"
            } else {
                ""
            };
            let time = words::time(node.watched);
            let _ = writeln!(text, "node {}: watched for {time}{since}", node.name);
        }
        for Unheard { name, why } in self.unheard {
            let _ = writeln!(text, "node {name}: NOT HEARD: {why}");
        }
        let _ = match &self.server {
            None => Ok(()),
            Some(Ok(server)) => writeln!(text, "store: {}", of_server(server)),
            Some(Err(why)) => writeln!(text, "store: NOT HEARD: {why}"),
        };
    }

    /// The last line.
    fn summary(&self) -> String {
        let count = |weight: u8| {
            let those = self.advice.iter();
            those.filter(|one| one.verdict.weight() == weight).count()
        };
        let changes = match count(0) {
            0 => "nothing to change".to_owned(),
            some => format!("{some} to change"),
        };
        format!(
            "{} looked at: {changes}, {} to leave as they are, {} that cannot be judged yet",
            self.advice.len(),
            count(1),
            count(2)
        )
    }

    /// For programs.
    pub(crate) fn document(&self) -> Value {
        let nodes = self.nodes.iter().map(|node| {
            json!({
                "from": node.name,
                "seconds": node.watched.as_secs_f64(),
                "since_start": node.is_since_start,
            })
        });
        let unheard = self.unheard.iter();
        let unheard = unheard.map(|Unheard { name, why }| json!({"from": name, "why": why}));
        let server = match &self.server {
            None => Value::Null,
            Some(Err(why)) => json!({"why": why}),
            Some(Ok(server)) => json!({
                "nodes": server.nodes,
                "bytes": server.bytes,
                "sessions": server.sessions,
                "connections_max": server.connections_max,
                "connections_open": server.connections_open,
            }),
        };
        json!({
            "nodes": nodes.collect::<Vec<_>>(),
            "not_heard": unheard.collect::<Vec<_>>(),
            "store": server,
            "advice": self.advice.iter().map(one).collect::<Vec<_>>(),
        })
    }
}

fn one(advice: &Advice) -> Value {
    let (verdict, advised) = match &advice.verdict {
        Verdict::Change(to) => ("change", Some(to)),
        Verdict::Keep => ("keep", None),
        Verdict::NotJudged => ("not_judged", None),
    };
    json!({
        "key": advice.key,
        "verdict": verdict,
        "set": advice.set,
        "advised": advised,
        "measured": advice.measured,
        "why": advice.why,
        "rule": advice.rule,
        "link": advice.rule.link(),
    })
}

fn write_change(text: &mut String, advice: &Advice) {
    let Verdict::Change(to) = &advice.verdict else {
        return;
    };
    let Advice {
        key,
        set,
        measured,
        why,
        ..
    } = advice;
    let link = advice.rule.link();
    let _ = writeln!(text, "\nCHANGE {key}: {set} -> {to}");
    let _ = writeln!(text, "    measured: {measured}");
    let _ = writeln!(text, "    why:      {why}");
    let _ = writeln!(text, "    rule:     {link}");
}

fn of_server(server: &Server) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let float = |number: u64| number as f64;
    let sessions = server.sessions.map_or_else(String::new, |sessions| {
        format!(", about {} sessions", words::count(float(sessions)))
    });
    format!(
        "PostgreSQL, {}{sessions}; {} nodes have reported to it lately",
        words::bytes(float(server.bytes)),
        server.nodes
    )
}

#[cfg(test)]
mod tests;
