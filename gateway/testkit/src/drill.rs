//! `sidgate drill`, run beside the nodes of a fleet.

use serde_json::Value;

use super::cli::{Outcome, clean_environment};
use super::gateway::Gateway;
use super::places::program;
use super::process::{Process, guarded};
use super::wait::{self, LONG};

/// What nodes need to have in common so that one drill may ask them all: a name, and the permission.
pub const ALLOWED: &str =
    "[server]\npublic_origin = \"http://drill.test\"\n[admin]\ndrills = true\n";

/// A drill that runs.
pub struct Drill(Process);

impl Drill {
    /// Starts one with the configuration of the first of `nodes`, which names them all.
    pub fn start(nodes: &[&Gateway], arguments: &[&str]) -> Self {
        let mut command = guarded(&program());
        command
            .args(["drill", "--yes-this-is-staging", "--json", "--config"])
            .arg(nodes[0].config_file())
            .args(arguments)
            .args(nodes.iter().flat_map(|node| {
                let admin = format!("http://{}", node.admin_address());
                ["--node".to_owned(), admin]
            }));
        clean_environment(&mut command);
        let name = format!("drill-{}", wait::unix_now());
        Self(Process::start(&name, &mut command, nodes[0].folder()))
    }

    /// What it has said so far of what it does.
    pub fn progress(&self) -> String {
        self.0.stderr()
    }

    /// Kills it, so that it undoes nothing.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Asks it to stop.
    pub fn interrupt(&self) {
        self.0.signal(rustix::process::Signal::INT);
    }

    /// Waits for its end.
    pub fn end(mut self) -> Outcome {
        let status = wait::until("the end of the drill", 4 * LONG, || self.0.ended());
        Outcome {
            code: status.code(),
            stdout: self.0.stdout(),
            stderr: self.0.stderr(),
        }
    }
}

/// What a node says to a drill.
pub fn status(node: &Gateway) -> Value {
    node.admin("/api/admin/drill").must_be(200).json()
}

/// Those of a report about one exercise.
pub fn nodes_of(report: &Value, exercise: &str) -> Vec<Value> {
    let exercises = report["exercises"].as_array().expect("exercises");
    let done = exercises.iter().find(|done| done["exercise"] == exercise);
    let nodes = done.expect("that exercise")["nodes"].as_array();
    nodes.expect("nodes").clone()
}
