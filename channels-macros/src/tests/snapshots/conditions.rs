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
#[cfg(unix)]
impl Conditional {
    #[cfg(feature = "text")]
    async fn receive(&mut self, text: String) -> Result {}
    #[cfg(not(feature = "text"))]
    async fn receive(&mut self, bytes: Bytes) -> Result {}
    /// Documented.
    #[cfg_attr(feature = "x", cfg(unix), inline)]
    #[inline]
    async fn a_b(&mut self, event: AB) -> Result {}
}
#[automatically_derived]
#[cfg(unix)]
impl rt::Handlers for Conditional {
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            #[cfg(feature = "text")]
            rt::Entry::hook(rt::Hook::Receive, 0, rt::Mode::Async),
            #[cfg(not(feature = "text"))]
            rt::Entry::hook(rt::Hook::Receive, 1, rt::Mode::Async),
            #[cfg_attr(feature = "x", cfg(unix))]
            rt::Entry::event("a.b", 2, rt::Mode::Async).key(rt::Expected::<AB>::KEY),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        #[cfg(feature = "text")] rt::supports::<Self, rt::hook::Receive>();
        #[cfg(not(feature = "text"))] rt::supports::<Self, rt::hook::Receive>();
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            #[cfg(feature = "text")]
            0 => {
                rt::outcome::<
                    Result,
                >(Self::receive(self, rt::message::<String>(input)?).await)
            }
            #[cfg(not(feature = "text"))]
            1 => {
                rt::outcome::<
                    Result,
                >(Self::receive(self, rt::message::<Bytes>(input)?).await)
            }
            #[cfg_attr(feature = "x", cfg(unix))]
            2 => rt::outcome::<Result>(Self::a_b(self, rt::event::<AB>(input)?).await),
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
#[cfg(unix)]
#[cfg_attr(feature = "x", cfg(unix))]
impl rt::Handles<AB> for Conditional {}
#[cfg(unix)]
#[cfg_attr(feature = "x", cfg(unix))]
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<AB>::TYPE, "a.b");
};
