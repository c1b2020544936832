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
impl Chat {
    async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
        socket.send_json(event).await
    }
}
#[automatically_derived]
impl rt::Handlers for Chat {
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::event(
                    "call.back",
                    0,
                    rt::Mode::Relay(rt::Relay::json::<CallBack>()),
                )
                .key(rt::Expected::<CallBack>::KEY),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        rt::relays::<Self>();
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
                    Self::call_back(
                            self,
                            rt::connection::<Self, WebSocket>(connection),
                            rt::event_ref::<CallBack>(&input)?,
                        )
                        .await,
                )
            }
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
impl rt::Handles<CallBack> for Chat {}
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<CallBack>::TYPE, "call.back");
};
