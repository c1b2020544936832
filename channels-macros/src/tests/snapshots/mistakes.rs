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
    async fn recieve(&mut self) {}
    async fn call_back(&mut self, event: CallBack) {}
    async fn typed(&mut self, event: Typed) -> impl Sized {}
    async fn sound(&mut self, event: Sound) {}
}
#[automatically_derived]
impl rt::Handlers for Chat {
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::event("sound", 3, rt::Mode::Async).key(rt::Expected::<Sound>::KEY),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            3 => rt::outcome::<()>(Self::sound(self, rt::event::<Sound>(input)?).await),
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
impl rt::Handles<CallBack> for Chat {}
#[automatically_derived]
impl rt::Handles<Typed> for Chat {}
#[automatically_derived]
impl rt::Handles<Sound> for Chat {}
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<Sound>::TYPE, "sound");
};
::core::compile_error! {
    "unknown option `group`\n  expected `crate`\n  help: remove it"
}
::core::compile_error! {
    "`recieve` is not a handler\n  help: did you mean `receive`?"
}
::core::compile_error! {
    "invalid event type `Call Back`: ` ` is not allowed\n  help: did you mean `call.back`?"
}
::core::compile_error! {
    "unknown option `relayed`\n  expected `relay`\n  help: did you mean `relay`?"
}
::core::compile_error! {
    "`impl Trait` is not supported in a handler's signature\n  help: name a type"
}
