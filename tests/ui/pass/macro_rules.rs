//! Consumers and events that are written by other macros.

use channels::prelude::*;

/// Names, types and literals come from outside, the rest from here.
macro_rules! echo {
    ($consumer:ident, $event:ident, $type:literal, $payload:ty, $group:literal) => {
        #[derive(Event, Serialize, Deserialize)]
        #[event($type)]
        pub(crate) struct $event {
            text: $payload,
        }

        #[consumer(groups($group))]
        #[derive(Default)]
        pub(crate) struct $consumer;

        #[consumer]
        impl $consumer {
            async fn receive(&mut self, socket: &mut WebSocket, text: $payload) -> Result {
                socket.group_send($group, $event { text }).await
            }

            #[handler($type)]
            async fn echoed(&mut self, socket: &mut WebSocket, event: $event) -> Result {
                socket.send(event.text).await
            }
        }
    };
}

echo!(Echo, Echoed, "macro.echoed", String, "echo");

/// Whole items pass through, in invisible groups.
macro_rules! unchanged {
    ($($item:item)*) => { $($item)* };
}

unchanged! {
    #[consumer]
    #[derive(Default)]
    pub(crate) struct Passed;

    #[consumer]
    impl Passed {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            socket.send(text).await
        }

        #[handler("macro.echoed")]
        async fn echoed(&mut self, Echoed { text }: Echoed) {
            drop(text);
        }
    }
}

/// The attributes themselves are written by the macro, the items are not.
macro_rules! declared {
    ($declaration:item $block:item) => {
        #[consumer(crate = ::channels)]
        $declaration

        #[consumer(crate = ::channels)]
        $block
    };
}

declared! {
    #[derive(Default)]
    pub(crate) struct Declared;

    impl Declared {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            socket.send(text).await
        }
    }
}
