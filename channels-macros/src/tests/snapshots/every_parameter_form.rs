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
impl Forms {
    async fn connect(&mut self) {}
    async fn receive(
        &self,
        message: &Message,
        socket: &mut WebSocket,
    ) -> Result<(), Oops> {}
    async fn disconnect(&mut self, why: Disconnect) {}
    async fn nothing(self: &mut Self) {}
    async fn connection(&mut self, socket: &mut WebSocket) -> Result {}
    async fn pattern(&mut self, _: &mut WebSocket, Payload(x): Payload<X>) -> Result {}
    async fn reference(&mut self, (y): &Y, mut socket: &mut WebSocket) -> ! {}
    async fn other(&mut self, event: &Event) {}
}
#[automatically_derived]
impl rt::Handlers for Forms {
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Connect, 0, rt::Mode::Async),
            rt::Entry::hook(rt::Hook::Receive, 1, rt::Mode::Async),
            rt::Entry::hook(rt::Hook::Disconnect, 2, rt::Mode::Async),
            rt::Entry::event("a.nothing", 3, rt::Mode::Async),
            rt::Entry::event("a.connection", 4, rt::Mode::Async),
            rt::Entry::event("a.pattern", 5, rt::Mode::Async),
            rt::Entry::event("a.reference", 6, rt::Mode::Async)
                .key(rt::Expected::<Y>::KEY),
            rt::Entry::fallback(7, rt::Mode::Async),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        rt::supports::<Self, rt::hook::Connect>();
        rt::supports::<Self, rt::hook::Receive>();
        rt::supports::<Self, rt::hook::Disconnect>();
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            0 => rt::outcome::<()>(Self::connect(self).await),
            1 => {
                rt::outcome::<
                    Result<(), Oops>,
                >(
                    Self::receive(
                            self,
                            rt::message_ref::<Message>(&input)?,
                            rt::connection::<Self, WebSocket>(connection),
                        )
                        .await,
                )
            }
            2 => {
                rt::outcome::<
                    (),
                >(Self::disconnect(self, rt::disconnect::<Disconnect>(input)?).await)
            }
            3 => rt::outcome::<()>(Self::nothing(self).await),
            4 => {
                rt::outcome::<
                    Result,
                >(
                    Self::connection(self, rt::connection::<Self, WebSocket>(connection))
                        .await,
                )
            }
            5 => {
                rt::outcome::<
                    Result,
                >(
                    Self::pattern(
                            self,
                            rt::connection::<Self, WebSocket>(connection),
                            rt::event::<Payload<X>>(input)?,
                        )
                        .await,
                )
            }
            6 => {
                Self::reference(
                        self,
                        rt::event_ref::<Y>(&input)?,
                        rt::connection::<Self, WebSocket>(connection),
                    )
                    .await
            }
            7 => {
                rt::outcome::<
                    (),
                >(Self::other(self, rt::event_ref::<Event>(&input)?).await)
            }
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
impl rt::Handles<Y> for Forms {}
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<Payload<X>>::TYPE, "a.pattern");
};
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<Y>::TYPE, "a.reference");
};
const _: () = {
    use rt::NoEvent as _;
    rt::assert_any_event(rt::Expected::<Event>::TYPE);
};
