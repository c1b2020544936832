use proptest::prelude::*;

use super::*;

#[test]
fn channel_names_follow_the_specification() {
    for good in [
        "a",
        "thumbnails",
        "specific..inmemory!AbC",
        "a.b-c_d!e",
        &"x".repeat(99),
    ] {
        assert!(ChannelName::new(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "!",
        "a!",
        "!a",
        "a!b!c",
        "a b",
        "chat\n",
        "é",
        "١",
        &"x".repeat(100),
    ] {
        assert!(ChannelName::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_channel_name_is_checked_when_it_is_read() {
    let name = ChannelName::new("specific.client!abc").expect("valid");
    let json = serde_json::to_string(&name).expect("a string");
    assert_eq!(json, r#""specific.client!abc""#);
    assert_eq!(
        serde_json::from_str::<ChannelName>(&json).expect("valid"),
        name
    );
    assert!(serde_json::from_str::<ChannelName>(r#""two words""#).is_err());
}

#[test]
fn ascii_names_stay_as_they_are_on_the_wire() {
    for name in ["f1", "room_1.2-3", "utf8", "_"] {
        assert_eq!(
            GroupName::new(name)
                .and_then(GroupName::to_wire)
                .expect("valid"),
            name
        );
    }
}

#[test]
fn a_group_name_has_at_most_99_bytes_on_the_wire() {
    for (name, is_valid) in [
        ("x".repeat(99), true),
        ("x".repeat(100), false),
        ("x".repeat(1024), false),
        // Each has two bytes, of which each is three on the wire, and `utf8-.` is six.
        ("é".repeat(15) + "abc", true),
        ("é".repeat(15) + "abcd", false),
        ("_".repeat(99), true),
        ("_".repeat(31) + "é", false),
        ("utf8-.".to_owned() + &"x".repeat(87), true),
        ("utf8-.".to_owned() + &"x".repeat(88), false),
    ] {
        assert_eq!(GroupName::new(&name).is_ok(), is_valid, "{name}");
        assert_eq!(
            wire_length(&name) <= MAX_WIRE_NAME,
            is_valid,
            "{name}: {}",
            wire_length(&name)
        );
    }
}

#[test]
fn the_frameworks_own_groups_are_out_of_reach() {
    for reserved in ["channels$", "channels$revoked", "channels.revoked"] {
        let error = GroupName::new(reserved).expect_err(reserved);
        assert_eq!(error.kind(), ErrorKind::Name);
        assert!(error.to_string().contains("reserved"), "{error}");
    }
    for other in ["channels", "channels.general", "Channels$x", "x-channels$x"] {
        let wire = GroupName::new(other).and_then(GroupName::to_wire);
        assert!(!is_internal(&wire.expect("valid")), "{other}");
    }
    let own = GroupName::internal("channels$test");
    let wire = own.to_wire().expect("wire");
    assert_eq!(GroupName::from_wire(&wire).expect("its own"), own.as_str());
    // Channels takes no `$` in the name of a group or of a channel.
    assert!(ChannelName::new(&wire).is_err());
}

#[test]
fn a_malformed_wire_name_is_refused() {
    for bad in [
        "",
        "a b",
        "utf8-.",
        "utf8-._g0",
        "utf8-._4",
        "utf8-._ff",
        "é",
    ] {
        assert!(GroupName::from_wire(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn every_group_name_survives_the_wire(name in "\\PC{1,24}") {
        let wire = escape(&name);
        if !is_plain(&name) {
            prop_assert_eq!(wire.len(), wire_length(&name));
        }
        prop_assert!(wire.bytes().all(is_wire_byte));
        prop_assert_eq!(GroupName::from_wire(&wire).expect("escaped"), &*name);
        if let Ok(wire) = GroupName::new(&name).and_then(GroupName::to_wire) {
            prop_assert!(wire.len() <= MAX_WIRE_NAME);
            prop_assert_eq!(GroupName::from_wire(&wire).expect("wire"), name);
        }
    }

    #[test]
    fn reading_a_wire_name_never_panics(wire in "\\PC*") {
        let _ = GroupName::from_wire(&wire);
        let _ = ChannelName::new(&wire);
    }
}
