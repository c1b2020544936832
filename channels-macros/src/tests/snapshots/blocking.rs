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
impl Slow {
    fn receive(
        &mut self,
        socket: &mut BlockingWebSocket,
        Json(said): Json<Said>,
    ) -> Result {}
    async fn tick(&mut self) {}
}
#[automatically_derived]
impl rt::Handlers for Slow {
    const TABLE: &'static rt::Table = {
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Receive, 0, rt::Mode::Blocking),
            rt::Entry::event("tick", 1, rt::Mode::Async),
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
            1 => rt::outcome::<()>(Self::tick(self).await),
            _ => rt::unknown(handler),
        }
    }
    fn dispatch_blocking(
        &mut self,
        connection: &mut rt::BlockingConnectionOf<Self>,
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
                        rt::blocking_connection::<Self, BlockingWebSocket>(connection),
                        rt::message::<Json<Said>>(input)?,
                    ),
                )
            }
            _ => rt::unknown(handler),
        }
    }
}
