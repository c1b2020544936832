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
impl Raw {
    async fn any(&mut self, http: &mut Http, body: Bytes) -> Result {}
    async fn end(&mut self, why: &Disconnect) {}
}
#[automatically_derived]
impl rt::Handlers for Raw {
    const TABLE: &'static rt::Table = {
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Request, 0, rt::Mode::Async),
            rt::Entry::hook(rt::Hook::Disconnect, 1, rt::Mode::Async),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        rt::speaks::<Self, rt::HttpKind>();
        rt::speaks::<Self, rt::HttpKind>();
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
                    Self::any(
                            self,
                            rt::connection::<Self, Http>(connection),
                            rt::request::<Bytes>(input)?,
                        )
                        .await,
                )
            }
            1 => {
                rt::outcome::<
                    (),
                >(Self::end(self, &rt::disconnect::<Disconnect>(input)?).await)
            }
            _ => rt::unknown(handler),
        }
    }
}
