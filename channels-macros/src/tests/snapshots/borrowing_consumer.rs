struct Room<'a, T: 'a>(&'a T);
#[automatically_derived]
impl<T: 'static> rt::Declaration for Room<'static, T> {
    type Kind = rt::WebSocketKind;
    const OPTIONS: rt::Options = rt::Options::new();
}
::core::compile_error! {
    "a consumer cannot borrow: it lives as long as its connection\n  help: own the data, or share it in an `Arc`"
}
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
impl<'a, T: 'a> Room<'a, T> {
    async fn receive(&mut self, text: String) {}
}
#[automatically_derived]
impl<T: 'static> rt::Handlers for Room<'static, T> {
    const TABLE: &'static rt::Table = {
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Receive, 0, rt::Mode::Async),
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
                    (),
                >(Self::receive(self, rt::message::<String>(input)?).await)
            }
            _ => rt::unknown(handler),
        }
    }
}
