//! What a drill has done and found: as Markdown for people, and as one JSON document for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};
use session_core::clock::{Timestamp, millis};
use uuid::Uuid;

use super::exercise::Exercise;
use super::verdict::{Shown, Verdict};
use crate::views::session::rfc3339;

/// One exercise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Done {
    pub(super) exercise: Exercise,
    /// What was done, with the figures that are of no node.
    pub(super) done: Vec<String>,
    /// How it was undone.
    pub(super) undone: String,
    /// What each table of nodes says. Nodes with the same figures stand in one table.
    pub(super) tables: Vec<Table>,
}

/// Nodes, each with the same figures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// What these nodes have in common.
    pub(super) about: &'static str,
    pub(super) rows: Vec<(String, Shown)>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(super) drill: Uuid,
    pub(super) began: Timestamp,
    pub(super) took: Duration,
    pub(super) version: &'static str,
    pub(super) store: &'static str,
    /// Each node's name, id and public listener.
    pub(super) nodes: Vec<(String, Uuid, String)>,
    pub(super) done: Vec<Done>,
    /// Exercises that were not done, and why.
    pub(super) left_out: Vec<(Exercise, &'static str)>,
}

impl Done {
    pub(super) fn verdict(&self) -> Verdict {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        let verdicts = rows.map(|(_, shown)| shown.verdict);
        verdicts.max().unwrap_or(Verdict::NotShown)
    }
}

impl Report {
    /// The worst of all.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdicts = self.done.iter().map(Done::verdict);
        verdicts.max().unwrap_or(Verdict::NotShown)
    }

    /// For people.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let began = rfc3339(self.began).unwrap_or_default();
        writeln!(text, "# Drill of {began}: {}\n", self.verdict())?;
        writeln!(
            text,
            "sidgate {}, store: {}, nodes: {}, took {} s, drill {}\n",
            self.version,
            self.store,
            self.nodes.len(),
            self.took.as_secs(),
            self.drill
        )?;
        writeln!(text, "| node | id | asked at |\n|---|---|---|")?;
        for (name, id, public) in &self.nodes {
            writeln!(text, "| {name} | {id} | {public} |")?;
        }
        for done in &self.done {
            done.write(text)?;
        }
        for (exercise, why) in &self.left_out {
            writeln!(text, "\n## {exercise}: not done\n\n- {why}")?;
        }
        Ok(())
    }

    /// For programs.
    pub(crate) fn document(&self) -> Value {
        let nodes = self
            .nodes
            .iter()
            .map(|(name, id, public)| json!({"node": name, "id": id, "asked_at": public}));
        let left_out = self
            .left_out
            .iter()
            .map(|(exercise, why)| json!({"exercise": exercise, "why": why}));
        json!({
            "drill": self.drill,
            "began": rfc3339(self.began),
            "took_ms": millis(self.took),
            "version": self.version,
            "store": self.store,
            "verdict": self.verdict(),
            "nodes": nodes.collect::<Vec<_>>(),
            "exercises": self.done.iter().map(Done::json).collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
        })
    }
}

impl Done {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let exercise = self.exercise;
        writeln!(text, "\n## {exercise}: {}\n", self.verdict())?;
        for done in &self.done {
            writeln!(text, "- done: {done}")?;
        }
        let by = exercise.promised_by();
        writeln!(text, "- promised: {} ({by})", exercise.promise())?;
        writeln!(text, "- undone: {}", self.undone)?;
        for table in &self.tables {
            table.write(text)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let rows = self.tables.iter().flat_map(Table::json);
        json!({
            "exercise": self.exercise,
            "verdict": self.verdict(),
            "done": self.done,
            "promised": self.exercise.promise(),
            "promised_by": self.exercise.promised_by(),
            "undone": self.undone,
            "nodes": rows.collect::<Vec<_>>(),
        })
    }
}

impl Table {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Some((_, first)) = self.rows.first() else {
            return Ok(());
        };
        writeln!(text, "\n{}:\n", self.about)?;
        let titles: Vec<String> = first.figures.iter().map(|it| it.title()).collect();
        writeln!(text, "| node | {} | verdict |", titles.join(" | "))?;
        writeln!(text, "|---|{}---|", "---:|".repeat(titles.len()))?;
        for (node, shown) in &self.rows {
            let cells: Vec<String> = shown.figures.iter().map(|it| it.cell()).collect();
            let verdict = match &shown.why {
                Some(why) => format!("{}: {why}", shown.verdict),
                None => shown.verdict.to_string(),
            };
            writeln!(text, "| {node} | {} | {verdict} |", cells.join(" | "))?;
        }
        Ok(())
    }

    fn json(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|(node, shown)| {
            let measured: Map<String, Value> = shown
                .figures
                .iter()
                .map(|figure| (figure.name.to_owned(), figure.json()))
                .collect();
            json!({
                "node": node,
                "is": self.about,
                "verdict": shown.verdict,
                "why": shown.why,
                "measured": measured,
            })
        })
    }
}

#[cfg(test)]
mod tests;
