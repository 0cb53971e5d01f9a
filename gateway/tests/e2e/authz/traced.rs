use sidgate_testkit::spans::SpanReceiver;

use super::asking::{Asked, WAYS};
use crate::tracing::{traced, url};

/// An edge may have the app go on with the trace of the question.
#[test]
fn a_question_has_a_trace_that_the_edge_can_pass_on() {
    let receiver = SpanReceiver::start();
    let asked = Asked::with(&traced(&url(&receiver)));
    let sid = asked.stage.log_in("alice@example.com");
    for way in WAYS {
        let answer = asked.ask_as(way, &sid, "/required/page").must_be(200);
        let parent = answer
            .header("traceparent")
            .expect("a traceparent")
            .to_owned();
        let trace_id = parent.split('-').nth(1).unwrap().to_owned();
        sidgate_testkit::wait::until_true("its span", sidgate_testkit::wait::LONG, || {
            let spans = receiver.spans();
            let mut of_question = spans.iter().filter(|span| span.trace_id == trace_id);
            of_question.any(|span| {
                parent.contains(&span.id)
                    && span.name == "GET /required"
                    && span.attributes.contains_key("sidgate.via")
            })
        });
        let refused = asked.ask(way, "/required/page", &[]);
        assert!(
            refused.header("traceparent").is_none(),
            "{way:?}: the browser is told nothing"
        );
    }
}

#[test]
fn without_tracing_no_answer_names_a_trace() {
    let asked = Asked::start();
    for way in WAYS {
        let answer = asked
            .ask(
                way,
                "/page",
                &[(
                    "traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                )],
            )
            .must_be(200);
        assert!(answer.header("traceparent").is_none(), "{way:?}");
    }
}
