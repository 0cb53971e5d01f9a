use super::*;

fn at(seconds: u64) -> Boot {
    Boot::default().plus(Duration::from_secs(seconds))
}

#[test]
fn each_cause_is_told_once_and_again_after_a_while() {
    let complaints = Complaints::default();
    assert!(!complaints.is_over());
    assert!(complaints.is_news("refused", at(0)));
    for second in 1..300 {
        assert!(!complaints.is_news("refused", at(second)), "{second}");
    }
    assert!(complaints.is_news("refused", at(300)));
    assert!(
        !complaints.is_news("silent", at(301)),
        "another waits a little"
    );
    assert!(complaints.is_news("silent", at(311)));
    assert!(complaints.is_over());
    assert!(!complaints.is_over());
    assert!(complaints.is_news("silent", at(312)), "it fails again");
}
