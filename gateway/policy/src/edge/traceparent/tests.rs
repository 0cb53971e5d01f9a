use super::*;

/// The example of the recommendation.
const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn of(fields: &[(HeaderName, &str)]) -> Option<TraceParent> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    TraceParent::of(&headers)
}

fn state_of(lines: &[&str]) -> Option<String> {
    let mut fields = vec![(TRACEPARENT, GOOD)];
    fields.extend(lines.iter().map(|line| (TRACESTATE, *line)));
    let state = of(&fields).expect("the trace itself is good").state?;
    Some(state.to_str().unwrap().to_owned())
}

#[test]
fn the_example_of_the_recommendation_is_read() {
    let parent = of(&[(TRACEPARENT, GOOD)]).unwrap();
    assert_eq!(parent.trace_id[..4], [0x4b, 0xf9, 0x2f, 0x35]);
    assert_eq!(parent.trace_id[15], 0x36);
    assert_eq!(
        parent.span_id,
        [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]
    );
    assert!(parent.is_sampled);
    assert_eq!(parent.state, None);
}

#[test]
fn only_the_last_bit_says_whether_it_is_recorded() {
    for (flags, is_sampled) in [
        ("00", false),
        ("01", true),
        ("02", false),
        ("03", true),
        ("ff", true),
    ] {
        let text = format!("{}{flags}", &GOOD[..53]);
        assert_eq!(
            of(&[(TRACEPARENT, &text)]).unwrap().is_sampled,
            is_sampled,
            "{flags}"
        );
    }
}

#[test]
fn a_later_version_is_read_by_its_beginning() {
    for later in [
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings",
        "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
    ] {
        assert!(of(&[(TRACEPARENT, later)]).is_some(), "{later}");
    }
}

#[test]
fn what_breaks_a_rule_is_no_parent() {
    for bad in [
        "",
        "00",
        // too short, too long, another character at the end
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.extra",
        // no such version
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // capital letters, in each part
        "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        // nobody
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        // no digits, dashes elsewhere, spaces
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47361-0f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
    ] {
        assert_eq!(of(&[(TRACEPARENT, bad)]), None, "{bad:?}");
    }
    let twice = [(TRACEPARENT, GOOD), (TRACEPARENT, GOOD)];
    assert_eq!(of(&twice), None, "twice");
    assert_eq!(of(&[(TRACESTATE, "a=1")]), None, "a state without a parent");
}

#[test]
fn several_lines_of_state_are_one() {
    assert_eq!(state_of(&["a=1"]).as_deref(), Some("a=1"));
    let joined = state_of(&["a=1 , b@c=x y", "", ",d*/_-=~"]);
    assert_eq!(joined.as_deref(), Some("a=1,b@c=x y,d*/_-=~"));
    assert_eq!(
        state_of(&["0tenant@system=1"]).as_deref(),
        Some("0tenant@system=1")
    );
}

#[test]
fn a_state_that_breaks_a_rule_is_left_out() {
    let many: Vec<String> = (0..33).map(|number| format!("k{number}=1")).collect();
    let (many, long) = (
        many.join(","),
        format!("a={},b={}", "x".repeat(256), "y".repeat(256)),
    );
    let (key, value) = (
        format!("{}=1", "a".repeat(257)),
        format!("a={}", "x".repeat(257)),
    );
    for bad in [
        "a",
        "=1",
        "a=",
        "A=1",
        "0a=1",
        "a=1,a=2",
        "a=1=2",
        "a\u{e4}=1",
        "a=\u{e4}",
        "a@=1",
        "@a=1",
        "a@0b=1",
        "a@abcdefghijklmno=1",
        &many,
        &long,
        &key,
        &value,
    ] {
        assert_eq!(state_of(&[bad]), None, "{bad:?}");
    }
    assert_eq!(state_of(&["a=1", "a=2"]), None, "over two lines");
    assert_eq!(state_of(&[]), None);
}
