//! What agents and the control plane say to each other.

use berth_wire::link::frame::SignedFrame;
use berth_wire::link::upgrade::{Connect, UpgradeRefusal};
use berth_wire::link::{acs, assign, tcs};

/// A frame in every sense that it may have. What is understood is written, and then understood to be the same.
pub(super) fn frames(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    macro_rules! again {
        ($($message:ty),*) => {$(
            if let Ok(read) = <$message>::parse(text) {
                let written = read.encode();
                let understood = <$message>::parse(&written).expect("what we write, we read");
                assert_eq!(understood.encode(), written);
            }
        )*};
    }
    again!(
        acs::BackendMessage,
        acs::AgentMessage,
        tcs::BackendMessage,
        tcs::AgentMessage
    );
    if let Ok(frame) = SignedFrame::parse(text) {
        let _ = tcs::AgentMessage::parse(frame.json);
    }
    let _ = Connect::parse(text);
    if let Some(refusal) = UpgradeRefusal::parse(text) {
        assert_eq!(UpgradeRefusal::parse(&refusal.encode()), Some(refusal));
    }
    if let Ok(acs::BackendMessage::Payload(payload)) = acs::BackendMessage::parse(text) {
        for task in &payload.tasks {
            let _ = assign::from_payload(task);
        }
    }
}
