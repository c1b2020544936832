#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_ref_mut,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    clippy::wrong_self_convention,
    reason = "a handler's signature is given by `#[consumer]`"
)]
impl ChatConsumer {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("f1", CallBack { message: text }).await
    }
    async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
        socket.send(event.message).await
    }
}
#[automatically_derived]
impl rt::Handlers for ChatConsumer {
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Receive, 0, rt::Mode::Async),
            rt::Entry::event("call.back", 1, rt::Mode::Async)
                .key(rt::Expected::<CallBack>::KEY),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        rt::supports::<Self, rt::hook::Receive>();
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            0 => {
                rt::outcome::<
                    Result,
                >(
                    Self::receive(
                            self,
                            rt::connection::<Self, WebSocket>(connection),
                            rt::message::<String>(input)?,
                        )
                        .await,
                )
            }
            1 => {
                rt::outcome::<
                    Result,
                >(
                    Self::call_back(
                            self,
                            rt::connection::<Self, WebSocket>(connection),
                            rt::event::<CallBack>(input)?,
                        )
                        .await,
                )
            }
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
impl rt::Handles<CallBack> for ChatConsumer {}
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<CallBack>::TYPE, "call.back");
};
